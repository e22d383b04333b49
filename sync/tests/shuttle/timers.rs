//! When timers fire.

use std::sync::Arc;

use interlock_sync::channel::{Notify, oneshot};
use interlock_sync::lock::Mutex;
use interlock_sync::model::{Config, TIMERS_SPENT, TimeMode, block_on, configure};
use interlock_sync::select;
use interlock_sync::task::{JoinSet, spawn};
use interlock_sync::time::{Duration, Instant, MissedTickBehavior, WallClock, interval, sleep, timeout};
use interlock_sync::token::Token;

use crate::{drawn_outcomes, every, is_deadlock, many, outcomes};

fn set(time: TimeMode) {
    configure(Config { time, ..Config::default() });
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Three sleeps, and the order of their ends.
fn order_of_three() -> Vec<u64> {
    let ended = Arc::new(Mutex::new(Vec::new()));
    block_on(async {
        let mut sleeping = JoinSet::new();
        for n in [2, 1, 3] {
            let ended = ended.clone();
            sleeping.spawn(async move {
                sleep(seconds(n)).await;
                ended.lock().push(n);
            });
        }
        sleeping.join_all().await;
    });
    Arc::into_inner(ended).map(Mutex::into_inner).unwrap()
}

#[test]
fn by_deadline_an_earlier_one_fires_first() {
    let firings = |time| {
        drawn_outcomes(move || {
            set(time);
            let started = Instant::now();
            let order = order_of_three();
            assert!(started.elapsed() >= seconds(3));
            order
        })
    };
    assert_eq!(firings(TimeMode::WhenIdle), [[1, 2, 3]]);
    let any = firings(TimeMode::AnyOrder);
    assert!(any.contains(&vec![3, 2, 1]), "{any:?}");
    assert_eq!(any.len(), 6, "{any:?}");
    let by_deadline = firings(TimeMode::DeadlineOrder);
    assert!(by_deadline.contains(&vec![1, 2, 3]), "{by_deadline:?}");
}

/// Whether work that takes no time ends before a timeout.
fn work_within(limit: Duration) -> bool {
    block_on(async {
        let (sender, receiver) = oneshot::channel();
        let worker = spawn(async move {
            sender.send(()).ok();
        });
        let is_done = timeout(limit, receiver).await.is_ok();
        worker.await.unwrap();
        is_done
    })
}

#[test]
fn a_timeout_fires_while_others_could_go_on_only_where_it_may() {
    let of = |time| {
        drawn_outcomes(move || {
            set(time);
            work_within(seconds(1))
        })
    };
    assert_eq!(of(TimeMode::WhenIdle), [true]);
    assert_eq!(of(TimeMode::DeadlineOrder), [false, true]);
    assert_eq!(of(TimeMode::AnyOrder), [false, true]);
}

#[test]
fn a_timeout_ends_a_wait_that_nothing_else_ends() {
    for time in [TimeMode::WhenIdle, TimeMode::DeadlineOrder, TimeMode::AnyOrder] {
        let result = every(move || {
            set(time);
            block_on(async {
                let started = Instant::now();
                let (_sender, receiver) = oneshot::channel::<()>();
                assert!(timeout(seconds(5), receiver).await.is_err());
                assert_eq!(started.elapsed(), seconds(5));
            });
        });
        assert!(result.is_ok(), "{result:?}");
    }
}

#[test]
fn a_blocked_thread_lets_time_pass() {
    let result = every(|| {
        let lock = Arc::new(Mutex::new(()));
        let holder = spawn({
            let lock = lock.clone();
            async move {
                let _held = lock.lock();
                block_on(sleep(seconds(1)));
            }
        });
        drop(lock.lock());
        block_on(holder).unwrap();
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn who_waits_for_a_lock_may_be_next_after_a_sleep_over_it() {
    let seen = outcomes(|| {
        let (lock, token) = (Arc::new(Mutex::new(())), Token::new());
        let held = lock.lock();
        let other = spawn({
            let (lock, token) = (lock.clone(), token.clone());
            async move {
                let _held = lock.lock();
                token.cancel();
            }
        });
        block_on(async {
            sleep(seconds(1)).await;
            drop(held);
            let is_cancelled = token.is_cancelled();
            other.await.unwrap();
            is_cancelled
        })
    });
    assert_eq!(seen, [false, true]);
}

#[test]
fn timers_that_are_dropped_do_not_fire() {
    let result = every(|| {
        set(TimeMode::AnyOrder);
        block_on(async {
            let notify = Arc::new(Notify::new());
            let waiter = spawn({
                let notify = notify.clone();
                async move {
                    select! {
                        biased;
                        () = notify.notified() => true,
                        () = sleep(seconds(1)) => false,
                    }
                }
            });
            notify.notify_one();
            waiter.await.unwrap();
            // Nothing is pending: this can only deadlock.
            notify.notified().await;
            notify.notified().await;
        });
    });
    assert!(is_deadlock(&result), "{result:?}");
}

#[test]
fn waiting_for_nothing_but_time_is_a_failure() {
    let result = every(|| {
        block_on(async {
            let mut ticks = interval(seconds(1));
            loop {
                ticks.tick().await;
            }
        });
    });
    let message = result.expect_err("the loop has no end");
    assert!(message.starts_with(TIMERS_SPENT), "{message}");
}

#[test]
fn early_firings_have_a_limit() {
    let early = drawn_outcomes(|| {
        configure(Config { time: TimeMode::AnyOrder, max_early: 1, ..Config::default() });
        block_on(async {
            let stop = Arc::new(Notify::new());
            let ticker = spawn({
                let stop = stop.clone();
                async move {
                    let (mut ticks, mut n_ticks) = (interval(seconds(1)), 0);
                    ticks.tick().await;
                    loop {
                        select! {
                            biased;
                            () = stop.notified() => return n_ticks,
                            _tick = ticks.tick() => n_ticks += 1,
                        }
                    }
                }
            });
            for _ in 0..6 {
                interlock_sync::task::yield_now().await;
            }
            stop.notify_one();
            ticker.await.unwrap()
        })
    });
    assert_eq!(early, [0, 1]);
}

#[test]
fn an_interval_ticks_as_tokio_s() {
    let result = every(|| {
        block_on(async {
            let started = Instant::now();
            let mut ticks = interval(seconds(2));
            assert_eq!(ticks.tick().await, started);
            assert_eq!(ticks.tick().await, started + seconds(2));
            sleep(seconds(5)).await;
            assert_eq!(ticks.tick().await, started + seconds(4));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            assert_eq!(ticks.tick().await, started + seconds(6));
            assert_eq!(ticks.tick().await, started + seconds(9));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            sleep(seconds(5)).await;
            assert_eq!(ticks.tick().await, started + seconds(11));
            assert_eq!(ticks.tick().await, started + seconds(15));
        });
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn the_wall_clock_follows_the_timers() {
    let times = outcomes(|| {
        block_on(async {
            let clock = WallClock::system();
            sleep(seconds(3)).await;
            clock.now_ns()
        })
    });
    assert_eq!(times, [1_700_000_003_000_000_000]);
}

#[test]
fn the_same_seed_gives_the_same_execution() {
    let run = || {
        let orders = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = orders.clone();
        let executions = many(move || {
            set(TimeMode::AnyOrder);
            let order = order_of_three();
            seen.lock().unwrap().push((order, shuttle::current::context_switches()));
        });
        assert_eq!(executions, Ok(2000));
        std::mem::take(&mut *orders.lock().unwrap())
    };
    assert_eq!(run(), run());
}
