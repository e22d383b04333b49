//! What a run has, drawn from its seed: each has some of the streams, faults and operations, so that what never meets in
//! the middle of everything meets somewhere (swarm testing: Groce and others, ISSTA 2012).

use interlock_sync::random::Random;
use interlock_sync::time::Duration;

use crate::core::config::{Retention, StreamConfig};
use crate::raft::NodeHost;

/// A stream of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Three replicas, atomic batches, a durable consumer.
    A,
    /// Scaled down and up, moved.
    B,
    /// One replica, which moves.
    C,
    /// A work queue.
    W,
    /// The last messages only.
    P,
    /// The last messages of each subject.
    S,
}

/// Messages that the stream of the last ones keeps.
pub(super) const KEPT: u64 = 20;
/// Messages that the stream of the last ones of each subject keeps of each.
pub(super) const KEPT_OF_SUBJECT: u64 = 4;

impl Part {
    /// The stream's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::W => "W",
            Self::P => "P",
            Self::S => "S",
        }
    }

    /// The stream's configuration at the beginning.
    pub(super) fn config(self) -> StreamConfig {
        let name = self.name();
        let config = StreamConfig {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            replicas: 3,
            ..StreamConfig::default()
        };
        match self {
            Self::A => StreamConfig { allow_atomic: true, ..config },
            Self::B => config,
            Self::C => StreamConfig { replicas: 1, ..config },
            Self::W => StreamConfig { retention: Retention::WorkQueue, ..config },
            Self::P => StreamConfig { max_msgs: Some(KEPT), ..config },
            Self::S => StreamConfig { max_msgs_per_subject: Some(KEPT_OF_SUBJECT), replicas: 1, ..config },
        }
    }
}

/// Something that befalls a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Crash,
    Restart,
    Isolate,
    Heal,
    Lose,
    BreakDisk,
    BreakAndCrash,
    BreakReads,
    StallDisk,
    Pace,
    StepDown,
    MetaStepDown,
    Remap,
    Move,
    Scale,
    ConsumerRemap,
    ConsumerStepDown,
    Lifecycle,
}

impl Stroke {
    /// Whether it is the operator's.
    fn is_request(self) -> bool {
        use Stroke::{ConsumerRemap, ConsumerStepDown, Lifecycle, MetaStepDown, Move, Remap, Scale, StepDown};
        matches!(self, StepDown | MetaStepDown | Remap | Move | Scale | ConsumerRemap | ConsumerStepDown | Lifecycle)
    }
}

/// Strokes, how often each comes compared with the others, and in how many of a hundred runs there are any.
const STROKES: [(Stroke, u64, u64); 18] = [
    (Stroke::Crash, 4, 80),
    (Stroke::Restart, 3, 80),
    (Stroke::Isolate, 4, 80),
    (Stroke::Heal, 5, 100),
    (Stroke::Lose, 2, 50),
    (Stroke::BreakDisk, 5, 70),
    (Stroke::BreakAndCrash, 4, 60),
    (Stroke::BreakReads, 2, 30),
    (Stroke::StallDisk, 2, 30),
    (Stroke::Pace, 2, 50),
    (Stroke::StepDown, 2, 80),
    (Stroke::MetaStepDown, 2, 80),
    (Stroke::Remap, 3, 80),
    (Stroke::Move, 3, 80),
    (Stroke::Scale, 3, 80),
    (Stroke::ConsumerRemap, 2, 60),
    (Stroke::ConsumerStepDown, 2, 60),
    (Stroke::Lifecycle, 3, 50),
];

/// What a run has.
pub(super) struct Swarm {
    /// What hosts the raft nodes.
    pub host: NodeHost,
    /// The streams.
    pub parts: Vec<Part>,
    /// Whether there are consumers that expire.
    pub has_ephemerals: bool,
    /// Whether single messages are deleted, and now and then all.
    pub has_deletions: bool,
    /// How often snapshots are taken, where that is often.
    pub snapshot_every: Option<Duration>,
    /// How often stores are synced and give space back, where that is often.
    pub sync_every: Option<Duration>,
    /// Whether the disks know syncs of folders.
    pub has_folder_syncs: bool,
    strokes: Vec<(Stroke, u64)>,
}

impl Swarm {
    /// What the run of a seed has.
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::split(seed, "swarm");
        let mut parts = vec![Part::A, Part::B, Part::C];
        for part in [Part::W, Part::P, Part::S] {
            if random.chance(40) {
                parts.push(part);
            }
        }
        // Where the operator is busy, one change meets the next.
        let haste = if random.chance(25) { 4 } else { 1 };
        let strokes = STROKES.into_iter().filter(|(_, _, percent)| random.chance(*percent));
        let pressed = |stroke: Stroke| if stroke.is_request() { haste } else { 1 };
        let strokes = strokes.map(|(stroke, weight, _)| (stroke, weight * pressed(stroke))).collect();
        Self {
            host: host(&mut random),
            parts,
            has_ephemerals: random.chance(50),
            has_deletions: random.chance(40),
            snapshot_every: random.chance(40).then(|| Duration::from_millis(500 + random.below(4_000))),
            sync_every: random.chance(60).then(|| Duration::from_millis(500 + random.below(4_000))),
            has_folder_syncs: !random.chance(10),
            strokes,
        }
    }

    /// What comes next.
    pub(super) fn draw(&self, random: &mut Random) -> Stroke {
        let total: u64 = self.strokes.iter().map(|(_, weight)| weight).sum();
        let mut left = random.below(total);
        for (stroke, weight) in &self.strokes {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *stroke,
            }
        }
        Stroke::Heal
    }
}

#[cfg(feature = "shared-lock")]
fn host(random: &mut Random) -> NodeHost {
    if random.chance(25) { NodeHost::SharedLock } else { NodeHost::Actor }
}

#[cfg(not(feature = "shared-lock"))]
fn host(_random: &mut Random) -> NodeHost {
    NodeHost::Actor
}
