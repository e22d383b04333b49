//! An engine that nobody has started, for models of its parts: no task, no meta layer, nothing that is assigned.
//!
//! Whoever makes one is its meta layer: says what is decided, and takes what is proposed from the node that
//! [`Engine::swap_meta`] gives it. Everything that runs in it is the engine's own.

use std::sync::Arc;

use super::Engine;
use crate::core::meta::{Changed, MetaChange, MetaEntry};
use crate::server::Context;

impl Engine {
    /// An engine that has read all of a log in which there was nothing.
    pub fn bare(context: Arc<Context>) -> Arc<Self> {
        let engine = Self::new(context);
        engine.recovering.send_replace(false);
        engine
    }

    /// Has a change decided and carried out, as the meta monitor does.
    pub async fn decide(self: &Arc<Self>, change: MetaChange) {
        self.apply_entry(MetaEntry { origin: self.me(), proposal: 0, change }).await;
    }

    /// Has changes decided that this server learns at once, by a snapshot for one: what is yet to be carried out.
    ///
    /// # Panics
    /// Where one of them is refused.
    #[must_use]
    pub fn learn(&self, changes: Vec<MetaChange>) -> Vec<Changed> {
        let mut assignments = self.assignments();
        for change in changes {
            assignments.apply(change).expect("a model decides what can be done");
        }
        self.state.write().assignments.replace(assignments)
    }

    /// Carries out what was learned.
    pub async fn carry_out_all(self: &Arc<Self>, all_changed: Vec<Changed>) {
        for changed in all_changed {
            self.carry_out(changed).await;
        }
    }
}
