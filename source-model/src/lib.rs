//! Rust text in, concurrency facts out: types, lock classes, guard scopes, held sets, summaries.
//!
//! Knows nothing of lints or output, and starts no process but `cargo metadata`.

#![allow(clippy::clone_on_copy, reason = "whether a name is `Copy` is its own affair")]

mod accessors;
mod arms;
mod associated;
mod budget;
mod built;
mod cache;
mod cfg;
mod coverage;
mod drops;
mod edit;
mod encoding;
mod facts;
mod flow;
mod getters;
mod index;
mod infer;
mod ir;
mod locks;
mod lower;
mod macros;
mod methods;
mod models;
mod names;
mod places;
mod project;
mod resolve;
mod sources;
mod span;
mod summaries;
mod symbols;
mod tokens;
mod types;
mod unify;
mod values;
mod workspace;

pub use cfg::{CfgExpr, CfgSet};
pub use coverage::{Cause, Coverage, Receiver, ReceiverKind, Unparsed};
pub use edit::{Edit, EditError};
pub use facts::{
    Assumption, Body, BodyKind, Call, ChainStep, Construct, Dispatch, Effect, Held, Point, PointKind, Spawn, TaskOutput,
};
pub use ir::{Directive, FileIr, Gap, Name, Outline};
pub use locks::{
    AccessPath, Acquisition, BodyId, Extent, LockClass, LockFamily, LockRef, Mode, Projection, Root, Wait,
};
pub use models::{ModelError, Unknown, UserModel};
pub use project::{Edition, LoadError, LoadOptions};
pub use sources::{SourceFile, Sources};
pub use span::{FileId, LineCol, Span, TextRange};
pub use symbols::SymbolPattern;
pub use tokens::{byte_range, normalised_tokens};
pub use workspace::{Function, Reach, Workspace};
