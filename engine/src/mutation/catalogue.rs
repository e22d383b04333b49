//! The catalogue: id, the scenarios that must catch it, and the bug in a sentence (`docs/engine/mutations.md`).
//!
//! Long because it is a flat list.

use std::fmt;
use std::str::FromStr;

macro_rules! catalogue {
    ($($id:ident $text:literal $scenarios:literal $bug:literal)+) => {
        /// A bug that can be put back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutation { $(#[doc = $bug] $id,)+ }

        impl Mutation {
            /// All of them, in the order of their ids.
            pub const ALL: &[Self] = &[$(Self::$id,)+];

            /// Its id: `M-61`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$id => $text,)+ }
            }

            /// The scenarios that it names.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let scenarios = match self { $(Self::$id => $scenarios,)+ };
                scenarios.split(' ')
            }

            /// Those of them that must catch it.
            pub fn caught_by(self) -> impl Iterator<Item = &'static str> {
                let is_missed = move |scenario: &str| MISSED.iter().any(|(bug, by, _)| *bug == self && *by == scenario);
                self.names().filter(move |scenario| !is_missed(scenario))
            }

            /// The bug in a sentence.
            pub fn bug(self) -> &'static str {
                match self { $(Self::$id => $bug,)+ }
            }
        }
    };
}

/// Scenarios that a bug names and that hold with it, and why.
pub const MISSED: &[(Mutation, &str, &str)] = &[
    (
        Mutation::M01,
        "S-11",
        "the deletion behind the remap stops the slot itself and removes every group of the stream, so it leaves nothing, \
         whether a monitor runs then or not",
    ),
    (
        Mutation::M03,
        "S-04",
        "the old monitor is told to leave all the same, and does so within a turn unless something keeps it; entity and \
         store are behind locks, so that an overlap of a moment is no race",
    ),
];

catalogue! {
    M01 "M-01" "S-01 S-02 S-11" "a remap does not wait for the old monitor"
    M02 "M-02" "S-03" "the stopper waits until nothing is marked as running, not until the task count is zero"
    M03 "M-03" "S-04 S-05" "a downgrade to one replica does not wait for the monitor"
    M04 "M-04" "S-06" "the old raft node is carried over although the group's name changed"
    M05 "M-05" "S-07" "only streams wait for the old monitor, consumers do not"
    M06 "M-06" "S-08" "a one-replica consumer's leadership work runs inline on the meta apply task"
    M07 "M-07" "S-09" "a one-replica consumer's leadership task is not registered in the slot"
    M08 "M-08" "S-10" "removal from a server leaves the new assignment's node alive"
    M09 "M-09" "S-12" "a refused spawn is ignored: the registration stays"
    M10 "M-10" "S-14" "the monitor listens to its node's quit signal only"
    M11 "M-11" "S-15" "asking for the token makes a fresh one where there is none"
    M12 "M-12" "S-16" "registering makes a token for a closed entity"
    M13 "M-13" "S-17" "registering and stopping do not exclude each other"
    M14 "M-14" "S-18" "the exit guard is armed before the monitor was let in"
    M15 "M-15" "S-19" "one token per entity, not one per generation"
    M16 "M-16" "S-20" "the snapshot of a shutdown obeys the failure counter, or the stop does not wait for the monitor"
    M17 "M-17" "S-21" "an aborted checkpoint may still install, or its abort ends the newer one"
    M18 "M-18" "S-22" "a stopped monitor asks whether the server shuts down, not whether the engine does"
    M19 "M-19" "S-23" "a reset runs on the monitor's own task"
    M20 "M-20" "S-25" "a restore that ends on a non-leader panics"
    M30 "M-30" "S-28 S-29 S-30 S-45" "an inactive consumer is deleted locally at the start"
    M31 "M-31" "S-30" "a lost delete proposal is not repeated"
    M32 "M-32" "S-31 S-32" "the consumer is deleted locally when its assignment is another"
    M33 "M-33" "S-32" "consumers are compared by name only"
    M34 "M-34" "S-33" "the assignment is looked up by name instead of captured"
    M35 "M-35" "S-34" "assignments are compared with their routing fields"
    M36 "M-36" "S-35" "assignments are compared by address"
    M37 "M-37" "S-36" "the loop gives up where only the group differs"
    M38 "M-38" "S-37" "the loop does not watch the leader token"
    M39 "M-39" "S-37" "a new leader arms no timer"
    M40 "M-40" "S-38" "a timer that fires does not ask for leadership"
    M41 "M-41" "S-40 S-41" "a closed consumer that is still assigned is proposed for ever"
    M42 "M-42" "S-42" "a missing handle ends the timer silently"
    M43 "M-43" "S-43" "a direct consumer goes through the meta layer"
    M44 "M-44" "S-45" "each exit of the loop deletes locally"
    M45 "M-45" "S-45b" "the interval does not grow"
    M46 "M-46" "S-45b" "the interval is not clamped"
    M47 "M-47" "S-45b" "the first interval has no jitter"
    M48 "M-48" "S-45c" "a new timer for each round, never stopped"
    M49 "M-49" "S-45d" "deliveries are looked up by the consumer's sequence"
    M50 "M-50" "S-45e" "activity is marked after the acknowledgement was processed"
    M51 "M-51" "S-45f" "a pull that does not wait is no activity"
    M52 "M-52" "S-45g" "an assignment is signalled before it is there to be read"
    M60 "M-60" "S-46" "a message that a race removed latches a write error"
    M61 "M-61" "S-47 S-55" "a failed write is dropped and the message acknowledged"
    M62 "M-62" "S-49" "health answers for one replica before it looks at the write error"
    M63 "M-63" "S-50" "a leader with a write error does not step down"
    M64 "M-64" "S-51" "a replica with a write error does not become an observer"
    M65 "M-65" "S-53" "the node is stopped before the stream's error is set"
    M66 "M-66" "S-54" "a failed sync is repeated and believed"
    M67 "M-67" "S-56" "the out-of-space handler cannot be reached"
    M68 "M-68" "S-56" "the out-of-space handler runs more than once"
    M69 "M-69" "S-57" "the permission handler wipes the state"
    M70 "M-70" "S-58" "the raft node shuts down and asserts before its class handler"
    M71 "M-71" "S-59" "a vote is granted though it is not durable"
    M72 "M-72" "S-60" "votes are requested though the own vote is not durable"
    M73 "M-73" "S-61" "the log is compacted though the snapshot was not renamed"
    M74 "M-74" "S-63" "the sync pass does not look whether the block is still indexed"
    M75 "M-75" "S-65" "a read error latches"
    M76 "M-76" "S-66" "the flusher's error is dropped"
    M77 "M-77" "S-67" "the error of the rebuild replaces the original one"
    M78 "M-78" "S-68" "the block lock is kept by an early return"
    M79 "M-79" "S-69" "maintenance calls swallow the sticky error"
    M80 "M-80" "S-70" "the sticky error is looked at outside the lock"
    M81 "M-81" "S-71" "the lock is released between compacting and purging"
    M82 "M-82" "S-72" "a compacted block is not synced"
    M83 "M-83" "S-73" "inline compaction does not sync where each write must"
    M84 "M-84" "S-74" "a catch-up ignores the result of its flush"
    M85 "M-85" "S-76" "an entry that cannot be decoded panics"
    M86 "M-86" "S-77" "an entry that cannot be decoded is skipped"
    M87 "M-87" "S-79" "a corrupt catch-up message is asked for again"
    M88 "M-88" "S-80" "the error path of a batch keeps its lock"
    M89 "M-89" "S-81" "a failed flush is reported as a timeout"
    M90 "M-90" "S-82" "the result of stopping the batch timer is ignored"
    M91 "M-91" "S-83" "health keeps the engine lock on an early return"
    M92 "M-92" "S-83" "health holds a reference into the consumer map while it asks each consumer"
    M93 "M-93" "S-84" "a snapshot that fails after the close latches"
    M94 "M-94" "S-85" "the error of a closed store latches"
    M95 "M-95" "S-86" "a platform without directory sync latches"
    M96 "M-96" "S-54" "the need of a sync is cleared after the sync, with what was written meanwhile"
    M100 "M-100" "S-88" "a conf change takes the node's lock a second time"
    M101 "M-101" "S-89" "the monitor calls the elector, which takes the node's lock"
    M102 "M-102" "S-90" "keys are removed while the table is iterated"
    M103 "M-103" "S-91" "a guard of the table lives across its len"
    M104 "M-104" "S-92" "an expired key is removed though it was refreshed"
    M105 "M-105" "S-93" "the result of sending a trigger is ignored"
    M106 "M-106" "S-94" "heartbeat frames refresh nothing"
    M107 "M-107" "S-95" "one monitor per connection"
    M108 "M-108" "S-96" "an election has no time limit"
    M109 "M-109" "S-97" "look and insert are two operations"
    M110 "M-110" "S-98" "a ready with a snapshot is never advanced"
    M111 "M-111" "S-99" "a failed installation is logged and passed over"
    M112 "M-112" "S-100" "a failed append is logged and passed over"
    M113 "M-113" "S-101 S-102" "the light ready is dropped"
    M114 "M-114" "S-103" "the node is released between ready and advance"
    M115 "M-115" "S-104" "the node's lock is held across the disk"
    M116 "M-116" "S-105" "a proposal is awaited inside the apply task"
    M117 "M-117" "S-106" "the server waits for a leader before it listens"
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// No mutation has this id.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownMutation(pub String);

impl fmt::Display for UnknownMutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no mutation `{}`; ids look like M-61", self.0)
    }
}

impl std::error::Error for UnknownMutation {}

impl FromStr for Mutation {
    type Err = UnknownMutation;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|mutation| mutation.id() == id);
        known.copied().ok_or_else(|| UnknownMutation(id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Mutation;

    #[test]
    fn there_are_98_and_each_is_found_by_its_id() {
        assert_eq!(Mutation::ALL.len(), 98);
        for mutation in Mutation::ALL {
            assert_eq!(mutation.id().parse(), Ok(*mutation));
            assert!(mutation.caught_by().all(|scenario| scenario.starts_with("S-")), "{mutation}");
        }
        assert!("M-99".parse::<Mutation>().is_err());
    }
}
