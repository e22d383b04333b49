//! Staged batches (`engine/src/batches.rs`): the last message against the timer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use interlock_engine::batches::{Batches, Outcome, Places};
use interlock_engine::core::batch::AbandonReason;
use interlock_engine::core::entry::{BatchPart, Origin, Publish};
use interlock_engine::disk::{Disk, SimulatedDisk};
use interlock_engine::mutation;
use interlock_sync::model::{Config, TimeMode, block_on, configure, name_task};
use interlock_sync::task::spawn;
use interlock_sync::token::Token;

fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

fn message(seq: u32, commit: bool) -> Publish {
    let batch = Some(BatchPart { id: "a".to_owned(), seq, commit });
    Publish { batch, ..Publish::plain(Origin::NOBODY, "orders", seq.to_string(), 1) }
}

interlock_models::model! {
    /// Does a batch end once where its last message comes as its time is over?
    mod commit_races_timer = Model {
        property: "it is committed or timed out, never both and never neither, and is cleaned up once",
        search: Search::Bounded { preemptions: 2 },
        twins: &[Twin { bug: "M-90", symptom: "ended twice", found_within: 1 }],
        pinned: Some(2_448),
        arm: Some(put_back),
    };
    fn body() {
        configure(Config { time: TimeMode::DeadlineOrder, max_early: 1, ..Config::default() });
        block_on(async {
            let told: Arc<Mutex<Vec<AbandonReason>>> = Arc::default();
            let tell = {
                let told = told.clone();
                Box::new(move |abandoned: interlock_engine::batches::Abandoned| {
                    told.lock().expect("nobody panics in it").push(abandoned.reason);
                })
            };
            let disk = Disk::in_place(Arc::new(SimulatedDisk::default()));
            let opened = Batches::open(disk, PathBuf::from("/s/batches"), Places::default(), tell).await;
            let (batches, quit) = (Arc::new(opened.expect("the disk is well")), Token::new());
            let watcher = spawn({
                let (batches, quit) = (batches.clone(), quit.clone());
                async move {
                    name_task("timer");
                    batches.watch(quit).await;
                }
            });
            batches.message(message(1, false)).await;
            let is_complete = matches!(batches.message(message(2, true)).await, Outcome::Complete(_));
            quit.cancel();
            watcher.await.expect("it does not panic");
            let n_told = told.lock().expect("nobody panics in it").len();
            let n_ends = n_told + usize::from(is_complete);
            assert!(n_ends <= 1, "the batch ended twice");
            assert_eq!(n_ends, 1, "the batch never ended");
            assert_eq!((batches.n_cleaned(), batches.n_open()), (1, 0), "cleaned up, and open");
        });
    }
}
