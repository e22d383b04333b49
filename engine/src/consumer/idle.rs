//! The task behind a leader's inactivity timer: it waits, asks `core::inactivity`, and proposes.
//!
//! It ends with the leadership. It never deletes a clustered consumer here: that is the meta layer's to decide.

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep, sleep_until};
use interlock_sync::token::Token;

use super::Consumer;
use crate::core::inactivity::{
    self, Captured, Decision, Event as LoopEvent, Fired, LeaveReason, MetaFacts, RETRY_START, RearmReason, Retry,
    RetryFacts, Step,
};
use crate::core::meta::Identity;
use crate::engine::Engine;
use crate::events::Event;

/// What becomes of the timer.
enum Timer {
    /// It is armed again.
    Rearm(Duration),
    /// It ends.
    End,
}

impl Consumer {
    /// Starts the timer of a leadership.
    pub(super) fn arm_inactivity(self: &Arc<Self>, engine: &Arc<Engine>, leadership: Token) {
        let watching = self.clone().watch_inactivity(engine.clone(), leadership);
        // A server that shuts down deletes nothing.
        let _started = self.context.tasks.spawn(watching);
    }

    async fn watch_inactivity(self: Arc<Self>, engine: Arc<Engine>, leadership: Token) {
        let mut updates = self.member.updates();
        let Some(mut wait) = self.facts().threshold.or(Some(Duration::MAX)) else { return };
        loop {
            let due = Instant::now().checked_add(wait).unwrap_or_else(|| Instant::now() + Duration::from_secs(1 << 30));
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => return,
                () = engine.cluster_quit().cancelled() => return,
                () = leadership.cancelled(), if !crate::mutant!(M38) => return,
                changed = updates.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // The old deadline is not used: the threshold may be another.
                    wait = self.facts().threshold.unwrap_or(Duration::MAX);
                    continue;
                }
                () = sleep_until(due) => {}
            }
            match self.fire(&engine, &leadership).await {
                Timer::Rearm(after) => wait = after,
                Timer::End => return,
            }
        }
    }

    async fn fire(self: &Arc<Self>, engine: &Arc<Engine>, leadership: &Token) -> Timer {
        // Everything that the decision rests on is captured in one hold of the lock (O-14).
        let mut captured = match inactivity::on_fire(&self.facts(), self.context.clock.now_ns()) {
            Fired::Return => return Timer::End,
            Fired::Rearm(after) => return Timer::Rearm(after),
            Fired::Inactive(captured) => captured,
        };
        crate::failpoint!("between_capture_and_proposal");
        let assigned = engine.consumer_assignment(&self.key);
        if crate::mutant!(M34) {
            captured.assignment = assigned.clone().map(Arc::new);
        }
        let meta =
            engine.has_meta().then(|| MetaFacts { assigned: assigned.as_ref(), is_recovering: engine.is_recovering() });
        match inactivity::decide(&captured, meta) {
            Decision::Done => Timer::End,
            Decision::DeleteLocally => {
                engine.delete_inactive(self).await;
                Timer::End
            }
            Decision::Rearm(after, reason) => {
                self.tell_rearm(reason);
                Timer::Rearm(after)
            }
            Decision::Propose(identity) => self.propose_until_gone(engine, captured, identity, leadership).await,
        }
    }

    fn tell_rearm(&self, reason: RearmReason) {
        let reason = match reason {
            RearmReason::NoMetaLayer => "there is no meta layer to ask",
            RearmReason::NoOwnAssignment => "it does not know its own assignment",
            RearmReason::Remapped => "it lives in another group",
            RearmReason::Active => return,
        };
        self.context.events.tell(Event::RemovalWaits { consumer: self.key.clone(), reason });
    }

    /// Proposes, and again, until the meta layer has it or this is no longer the one to ask.
    async fn propose_until_gone(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        captured: Captured,
        identity: Identity,
        leadership: &Token,
    ) -> Timer {
        let jitter_ms = {
            let bound = u64::try_from(RETRY_START.as_millis()).unwrap_or(u64::MAX);
            self.inner.lock().random.below(bound)
        };
        let (mut retry, mut step) = Retry::start(captured, identity, Duration::from_millis(jitter_ms));
        let mut n_proposals = 0;
        loop {
            let wait = match step {
                Step::Propose { identity: proposed, wait } => {
                    let consumer = self.key.clone();
                    self.context.events.tell(Event::RemovalProposed { consumer, n_earlier: n_proposals });
                    n_proposals += 1;
                    engine.propose_removal(proposed).await;
                    wait
                }
                Step::Leave(leave_reason) => {
                    if leave_reason == LeaveReason::ClosedButAssigned {
                        let reason = "it is closed and still assigned";
                        self.context.events.tell(Event::RemovalWaits { consumer: self.key.clone(), reason });
                    }
                    return Timer::End;
                }
                Step::Rearm(after, reason) => {
                    self.tell_rearm(reason);
                    return Timer::Rearm(after);
                }
                Step::DeleteLocally => {
                    engine.delete_inactive(self).await;
                    return Timer::End;
                }
            };
            let event = self.wait_for_event(engine, leadership, wait).await;
            step = self.look_again(engine, &mut retry, event);
        }
    }

    async fn wait_for_event(&self, engine: &Arc<Engine>, leadership: &Token, wait: Duration) -> LoopEvent {
        if crate::mutant!(M48) {
            // A timer of its own for each round, which nobody stops.
            let _left_behind = self.context.tasks.spawn(sleep(wait));
        }
        interlock_sync::select! {
            biased;
            () = engine.context().quit.cancelled() => LoopEvent::Quit,
            () = engine.cluster_quit().cancelled() => LoopEvent::Quit,
            () = leadership.cancelled(), if !crate::mutant!(M38) => LoopEvent::LeadershipEnded,
            () = sleep(wait) => LoopEvent::Elapsed,
        }
    }

    fn look_again(&self, engine: &Arc<Engine>, retry: &mut Retry, event: LoopEvent) -> Step {
        let consumer = self.facts();
        let assigned = engine.consumer_assignment(&self.key);
        let meta =
            engine.has_meta().then(|| MetaFacts { assigned: assigned.as_ref(), is_recovering: engine.is_recovering() });
        let now_ns = self.context.clock.now_ns();
        retry.next(event, RetryFacts { is_shutting_down: engine.is_stopping(), consumer: &consumer, meta, now_ns })
    }
}

#[cfg(feature = "mutation")]
impl Consumer {
    /// Starts a timer that ends with this token and not with the leadership, as one of another server's is.
    pub fn watch_until(self: &Arc<Self>, engine: &Arc<Engine>, token: Token) {
        self.arm_inactivity(engine, token);
    }
}
