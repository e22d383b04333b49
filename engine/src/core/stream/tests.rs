//! Entries and the exact actions that they lead to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Answer, StreamAction, StreamState};
use crate::core::api_error::ApiError;
use crate::core::config::{Discard, StreamConfig};
use crate::core::contents::{Facts, LostMessage, StoreView};
use crate::core::entry::{BatchPart, ID_LENGTH_BYTES, Origin, Publish, Rollup, StreamEntry};
use crate::core::names::ServerId;

/// A store that keeps what died, as one does between snapshots.
#[derive(Clone, Default)]
struct Kept(BTreeMap<u64, Facts>);

impl StoreView for Kept {
    fn facts(&self, seq: u64) -> Option<Facts> {
        self.0.get(&seq).cloned()
    }

    fn next_of_subject(&self, subject: &str, from: u64) -> Result<Option<u64>, LostMessage> {
        Ok(self.0.range(from..).find(|(_, facts)| *facts.subject == *subject).map(|(seq, _)| *seq))
    }

    fn previous_of_subject(&self, subject: &str, below: u64) -> Result<Option<u64>, LostMessage> {
        Ok(self.0.range(..below).rev().find(|(_, facts)| *facts.subject == *subject).map(|(seq, _)| *seq))
    }
}

/// A replica: a state, and a store that executes its actions.
#[derive(Clone)]
struct Replica {
    state: StreamState,
    store: Kept,
    index: u64,
}

impl Replica {
    fn new(config: StreamConfig) -> Self {
        Self { state: StreamState::new(config), store: Kept::default(), index: 0 }
    }

    fn apply(&mut self, entry: StreamEntry) -> Vec<StreamAction> {
        self.index += 1;
        let actions = self.state.apply(self.index, entry, &self.store).expect("the store keeps everything");
        for action in &actions {
            if let StreamAction::Store { seq, subject, headers, payload, time_ns, msg_id } = action {
                let n_id = ID_LENGTH_BYTES + msg_id.as_ref().map_or(0, String::len);
                let bytes = (n_id + subject.len() + headers.len() + payload.len()) as u64;
                self.store.0.insert(*seq, Facts { subject: subject.clone(), bytes, time_ns: *time_ns });
            }
        }
        actions
    }

    fn live(&self) -> Vec<u64> {
        self.state.extent().live().collect()
    }
}

const CLIENT: Origin = Origin { server: ServerId(1), proposal: 9 };

/// One byte of payload, at the time of its number.
fn message(subject: &str, time_ns: u64) -> Publish {
    Publish::plain(CLIENT, subject, &b"x"[..], time_ns)
}

fn stored(seq: u64, subject: &str, time_ns: u64) -> StreamAction {
    let payload = bytes::Bytes::from_static(b"x");
    let headers = bytes::Bytes::new();
    StreamAction::Store { seq, subject: subject.into(), headers, payload, time_ns, msg_id: None }
}

fn told(answer: Answer) -> StreamAction {
    StreamAction::Answer { origin: CLIENT, answer }
}

fn acked(seq: u64) -> StreamAction {
    told(Answer::Stored { seq, duplicate: false, batch: None })
}

fn refused(error: ApiError) -> StreamAction {
    told(Answer::Refused(error))
}

fn removed(seq: u64) -> StreamAction {
    StreamAction::Remove { seq }
}

fn purge(filter: Option<&str>, below_seq: Option<u64>, keep: u64) -> StreamEntry {
    StreamEntry::Purge { origin: CLIENT, filter: filter.map(str::to_owned), below_seq, keep }
}

#[test]
fn a_message_is_stored_and_acknowledged() {
    let mut replica = Replica::new(StreamConfig::default());
    assert_eq!(replica.apply(StreamEntry::Publish(message("a", 1))), [stored(1, "a", 1), acked(1)]);
    let unawaited = Publish { origin: Origin::NOBODY, ..message("a", 2) };
    assert_eq!(replica.apply(StreamEntry::Publish(unawaited)), [stored(2, "a", 2)]);
    assert_eq!((replica.state.applied(), replica.state.extent().bytes, replica.state.clfs()), (2, 8, 0));
}

#[test]
fn discarding_old_removes_the_first() {
    let mut replica = Replica::new(StreamConfig { max_msgs: Some(2), ..StreamConfig::default() });
    replica.apply(StreamEntry::Publish(message("a", 1)));
    replica.apply(StreamEntry::Publish(message("b", 2)));
    let actions = replica.apply(StreamEntry::Publish(message("c", 3)));
    assert_eq!(actions, [stored(3, "c", 3), removed(1), acked(3)]);
    assert_eq!(replica.live(), [2, 3]);
}

#[test]
fn discarding_new_refuses_and_counts_the_refusal() {
    let config = StreamConfig { max_msgs: Some(1), discard: Discard::New, ..StreamConfig::default() };
    let mut replica = Replica::new(config);
    replica.apply(StreamEntry::Publish(message("a", 1)));
    assert_eq!(replica.apply(StreamEntry::Publish(message("b", 2))), [refused(ApiError::MAX_MESSAGES)]);
    assert_eq!((replica.state.clfs(), replica.state.extent().last_seq, replica.state.applied()), (1, 1, 2));
}

#[test]
fn a_subject_at_its_limit_makes_room_in_a_full_stream() {
    let config = StreamConfig {
        max_msgs: Some(2),
        max_msgs_per_subject: Some(1),
        discard: Discard::New,
        ..StreamConfig::default()
    };
    let mut replica = Replica::new(config);
    replica.apply(StreamEntry::Publish(message("a", 1)));
    replica.apply(StreamEntry::Publish(message("b", 2)));
    let actions = replica.apply(StreamEntry::Publish(message("a", 3)));
    assert_eq!(actions, [stored(3, "a", 3), removed(1), acked(3)]);
    assert_eq!(replica.apply(StreamEntry::Publish(message("c", 4))), [refused(ApiError::MAX_MESSAGES)]);
}

#[test]
fn sizes_are_limited_for_one_message_and_for_all() {
    let config = StreamConfig { max_bytes: Some(8), max_msg_bytes: Some(2), ..StreamConfig::default() };
    let mut replica = Replica::new(config);
    let of_bytes = |n_bytes: usize| Publish { payload: vec![0; n_bytes].into(), ..message("a", 1) };
    assert_eq!(replica.apply(StreamEntry::Publish(of_bytes(3))), [refused(ApiError::MESSAGE_TOO_LARGE)]);
    replica.apply(StreamEntry::Publish(of_bytes(1)));
    replica.apply(StreamEntry::Publish(of_bytes(1)));
    let actions = replica.apply(StreamEntry::Publish(of_bytes(2)));
    assert_eq!(actions[1..], [removed(1), removed(2), acked(3)]);
    assert_eq!(replica.state.extent().bytes, 5);
}

#[test]
fn a_message_id_is_stored_once_within_the_window() {
    let config = StreamConfig { duplicate_window: Duration::from_nanos(10), ..StreamConfig::default() };
    let mut replica = Replica::new(config);
    let with_id = |time_ns| Publish { msg_id: Some("id".to_owned()), ..message("a", time_ns) };
    replica.apply(StreamEntry::Publish(with_id(100)));
    let repeated = told(Answer::Stored { seq: 1, duplicate: true, batch: None });
    assert_eq!(replica.apply(StreamEntry::Publish(with_id(110))), [repeated]);
    assert_eq!(replica.apply(StreamEntry::Publish(with_id(111)))[1..], [acked(2)]);
    assert_eq!(replica.state.clfs(), 1);
}

#[test]
fn expectations_are_checked_in_the_order_of_the_log() {
    let mut replica = Replica::new(StreamConfig::default());
    let expecting = |expected| Publish { expected_last_seq: Some(expected), ..message("a", 1) };
    assert_eq!(replica.apply(StreamEntry::Publish(expecting(0)))[1..], [acked(1)]);
    let wrong = refused(ApiError::wrong_last_sequence(1));
    assert_eq!(replica.apply(StreamEntry::Publish(expecting(0)))[..], *std::slice::from_ref(&wrong));
    let of_subject = |subject, expected| Publish { expected_last_subject_seq: Some(expected), ..message(subject, 1) };
    assert_eq!(replica.apply(StreamEntry::Publish(of_subject("a", 0))), [wrong]);
    assert_eq!(replica.apply(StreamEntry::Publish(of_subject("b", 0)))[1..], [acked(2)]);
    let of_id = Publish { expected_last_msg_id: Some("id".to_owned()), ..message("a", 1) };
    assert_eq!(replica.apply(StreamEntry::Publish(of_id)), [refused(ApiError::wrong_last_message_id(""))]);
}

#[test]
fn the_last_sequence_of_a_subject_is_that_of_a_message_that_lives() {
    let mut replica = Replica::new(StreamConfig::default());
    for time_ns in 1..=3 {
        replica.apply(StreamEntry::Publish(message("a", time_ns)));
    }
    let told_removed = told(Answer::Removed { n_messages: 1 });
    assert_eq!(replica.apply(StreamEntry::Remove { origin: CLIENT, seq: 3 }), [removed(3), told_removed]);
    assert_eq!(replica.state.contents().last_of_subject("a"), 2);
    let gone = StreamEntry::Remove { origin: CLIENT, seq: 3 };
    assert_eq!(replica.apply(gone), [refused(ApiError::SEQUENCE_NOT_FOUND)]);
}

#[test]
fn messages_of_an_age_go_together() {
    let mut replica = Replica::new(StreamConfig::default());
    for time_ns in [1, 5, 9] {
        replica.apply(StreamEntry::Publish(message("a", time_ns)));
    }
    assert_eq!(replica.apply(StreamEntry::Expire { before_ns: 1 }), []);
    assert_eq!(replica.apply(StreamEntry::Expire { before_ns: 9 }), [StreamAction::Compact { first_seq: 3 }]);
    assert_eq!(replica.live(), [3]);
}

#[test]
fn a_purge_takes_what_it_is_asked_for() {
    let mut replica = Replica::new(StreamConfig::default());
    for (time_ns, subject) in ["a", "b", "a", "b", "a", "b"].into_iter().enumerate() {
        replica.apply(StreamEntry::Publish(message(subject, time_ns as u64)));
    }
    let told_n = |n_messages| told(Answer::Removed { n_messages });
    assert_eq!(replica.apply(purge(Some("a"), None, 1)), [removed(1), removed(3), told_n(2)]);
    assert_eq!(replica.apply(purge(Some("*"), Some(4), 0)), [removed(2), told_n(1)]);
    assert_eq!(replica.apply(purge(None, None, 1)), [StreamAction::Compact { first_seq: 6 }, told_n(2)]);
    assert_eq!(replica.apply(purge(None, None, 0)), [StreamAction::Compact { first_seq: 7 }, told_n(1)]);
    assert_eq!(replica.apply(purge(None, None, 0)), [told_n(0)]);
    assert_eq!(replica.apply(StreamEntry::Publish(message("a", 7)))[1..], [acked(7)]);
}

#[test]
fn a_rollup_leaves_the_message_alone() {
    let mut replica = Replica::new(StreamConfig::default());
    for subject in ["a", "b", "a"] {
        replica.apply(StreamEntry::Publish(message(subject, 1)));
    }
    let of_subject = Publish { rollup: Some(Rollup::Subject), ..message("a", 2) };
    let actions = replica.apply(StreamEntry::Publish(of_subject));
    assert_eq!(actions[1..], [removed(1), removed(3), acked(4)]);
    let of_all = Publish { rollup: Some(Rollup::All), ..message("a", 3) };
    assert_eq!(replica.apply(StreamEntry::Publish(of_all))[1..], [StreamAction::Compact { first_seq: 5 }, acked(5)]);
}

// ---- batches ----

fn atomic() -> Replica {
    Replica::new(StreamConfig { allow_atomic: true, ..StreamConfig::default() })
}

fn part(id: &str, seq: u32, commit: bool) -> Publish {
    let origin = if commit { CLIENT } else { Origin::NOBODY };
    Publish { origin, batch: Some(BatchPart { id: id.to_owned(), seq, commit }), ..message("a", u64::from(seq)) }
}

fn abandoned(id: &str, n_messages: u32) -> StreamAction {
    StreamAction::BatchAbandoned { id: id.to_owned(), n_messages }
}

#[test]
fn a_batch_is_stored_at_its_end_and_applied_does_not_pass_its_start() {
    let mut replica = atomic();
    replica.apply(StreamEntry::Publish(message("a", 0)));
    assert_eq!(replica.apply(StreamEntry::Publish(part("x", 1, false))), []);
    assert_eq!(replica.apply(StreamEntry::Publish(part("x", 2, false))), []);
    assert_eq!((replica.state.applied(), replica.state.processed()), (1, 3));
    let told_batch = told(Answer::Stored { seq: 4, duplicate: false, batch: Some(("x".to_owned(), 3)) });
    let actions = replica.apply(StreamEntry::Publish(part("x", 3, true)));
    assert_eq!(actions, [stored(2, "a", 1), stored(3, "a", 2), stored(4, "a", 3), told_batch]);
    assert_eq!(replica.state.applied(), 4);
}

#[test]
fn whatever_interrupts_a_batch_ends_it() {
    let mut replica = atomic();
    replica.apply(StreamEntry::Publish(part("x", 1, false)));
    let actions = replica.apply(StreamEntry::Publish(message("a", 9)));
    assert_eq!(actions, [abandoned("x", 1), stored(1, "a", 9), acked(1)]);
    replica.apply(StreamEntry::Publish(part("y", 1, false)));
    assert_eq!(replica.apply(StreamEntry::Publish(part("z", 1, false))), [abandoned("y", 1)]);
    let incomplete = refused(ApiError::BATCH_INCOMPLETE);
    assert_eq!(replica.apply(StreamEntry::Publish(part("z", 3, true))), [abandoned("z", 1), incomplete]);
    replica.apply(StreamEntry::Publish(part("w", 1, false)));
    assert_eq!(replica.state.apply_empty(7), [abandoned("w", 1)]);
    assert_eq!((replica.state.clfs(), replica.state.applied()), (5, 7));
}

#[test]
fn one_message_that_is_refused_refuses_its_batch() {
    let mut replica = atomic();
    replica.apply(StreamEntry::Publish(part("x", 1, false)));
    let unfit = Publish { expected_last_seq: Some(7), ..part("x", 2, true) };
    let wrong = refused(ApiError::wrong_last_sequence(1));
    assert_eq!(replica.apply(StreamEntry::Publish(unfit)), [abandoned("x", 2), wrong]);
    assert_eq!((replica.live(), replica.state.clfs(), replica.state.applied()), (vec![], 2, 2));
}

// ---- replicas ----

/// A log that meets every rule.
fn mixed_log() -> Vec<StreamEntry> {
    let mut seed = 7_u64;
    let mut draw = move |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % bound
    };
    let entry = |number: u64| match draw(12) {
        0 => StreamEntry::Remove { origin: CLIENT, seq: draw(number + 1) },
        1 => purge(Some("s.1"), None, draw(3)),
        2 => StreamEntry::Expire { before_ns: number.saturating_sub(20) },
        3 => StreamEntry::Publish(Publish { expected_last_seq: Some(draw(number + 1)), ..message("s.0", number) }),
        4 => StreamEntry::Publish(Publish { msg_id: Some(draw(9).to_string()), ..message("s.1", number) }),
        5 => StreamEntry::Publish(part("b", 1, false)),
        6 => StreamEntry::Publish(part("b", 2, draw(2) == 0)),
        7 => StreamEntry::Publish(Publish { expected_last_subject_seq: Some(0), ..message("s.2", number) }),
        _ => StreamEntry::Publish(message(&format!("s.{}", draw(4)), number)),
    };
    (1..400).map(entry).collect()
}

fn limited(discard: Discard) -> StreamConfig {
    StreamConfig {
        allow_atomic: true,
        max_msgs: Some(12),
        max_msgs_per_subject: Some(5),
        duplicate_window: Duration::from_nanos(30),
        discard,
        ..StreamConfig::default()
    }
}

#[test]
fn the_contents_are_what_the_actions_leave() {
    for discard in [Discard::Old, Discard::New] {
        let mut replica = Replica::new(limited(discard));
        let mut left: BTreeMap<u64, Facts> = BTreeMap::new();
        for entry in mixed_log() {
            for action in replica.apply(entry) {
                match action {
                    StreamAction::Store { seq, .. } => _ = left.insert(seq, replica.store.0[&seq].clone()),
                    StreamAction::Remove { seq } => assert!(left.remove(&seq).is_some(), "{seq} died twice"),
                    StreamAction::Compact { first_seq } => left = left.split_off(&first_seq),
                    _ => {}
                }
            }
            let contents = replica.state.contents();
            assert_eq!(replica.live(), left.keys().copied().collect::<Vec<_>>());
            assert_eq!(contents.extent().n_messages, left.len() as u64);
            assert_eq!(contents.extent().bytes, left.values().map(|facts| facts.bytes).sum::<u64>());
            let first_seq = left.keys().next().copied();
            assert_eq!(contents.extent().first_seq, first_seq.unwrap_or(contents.extent().last_seq + 1));
            for subject in ["s.0", "s.1", "s.2", "s.3", "a"] {
                let of_subject = || left.iter().filter(|(_, facts)| *facts.subject == *subject).map(|(seq, _)| *seq);
                assert_eq!(contents.n_of_subject(subject), of_subject().count() as u64);
                assert_eq!(contents.last_of_subject(subject), of_subject().next_back().unwrap_or(0));
                assert_eq!(contents.first_of_subject(subject, &replica.store), Ok(of_subject().next()));
            }
        }
        assert!(replica.state.clfs() > 20, "the log meets no refusals");
    }
}

#[test]
fn a_snapshot_and_the_rest_of_the_log_lead_to_the_same_state_over_a_store_that_is_ahead() {
    for discard in [Discard::Old, Discard::New] {
        let log = mixed_log();
        let mut original = Replica::new(limited(discard));
        let mut snapshots = vec![original.state.snapshot()];
        for entry in &log {
            original.apply(entry.clone());
            snapshots.push(original.state.snapshot());
        }
        for snapshot in snapshots.into_iter().step_by(7) {
            let index = snapshot.applied;
            let state = StreamState::restore(snapshot, &original.store).expect("the store keeps what died");
            let mut restarted = Replica { state, store: original.store.clone(), index };
            for entry in &log[usize::try_from(index).unwrap_or(0)..] {
                restarted.apply(entry.clone());
            }
            assert_eq!(restarted.state.hash(), original.state.hash(), "from {index}");
            assert_eq!(restarted.state, original.state, "from {index}");
        }
    }
}

#[test]
fn a_living_message_that_the_store_lost_is_an_error() {
    let mut replica = Replica::new(StreamConfig { max_msgs: Some(1), ..StreamConfig::default() });
    replica.apply(StreamEntry::Publish(message("a", 1)));
    replica.store.0.clear();
    let snapshot = replica.state.snapshot();
    assert_eq!(snapshot.extent.missing(&replica.store), [1..=1]);
    let result = replica.state.apply(2, StreamEntry::Publish(message("a", 2)), &replica.store);
    assert_eq!(result, Err(LostMessage { seq: 1 }));
    assert_eq!(replica.state.applied(), 1);
}

/// A store that cannot read what it has of a subject.
struct Unreadable(Kept);

impl StoreView for Unreadable {
    fn facts(&self, seq: u64) -> Option<Facts> {
        self.0.facts(seq)
    }

    fn next_of_subject(&self, _subject: &str, from: u64) -> Result<Option<u64>, LostMessage> {
        Err(LostMessage { seq: from })
    }

    fn previous_of_subject(&self, subject: &str, below: u64) -> Result<Option<u64>, LostMessage> {
        self.0.previous_of_subject(subject, below)
    }
}

#[test]
fn a_subject_that_cannot_be_read_does_not_lose_its_newest_message() {
    let config = StreamConfig { max_msgs_per_subject: Some(1), ..StreamConfig::default() };
    let mut replica = Replica::new(config);
    replica.apply(StreamEntry::Publish(message("a", 1)));
    let unreadable = Unreadable(replica.store.clone());
    let result = replica.state.apply(2, StreamEntry::Publish(message("a", 2)), &unreadable);
    assert!(result.is_err(), "{result:?}");
}
