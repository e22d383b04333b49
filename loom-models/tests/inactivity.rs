//! Consumers that nobody uses (`engine/src/consumer/idle.rs`): the timer, the asking and the back-off, against the meta
//! layer, a client and a shutdown.
//!
//! The engine is one server's, with a consumer of one replica; the meta layer is the model.

mod bodies;

use std::sync::Arc;

use bodies::bare::{Bare, ME, consumer, group, key, stream};
use interlock_engine::api::{AckKind, Fetch, FetchEnd, Request, Response};
use interlock_engine::consumer::Consumer;
use interlock_engine::core::config::ConsumerConfig;
use interlock_engine::core::meta::{Identity, MetaChange};
use interlock_engine::events::Event;
use interlock_engine::mutation;
use interlock_models::{Limits, Quiet, quiet};
use interlock_sync::model::{Config, TimeMode, block_on, configure};
use interlock_sync::select;
use interlock_sync::task::yield_now;
use interlock_sync::time::{Duration, sleep};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// What the setting up needs.
const LIMITS: Limits = Limits { stack_bytes: 0x10_0000, ..Limits::DEFAULT };

/// The creation times of the consumer and of another one of its name.
const FIRST: u64 = 10;
const SECOND: u64 = 20;

/// From here on a timer may fire while somebody is at work: once.
async fn let_a_timer_be_early() {
    configure(Config { time: TimeMode::DeadlineOrder, max_early: 1, ..Config::default() });
    // The clock looks at that when a timer is set.
    sleep(Duration::from_millis(1)).await;
}

/// The question is answered: what follows takes no more time than it says, and has one order.
fn conclude() -> Quiet {
    configure(Config::default());
    quiet()
}

/// Shortly before the timer fires for the first time.
const NEARLY: Duration = Duration::from_secs(4);

/// A consumer that goes when nobody uses it for five seconds; the other one of its name stays.
fn assigned(created_ns: u64) -> MetaChange {
    let name = format!("c{created_ns}");
    let config = ConsumerConfig { durable: created_ns == SECOND, ..ConsumerConfig::default() };
    MetaChange::AssignConsumer(consumer(config, created_ns, group(&name, &[ME])))
}

/// An engine with a stream, and a consumer that goes when nobody uses it for five seconds.
async fn with_consumer() -> (Bare, Arc<Consumer>) {
    let bare = Bare::new();
    bare.follow_meta().await;
    let engine = &bare.engine;
    engine.decide(MetaChange::AssignStream(stream(group("t", &[ME])))).await;
    engine.decide(assigned(FIRST)).await;
    let consumer = engine.consumer(&key()).expect("it runs");
    while consumer.member().leadership().is_none() {
        yield_now().await;
    }
    (bare, consumer)
}

/// What drives the stream is not asked about, and its timers would be steps.
async fn still(bare: &Bare) {
    bare.engine.stream("T").expect("it runs").member().slot.stop().await;
}

/// Of each removal that was proposed: how many were before.
fn proposals(bare: &Bare) -> Vec<u64> {
    let told = bare.engine.context().events.matching(|event| matches!(event, Event::RemovalProposed { .. }));
    told.iter()
        .filter_map(|event| if let Event::RemovalProposed { n_earlier, .. } = event { Some(*n_earlier) } else { None })
        .collect()
}

fn n_deleted(bare: &Bare) -> usize {
    bare.engine.context().events.matching(|event| matches!(event, Event::ConsumerDeleted { .. })).len()
}

fn identity(bare: &Bare) -> Identity {
    Identity::of(&bare.engine.consumer_assignment(&key()).expect("it is assigned"))
}

interlock_models::model! {
    /// Is a consumer that nobody uses removed once the cluster has agreed, and not before, also where a proposal is lost?
    mod an_unused_consumer_goes = Model {
        property: "it stays until its removal is committed, and then it goes, once",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-30", symptom: "gone before its removal was committed", found_within: 0 },
            Twin { bug: "M-31", symptom: "not proposed again", found_within: 0 },
        ],
        pinned: Some(11_641),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (mut bare, consumer) = with_consumer().await;
            still(&bare).await;
            let leadership = consumer.member().leadership().expect("it leads");
            sleep(NEARLY).await;
            drop(begins);
            // The first proposal is lost.
            for n_earlier in 0..2 {
                let proposed = select! {
                    biased;
                    proposed = bare.proposed.recv() => proposed.expect("the engine lives"),
                    () = leadership.cancelled() => panic!("gone before its removal was committed"),
                    () = sleep(Duration::from_secs(100)) => panic!("not proposed again"),
                };
                assert_eq!(proposed, identity(&bare), "another consumer is to be removed");
                assert_eq!((proposals(&bare).len(), n_deleted(&bare)), (n_earlier + 1, 0), "proposed, and deleted");
                assert!(bare.engine.consumer(&key()).is_some(), "gone before its removal was committed");
            }
            bare.engine.decide(MetaChange::RemoveConsumer(identity(&bare))).await;
            assert!(bare.engine.consumer(&key()).is_none() && n_deleted(&bare) == 1, "it stays");
            let _ends = quiet();
            drop(consumer);
            bare.end().await;
        });
    }
}

/// Has the consumer deliver the stream's one message, which then waits for its acknowledgement for longer than the
/// consumer may be unused.
async fn deliver(bare: &Bare) {
    let stored = bare.publish().await;
    assert!(matches!(stored, Response::Published(_)), "{stored:?}");
    let fetch = Fetch { batch: 1, expires: Duration::ZERO };
    let fetched = bare.engine.handle(Request::Fetch { stream: "T".to_owned(), consumer: "C".to_owned(), fetch }).await;
    assert!(matches!(&fetched, Response::Fetched(sent, FetchEnd::Full) if sent.len() == 1), "{fetched:?}");
}

interlock_models::model! {
    /// Does the timer find a consumer idle while an acknowledgement is worked on?
    mod an_acknowledgement_meets_the_timer = Model {
        property: "what waits for its acknowledgement holds the consumer until that counts as its use",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-50", symptom: "an active consumer was to be removed", found_within: 1 }],
        pinned: Some(13_823),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (bare, consumer) = with_consumer().await;
            deliver(&bare).await;
            still(&bare).await;
            sleep(NEARLY).await;
            let_a_timer_be_early().await;
            drop(begins);
            let (stream, name) = ("T".to_owned(), "C".to_owned());
            let acked = bare.engine.handle(Request::Ack { stream, consumer: name, seq: 1, kind: AckKind::Ack }).await;
            assert_eq!(acked, Response::Done);
            let _ends = conclude();
            // The timer fires in between, if it has not.
            sleep(Duration::from_secs(3)).await;
            assert!(proposals(&bare).is_empty(), "an active consumer was to be removed");
            drop(consumer);
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// Whose removal is proposed where the consumer is made anew as its timer fires?
    mod made_anew_as_the_timer_fires = Model {
        property: "nothing is proposed against the new consumer, and it runs",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-34", symptom: "the new consumer was to be removed", found_within: 2 }],
        pinned: Some(201),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (mut bare, consumer) = with_consumer().await;
            still(&bare).await;
            sleep(NEARLY).await;
            let_a_timer_be_early().await;
            drop(begins);
            // The server learns both at once, and acts on it later.
            let changed = bare.engine.learn(vec![MetaChange::RemoveConsumer(identity(&bare)), assigned(SECOND)]);
            let _ends = conclude();
            // What was proposed has arrived, and the new one is not unused for long enough.
            sleep(Duration::from_secs(1)).await;
            let proposed = select! {
                biased;
                proposed = bare.proposed.recv() => proposed,
                () = std::future::ready(()) => None,
            };
            bare.engine.carry_out_all(changed).await;
            let is_of_new = proposed.is_some_and(|proposed| proposed.created_ns == SECOND);
            assert!(!is_of_new, "the new consumer was to be removed");
            assert_eq!(bare.engine.consumer(&key()).map(|new| new.created_ns()), Some(SECOND), "it does not run");
            drop(consumer);
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// What does the loop that waits for the next proposal do about another consumer of the name?
    mod made_anew_in_the_back_off = Model {
        property: "the old consumer is neither proposed again nor deleted by its own loop, and the new one runs",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-32", symptom: "deleted by its own loop", found_within: 1 },
            Twin { bug: "M-33", symptom: "the old consumer was proposed again", found_within: 1 },
        ],
        pinned: Some(129),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (mut bare, consumer) = with_consumer().await;
            still(&bare).await;
            let proposed = bare.proposed.recv().await.expect("the engine lives");
            let_a_timer_be_early().await;
            drop(begins);
            // The server learns both at once, and acts on it much later.
            let changed = bare.engine.learn(vec![MetaChange::RemoveConsumer(proposed), assigned(SECOND)]);
            let _ends = conclude();
            // The loop may have looked just before.
            let n_allowed = proposals(&bare).len() + 1;
            sleep(Duration::from_secs(400)).await;
            assert!(proposals(&bare).len() <= n_allowed, "the old consumer was proposed again");
            assert_eq!(n_deleted(&bare), 0, "deleted by its own loop");
            bare.engine.carry_out_all(changed).await;
            assert_eq!(bare.engine.consumer(&key()).map(|new| new.created_ns()), Some(SECOND), "it does not run");
            drop(consumer);
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// Does the loop of a leadership end with it, also where the next one begins at once?
    mod leadership_ends_in_the_back_off = Model {
        property: "one loop asks for the removal, and it is the last leadership's",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-38", symptom: "two loops", found_within: 0 }],
        pinned: Some(444),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (mut bare, consumer) = with_consumer().await;
            still(&bare).await;
            drop(bare.proposed.recv().await);
            let_a_timer_be_early().await;
            drop(begins);
            consumer.member().end_leadership();
            consumer.watch_until(&bare.engine, consumer.member().begin_leadership());
            let _ends = conclude();
            sleep(Duration::from_secs(200)).await;
            let all = proposals(&bare);
            let begun = all.iter().rposition(|n_earlier| *n_earlier == 0).expect("one at least");
            let since = &all[begun..];
            let is_one_loop = since.iter().enumerate().all(|(n, n_earlier)| *n_earlier == n as u64);
            assert!(is_one_loop && begun > 0 && since.len() > 1, "two loops: {all:?}");
            drop(consumer);
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// What does the loop do where the engine quits?
    mod a_quit_in_the_back_off = Model {
        property: "all tasks end, nothing is deleted, and what the consumer has stays on the disk",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-44", symptom: "deleted by a quit", found_within: 0 }],
        pinned: Some(81),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let (mut bare, consumer) = with_consumer().await;
            still(&bare).await;
            drop(bare.proposed.recv().await);
            let context = bare.engine.context().clone();
            let_a_timer_be_early().await;
            drop(begins);
            bare.engine.stopping().cancel();
            bare.engine.cluster_quit().cancel();
            let _ends = conclude();
            context.quit.cancel();
            context.tasks.close();
            context.tasks.wait().await;
            assert_eq!(n_deleted(&bare), 0, "deleted by a quit");
            assert!(proposals(&bare).len() <= 2, "proposed by a quit");
            drop(consumer);
            let disk = bare.disk.clone();
            bare.end().await;
            assert!(disk.files().keys().any(|path| path.ends_with("state")), "its state is gone");
        });
    }
}
