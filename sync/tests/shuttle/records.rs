//! What is recorded: who did what where, and of an execution that is stuck, who waits for what and who holds it.

use std::fmt::Write;
use std::sync::Arc;

use interlock_sync::channel::{mpsc, watch};
use interlock_sync::lock::{AsyncMutex, Mutex, RwLock};
use interlock_sync::map::ConcurrentMap;
use interlock_sync::model::recorder::{self, Record, Step};
use interlock_sync::model::{block_on, name_task};
use interlock_sync::select;
use interlock_sync::task::spawn;
use interlock_sync::time::{Duration, sleep};
use interlock_sync::token::Token;

use crate::{every, is_deadlock};

/// The execution that fails, or the last one.
fn recorded(body: impl Fn() + Send + Sync + 'static) -> (Result<usize, String>, Record) {
    let result = every(move || {
        recorder::start();
        name_task("first");
        body();
    });
    (result, recorder::take().expect("it was started"))
}

/// Lines are counted from the first one in the record.
fn table(record: &Record, steps: &[Step]) -> Vec<String> {
    let first_line = record.events.iter().map(|event| event.place.line()).min().unwrap_or(0);
    let line = |step: &Step| {
        let event = step.event;
        let object = record.objects[event.object];
        let kind = if step.is_stuck { "STUCK".to_owned() } else { format!("{:?}", event.kind) };
        let mut text =
            format!("{} {kind} {} {}#{}", record.tasks[event.task], event.operation, object.kind, object.number);
        write!(text, " +{}", event.place.line() - first_line).unwrap();
        for holder in &step.held_by {
            let line = holder.place.line() - first_line;
            write!(text, ", held by {} since +{line}", record.tasks[holder.task]).unwrap();
        }
        text
    };
    steps.iter().map(line).collect()
}

#[track_caller]
fn check(body: impl Fn() + Send + Sync + 'static, expected: &[&str]) {
    let (result, record) = recorded(body);
    assert!(result.is_ok() || is_deadlock(&result), "{result:?}");
    let table = table(&record, &record.steps());
    assert_eq!(table, expected, "\n{}", table.join("\n"));
}

/// Takes two locks in two orders.
fn two_orders() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let other = spawn({
        let locks = locks.clone();
        async move {
            name_task("second");
            let _second = locks.1.lock();
            let _first = locks.0.lock();
        }
    });
    {
        let _first = locks.0.lock();
        let _second = locks.1.lock();
    }
    block_on(other).unwrap();
}

#[test]
fn a_deadlock_of_two_orders_is_told() {
    check(
        two_orders,
        &[
            "first Takes lock Mutex#1 +5",
            "second Takes lock Mutex#2 +0",
            "first STUCK lock Mutex#2 +6, held by second since +0",
            "second STUCK lock Mutex#1 +1, held by first since +5",
        ],
    );
}

#[test]
fn who_is_blocked_at_the_end_is_told_with_the_holders_of_then() {
    let (_, record) = recorded(two_orders);
    assert_eq!(
        table(&record, &record.blocked()),
        [
            "first STUCK lock Mutex#2 +6, held by second since +0",
            "second STUCK lock Mutex#1 +1, held by first since +5",
        ]
    );
}

#[test]
fn locks_channels_and_timers_are_told() {
    check(
        || {
            block_on(async {
                let (sender, mut receiver) = mpsc::channel(1);
                let lock = AsyncMutex::new(0);
                *lock.lock().await += 1;
                sender.send(1).await.unwrap();
                receiver.recv().await.unwrap();
                sleep(Duration::from_secs(1)).await;
                let read = RwLock::new(0);
                drop(read.read());
                drop(ConcurrentMap::<u8, u8>::new().get(&1));
                std::mem::forget((sender, receiver));
            });
        },
        &[
            "first Takes lock AsyncMutex#1 +0",
            "first Frees lock AsyncMutex#1 +0",
            "first Does send mpsc#1 +1",
            "first Does recv mpsc#1 +2",
            "first Waits sleep timer#1 +3",
            "clock Fires fire timer#1 +3",
            "first GoesOn sleep timer#1 +3",
            "first Takes read RwLock#1 +5",
            "first Frees read RwLock#1 +5",
            "first Takes get Shard#1 +6",
            "first Frees get Shard#1 +6",
        ],
    );
}

#[test]
fn a_wait_that_was_given_up_is_told() {
    check(
        || {
            block_on(async {
                let (sender, mut receiver) = watch::channel(0);
                let token = Token::new();
                token.cancel();
                select! {
                    biased;
                    _changed = receiver.changed() => {}
                    () = token.cancelled() => {}
                }
                std::mem::forget((sender, receiver));
            });
        },
        &[
            "first Does cancel Token#1 +0",
            "first Takes read watch#1 +3",
            "first Frees read watch#1 +3",
            "first Waits changed watch#1 +3",
            "first Does cancelled Token#1 +4",
            "first Leaves changed watch#1 +3",
        ],
    );
}

#[test]
fn what_is_dropped_by_a_panic_is_not_told() {
    let (result, record) = recorded(|| {
        let lock = Mutex::new(());
        let _held = lock.lock();
        std::panic::resume_unwind(Box::new("the symptom".to_owned()));
    });
    assert_eq!(result, Err("the symptom".to_owned()));
    assert_eq!(table(&record, &record.steps()), ["first Takes lock Mutex#1 +0"]);
}
