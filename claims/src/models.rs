//! Models: built as tests, listed, run one process each, judged, and joined from parts.
//!
//! The contract with the processes is `docs/model-protocol.md`. Nothing here knows loom or shuttle, but for the overlay's
//! manifests.

mod bound;
mod build;
mod capture;
mod child;
mod concern;
mod discover;
mod merge;
mod model_report;
mod model_run;
mod overlay;
mod part;
mod process;
mod protocol;
mod run;
mod shard;
mod steps;
mod suite;
mod token;
mod verdict;

pub use bound::{Bound, BoundDone, Counted};
pub use build::{BuildError, BuildOptions};
pub use concern::{ConcernOptions, Concerns};
pub use discover::{Discovery, EmptyBinary, FoundModel, ModelId, discover, matching};
pub use merge::merge;
pub use model_report::{ModelCommand, ModelCounts, ModelReport};
pub use model_run::ModelRun;
pub use overlay::{OverlaidFrom, Overlay, OverlayError, OverlayLibrary, OverlayRequest, overlay};
pub use part::{Part, PartError};
pub use protocol::{Description, Failure, FailureStep, HolderAt, LintConcerned, MadeAt, SearchPlan, Twin};
pub use run::{RunEvent, RunOptions, Runs, describe_all, replay, run_all};
pub use shard::Shard;
pub use steps::Told;
pub use suite::{ModelKind, ModelWorkspace, Suite, SuiteError, SuiteRequest, suites};
pub use token::ReplayToken;
pub use verdict::{Judgement, Verdict};

/// Whether the memory of a model's process is watched on this system.
#[must_use]
pub fn watches_memory() -> bool {
    process::WATCHES_MEMORY
}
