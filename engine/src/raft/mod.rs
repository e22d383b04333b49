//! Raft groups: one task owns each group's raft node; the handles send it messages and read what it publishes.
//!
//! The driver's loop is `driver.rs`, the node's own rules (observer, elections, step-down) are `machine.rs`, the log is
//! `log/`. What the state machine gets comes through an [`ApplyQueue`]; what it gives back are [`Node::applied`] and
//! snapshots ([`Node::checkpoint`]).

mod appends;
mod apply;
mod checkpoint;
pub mod codec;
mod conf_change;
mod driver;
mod error;
mod fields;
mod host;
mod log;
mod logger;
mod machine;
mod node;
mod options;
mod persist;
mod requested;
mod salvage;
#[cfg(feature = "shared-lock")]
mod shared;
mod start;
mod status;
mod turn;

pub use raft::eraftpb;

pub use apply::{Apply, ApplyQueue};
pub use checkpoint::{Checkpoint, CheckpointRefused, InstallError};
pub use error::{ChangeError, Closed, ProposeError, ReadIndexError};
pub use node::{Node, Proposed};
pub use options::{GroupOptions, Limits, Network, NodeContext, NodeHost, Reactions, Timing};
pub use salvage::{Salvage, salvage};
#[cfg(feature = "shared-lock")]
pub use shared::{SharedGuard, SharedNode};
pub(crate) use start::has_begun;
pub use status::{Peer, Role, Status};
