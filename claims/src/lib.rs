//! Audits: claims about a target, the checks that decide them, the controls that put the bug back, the verdicts.
//! And models, run as processes.
//!
//! Nothing here renders, and nothing writes into the analysed tree, its target folder aside.

mod audit;
mod callee;
mod check;
mod checks;
mod control;
mod doubts;
mod manifest;
pub mod models;
mod nearest;
mod outcome;
mod place;
mod subject;
mod symbol_record;
mod traversal;
mod verdict;

pub use audit::{Activity, Audit, CheckResult, ClaimResult, ControlMode, NotRunPolicy, Progress, TargetInfo, run};
pub use control::{AppliedEdit, ControlResult, ControlVerdict};
pub use manifest::{
    Change, Check, CheckKind, Claim, Control, ControlEdit, Manifest, ManifestError, Problem, Symbol, Target,
    TargetSource,
};
pub use outcome::{Evidence, EvidenceStep, Outcome, Status};
pub use place::{Excerpt, Place, Site};
pub use symbol_record::{SymbolDigest, SymbolRecord};
pub use verdict::{Confidence, Grounds, Verdict, recorded_verdict};
