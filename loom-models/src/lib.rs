//! Models of concurrent code: the shipped source, run under every schedule up to a stated bound.
//!
//! A model is a body that is run once for each schedule, on [shuttle] (tasks, threads, async code) or [loom] (a few
//! threads, atomics, weak memory), with a question, a property, and *twins*: bugs put back, each of which the model must
//! find with its named symptom.
//!
//! ```text
//! interlock_models::model! {
//!     /// Are all updates of two tasks in the sum?
//!     mod two_updates = Model {
//!         property: "the sum is 2",
//!         search: Search::Bounded { preemptions: 2 },
//!         twins: &[Twin { bug: "read-then-write", symptom: "an update is lost", found_within: 1 }],
//!         pinned: Some(6),
//!     };
//!     fn body() { assert_eq!(updates(armed("read-then-write")), 2, "an update is lost") }
//! }
//! ```
//!
//! It is a test of the module `two_updates`. Under plain `cargo test` it is searched, its executions are compared with
//! the pinned number, and each twin must be caught; every one of these runs in a process of its own. `cargo interlock model`
//! runs the same test over `docs/model-protocol.md`.
//!
//! Models are built with one of the features `model-shuttle` and `model-loom`, and those who run them turn it on; no
//! manifest of this workspace does. Without, this crate is its types. A test target with models says
//! `required-features = ["model-shuttle"]`, and is run by
//!
//! ```console
//! $ INTERLOCK_MODEL_BUILD=1 cargo test -p interlock-models --features model-shuttle
//! ```
//!
//! Without optimisation a model of the engine runs some hundred executions a second, and a large one is cut off by its
//! budget: add `--release`, as `cargo interlock model` does in its own way.
//!
//! The bounded search is ours; [`Search`] tells what there is, and [`Verdict`] what each may claim.
//!
//! [shuttle]: https://docs.rs/shuttle
//! [loom]: https://docs.rs/loom

mod armed;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod child;
mod declare;
#[cfg(feature = "model-shuttle")]
mod explore;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod lines;
mod model;
mod outcome;
#[cfg(feature = "model-overlay")]
mod overlaid;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod plain;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod plan;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod quiet;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod request;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod session;
mod shard;
#[cfg(feature = "model-loom")]
mod small;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod source;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod table;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
mod token;
#[cfg(feature = "model-overlay")]
mod watched;

pub use armed::armed;
#[cfg(feature = "model-shuttle")]
pub use interlock_sync::model::choose;
pub use model::{Limits, Model, Search, Twin};
pub use outcome::{Bound, Cut, Failure, Holder, Outcome, Step, Verdict};
#[cfg(feature = "model-overlay")]
pub use overlaid::overlaid;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
pub use plain::run_test;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
pub use plan::Plan;
#[cfg(any(feature = "model-shuttle", feature = "model-loom"))]
pub use quiet::{Quiet, quiet};
pub use shard::Shard;
