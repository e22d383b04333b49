//! The facade under loom: the rules of the locks, and what waits for a signal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../programs/mod.rs"]
mod programs;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use interlock_sync::channel::{Notify, mpsc, watch};
use interlock_sync::lock::{AsyncMutex, Condvar, Mutex};
use interlock_sync::map::ConcurrentMap;
use interlock_sync::model::recorder::{self, Kind};
use interlock_sync::model::{Config, Shards, block_on, configure, name_task};
use interlock_sync::task::spawn;
use interlock_sync::token::Token;

use programs::{MapOfTwo, Stage, Verdict, programs};

/// Every interleaving: how many there were, or the message of the one that failed.
fn every(body: impl Fn() + Send + Sync + 'static) -> Result<usize, String> {
    let n_executions = Arc::new(AtomicUsize::new(0));
    let counted = n_executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    let check = AssertUnwindSafe(|| {
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            body();
        });
    });
    let checked = catch_unwind(check).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    });
    checked.map(|()| n_executions.load(Ordering::Relaxed))
}

fn is_deadlock(result: &Result<usize, String>) -> bool {
    result.as_ref().is_err_and(|message| message.starts_with("deadlock;"))
}

struct Threads;

impl Stage for Threads {
    fn beside(work: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce()> {
        let task = spawn(async { work() });
        Box::new(|| block_on(task).unwrap())
    }

    fn map_of_two(share_a_shard: bool) -> MapOfTwo {
        let shards = if share_a_shard { Shards::Together } else { Shards::Apart };
        configure(Config { shards, ..Config::default() });
        let map = ConcurrentMap::with_hasher_and_shard_amount(std::hash::BuildHasherDefault::default(), 2);
        map.insert(1, 0);
        map.insert(2, 0);
        (Arc::new(map), [1, 2])
    }
}

#[test]
fn the_rules_hang_where_the_real_ones_do() {
    for (name, expected, program) in programs::<Threads>() {
        let result = every(program);
        let seen = if is_deadlock(&result) { Verdict::Hangs } else { Verdict::Ends };
        assert!(result.is_ok() || is_deadlock(&result), "{name}: {result:?}");
        assert_eq!(seen, expected, "{name}");
    }
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
    let result = every(|| {
        recorder::start();
        name_task("first");
        two_orders();
    });
    assert!(is_deadlock(&result), "{result:?}");
    let record = recorder::take().expect("it was started");
    let blocked = record.blocked();
    let told = blocked.iter().map(|step| {
        let (holder, object) = (step.held_by[0], record.objects[step.event.object]);
        (record.tasks[step.event.task].as_str(), object.number, record.tasks[holder.task].as_str())
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    assert_eq!(told, [("first", 2, "second"), ("second", 1, "first")]);
    assert_eq!(record.events.iter().filter(|event| event.kind == Kind::Takes).count(), 2);
}

#[test]
fn a_mutex_lets_one_in() {
    let result = every(|| {
        let sum = Arc::new(Mutex::new(0));
        let others = [sum.clone(), sum.clone()].map(|sum| {
            spawn(async move {
                let mut sum = sum.lock();
                let seen = *sum;
                loom::thread::yield_now();
                *sum = seen + 1;
            })
        });
        others.into_iter().for_each(|other| block_on(other).unwrap());
        assert_eq!(*sum.lock(), 2);
    });
    assert!(result.is_ok_and(|n_executions| n_executions > 1));
}

#[test]
fn a_word_before_the_waiting_is_lost() {
    let result = every(|| {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let setter = spawn({
            let shared = shared.clone();
            async move {
                shared.1.notify_one();
            }
        });
        let mut guard = shared.0.lock();
        shared.1.wait(&mut guard);
        drop(guard);
        block_on(setter).unwrap();
    });
    assert!(is_deadlock(&result), "{result:?}");
}

#[test]
fn an_async_mutex_lets_one_in() {
    let result = every(|| {
        let sum = Arc::new(AsyncMutex::new(0));
        let other = spawn({
            let sum = sum.clone();
            async move { *sum.lock().await += 1 }
        });
        block_on(async {
            *sum.lock().await += 1;
            other.await.unwrap();
            assert_eq!(*sum.lock().await, 2);
        });
    });
    assert!(result.is_ok_and(|n_executions| n_executions > 1));
}

#[test]
fn a_notice_to_all_is_lost_on_who_comes_later() {
    let told = |wakes: fn(&Notify)| {
        every(move || {
            let notify = Arc::new(Notify::new());
            let waker = spawn({
                let notify = notify.clone();
                async move { wakes(&notify) }
            });
            block_on(async {
                notify.notified().await;
                waker.await.unwrap();
            });
        })
    };
    assert!(told(Notify::notify_one).is_ok());
    let lost = told(Notify::notify_waiters);
    assert!(is_deadlock(&lost), "{lost:?}");
}

#[test]
fn a_watched_value_and_a_token_are_waited_for() {
    let result = every(|| {
        let (sender, mut receiver) = watch::channel(0);
        let token = Token::new();
        let setter = spawn({
            let token = token.clone();
            async move {
                sender.send_replace(1);
                token.cancel();
                // Held so long: it is not the end of the sender that ends the wait.
                drop(sender);
            }
        });
        block_on(async {
            assert_eq!(receiver.wait_for(|value| *value == 1).await.map(|value| *value), Ok(1));
            token.cancelled().await;
            setter.await.unwrap();
        });
    });
    assert!(result.is_ok_and(|n_executions| n_executions > 1));
}

#[test]
fn a_lock_held_over_a_full_channel_deadlocks() {
    let body = |n_values: usize| {
        move || {
            let (sender, mut receiver) = mpsc::channel(1);
            let lock = Arc::new(AsyncMutex::new(()));
            let producer = spawn({
                let lock = lock.clone();
                async move {
                    let _held = lock.lock().await;
                    for value in 0..n_values {
                        sender.send(value).await.unwrap();
                    }
                }
            });
            block_on(async {
                while receiver.recv().await.is_some() {
                    drop(lock.lock().await);
                }
                producer.await.unwrap();
            });
        }
    };
    assert!(every(body(1)).is_ok());
    let stuck = every(body(3));
    assert!(is_deadlock(&stuck), "{stuck:?}");
}
