//! Entries and the exact actions that they lead to.

use std::time::Duration;

use super::{ConsumerAction, ConsumerState, Position};
use crate::core::config::{AckPolicy, ConsumerConfig};
use crate::core::entry::{Ack, AckKind, ConsumerEntry, Encoded, Origin};
use crate::core::names::ServerId;

const PULL: Origin = Origin { server: ServerId(1), proposal: 5 };

/// A consumer that waits 30 ns.
fn config() -> ConsumerConfig {
    ConsumerConfig { ack_wait: Duration::from_nanos(30), ..ConsumerConfig::default() }
}

/// A consumer and the index of its last entry.
struct Log(ConsumerState, u64);

impl Log {
    fn new(config: ConsumerConfig) -> Self {
        Self(ConsumerState::new(config), 0)
    }

    fn apply(&mut self, entry: ConsumerEntry) -> Vec<ConsumerAction> {
        self.1 += 1;
        self.0.apply(self.1, entry)
    }

    /// Offers messages that nobody asked for: the sends alone.
    fn deliver(&mut self, seqs: &[u64], time_ns: u64) -> Vec<ConsumerAction> {
        self.apply(ConsumerEntry::Deliver { origin: Origin::NOBODY, seqs: seqs.to_vec(), time_ns })
    }

    fn ack(&mut self, stream_seq: u64, kind: AckKind, time_ns: u64) -> Vec<ConsumerAction> {
        let ack = Ack { origin: Origin::NOBODY, stream_seq, kind };
        self.apply(ConsumerEntry::Acks { acks: vec![ack], time_ns })
    }

    fn floor(&self) -> (u64, u64) {
        (self.0.ack_floor().stream_seq, self.0.ack_floor().consumer_seq)
    }
}

fn sent(stream_seq: u64, consumer_seq: u64, n_deliveries: u32, time_ns: u64) -> ConsumerAction {
    ConsumerAction::Send { origin: Origin::NOBODY, stream_seq, consumer_seq, n_deliveries, time_ns }
}

fn settled(stream_seq: u64) -> ConsumerAction {
    ConsumerAction::Settled { stream_seq }
}

#[test]
fn messages_are_delivered_in_order_and_settled_by_their_acknowledgement() {
    let mut log = Log::new(config());
    assert_eq!(log.deliver(&[2, 5], 0), [sent(2, 1, 1, 0), sent(5, 2, 1, 0)]);
    assert_eq!(log.floor(), (1, 0));
    assert_eq!(log.ack(5, AckKind::Ack, 1), [settled(5)]);
    assert_eq!(log.floor(), (1, 0));
    assert_eq!(log.ack(2, AckKind::Ack, 1), [settled(2)]);
    assert_eq!(log.floor(), (5, 2));
    assert_eq!(log.ack(2, AckKind::Ack, 1), []);
    assert_eq!(log.0.delivered(), Position { stream_seq: 5, consumer_seq: 2 });
}

#[test]
fn an_offer_that_was_overtaken_delivers_nothing() {
    let mut log = Log::new(config());
    log.deliver(&[1, 2], 0);
    let actions = log.apply(ConsumerEntry::Deliver { origin: PULL, seqs: vec![1, 2], time_ns: 1 });
    assert_eq!(actions, [ConsumerAction::Offered { origin: PULL, n_sent: 0 }]);
}

#[test]
fn a_message_is_due_when_its_wait_is_over() {
    let mut log = Log::new(config());
    log.deliver(&[1], 0);
    assert_eq!((log.0.due(29), log.0.due(30), log.0.next_due_ns()), (vec![], vec![1], Some(30)));
    assert_eq!(log.deliver(&[1], 29), []);
    assert_eq!(log.deliver(&[1], 30), [sent(1, 2, 2, 30)]);
    assert_eq!((log.0.next_due_ns(), log.0.n_redelivered()), (Some(60), 1));
}

#[test]
fn the_waits_follow_the_list_and_its_last_one_goes_on() {
    let backoff = [10, 20].map(Duration::from_nanos).to_vec();
    let mut log = Log::new(ConsumerConfig { backoff, ..config() });
    log.deliver(&[7], 0);
    let mut deadlines = vec![log.0.next_due_ns()];
    for _ in 0..3 {
        let now_ns = log.0.next_due_ns().expect("it is pending");
        log.deliver(&[7], now_ns);
        deadlines.push(log.0.next_due_ns());
    }
    assert_eq!(deadlines, [Some(10), Some(30), Some(50), Some(70)]);
}

#[test]
fn a_client_may_ask_for_time_or_for_another_delivery() {
    let mut log = Log::new(config());
    log.deliver(&[1], 0);
    assert_eq!(log.ack(1, AckKind::Progress, 20), []);
    assert_eq!(log.0.next_due_ns(), Some(50));
    assert_eq!(log.ack(1, AckKind::Nak { delay_ns: 5 }, 21), []);
    assert_eq!(log.0.due(26), [1]);
    assert_eq!(log.deliver(&[1], 26), [sent(1, 2, 2, 26)]);
    assert_eq!(log.0.next_due_ns(), Some(56));
}

#[test]
fn a_message_that_is_given_up_or_used_up_does_not_come_again() {
    let mut log = Log::new(ConsumerConfig { max_deliver: Some(2), ..config() });
    log.deliver(&[1, 2], 0);
    let given_up = ConsumerAction::Terminated { origin: Origin::NOBODY, stream_seq: 1 };
    assert_eq!(log.ack(1, AckKind::Term, 1), [given_up, settled(1)]);
    log.deliver(&[2], 30);
    assert_eq!(log.deliver(&[2], 60), [ConsumerAction::Exhausted { stream_seq: 2, n_deliveries: 2 }]);
    assert_eq!((log.0.due(1000), log.floor()), (vec![], (2, 3)));
}

#[test]
fn what_is_given_up_is_not_settled_until_somebody_says_so() {
    let mut log = Log::new(ConsumerConfig { max_deliver: Some(1), ..config() });
    log.apply(ConsumerEntry::Begin { next_seq: 1 });
    log.deliver(&[1, 2, 3], 0);
    log.ack(1, AckKind::Ack, 1);
    log.deliver(&[2, 3], 30);
    let settled_ones = |log: &Log| (1..=4).filter(|seq| log.0.has_settled(*seq)).collect::<Vec<u64>>();
    assert_eq!((settled_ones(&log), log.0.first_given_up()), (vec![1], Some(2)));
    assert_eq!(log.ack(2, AckKind::Ack, 40), [settled(2)]);
    assert_eq!((settled_ones(&log), log.0.first_given_up()), (vec![1, 2], Some(3)));
    log.apply(ConsumerEntry::Skip { first_seq: 4 });
    assert_eq!(log.0.first_given_up(), None);
}

#[test]
fn one_acknowledgement_covers_all_before_it_where_the_policy_says_so() {
    let mut log = Log::new(ConsumerConfig { ack: AckPolicy::All, ..config() });
    log.deliver(&[1, 2, 3], 0);
    assert_eq!(log.ack(2, AckKind::Ack, 1), [settled(1), settled(2)]);
    assert_eq!(log.floor(), (2, 2));
}

#[test]
fn without_acknowledgements_delivery_is_enough() {
    let mut log = Log::new(ConsumerConfig { ack: AckPolicy::None, max_ack_pending: 1, ..config() });
    let actions = log.deliver(&[1, 2], 0);
    assert_eq!(actions, [sent(1, 1, 1, 0), settled(1), sent(2, 2, 1, 0), settled(2)]);
    assert_eq!((log.floor(), log.0.next_due_ns()), ((2, 2), None));
}

#[test]
fn no_more_are_delivered_than_may_be_pending() {
    let mut log = Log::new(ConsumerConfig { max_ack_pending: 1, ..config() });
    assert_eq!(log.deliver(&[1, 2], 0), [sent(1, 1, 1, 0)]);
    assert_eq!((log.0.room(), log.0.next_seq()), (0, 2));
    // One that is pending already needs no room.
    assert_eq!(log.deliver(&[1], 30), [sent(1, 2, 2, 30)]);
    log.ack(1, AckKind::Ack, 31);
    assert_eq!(log.deliver(&[2], 32), [sent(2, 3, 1, 32)]);
}

#[test]
fn a_client_that_asked_is_told_that_its_acknowledgement_holds() {
    let mut log = Log::new(config());
    log.deliver(&[1], 0);
    let ack = |stream_seq| Ack { origin: PULL, stream_seq, kind: AckKind::Ack };
    let actions = log.apply(ConsumerEntry::Acks { acks: vec![ack(1), ack(1), ack(2)], time_ns: 1 });
    let confirmed = ConsumerAction::Confirm { origin: PULL };
    // One that was never delivered changes nothing.
    let refused = ConsumerAction::NotDelivered { origin: PULL };
    assert_eq!(actions, [settled(1), confirmed.clone(), confirmed, refused]);
}

#[test]
fn the_beginning_is_decided_once_and_lost_messages_are_skipped() {
    let mut log = Log::new(config());
    log.apply(ConsumerEntry::Begin { next_seq: 10 });
    log.apply(ConsumerEntry::Begin { next_seq: 20 });
    assert_eq!(log.0.next_seq(), 10);
    log.deliver(&[10, 11], 0);
    log.apply(ConsumerEntry::Skip { first_seq: 11 });
    assert_eq!((log.floor(), log.0.next_seq()), ((10, 1), 12));
    log.apply(ConsumerEntry::Skip { first_seq: 40 });
    assert_eq!((log.floor(), log.0.next_seq(), log.0.pending().len()), ((39, 2), 40, 0));
}

#[test]
fn a_snapshot_brings_the_same_consumer_back() {
    let mut log = Log::new(config());
    log.deliver(&[1, 2, 3], 0);
    log.deliver(&[1], 30);
    log.ack(2, AckKind::Nak { delay_ns: 9 }, 31);
    let restored = ConsumerState::decode(&log.0.encode()).expect("it was encoded by this version");
    assert_eq!((restored.hash(), &restored), (log.0.hash(), &log.0));
}
