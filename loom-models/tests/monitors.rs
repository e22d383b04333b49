//! Monitors of a replicated stream (`engine/src/generation.rs`, `engine/src/stream/monitor.rs`): a second one, a shutdown,
//! and a disk that fails.
//!
//! The engine is one server's, which leads the stream's group of two; the other member is the model, and answers at once.

mod bodies;

use bodies::bare::Bare;
use interlock_engine::api::Response;
use interlock_engine::disk::{Fault, Operation};
use interlock_engine::events::Event;
use interlock_engine::mutation;
use interlock_engine::raft::eraftpb::MessageType;
use interlock_models::{Limits, quiet};
use interlock_sync::model::{block_on, name_task};
use interlock_sync::task::spawn;
use interlock_sync::time::{Duration, sleep};

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// What the setting up needs.
const LIMITS: Limits = Limits { stack_bytes: 0x10_0000, ..Limits::DEFAULT };
/// Passes when nobody can go on.
const AT_REST: Duration = Duration::from_millis(1);

interlock_models::model! {
    /// Does a monitor that is turned away leave the one that runs alone?
    mod a_second_monitor = Model {
        property: "one monitor drives the stream, on the node that it had",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-14", symptom: "the running monitor lost its node", found_within: 0 }],
        pinned: Some(204),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let bare = Bare::new();
            let stream = bare.lead_stream().await;
            let node = stream.member().node().expect("it has a group");
            drop(begins);
            bare.engine.spawn_second_monitor(&stream).await;
            // What the running one is told meanwhile.
            stream.member().link(stream.member().group(), None);
            sleep(AT_REST).await;
            let _ends = quiet();
            assert!(!node.is_closed(), "the running monitor lost its node");
            let published = bare.publish().await;
            let status = stream.member().slot.status();
            assert_eq!((status.running, status.count), (true, 1), "drives, and counted");
            assert!(matches!(published, Response::Published(_)), "{published:?}");
            let turned_away = bare.engine.context().events.matching(|told| matches!(told, Event::DriverTurnedAway { .. }));
            assert_eq!(turned_away.len(), 1);
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// Does the engine's shutdown wait for the last snapshot of a stream's monitor?
    mod a_shutdown_meets_a_monitor = Model {
        property: "the snapshot covers all that was applied, and every task ends",
        search: Search::Delays { delays: 2 },
        full: Some(Search::Delays { delays: 3 }),
        twins: &[
            Twin { bug: "M-10", symptom: "nothing but time", found_within: 0 },
            Twin { bug: "M-16", symptom: "the snapshot is behind", found_within: 1 },
            Twin { bug: "M-18", symptom: "the snapshot is behind", found_within: 0 },
        ],
        pinned: Some(1_278),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let bare = Bare::new();
            let stream = bare.lead_stream().await;
            assert!(matches!(bare.publish().await, Response::Published(_)));
            let node = stream.member().node().expect("it has a group");
            drop(begins);
            let shutdown = spawn({
                let engine = bare.engine.clone();
                async move {
                    name_task("shutdown");
                    engine.shutdown().await;
                }
            });
            node.quit().cancelled().await;
            let _ends = quiet();
            shutdown.await.expect("it does not panic");
            let (covered, applied) = (node.status().snapshot_index, stream.applied());
            assert!(covered >= applied, "the snapshot is behind: {covered} of {applied}");
            bare.end().await;
        });
    }
}

interlock_models::model! {
    /// Does a leader whose disk fails before a snapshot hand its leadership over before its node ends?
    mod a_failing_flush_before_a_snapshot = Model {
        property: "another is told to lead, and this one observes, before the node is closed",
        search: Search::Bounded { preemptions: 2 },
        twins: &[
            Twin { bug: "M-63", symptom: "leadership was not handed over", found_within: 0 },
            Twin { bug: "M-64", symptom: "it may lead again", found_within: 0 },
            Twin { bug: "M-65", symptom: "leadership was not handed over", found_within: 0 },
        ],
        pinned: Some(221),
        arm: Some(put_back),
        limits: LIMITS,
    };
    fn body() {
        block_on(async {
            let begins = quiet();
            let every = Duration::from_secs(2);
            let bare = Bare::adjusted(|settings| settings.snapshot_every = Some(every));
            let stream = bare.lead_stream().await;
            assert!(matches!(bare.publish().await, Response::Published(_)));
            let node = stream.member().node().expect("it has a group");
            sleep(every - Duration::from_millis(10)).await;
            bare.disk.fail(Fault::always(Operation::Sync, "1.blk", 5));
            drop(begins);
            // The snapshot is due, fails, and what follows is done when nobody can go on.
            sleep(Duration::from_secs(3)).await;
            let _ends = quiet();
            assert!(bare.was_told(MessageType::MsgTimeoutNow), "leadership was not handed over");
            assert!(node.status().observer, "it may lead again");
            assert!(stream.member().write_error.is_set() && node.is_closed(), "it goes on");
            bare.end().await;
        });
    }
}
