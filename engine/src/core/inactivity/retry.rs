//! Asking for a deletion again, until the meta layer has it: a loop as a state machine.
//!
//! A forwarded proposal has no result, so the meta layer's map is the only evidence. The one who drives this waits for
//! the interval, the server's quit, the cluster's quit and the leader token, with one timer that is reset in place.

use std::time::Duration;

use super::{Captured, Comparison, Facts, Fired, MetaFacts, RETRY_MAX, RETRY_START, RearmReason, compare, on_fire};
use crate::core::meta::Identity;

/// What the loop waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The interval has passed.
    Elapsed,
    /// The server or the cluster shuts down.
    Quit,
    /// The consumer was stopped, was deleted, or is led elsewhere.
    LeadershipEnded,
}

/// What the loop looks at when the interval has passed.
#[derive(Clone, Copy, Debug)]
pub struct RetryFacts<'a> {
    /// The engine shuts down.
    pub is_shutting_down: bool,
    /// The consumer, captured anew under its lock.
    pub consumer: &'a Facts,
    /// The meta layer; `None` where there is no handle of it.
    pub meta: Option<MetaFacts<'a>>,
    /// The time.
    pub now_ns: u64,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// A quit signal or the leader token.
    Signalled,
    /// The meta layer has no such consumer any more.
    Removed,
    /// The consumer is closed and still assigned: the meta layer's business from here on. Warn, once.
    ClosedButAssigned,
    /// The consumer is led elsewhere, or has no threshold any more.
    NotResponsible,
}

/// What the one who drives the loop does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Propose the removal of this identity, then wait. A repetition is worth a warning.
    Propose {
        /// What is to be removed.
        identity: Identity,
        /// The next wait.
        wait: Duration,
    },
    /// End the loop.
    Leave(LeaveReason),
    /// End the loop and arm the inactivity timer.
    Rearm(Duration, RearmReason),
    /// End the loop and delete the consumer on this server: no rule asks for it, some bugs do.
    DeleteLocally,
}

/// The loop.
#[derive(Clone, Debug)]
pub struct Retry {
    captured: Captured,
    identity: Identity,
    interval: Duration,
}

impl Retry {
    /// The loop for a consumer that was decided to be [`super::Decision::Propose`]d, with a jitter drawn below
    /// [`RETRY_START`]; and its first step, which proposes at once.
    pub fn start(captured: Captured, identity: Identity, jitter: Duration) -> (Self, Step) {
        let jitter = if crate::mutant!(M47) { Duration::ZERO } else { jitter };
        let retry = Self { captured, identity, interval: RETRY_START + jitter };
        let first = retry.propose();
        (retry, first)
    }

    fn propose(&self) -> Step {
        Step::Propose { identity: self.identity.clone(), wait: self.interval }
    }

    /// The step after an event.
    pub fn next(&mut self, event: Event, facts: RetryFacts<'_>) -> Step {
        let is_signalled = event != Event::Elapsed || facts.is_shutting_down || crate::mutant!(M31);
        if is_signalled { leave(LeaveReason::Signalled) } else { self.look_again(facts) }
    }

    /// Nothing is proposed of another identity (O-15).
    fn look_again(&mut self, facts: RetryFacts<'_>) -> Step {
        let (Some(meta), Some(own)) = (facts.meta, &self.captured.assignment) else {
            return Step::Rearm(RETRY_START, RearmReason::NoMetaLayer);
        };
        match compare(own, meta.assigned) {
            Comparison::Same => {}
            Comparison::OtherGroup => return Step::Rearm(self.captured.threshold, RearmReason::Remapped),
            Comparison::Other if crate::mutant!(M32) => return Step::DeleteLocally,
            Comparison::Other => return leave(LeaveReason::Removed),
        }
        if facts.consumer.is_closed && !crate::mutant!(M41) {
            return leave(LeaveReason::ClosedButAssigned);
        }
        match self.activity_since(facts) {
            Some(step) => step,
            None => {
                self.interval = longer(self.interval);
                self.propose()
            }
        }
    }

    /// A consumer that is used again, or that may be idle for longer by a new threshold, is not proposed again (G-9).
    fn activity_since(&self, facts: RetryFacts<'_>) -> Option<Step> {
        if facts.consumer.is_closed {
            return None;
        }
        match on_fire(facts.consumer, facts.now_ns) {
            Fired::Return => Some(leave(LeaveReason::NotResponsible)),
            Fired::Rearm(remaining) => Some(Step::Rearm(remaining, RearmReason::Active)),
            Fired::Inactive(_) => None,
        }
    }
}

fn leave(reason: LeaveReason) -> Step {
    if crate::mutant!(M44) { Step::DeleteLocally } else { Step::Leave(reason) }
}

/// Doubled, and clamped: what was doubled only while below the longest would exceed it (G-3).
fn longer(interval: Duration) -> Duration {
    let factor = if crate::mutant!(M45) { 1 } else { 2 };
    let longest = if crate::mutant!(M46) { Duration::MAX } else { RETRY_MAX };
    longest.min(interval * factor)
}
