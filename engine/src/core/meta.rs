//! The meta layer's state machine: which streams and consumers exist, and where.
//!
//! It is the only authority on existence. Applying is a function of the entry and the state, so that every server comes
//! to the same map. Long because the machine stands with the tests of its refusals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::admission::{refuse_consumer, streams_overlap};
use super::assignment::{ConsumerAssignment, StreamAssignment};
use super::names::{ConsumerKey, GroupName};
use super::subjects::Subjects;

/// The version that entries and snapshots begin with.
const FORMAT: u8 = 1;

/// What decides whether two assignments mean the same consumer. Client, reply and configuration are left out on
/// purpose: an update of the configuration keeps the identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Stream and name.
    pub key: ConsumerKey,
    /// Creation time, nanoseconds since 1970.
    pub created_ns: u64,
    /// The group's name.
    pub group: GroupName,
}

impl Identity {
    /// The identity of an assignment.
    pub fn of(assignment: &ConsumerAssignment) -> Self {
        Self { key: assignment.key(), created_ns: assignment.created_ns, group: assignment.group.name.clone() }
    }

    /// The same consumer in another group: it was remapped.
    pub fn differs_in_group_only(&self, other: &Self) -> bool {
        self.key == other.key && self.created_ns == other.created_ns && self.group != other.group
    }
}

/// An entry of the meta log. The proposal number answers who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetaChange {
    /// A stream is created.
    AssignStream(StreamAssignment),
    /// A stream's configuration or placement changes; the creation time says which stream is meant.
    UpdateStream(StreamAssignment),
    /// The stream of this creation time is removed with its consumers.
    RemoveStream {
        /// Its name.
        name: String,
        /// Its creation time: a delayed removal cannot hit a stream made since.
        created_ns: u64,
    },
    /// A consumer is created, or its configuration or placement changes.
    AssignConsumer(ConsumerAssignment),
    /// The members of a group are where they were to be.
    Settle(Settled),
    /// The consumer of this identity is removed; the group does not matter, a remapped one is the same consumer.
    RemoveConsumer(Identity),
}

/// A group whose members are where they were to be. It counts only of the assignment that it was seen of: where that has
/// changed since, the members may have moved on, even where the target is the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The stream.
    pub stream: String,
    /// The consumer, where the group is not the stream's own.
    pub consumer: Option<String>,
    /// Creation time of the stream or consumer.
    pub created_ns: u64,
    /// The group.
    pub group: GroupName,
    /// Its members.
    pub peers: Vec<super::names::ServerId>,
    /// The revision of the assignment whose target they are.
    pub revision: u64,
}

impl Settled {
    fn settle(&self, created_ns: u64, group: &mut super::assignment::RaftGroup, revision: &mut u64) -> bool {
        let is_meant = created_ns == self.created_ns && group.name == self.group;
        let is_target = group.target.as_ref() == Some(&self.peers) && *revision == self.revision;
        if is_meant && is_target {
            group.peers.clone_from(&self.peers);
            group.target = None;
            *revision += 1;
        }
        is_meant && is_target
    }
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaEntry {
    /// The server that proposed it.
    pub origin: super::names::ServerId,
    /// The proposal's number on that server; 0 where nobody waits.
    pub proposal: u64,
    /// What changes.
    pub change: MetaChange,
}

/// Bytes that are no entry or snapshot of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {what}: {reason}")]
pub struct DecodeError {
    /// What was to be decoded.
    pub what: &'static str,
    /// Why it cannot be.
    pub reason: String,
}

/// Encodes with a version in front.
///
/// # Panics
/// Never: the types encoded here hold nothing that cannot be encoded.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![FORMAT]).expect("maps of known length, numbers and text can be encoded")
}

/// Decodes what [`encode`] wrote.
///
/// # Errors
/// Another version, or bytes that are no such value.
pub fn decode<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let error = |reason: String| DecodeError { what, reason };
    match bytes.split_first() {
        Some((&FORMAT, body)) => postcard::from_bytes(body).map_err(|cause| error(cause.to_string())),
        Some((version, _)) => Err(error(format!("version {version} is not {FORMAT}"))),
        None => Err(error("it is empty".to_owned())),
    }
}

/// A stream and its consumers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedStream {
    /// The stream's own assignment.
    pub assignment: StreamAssignment,
    /// Its consumers, by name.
    pub consumers: BTreeMap<String, ConsumerAssignment>,
}

impl AssignedStream {
    /// Whether none of its consumers lives elsewhere than on these servers.
    pub fn consumers_live_in(&self, servers: &[super::names::ServerId]) -> bool {
        self.consumers.values().all(|consumer| consumer.group.peers.iter().all(|peer| servers.contains(peer)))
    }
}

/// The assignments: the meta layer's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Streams")]
pub struct Assignments {
    streams: BTreeMap<String, AssignedStream>,
    #[serde(skip)]
    subjects: Subjects,
}

/// The assignments as they are stored.
#[derive(Deserialize)]
struct Streams {
    streams: BTreeMap<String, AssignedStream>,
}

impl From<Streams> for Assignments {
    fn from(Streams { streams }: Streams) -> Self {
        let mut subjects = Subjects::default();
        streams.values().for_each(|stream| subjects.insert(&stream.assignment.config));
        Self { streams, subjects }
    }
}

/// What an entry, or a snapshot, changed for one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A stream.
    Stream {
        /// The assignment before.
        old: Option<StreamAssignment>,
        /// The assignment from here on.
        new: Option<StreamAssignment>,
    },
    /// A consumer.
    Consumer {
        /// The assignment before.
        old: Option<ConsumerAssignment>,
        /// The assignment from here on.
        new: Option<ConsumerAssignment>,
    },
}

/// Why an entry changed nothing. It is counted as applied all the same, on every server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The stream is there already.
    StreamExists,
    /// There is no such stream, or one that was created at another time.
    NoStream,
    /// There is no such consumer, or one that was created at another time.
    NoConsumer,
    /// It changed since the proposer looked.
    Outdated,
    /// Another stream takes some of the subjects.
    StreamsOverlap,
    /// The stream's retention does not allow it beside the other consumers.
    ConsumersOverlap,
}

impl Assignments {
    /// The streams in the order of their names.
    pub fn streams(&self) -> impl Iterator<Item = &AssignedStream> {
        self.streams.values()
    }

    /// A stream.
    pub fn stream(&self, name: &str) -> Option<&AssignedStream> {
        self.streams.get(name)
    }

    /// A consumer.
    pub fn consumer(&self, key: &ConsumerKey) -> Option<&ConsumerAssignment> {
        self.streams.get(&key.stream)?.consumers.get(&key.name)
    }

    /// The stream that takes a subject.
    pub fn stream_of(&self, subject: &str) -> Option<&str> {
        self.subjects.stream_of(subject)
    }

    /// Applies an entry: what changed, in the order in which it is to be carried out.
    ///
    /// # Errors
    /// Why nothing changed.
    pub fn apply(&mut self, change: MetaChange) -> Result<Vec<Changed>, Refused> {
        match change {
            MetaChange::AssignStream(new) => self.assign_stream(new),
            MetaChange::UpdateStream(new) => self.update_stream(new),
            MetaChange::RemoveStream { name, created_ns } => self.remove_stream(&name, created_ns),
            MetaChange::AssignConsumer(new) => self.assign_consumer(new),
            MetaChange::Settle(settled) => self.settle(&settled),
            MetaChange::RemoveConsumer(identity) => self.remove_consumer(&identity),
        }
    }

    fn assign_stream(&mut self, new: StreamAssignment) -> Result<Vec<Changed>, Refused> {
        if self.streams.contains_key(&new.config.name) {
            return Err(Refused::StreamExists);
        }
        self.refuse_overlap(&new)?;
        let stream = AssignedStream { assignment: new.clone(), consumers: BTreeMap::new() };
        self.subjects.insert(&new.config);
        self.streams.insert(new.config.name.clone(), stream);
        Ok(vec![Changed::Stream { old: None, new: Some(new) }])
    }

    fn refuse_overlap(&self, new: &StreamAssignment) -> Result<(), Refused> {
        let mut others = self.streams.values();
        let overlaps = others.any(|other| streams_overlap(&new.config, &other.assignment.config));
        if overlaps { Err(Refused::StreamsOverlap) } else { Ok(()) }
    }

    fn update_stream(&mut self, new: StreamAssignment) -> Result<Vec<Changed>, Refused> {
        self.refuse_overlap(&new)?;
        let known = self.streams.get_mut(&new.config.name);
        let known = known.filter(|known| known.assignment.created_ns == new.created_ns).ok_or(Refused::NoStream)?;
        if known.assignment.revision != new.revision {
            return Err(Refused::Outdated);
        }
        let new = StreamAssignment { revision: new.revision + 1, ..new };
        let old = std::mem::replace(&mut known.assignment, new.clone());
        self.subjects.remove(&old.config);
        self.subjects.insert(&new.config);
        Ok(vec![Changed::Stream { old: Some(old), new: Some(new) }])
    }

    fn remove_stream(&mut self, name: &str, created_ns: u64) -> Result<Vec<Changed>, Refused> {
        if self.streams.get(name).is_none_or(|known| known.assignment.created_ns != created_ns) {
            return Err(Refused::NoStream);
        }
        let removed = self.streams.remove(name).ok_or(Refused::NoStream)?;
        self.subjects.remove(&removed.assignment.config);
        let consumers = removed.consumers.into_values();
        let mut changed: Vec<Changed> =
            consumers.map(|consumer| Changed::Consumer { old: Some(consumer), new: None }).collect();
        changed.push(Changed::Stream { old: Some(removed.assignment), new: None });
        Ok(changed)
    }

    fn assign_consumer(&mut self, new: ConsumerAssignment) -> Result<Vec<Changed>, Refused> {
        let stream = self.streams.get_mut(&new.stream).ok_or(Refused::NoStream)?;
        // It was meant for the servers that the stream had then.
        let of_stream = &stream.assignment.group;
        let is_at_home = |server| of_stream.has(server) || of_stream.target.iter().flatten().any(|to| *to == server);
        if !new.group.peers.iter().all(|server| is_at_home(*server)) && new.group.target.is_none() {
            return Err(Refused::Outdated);
        }
        match stream.consumers.get(&new.config.name) {
            Some(known) if known.created_ns != new.created_ns || known.revision != new.revision => {
                return Err(Refused::Outdated);
            }
            // A change of a consumer that has been removed since: it would come back, in a group that has ended.
            None if new.revision > 0 => return Err(Refused::NoConsumer),
            _ => {}
        }
        let others = stream.consumers.values().map(|other| &other.config);
        if refuse_consumer(&stream.assignment.config, &new.config, others).is_some() {
            return Err(Refused::ConsumersOverlap);
        }
        let new = ConsumerAssignment { revision: new.revision + 1, ..new };
        let old = stream.consumers.insert(new.config.name.clone(), new.clone());
        Ok(vec![Changed::Consumer { old, new: Some(new) }])
    }

    fn settle(&mut self, settled: &Settled) -> Result<Vec<Changed>, Refused> {
        let stream = self.streams.get_mut(&settled.stream).ok_or(Refused::NoStream)?;
        match &settled.consumer {
            None => {
                // Another consumer may have come to a server that the stream leaves since the stream's leader looked.
                if !stream.consumers_live_in(&settled.peers) {
                    return Err(Refused::Outdated);
                }
                let old = stream.assignment.clone();
                let StreamAssignment { group, revision, .. } = &mut stream.assignment;
                let is_settled = settled.settle(old.created_ns, group, revision);
                let new = stream.assignment.clone();
                let changed = Changed::Stream { old: Some(old), new: Some(new) };
                if is_settled { Ok(vec![changed]) } else { Err(Refused::NoStream) }
            }
            Some(name) => {
                let consumer = stream.consumers.get_mut(name).ok_or(Refused::NoConsumer)?;
                let old = consumer.clone();
                let ConsumerAssignment { group, revision, .. } = &mut *consumer;
                let is_settled = settled.settle(old.created_ns, group, revision);
                let changed = Changed::Consumer { old: Some(old), new: Some(consumer.clone()) };
                if is_settled { Ok(vec![changed]) } else { Err(Refused::NoConsumer) }
            }
        }
    }

    fn remove_consumer(&mut self, identity: &Identity) -> Result<Vec<Changed>, Refused> {
        let stream = self.streams.get_mut(&identity.key.stream).ok_or(Refused::NoConsumer)?;
        let known = stream.consumers.get(&identity.key.name);
        if known.is_none_or(|known| known.created_ns != identity.created_ns) {
            return Err(Refused::NoConsumer);
        }
        let old = stream.consumers.remove(&identity.key.name);
        Ok(vec![Changed::Consumer { old, new: None }])
    }

    /// Takes over another state (a snapshot's): what changed, removals first.
    pub fn replace(&mut self, new: Self) -> Vec<Changed> {
        let old = std::mem::replace(self, new);
        let mut removed = Vec::new();
        let mut changed = Vec::new();
        for (name, before) in &old.streams {
            let after = self.streams.get(name);
            for (consumer, assignment) in &before.consumers {
                if after.is_none_or(|after| !after.consumers.contains_key(consumer)) {
                    removed.push(Changed::Consumer { old: Some(assignment.clone()), new: None });
                }
            }
            if after.is_none() {
                removed.push(Changed::Stream { old: Some(before.assignment.clone()), new: None });
            }
        }
        for (name, after) in &self.streams {
            let before = old.streams.get(name);
            let old_assignment = before.map(|before| before.assignment.clone());
            if old_assignment.as_ref() != Some(&after.assignment) {
                changed.push(Changed::Stream { old: old_assignment, new: Some(after.assignment.clone()) });
            }
            for (consumer, assignment) in &after.consumers {
                let known = before.and_then(|before| before.consumers.get(consumer));
                if known != Some(assignment) {
                    changed.push(Changed::Consumer { old: known.cloned(), new: Some(assignment.clone()) });
                }
            }
        }
        removed.extend(changed);
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::{Assignments, Changed, Identity, MetaChange, Refused, Settled, decode, encode};
    use crate::core::assignment::{Asker, ConsumerAssignment, RaftGroup, StreamAssignment};
    use crate::core::config::{ConsumerConfig, Retention, StreamConfig};
    use crate::core::names::{GroupName, ServerId};

    fn stream(name: &str, created_ns: u64) -> StreamAssignment {
        let group = RaftGroup::fresh(GroupName::new(format!("S-{name}")), vec![ServerId(1)]);
        let config = StreamConfig { name: name.to_owned(), ..StreamConfig::default() };
        StreamAssignment { config, created_ns, group, asker: Asker::default(), revision: 0 }
    }

    fn consumer(stream: &str, name: &str, created_ns: u64, group: &str) -> ConsumerAssignment {
        let group = RaftGroup::fresh(GroupName::new(group), vec![ServerId(1)]);
        let config = ConsumerConfig { name: name.to_owned(), ..ConsumerConfig::default() };
        ConsumerAssignment {
            stream: stream.to_owned(),
            config,
            created_ns,
            group,
            asker: Asker::default(),
            revision: 0,
        }
    }

    fn with_consumer() -> Assignments {
        let mut assignments = Assignments::default();
        assignments.apply(MetaChange::AssignStream(stream("T", 1))).expect("nothing is there");
        assignments.apply(MetaChange::AssignConsumer(consumer("T", "C", 2, "g1"))).expect("T is there");
        assignments
    }

    fn first_revision() -> ConsumerAssignment {
        ConsumerAssignment { revision: 1, ..consumer("T", "C", 2, "g1") }
    }

    #[test]
    fn of_two_changes_of_one_revision_the_first_counts() {
        let mut assignments = with_consumer();
        let update = |max_msgs| {
            let mut changed = stream("T", 1);
            changed.config.max_msgs = Some(max_msgs);
            MetaChange::UpdateStream(changed)
        };
        assert!(assignments.apply(update(1)).is_ok());
        assert_eq!(assignments.apply(update(2)), Err(Refused::Outdated));
        let again = MetaChange::AssignConsumer(consumer("T", "C", 9, "g3"));
        assert_eq!(assignments.apply(again), Err(Refused::Outdated));
    }

    #[test]
    fn what_was_proposed_at_once_does_not_overlap() {
        let mut assignments = with_consumer();
        let mut overlapping = stream("U", 5);
        let subject = vec!["x".to_owned()];
        overlapping.config.subjects.clone_from(&subject);
        assignments.apply(MetaChange::AssignStream(overlapping.clone())).expect("nobody takes x");
        let mut second = stream("V", 6);
        second.config.subjects = subject;
        assert_eq!(assignments.apply(MetaChange::AssignStream(second)), Err(Refused::StreamsOverlap));
        let mut queue = stream("Q", 7);
        queue.config.retention = Retention::WorkQueue;
        assignments.apply(MetaChange::AssignStream(queue)).expect("nothing is there");
        assignments.apply(MetaChange::AssignConsumer(consumer("Q", "C", 8, "g"))).expect("it is the first one");
        let refused = assignments.apply(MetaChange::AssignConsumer(consumer("Q", "D", 9, "h")));
        assert_eq!(refused, Err(Refused::ConsumersOverlap));
    }

    #[test]
    fn members_that_were_seen_of_an_earlier_revision_do_not_count() {
        let mut assignments = Assignments::default();
        assignments.apply(MetaChange::AssignStream(stream("T", 1))).expect("nothing is there");
        let target = vec![ServerId(2)];
        let aim = |revision| {
            let mut aimed = StreamAssignment { revision, ..stream("T", 1) };
            aimed.group.target = Some(target.clone());
            MetaChange::UpdateStream(aimed)
        };
        let settle = |revision| {
            MetaChange::Settle(Settled {
                stream: "T".to_owned(),
                consumer: None,
                created_ns: 1,
                group: GroupName::new("S-T"),
                peers: target.clone(),
                revision,
            })
        };
        assert!(assignments.apply(aim(0)).is_ok());
        assert!(assignments.apply(aim(1)).is_ok());
        assert_eq!(assignments.apply(settle(1)), Err(Refused::NoStream));
        assert!(assignments.apply(settle(2)).is_ok());
    }

    #[test]
    fn a_stream_does_not_leave_a_server_that_a_consumer_came_to() {
        let mut assignments = with_consumer();
        let mut leaving = StreamAssignment { revision: 0, ..stream("T", 1) };
        leaving.group.peers = vec![ServerId(1), ServerId(2)];
        leaving.group.target = Some(vec![ServerId(2)]);
        assert!(assignments.apply(MetaChange::UpdateStream(leaving)).is_ok());
        let settled = MetaChange::Settle(Settled {
            stream: "T".to_owned(),
            consumer: None,
            created_ns: 1,
            group: GroupName::new("S-T"),
            peers: vec![ServerId(2)],
            revision: 1,
        });
        assert_eq!(assignments.apply(settled.clone()), Err(Refused::Outdated));
        let mut follows = first_revision();
        follows.group.peers = vec![ServerId(2)];
        assert!(assignments.apply(MetaChange::AssignConsumer(follows)).is_ok());
        assert!(assignments.apply(settled).is_ok());
    }

    #[test]
    fn a_delayed_removal_does_not_hit_a_consumer_made_since() {
        let mut assignments = with_consumer();
        let old = Identity::of(&consumer("T", "C", 2, "g1"));
        assignments.apply(MetaChange::RemoveConsumer(old.clone())).expect("C is there");
        assignments.apply(MetaChange::AssignConsumer(consumer("T", "C", 3, "g2"))).expect("T is there");
        assert_eq!(assignments.apply(MetaChange::RemoveConsumer(old)), Err(Refused::NoConsumer));
    }

    #[test]
    fn a_delayed_change_does_not_bring_a_consumer_back() {
        let mut assignments = with_consumer();
        let removal = Identity::of(&consumer("T", "C", 2, "g1"));
        assignments.apply(MetaChange::RemoveConsumer(removal)).expect("C is there");
        assert_eq!(assignments.apply(MetaChange::AssignConsumer(first_revision())), Err(Refused::NoConsumer));
    }

    #[test]
    fn a_remapped_consumer_is_the_same_one() {
        let mut assignments = with_consumer();
        let old = Identity::of(&consumer("T", "C", 2, "g1"));
        let remapped = ConsumerAssignment { revision: 1, ..consumer("T", "C", 2, "g2") };
        assignments.apply(MetaChange::AssignConsumer(remapped)).expect("T is there");
        let removed = assignments.apply(MetaChange::RemoveConsumer(old));
        let expected = Changed::Consumer {
            old: Some(ConsumerAssignment { revision: 2, ..consumer("T", "C", 2, "g2") }),
            new: None,
        };
        assert_eq!(removed, Ok(vec![expected]));
    }

    #[test]
    fn a_stream_goes_after_its_consumers() {
        let mut assignments = with_consumer();
        let removal = MetaChange::RemoveStream { name: "T".to_owned(), created_ns: 1 };
        let expected = vec![
            Changed::Consumer { old: Some(first_revision()), new: None },
            Changed::Stream { old: Some(stream("T", 1)), new: None },
        ];
        assert_eq!(assignments.apply(removal.clone()), Ok(expected));
        assert_eq!(assignments.apply(removal), Err(Refused::NoStream));
    }

    #[test]
    fn a_snapshot_is_the_difference_to_what_was() {
        let mut assignments = with_consumer();
        let mut later = Assignments::default();
        later.apply(MetaChange::AssignStream(stream("U", 5))).expect("nothing is there");
        let expected = vec![
            Changed::Consumer { old: Some(first_revision()), new: None },
            Changed::Stream { old: Some(stream("T", 1)), new: None },
            Changed::Stream { old: None, new: Some(stream("U", 5)) },
        ];
        assert_eq!(assignments.replace(later.clone()), expected);
        assert_eq!(assignments.replace(later), []);
    }

    #[test]
    fn another_version_is_an_error_and_no_guess() {
        let bytes = encode(&with_consumer());
        assert_eq!(decode::<Assignments>("snapshot", &bytes), Ok(with_consumer()));
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert!(decode::<Assignments>("snapshot", &newer).is_err());
        assert!(decode::<Assignments>("snapshot", &bytes[..bytes.len() - 1]).is_err());
        assert!(decode::<Assignments>("snapshot", &[]).is_err());
    }
}
