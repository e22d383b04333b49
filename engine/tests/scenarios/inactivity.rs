//! S-34, S-38, S-40, S-41, S-43 to S-45f as far as the core alone decides them: timers fire, the retry loop waits, and
//! nothing runs but decisions and a clock that is a number.

use std::sync::Arc;
use std::time::Duration;

use interlock_engine::core::assignment::{Asker, ConsumerAssignment, RaftGroup};
use interlock_engine::core::config::{ConsumerConfig, DeliverMode};
use interlock_engine::core::consumer::ConsumerState;
use interlock_engine::core::entry::{ConsumerEntry, Origin};
use interlock_engine::core::inactivity::{
    Activity, Decision, Event, Facts, Fired, LeaveReason, MetaFacts, RETRY_START, Retry, RetryFacts, Step, decide,
    on_fire,
};
use interlock_engine::core::names::{GroupName, ServerId};
use interlock_sync::random::Random;

use crate::harness::expect;

const SECOND_NS: u64 = 1_000_000_000;
const THRESHOLD: Duration = Duration::from_secs(5);

fn assignment() -> ConsumerAssignment {
    ConsumerAssignment {
        stream: "ORDERS".to_owned(),
        config: ConsumerConfig { name: "C".to_owned(), ..ConsumerConfig::default() },
        created_ns: 1,
        group: RaftGroup::fresh(GroupName::new("C-R3F-1"), vec![ServerId(1), ServerId(2), ServerId(3)]),
        asker: Asker { server: Some(ServerId(2)), request: 7 },
        revision: 0,
    }
}

/// One consumer, and what the meta layer says of it.
struct World {
    consumer: Facts,
    assigned: Option<ConsumerAssignment>,
    now_ns: u64,
    /// When removals were proposed.
    proposals_ns: Vec<u64>,
    deletions: usize,
}

/// How a timer that fired ended.
#[derive(Debug, PartialEq)]
enum End {
    Rearmed(Duration),
    Left(Option<LeaveReason>),
    Deleted,
    /// The loop still ran when the time was up.
    StillWaiting,
}

impl World {
    /// A clustered consumer, led here, not used for 100 s.
    fn inactive() -> Self {
        let own = assignment();
        let consumer = Facts {
            key: own.key(),
            is_closed: false,
            is_leader: true,
            is_direct: false,
            is_clustered: true,
            mode: DeliverMode::Pull,
            threshold: Some(THRESHOLD),
            has_interest: false,
            has_waiting: false,
            activity: Activity::starting_at(0),
            last_due_ns: None,
            assignment: Some(Arc::new(own.clone())),
        };
        let now_ns = 100 * SECOND_NS;
        Self { consumer, assigned: Some(own), now_ns, proposals_ns: Vec::new(), deletions: 0 }
    }

    fn meta(&self) -> Option<MetaFacts<'_>> {
        Some(MetaFacts { assigned: self.assigned.as_ref(), is_recovering: false })
    }

    /// Fires the timer and follows all decisions for so long. `look` may change the world before each look of the loop.
    fn fire(&mut self, jitter: Duration, limit: Duration, mut look: impl FnMut(&mut Self)) -> End {
        let until_ns = self.now_ns + u64::try_from(limit.as_nanos()).unwrap();
        let captured = match on_fire(&self.consumer, self.now_ns) {
            Fired::Return => return End::Left(None),
            Fired::Rearm(wait) => return End::Rearmed(wait),
            Fired::Inactive(captured) => captured,
        };
        let identity = match decide(&captured, self.meta()) {
            Decision::DeleteLocally => return self.delete(),
            Decision::Rearm(wait, _) => return End::Rearmed(wait),
            Decision::Done => return End::Left(None),
            Decision::Propose(identity) => identity,
        };
        let (mut retry, mut step) = Retry::start(captured, identity, jitter);
        loop {
            let wait = match step {
                Step::Propose { wait, .. } => wait,
                Step::Leave(reason) => return End::Left(Some(reason)),
                Step::Rearm(wait, _) => return End::Rearmed(wait),
                Step::DeleteLocally => return self.delete(),
            };
            self.proposals_ns.push(self.now_ns);
            self.now_ns += u64::try_from(wait.as_nanos()).unwrap();
            if self.now_ns > until_ns {
                return End::StillWaiting;
            }
            look(self);
            let facts = RetryFacts {
                is_shutting_down: false,
                consumer: &self.consumer,
                meta: self.meta(),
                now_ns: self.now_ns,
            };
            step = retry.next(Event::Elapsed, facts);
        }
    }

    fn delete(&mut self) -> End {
        self.deletions += 1;
        End::Deleted
    }

    /// Seconds between the proposals.
    fn waits_s(&self) -> Vec<f64> {
        self.proposals_ns.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / SECOND_NS as f64).collect()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

scenario!(s_34_routing_fields_are_no_part_of_the_identity, "S-34", [M35 => "the loop ends, and the consumer is a ghost"], async {
    let mut world = World::inactive();
    // The proposer's copy has another asker than the one that came through the log.
    world.assigned = Some(ConsumerAssignment { asker: Asker::default(), ..assignment() });
    let end = world.fire(Duration::ZERO, HOUR, |_| {});
    expect(end == End::StillWaiting && world.proposals_ns.len() > 3, "the loop ends, and the consumer is a ghost")
});

scenario!(s_38_a_stale_timer_on_a_follower_does_nothing, "S-38", [M40 => "a follower proposes to delete an active consumer"], async {
    let mut world = World::inactive();
    // Pull requests go to the leader: a follower's own mark is old.
    world.consumer.is_leader = false;
    let end = world.fire(Duration::ZERO, HOUR, |_| {});
    expect(world.proposals_ns.is_empty(), "a follower proposes to delete an active consumer")?;
    expect(end == End::Left(None) && world.deletions == 0, format!("a follower's timer ends as {end:?}"))
});

scenario!(s_40_a_closed_consumer_is_not_proposed_for_ever, "S-40", [M41 => "a closed consumer is proposed again and again"], async {
    let mut world = World::inactive();
    let end = world.fire(Duration::ZERO, 10 * HOUR, |world| world.consumer.is_closed = true);
    expect(world.proposals_ns.len() == 1, "a closed consumer is proposed again and again")?;
    expect(end == End::Left(Some(LeaveReason::ClosedButAssigned)), format!("the loop ends as {end:?}"))
});

// No token ends the loop here: only what it looks at does.
scenario!(s_41_a_loop_without_a_token_ends_by_what_it_sees, "S-41", [M41 => "a half-made consumer is proposed again and again"], async {
    let mut closed = World::inactive();
    closed.fire(Duration::ZERO, 10 * HOUR, |world| world.consumer.is_closed = true);
    expect(closed.proposals_ns.len() == 1, "a half-made consumer is proposed again and again")?;
    let mut removed = World::inactive();
    let end = removed.fire(Duration::ZERO, 10 * HOUR, |world| world.assigned = None);
    expect(end == End::Left(Some(LeaveReason::Removed)), format!("the loop ends as {end:?}"))
});

scenario!(s_43_a_direct_consumer_is_deleted_where_it_is, "S-43", [M43 => "a direct consumer leaks"], async {
    let mut world = World::inactive();
    (world.consumer.is_direct, world.consumer.assignment, world.assigned) = (true, None, None);
    // A direct consumer has an assignment of its own making, which the meta layer has never seen.
    world.consumer.assignment = Some(Arc::new(assignment()));
    let end = world.fire(Duration::ZERO, HOUR, |_| {});
    expect(end == End::Deleted && world.deletions == 1, "a direct consumer leaks")?;
    expect(world.proposals_ns.is_empty(), "a direct consumer is proposed to the meta layer")
});

scenario!(s_44_a_standalone_server_deletes_at_once, "S-44", [], async {
    let mut world = World::inactive();
    (world.consumer.is_clustered, world.assigned) = (false, None);
    let fired_ns = world.now_ns;
    let end = world.fire(Duration::ZERO, HOUR, |_| {});
    expect(end == End::Deleted && world.now_ns == fired_ns, format!("it ends as {end:?}"))?;
    expect(world.proposals_ns.is_empty(), "there is nobody to propose to")
});

scenario!(s_45b_waits_double_up_to_five_minutes, "S-45b", [
    M45 => "the interval does not double",
    M46 => "a wait is longer than five minutes",
    M47 => "a thundering herd",
], async {
    let jitter_ns = u64::try_from(RETRY_START.as_nanos()).unwrap();
    let mut per_decile = [0_u32; 10];
    for seed in 0..1000 {
        let mut world = World::inactive();
        let jitter = Duration::from_nanos(Random::split(seed, "inactivity").below(jitter_ns));
        let end = world.fire(jitter, HOUR, |_| {});
        expect(end == End::StillWaiting, format!("without quorum the loop ends as {end:?}"))?;
        let waits = world.waits_s();
        let first = waits[0];
        expect((30.0..60.0).contains(&first), format!("the first wait is {first} s"))?;
        expect(waits.iter().all(|wait| *wait <= 300.0), "a wait is longer than five minutes")?;
        let expected = waits.windows(2).all(|pair| (pair[1] - (2.0 * pair[0]).min(300.0)).abs() < 1e-6);
        expect(expected, format!("the interval does not double: {waits:?}"))?;
        per_decile[((first - 30.0) / 3.0) as usize] += 1;
    }
    // 100 in each, give or take four standard deviations.
    let is_uniform = per_decile.iter().all(|n_seeds| (62..=138).contains(n_seeds));
    expect(is_uniform, format!("a thundering herd: {per_decile:?} of 1000 first waits by tenths of the range"))
});

scenario!(s_45d_pending_messages_hold_the_consumer, "S-45d", [M49 => "deleted while a client may be at work"], async {
    let backoff = [1, 30].map(Duration::from_secs).to_vec();
    let config = ConsumerConfig { backoff, filter: Some("orders.eu".to_owned()), ..ConsumerConfig::default() };
    let mut state = ConsumerState::new(config);
    let offer = |time_ns| ConsumerEntry::Deliver { origin: Origin::NOBODY, seqs: vec![1000], time_ns };
    // The filter makes the first delivery the stream's thousandth message; the second one waits for 30 s.
    state.apply(1, offer(0));
    state.apply(2, offer(SECOND_NS));
    let mut world = World::inactive();
    world.consumer.activity = Activity::starting_at(0);
    world.consumer.last_due_ns = state.last_due_ns();
    world.now_ns = 20 * SECOND_NS;
    let end = world.fire(Duration::ZERO, HOUR, |_| {});
    expect(world.proposals_ns.is_empty(), "deleted while a client may be at work")?;
    let last_due_and_threshold = Duration::from_secs(31 + 5 - 20);
    expect(end == End::Rearmed(last_due_and_threshold), format!("the timer ends as {end:?}"))
});

scenario!(s_45f_pulls_that_do_not_wait_are_activity, "S-45f", [M51 => "deleted although it is polled"], async {
    let mut world = World::inactive();
    world.consumer.activity = Activity::starting_at(0);
    let mut fires_at_ns = 5 * SECOND_NS;
    for now_s in (0..120).step_by(2) {
        world.now_ns = now_s * SECOND_NS;
        world.consumer.activity.mark_pull(world.now_ns, true);
        if world.now_ns < fires_at_ns {
            continue;
        }
        match world.fire(Duration::ZERO, HOUR, |_| {}) {
            End::Rearmed(wait) => fires_at_ns = world.now_ns + u64::try_from(wait.as_nanos()).unwrap(),
            end => return Err(format!("deleted although it is polled: {end:?}")),
        }
    }
    Ok(())
});
