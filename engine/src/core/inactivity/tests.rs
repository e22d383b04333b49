//! The tables of `docs/engine/inactivity.md`, row by row.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::assignment::{Asker, RaftGroup};
use crate::core::names::{GroupName, ServerId};
use crate::mutation::{self, Mutation};

const SECOND: Duration = Duration::from_secs(1);
const fn at(seconds: u64) -> u64 {
    seconds * 1_000_000_000
}

fn assignment(group: &str, created_ns: u64) -> ConsumerAssignment {
    ConsumerAssignment {
        stream: "ORDERS".to_owned(),
        config: ConsumerConfig { name: "C".to_owned(), ..ConsumerConfig::default() },
        created_ns,
        group: RaftGroup::fresh(GroupName::new(group), vec![ServerId(1)]),
        asker: Asker::default(),
        revision: 0,
    }
}

/// A clustered pull consumer, used last at 0 s, with a threshold of 5 s.
fn facts() -> Facts {
    let own = assignment("g", 1);
    Facts {
        key: own.key(),
        is_closed: false,
        is_leader: true,
        is_direct: false,
        is_clustered: true,
        mode: DeliverMode::Pull,
        threshold: Some(5 * SECOND),
        has_interest: false,
        has_waiting: false,
        activity: Activity::starting_at(0),
        last_due_ns: None,
        assignment: Some(Arc::new(own)),
    }
}

fn captured(facts: &Facts) -> Captured {
    match on_fire(facts, at(100)) {
        Fired::Inactive(captured) => captured,
        other => panic!("it is inactive after 100 s, not {other:?}"),
    }
}

fn meta(assigned: Option<&ConsumerAssignment>) -> Option<MetaFacts<'_>> {
    Some(MetaFacts { assigned, is_recovering: false })
}

fn identity() -> Identity {
    Identity::of(&assignment("g", 1))
}

#[test]
fn thresholds_follow_the_kind_of_the_consumer() {
    let pull = ConsumerConfig::default();
    let push = ConsumerConfig { mode: DeliverMode::Push, ..ConsumerConfig::default() };
    let of = |config: &ConsumerConfig, durable, threshold| {
        let config = ConsumerConfig { durable, inactive_threshold: threshold, ..config.clone() };
        effective_threshold(&config, Duration::from_millis(7))
    };
    let loose = |threshold: Duration| Some(threshold + Duration::from_millis(107));
    assert_eq!(of(&pull, false, Duration::ZERO), loose(5 * SECOND));
    assert_eq!(of(&push, false, Duration::ZERO), loose(5 * SECOND));
    assert_eq!(of(&pull, true, Duration::ZERO), None);
    assert_eq!(of(&pull, true, SECOND), loose(SECOND));
    assert_eq!(of(&push, false, SECOND), Some(SECOND));
    assert_eq!(shown_threshold(&pull), Some(5 * SECOND));
}

#[test]
fn a_timer_fires_for_an_open_consumer_that_leads() {
    assert_eq!(on_fire(&Facts { is_leader: false, ..facts() }, at(100)), Fired::Return);
    assert_eq!(on_fire(&Facts { is_closed: true, ..facts() }, at(100)), Fired::Return);
    assert_eq!(on_fire(&Facts { threshold: None, ..facts() }, at(100)), Fired::Return);
}

#[test]
fn a_pull_consumer_in_use_is_looked_at_again_in_time() {
    assert_eq!(on_fire(&facts(), at(3)), Fired::Rearm(2 * SECOND));
    assert_eq!(on_fire(&Facts { has_waiting: true, ..facts() }, at(9)), Fired::Rearm(5 * SECOND));
    let pending = Facts { last_due_ns: Some(at(31)), ..facts() };
    assert_eq!(on_fire(&pending, at(20)), Fired::Rearm(16 * SECOND));
    assert!(matches!(on_fire(&pending, at(36)), Fired::Inactive(_)));
    assert!(matches!(on_fire(&facts(), at(5)), Fired::Inactive(_)));
}

#[test]
fn a_push_consumer_is_in_use_while_somebody_listens() {
    let push = Facts { mode: DeliverMode::Push, last_due_ns: Some(at(500)), ..facts() };
    assert_eq!(on_fire(&Facts { has_interest: true, ..push.clone() }, at(100)), Fired::Return);
    assert_eq!(on_fire(&push, at(4)), Fired::Rearm(SECOND));
    assert!(matches!(on_fire(&push, at(5)), Fired::Inactive(_)));
}

#[test]
fn what_follows_depends_on_the_meta_layer() {
    let inactive = captured(&facts());
    let unassigned = Captured { assignment: None, ..inactive.clone() };
    let own = assignment("g", 1);
    let (remapped, recreated) = (assignment("h", 1), assignment("g", 2));
    let recovering = Some(MetaFacts { assigned: None, is_recovering: true });
    let rearm = |wait, reason| Decision::Rearm(wait, reason);
    let cases = [
        (Captured { is_clustered: false, ..inactive.clone() }, None, Decision::DeleteLocally),
        (Captured { is_direct: true, ..inactive.clone() }, meta(None), Decision::DeleteLocally),
        (inactive.clone(), None, rearm(RETRY_START, RearmReason::NoMetaLayer)),
        (inactive.clone(), meta(Some(&own)), Decision::Propose(identity())),
        (inactive.clone(), meta(None), Decision::Done),
        (inactive.clone(), meta(Some(&recreated)), Decision::Done),
        (inactive, meta(Some(&remapped)), rearm(5 * SECOND, RearmReason::Remapped)),
        (unassigned.clone(), meta(Some(&own)), rearm(RETRY_START, RearmReason::NoOwnAssignment)),
        (unassigned.clone(), recovering, rearm(RETRY_START, RearmReason::NoOwnAssignment)),
        (unassigned, meta(None), Decision::DeleteLocally),
    ];
    for (number, (consumer, meta_facts, expected)) in cases.into_iter().enumerate() {
        assert_eq!(decide(&consumer, meta_facts), expected, "row {number}");
    }
}

/// The loop's second step, for a consumer and a meta layer as they are then.
fn second_step(event: Event, consumer: &Facts, meta: Option<MetaFacts<'_>>, is_shutting_down: bool) -> Step {
    let (mut retry, first) = Retry::start(captured(&facts()), identity(), 10 * SECOND);
    assert_eq!(first, Step::Propose { identity: identity(), wait: 40 * SECOND });
    retry.next(event, RetryFacts { is_shutting_down, consumer, meta, now_ns: at(140) })
}

#[test]
fn the_loop_leaves_where_somebody_else_has_decided() {
    let own = assignment("g", 1);
    let (remapped, recreated) = (assignment("h", 1), assignment("g", 2));
    let step = |event, consumer: &Facts, meta| second_step(event, consumer, meta, false);
    let still = meta(Some(&own));
    let left = Step::Leave;
    assert_eq!(step(Event::Quit, &facts(), still), left(LeaveReason::Signalled));
    assert_eq!(step(Event::LeadershipEnded, &facts(), still), left(LeaveReason::Signalled));
    assert_eq!(second_step(Event::Elapsed, &facts(), still, true), left(LeaveReason::Signalled));
    assert_eq!(step(Event::Elapsed, &facts(), meta(None)), left(LeaveReason::Removed));
    assert_eq!(step(Event::Elapsed, &facts(), meta(Some(&recreated))), left(LeaveReason::Removed));
    let closed = Facts { is_closed: true, ..facts() };
    assert_eq!(step(Event::Elapsed, &closed, still), left(LeaveReason::ClosedButAssigned));
    let follower = Facts { is_leader: false, ..facts() };
    assert_eq!(step(Event::Elapsed, &follower, still), left(LeaveReason::NotResponsible));
    let of_remap = Step::Rearm(5 * SECOND, RearmReason::Remapped);
    assert_eq!(step(Event::Elapsed, &facts(), meta(Some(&remapped))), of_remap);
    let unknown = Step::Rearm(RETRY_START, RearmReason::NoMetaLayer);
    assert_eq!(step(Event::Elapsed, &facts(), None), unknown);
}

#[test]
fn the_loop_repeats_only_while_the_consumer_is_inactive() {
    let own = assignment("g", 1);
    let step = |consumer: &Facts| second_step(Event::Elapsed, consumer, meta(Some(&own)), false);
    assert_eq!(step(&facts()), Step::Propose { identity: identity(), wait: 80 * SECOND });
    let used = Facts { activity: Activity::starting_at(at(138)), ..facts() };
    assert_eq!(step(&used), Step::Rearm(3 * SECOND, RearmReason::Active));
    let patient = Facts { threshold: Some(3600 * SECOND), ..facts() };
    assert_eq!(step(&patient), Step::Rearm(3460 * SECOND, RearmReason::Active));
}

/// What a decision is with a bug put back.
fn with<T>(bug: Mutation, decide: impl FnOnce() -> T) -> T {
    mutation::set(Some(bug));
    let decision = decide();
    mutation::set(None);
    decision
}

#[test]
fn each_bug_of_a_decision_changes_it() {
    let inactive = captured(&facts());
    let own = assignment("g", 1);
    let (remapped, recreated) = (assignment("h", 1), assignment("g", 2));
    let decided = |bug, meta_facts| with(bug, || decide(&inactive, meta_facts));
    assert_eq!(decided(Mutation::M30, meta(Some(&own))), Decision::DeleteLocally);
    assert_eq!(decided(Mutation::M32, meta(Some(&recreated))), Decision::DeleteLocally);
    assert_eq!(decided(Mutation::M33, meta(Some(&recreated))), Decision::Propose(identity()));
    assert_eq!(decided(Mutation::M36, meta(Some(&own))), Decision::Done);
    assert_eq!(decided(Mutation::M37, meta(Some(&remapped))), Decision::Done);
    assert_eq!(decided(Mutation::M42, None), Decision::Done);
}

#[test]
fn each_bug_of_the_loop_changes_its_step() {
    let own = assignment("g", 1);
    let recreated = assignment("g", 2);
    let step = |bug, event, meta_facts| with(bug, || second_step(event, &facts(), meta_facts, false));
    let still = meta(Some(&own));
    assert_eq!(step(Mutation::M31, Event::Elapsed, still), Step::Leave(LeaveReason::Signalled));
    assert_eq!(step(Mutation::M32, Event::Elapsed, meta(Some(&recreated))), Step::DeleteLocally);
    let proposed_again = Step::Propose { identity: identity(), wait: 80 * SECOND };
    assert_eq!(step(Mutation::M33, Event::Elapsed, meta(Some(&recreated))), proposed_again);
    assert_eq!(step(Mutation::M36, Event::Elapsed, still), Step::Leave(LeaveReason::Removed));
    assert_eq!(step(Mutation::M44, Event::Quit, still), Step::DeleteLocally);
}
