//! Consumers that nobody uses: when the timer runs, what it means when it fires, and how the deletion is asked for.
//!
//! A clustered consumer is never deleted here: the meta layer is asked, and asked again (O-13). Whoever drives this
//! captures [`Facts`] under the consumer's lock, releases it, and only then acts (O-14). `docs/engine/inactivity.md` has
//! the tables.

mod retry;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::assignment::ConsumerAssignment;
use super::config::{ConsumerConfig, DeliverMode};
use super::meta::Identity;
use super::names::ConsumerKey;

pub use retry::{Event, LeaveReason, Retry, RetryFacts, Step};

/// The first wait of the retry loop, before its jitter; and the wait where the meta layer cannot be asked.
pub const RETRY_START: Duration = Duration::from_secs(30);
/// No wait of the retry loop is longer.
pub const RETRY_MAX: Duration = Duration::from_secs(300);
/// The threshold of an ephemeral consumer that names none.
pub const EPHEMERAL_THRESHOLD: Duration = Duration::from_secs(5);
/// Thresholds are exceeded by this much at least, where they have jitter.
const THRESHOLD_SLACK: Duration = Duration::from_millis(100);
/// The jitter of a threshold is drawn below this.
pub const THRESHOLD_JITTER: Duration = Duration::from_millis(900);

/// The threshold that clients see: `None` for never.
pub fn shown_threshold(config: &ConsumerConfig) -> Option<Duration> {
    match (config.inactive_threshold, config.durable) {
        (Duration::ZERO, true) => None,
        (Duration::ZERO, false) => Some(EPHEMERAL_THRESHOLD),
        (threshold, _) => Some(threshold),
    }
}

/// The threshold that counts, with a jitter drawn below [`THRESHOLD_JITTER`].
pub fn effective_threshold(config: &ConsumerConfig, jitter: Duration) -> Option<Duration> {
    let is_exact = config.mode == DeliverMode::Push && config.inactive_threshold > Duration::ZERO;
    let threshold = shown_threshold(config)?;
    Some(if is_exact { threshold } else { threshold + THRESHOLD_SLACK + jitter })
}

/// When a consumer was last used; of a push consumer, when its last listener left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    last_ns: u64,
}

impl Activity {
    /// A consumer that is used now: it was made, or leadership was gained.
    pub fn starting_at(now_ns: u64) -> Self {
        Self { last_ns: now_ns }
    }

    /// A pull request has come, whether or not it waits for messages.
    pub fn mark_pull(&mut self, now_ns: u64, no_wait: bool) {
        if no_wait && crate::mutant!(M51) {
            return;
        }
        self.last_ns = self.last_ns.max(now_ns);
    }

    /// The last listener of a push consumer has left.
    pub fn mark_interest_lost(&mut self, now_ns: u64) {
        self.last_ns = self.last_ns.max(now_ns);
    }

    /// A message on the acknowledgement subject has come. Marked before it is processed.
    pub fn mark_ack(&mut self, now_ns: u64) {
        self.last_ns = self.last_ns.max(now_ns);
    }

    /// The last mark.
    pub fn last_ns(self) -> u64 {
        self.last_ns
    }
}

/// A consumer, as seen under its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its stream and name.
    pub key: ConsumerKey,
    /// It was closed.
    pub is_closed: bool,
    /// This server leads it.
    pub is_leader: bool,
    /// It is unknown to the meta layer.
    pub is_direct: bool,
    /// It was made by a server of a cluster. Fixed when it was made, and not asked of a server that shuts down (G-7).
    pub is_clustered: bool,
    /// How it delivers.
    pub mode: DeliverMode,
    /// Its effective threshold.
    pub threshold: Option<Duration>,
    /// Push: somebody listens.
    pub has_interest: bool,
    /// Pull: a request waits that has not expired.
    pub has_waiting: bool,
    /// Its last use; of a push consumer, when its last listener left.
    pub activity: Activity,
    /// When the last pending message is due again.
    pub last_due_ns: Option<u64>,
    /// Its own assignment.
    pub assignment: Option<Arc<ConsumerAssignment>>,
}

/// What a consumer was when its timer found it inactive. Later looks are compared with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its stream and name.
    pub key: ConsumerKey,
    /// It is unknown to the meta layer.
    pub is_direct: bool,
    /// It was made by a server of a cluster.
    pub is_clustered: bool,
    /// The threshold that it exceeded.
    pub threshold: Duration,
    /// Its own assignment.
    pub assignment: Option<Arc<ConsumerAssignment>>,
}

/// What a timer that fired means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fired {
    /// Nothing: whoever leads has a timer of its own.
    Return,
    /// Look again after this long.
    Rearm(Duration),
    /// Nobody uses it.
    Inactive(Captured),
}

/// Judges a timer that fired.
pub fn on_fire(facts: &Facts, now_ns: u64) -> Fired {
    let Some(threshold) = facts.threshold else { return Fired::Return };
    let is_led = facts.is_leader || crate::mutant!(M40);
    if facts.is_closed || !is_led {
        return Fired::Return;
    }
    let remaining = match facts.mode {
        DeliverMode::Push if facts.has_interest => return Fired::Return,
        DeliverMode::Push => remaining_after(facts.activity.last_ns(), threshold, now_ns),
        DeliverMode::Pull => remaining_of_pull(facts, threshold, now_ns),
    };
    if !remaining.is_zero() {
        return Fired::Rearm(remaining);
    }
    Fired::Inactive(Captured {
        key: facts.key.clone(),
        is_direct: facts.is_direct,
        is_clustered: facts.is_clustered,
        threshold,
        assignment: facts.assignment.clone(),
    })
}

fn remaining_of_pull(facts: &Facts, threshold: Duration, now_ns: u64) -> Duration {
    let of_activity = remaining_after(facts.activity.last_ns(), threshold, now_ns);
    let of_waiting = if facts.has_waiting { threshold } else { Duration::ZERO };
    let of_pending = facts.last_due_ns.map(|due_ns| remaining_after(due_ns, threshold, now_ns));
    of_activity.max(of_waiting).max(of_pending.unwrap_or_default())
}

/// How long it is until `wait` has passed since then.
fn remaining_after(since_ns: u64, wait: Duration, now_ns: u64) -> Duration {
    let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(since_ns.saturating_add(wait_ns).saturating_sub(now_ns))
}

/// The meta layer, as seen under the engine's lock.
#[derive(Clone, Copy, Debug)]
pub struct MetaFacts<'a> {
    /// Its assignment of this stream and name.
    pub assigned: Option<&'a ConsumerAssignment>,
    /// It has not read its whole log yet.
    pub is_recovering: bool,
}

/// Why the timer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RearmReason {
    /// There is no meta layer to be asked. Warn: a timer that ended silently would leave a ghost (G-2).
    NoMetaLayer,
    /// The consumer does not know its own assignment. Warn.
    NoOwnAssignment,
    /// The consumer lives in another group (G-8).
    Remapped,
    /// It is used again, or its threshold is another.
    Active,
}

/// What follows for an inactive consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Delete it on this server, now.
    DeleteLocally,
    /// Ask the meta layer to remove this identity, and see to it: [`Retry`].
    Propose(Identity),
    /// Arm the timer again.
    Rearm(Duration, RearmReason),
    /// It is another consumer's business.
    Done,
}

/// Decides about an inactive consumer; `meta` is `None` where there is no handle of it.
pub fn decide(captured: &Captured, meta: Option<MetaFacts<'_>>) -> Decision {
    let is_meta_managed = captured.is_clustered && (!captured.is_direct || crate::mutant!(M43));
    if !is_meta_managed || crate::mutant!(M30) {
        return Decision::DeleteLocally;
    }
    let Some(meta) = meta else {
        return if crate::mutant!(M42) {
            Decision::Done
        } else {
            Decision::Rearm(RETRY_START, RearmReason::NoMetaLayer)
        };
    };
    let Some(own) = &captured.assignment else { return without_assignment(meta) };
    match compare(own, meta.assigned) {
        Comparison::Same => Decision::Propose(Identity::of(own)),
        Comparison::OtherGroup => Decision::Rearm(captured.threshold, RearmReason::Remapped),
        Comparison::Other if crate::mutant!(M32) => Decision::DeleteLocally,
        Comparison::Other => Decision::Done,
    }
}

/// Without its own assignment a consumer cannot be named to the meta layer. Where that has none either, and has read
/// all of its log, the removal is committed.
fn without_assignment(meta: MetaFacts<'_>) -> Decision {
    let is_removed = meta.assigned.is_none() && !meta.is_recovering;
    if is_removed {
        Decision::DeleteLocally
    } else if crate::mutant!(M42) {
        Decision::Done
    } else {
        Decision::Rearm(RETRY_START, RearmReason::NoOwnAssignment)
    }
}

/// What the meta layer's assignment is to the consumer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Same,
    OtherGroup,
    Other,
}

fn compare(own: &ConsumerAssignment, assigned: Option<&ConsumerAssignment>) -> Comparison {
    let Some(assigned) = assigned else { return Comparison::Other };
    let (own_identity, identity) = (Identity::of(own), Identity::of(assigned));
    let by_name = crate::mutant!(M33) && own_identity.key == identity.key;
    let by_all_fields = !crate::mutant!(M35) || own == assigned;
    let by_address = !crate::mutant!(M36) || std::ptr::eq(own, assigned);
    let by_config = !crate::mutant!(M32) || own.config == assigned.config;
    let is_same = by_name || (own_identity == identity && by_all_fields && by_address && by_config);
    if is_same {
        Comparison::Same
    } else if own_identity.differs_in_group_only(&identity) && !crate::mutant!(M37) {
        Comparison::OtherGroup
    } else {
        Comparison::Other
    }
}
