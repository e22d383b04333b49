//! When a group's state is written as a snapshot, so that its log can be compacted (`docs/engine/transitions.md`, `docs/engine/constants.md`).

use std::time::Duration;

/// What the group replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A stream.
    Stream,
    /// A consumer.
    Consumer,
    /// The meta layer.
    Meta,
}

/// The jitter of a timer is drawn below this, for streams and consumers.
pub const TIMER_JITTER: Duration = Duration::from_secs(60);
/// The wait after a first failure.
pub const TIMER_AFTER_FAILURE: Duration = Duration::from_secs(15);

const MIB: u64 = 1024 * 1024;

/// Growth of the log that asks for a snapshot.
struct Triggers {
    n_entries: u64,
    bytes: u64,
    /// Not sooner after the last one.
    apart: Duration,
}

impl Kind {
    fn triggers(self) -> Triggers {
        match self {
            Self::Stream => Triggers { n_entries: 65_536, bytes: 8 * MIB, apart: Duration::ZERO },
            Self::Consumer => Triggers { n_entries: 1024, bytes: 64 * 1024, apart: Duration::from_secs(10) },
            Self::Meta => Triggers { n_entries: u64::MAX, bytes: 8 * MIB, apart: Duration::from_secs(30) },
        }
    }
}

/// What asks for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// All committed entries were applied.
    Drained,
    /// The timer.
    Timer,
    /// A follower has asked for a newer snapshot: it can use no other.
    Requested,
    /// The engine shuts down; the node stays until the snapshot is written.
    Shutdown,
}

/// The group, at the occasion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Entries applied since the last snapshot.
    pub n_entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages were rejected since the last snapshot.
    pub clfs_grew: bool,
    /// The log is being read again, or the state restored.
    pub is_recovering: bool,
    /// A snapshot is being written.
    pub is_in_progress: bool,
    /// The node is closed.
    pub is_closed: bool,
    /// The node has a write error.
    pub has_write_error: bool,
    /// Time since the last snapshot, where there is one.
    pub since_last: Option<Duration>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write one.
    Take {
        /// A peer that is brought up does not stand in the way, and one that is being written is aborted.
        forced: bool,
    },
    /// Not on this occasion.
    Skip(SkipReason),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The log is being read again.
    Recovering,
    /// Closed, or broken.
    NodeUnusable,
    /// Nothing was applied since the last one.
    NothingNew,
    /// Not enough was.
    TooLittle,
    /// The last one is too close.
    TooSoon,
    /// One has failed: the timer's turn.
    WaitsForTimer,
    /// One is being written.
    InProgress,
}

/// The counter of failures of one group, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    kind: Kind,
    n_failures: u32,
}

impl Snapshots {
    /// No failures yet.
    pub fn new(kind: Kind) -> Self {
        Self { kind, n_failures: 0 }
    }

    /// Failures in a row.
    pub fn n_failures(&self) -> u32 {
        self.n_failures
    }

    /// Whether to write one.
    pub fn judge(&self, occasion: Occasion, facts: &Facts) -> Verdict {
        if facts.is_recovering {
            return Verdict::Skip(SkipReason::Recovering);
        }
        if facts.is_closed || facts.has_write_error {
            return Verdict::Skip(SkipReason::NodeUnusable);
        }
        // Who asks knows that there is something new, which need not be entries that count.
        if facts.n_entries == 0 && occasion != Occasion::Requested {
            return Verdict::Skip(SkipReason::NothingNew);
        }
        let skip = match occasion {
            // It is the last chance: neither failures nor one in flight stand in its way.
            Occasion::Shutdown if !crate::mutant!(M16) => None,
            Occasion::Shutdown => self.reason_to_wait().or_else(|| busy(facts)),
            Occasion::Timer | Occasion::Requested => busy(facts),
            Occasion::Drained => self.reason_to_wait().or_else(|| self.not_due(facts)).or_else(|| busy(facts)),
        };
        match skip {
            Some(reason) => Verdict::Skip(reason),
            None => Verdict::Take { forced: occasion == Occasion::Shutdown || self.n_failures > 0 },
        }
    }

    fn reason_to_wait(&self) -> Option<SkipReason> {
        (self.n_failures > 0).then_some(SkipReason::WaitsForTimer)
    }

    fn not_due(&self, facts: &Facts) -> Option<SkipReason> {
        let triggers = self.kind.triggers();
        let has_rejections = self.kind == Kind::Stream && facts.clfs_grew;
        let has_entries = facts.n_entries >= triggers.n_entries && facts.bytes > 0;
        let is_due = has_entries || facts.bytes > triggers.bytes || has_rejections;
        if !is_due {
            Some(SkipReason::TooLittle)
        } else if facts.since_last.is_some_and(|since| since < triggers.apart) {
            Some(SkipReason::TooSoon)
        } else {
            None
        }
    }

    /// One was written, synced, renamed and adopted.
    pub fn installed(&mut self) {
        self.n_failures = 0;
    }

    /// One could not be written. The wait until the timer, where it changes. A closed node or an aborted checkpoint is
    /// no failure, and is not reported here.
    pub fn failed(&mut self) -> Option<Duration> {
        self.n_failures += 1;
        (self.n_failures == 1).then_some(TIMER_AFTER_FAILURE)
    }

    /// The timer's regular wait, with a jitter drawn below [`TIMER_JITTER`].
    pub fn timer(&self, jitter: Duration) -> Duration {
        match self.kind {
            Kind::Stream | Kind::Consumer => Duration::from_secs(120) + jitter,
            Kind::Meta => Duration::from_secs(60),
        }
    }
}

fn busy(facts: &Facts) -> Option<SkipReason> {
    facts.is_in_progress.then_some(SkipReason::InProgress)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKE: Verdict = Verdict::Take { forced: false };
    const FORCE: Verdict = Verdict::Take { forced: true };

    fn grown(n_entries: u64, bytes: u64) -> Facts {
        Facts { n_entries, bytes, ..Facts::default() }
    }

    fn skip(reason: SkipReason) -> Verdict {
        Verdict::Skip(reason)
    }

    #[test]
    fn growth_of_the_log_asks_for_a_snapshot() {
        let far = Some(Duration::from_secs(31));
        let cases = [
            (Kind::Stream, grown(65_535, 8 * MIB), skip(SkipReason::TooLittle)),
            (Kind::Stream, grown(65_536, 1), TAKE),
            (Kind::Stream, grown(1, 8 * MIB + 1), TAKE),
            (Kind::Stream, Facts { clfs_grew: true, ..grown(1, 1) }, TAKE),
            (Kind::Consumer, Facts { clfs_grew: true, ..grown(1, 1) }, skip(SkipReason::TooLittle)),
            (Kind::Consumer, grown(1024, 0), skip(SkipReason::TooLittle)),
            (Kind::Consumer, grown(1024, 1), TAKE),
            (Kind::Consumer, Facts { since_last: Some(Duration::ZERO), ..grown(1024, 1) }, skip(SkipReason::TooSoon)),
            (Kind::Consumer, Facts { since_last: far, ..grown(1, 64 * 1024 + 1) }, TAKE),
            (Kind::Meta, grown(1_000_000, 8 * MIB), skip(SkipReason::TooLittle)),
            (Kind::Meta, Facts { since_last: far, ..grown(1, 8 * MIB + 1) }, TAKE),
        ];
        for (kind, facts, expected) in cases {
            assert_eq!(Snapshots::new(kind).judge(Occasion::Drained, &facts), expected, "{kind:?} {facts:?}");
        }
    }

    #[test]
    fn the_timer_takes_whatever_is_new() {
        let snapshots = Snapshots::new(Kind::Stream);
        assert_eq!(snapshots.judge(Occasion::Timer, &grown(1, 1)), TAKE);
        assert_eq!(snapshots.judge(Occasion::Timer, &grown(0, 0)), skip(SkipReason::NothingNew));
        let jitter = Duration::from_secs(7);
        assert_eq!(snapshots.timer(jitter), Duration::from_secs(127));
        assert_eq!(Snapshots::new(Kind::Meta).timer(jitter), Duration::from_secs(60));
    }

    #[test]
    fn a_follower_that_asks_is_given_one() {
        let judge = |facts: Facts| Snapshots::new(Kind::Stream).judge(Occasion::Requested, &facts);
        assert_eq!(judge(Facts { since_last: Some(Duration::ZERO), ..grown(1, 1) }), TAKE);
        assert_eq!(judge(grown(0, 0)), TAKE);
        assert_eq!(judge(Facts { is_in_progress: true, ..grown(1, 1) }), skip(SkipReason::InProgress));
    }

    #[test]
    fn states_that_forbid_it_do_so_on_every_occasion() {
        for occasion in [Occasion::Drained, Occasion::Timer, Occasion::Requested, Occasion::Shutdown] {
            let judge = |facts: Facts| Snapshots::new(Kind::Stream).judge(occasion, &facts);
            let large = grown(100_000, 9 * MIB);
            assert_eq!(judge(Facts { is_recovering: true, ..large }), skip(SkipReason::Recovering));
            assert_eq!(judge(Facts { is_closed: true, ..large }), skip(SkipReason::NodeUnusable));
            assert_eq!(judge(Facts { has_write_error: true, ..large }), skip(SkipReason::NodeUnusable));
        }
    }

    #[test]
    fn a_failure_leaves_the_next_one_to_the_timer_which_forces_it() {
        let mut snapshots = Snapshots::new(Kind::Stream);
        let large = grown(100_000, 9 * MIB);
        assert_eq!(snapshots.judge(Occasion::Timer, &large), TAKE);
        assert_eq!(snapshots.failed(), Some(TIMER_AFTER_FAILURE));
        assert_eq!(snapshots.judge(Occasion::Drained, &large), skip(SkipReason::WaitsForTimer));
        assert_eq!(snapshots.judge(Occasion::Timer, &large), FORCE);
        let writing = Facts { is_in_progress: true, ..large };
        assert_eq!(snapshots.judge(Occasion::Timer, &writing), skip(SkipReason::InProgress));
        let waits: Vec<_> = (0..4).map(|_| snapshots.failed()).collect();
        assert_eq!(waits, [None; 4]);
        assert_eq!(snapshots.judge(Occasion::Timer, &large), FORCE);
        snapshots.installed();
        assert_eq!(snapshots.judge(Occasion::Drained, &grown(65_536, 1)), TAKE);
    }

    #[test]
    fn a_shutdown_takes_it_whatever_happened_before() {
        let mut snapshots = Snapshots::new(Kind::Consumer);
        snapshots.failed();
        let busy = Facts { is_in_progress: true, ..grown(1, 1) };
        assert_eq!(snapshots.judge(Occasion::Shutdown, &busy), FORCE);
        crate::mutation::set(Some(crate::mutation::Mutation::M16));
        assert_eq!(snapshots.judge(Occasion::Shutdown, &busy), skip(SkipReason::WaitsForTimer));
        crate::mutation::set(None);
    }
}
