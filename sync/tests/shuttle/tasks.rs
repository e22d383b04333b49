//! Tasks, their ends, and channels between them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interlock_sync::channel::{Notify, mpsc, oneshot, watch};
use interlock_sync::model::block_on;
use interlock_sync::select;
use interlock_sync::task::{JoinSet, Tracker, begin, blocking, spawn, yield_now};
use interlock_sync::token::Token;

use crate::{every, is_deadlock, outcomes};

#[test]
fn a_panic_in_a_task_fails_the_execution() {
    let result = every(|| {
        let task = spawn(async { std::panic::resume_unwind(Box::new("a task's panic".to_owned())) });
        assert!(block_on(task).is_ok());
    });
    assert_eq!(result, Err("a task's panic".to_owned()));
}

#[test]
fn an_abort_drops_what_the_task_owns() {
    let ends = outcomes(|| {
        block_on(async {
            let (sender, receiver) = oneshot::channel::<()>();
            let task = spawn(async move {
                yield_now().await;
                sender.send(()).ok();
                1
            });
            task.abort();
            let ended = task.await.map_err(|error| error.is_cancelled());
            (ended, receiver.await.is_ok())
        })
    });
    // It may have sent and ended before, or have sent nothing and never ended.
    assert_eq!(ends, [(Ok(1), true), (Err(true), false)]);
}

#[test]
fn a_task_outlives_its_handle() {
    let result = every(|| {
        block_on(async {
            let (sender, receiver) = oneshot::channel();
            drop(spawn(async move { sender.send(7) }));
            assert_eq!(receiver.await, Ok(7));
        });
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_notice_that_nobody_waits_for_is_kept_and_one_to_all_is_lost() {
    let kept = every(|| {
        let notify = Notify::new();
        notify.notify_one();
        block_on(notify.notified());
    });
    assert_eq!(kept, Ok(1));
    let lost = every(|| {
        let notify = Arc::new(Notify::new());
        let waker = spawn({
            let notify = notify.clone();
            async move { notify.notify_waiters() }
        });
        block_on(notify.notified());
        block_on(waker).unwrap();
    });
    assert!(is_deadlock(&lost), "{lost:?}");
}

#[test]
fn a_flag_seen_before_the_notice_is_awaited_is_a_lost_wake_up() {
    let body = |notified_first: bool| {
        let (flag, notify) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let setter = spawn({
            let (flag, notify) = (flag.clone(), notify.clone());
            async move {
                flag.store(true, Ordering::Relaxed);
                notify.notify_waiters();
            }
        });
        block_on(async {
            if notified_first {
                let notified = notify.notified();
                if !flag.load(Ordering::Relaxed) {
                    notified.await;
                }
            } else if !flag.load(Ordering::Relaxed) {
                notify.notified().await;
            }
            setter.await.unwrap();
        });
    };
    assert!(every(move || body(true)).is_ok());
    let lost = every(move || body(false));
    assert!(is_deadlock(&lost), "{lost:?}");
}

#[test]
fn a_channel_closes_with_its_last_sender() {
    let received = outcomes(|| {
        block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            let senders = [(sender.clone(), 1), (sender, 2)].map(|(sender, value)| {
                spawn(async move {
                    sender.send(value).await.ok();
                })
            });
            let mut values = Vec::new();
            while let Some(value) = receiver.recv().await {
                values.push(value);
            }
            for sender in senders {
                sender.await.unwrap();
            }
            values
        })
    });
    assert_eq!(received, [vec![1, 2], vec![2, 1]]);
}

#[test]
fn a_full_channel_says_so() {
    let tries = outcomes(|| {
        block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            sender.try_send(1).unwrap();
            let other = spawn(async move { receiver.recv().await });
            let second = sender.try_send(2).is_ok();
            other.await.unwrap();
            second
        })
    });
    assert_eq!(tries, [false, true]);
}

#[test]
fn a_select_may_see_the_second_before_the_first() {
    let first = outcomes(|| {
        block_on(async {
            let (one, two) = (Token::new(), Token::new());
            let canceller = spawn({
                let (one, two) = (one.clone(), two.clone());
                async move {
                    one.cancel();
                    two.cancel();
                }
            });
            let first = select! {
                biased;
                () = one.cancelled() => 1,
                () = two.cancelled() => 2,
            };
            canceller.await.unwrap();
            first
        })
    });
    // The first is looked at, both are cancelled, and then the second is looked at.
    assert_eq!(first, [1, 2]);
}

#[test]
fn a_watched_value_is_waited_for() {
    let result = every(|| {
        block_on(async {
            let (sender, mut receiver) = watch::channel(0);
            let setter = spawn(async move {
                sender.send_replace(1);
                sender.send_modify(|value| *value += 1);
            });
            assert_eq!(*receiver.wait_for(|value| *value == 2).await.unwrap(), 2);
            setter.await.unwrap();
            assert!(receiver.changed().await.is_err());
        });
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_tracker_waits_for_its_tasks() {
    let result = every(|| {
        block_on(async {
            let (tracker, done) = (Tracker::default(), Token::new());
            let started = tracker.spawn({
                let done = done.clone();
                async move { done.cancel() }
            });
            tracker.close();
            tracker.wait().await;
            assert!(started && done.is_cancelled() && !tracker.spawn(async {}));
        });
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn work_that_blocks_runs_beside_the_task() {
    let at_once = outcomes(|| {
        block_on(async {
            match begin(blocking(|| 3)) {
                Ok(value) => (true, value),
                Err(waits) => (false, waits.await),
            }
        })
    });
    assert_eq!(at_once, [(false, 3), (true, 3)]);
}

#[test]
fn a_wake_up_within_a_poll_that_blocks_is_kept() {
    let result = every(|| {
        let ((first, mut seen_first), (second, seen_second)) = (oneshot::channel(), oneshot::channel());
        let sender = spawn(async move {
            first.send(()).ok();
            second.send(()).ok();
        });
        let mut seen_second = Some(seen_second);
        block_on(poll_fn(|context| {
            let polled = Pin::new(&mut seen_first).poll(context).map(|_| ());
            if polled.is_pending()
                && let Some(seen_second) = seen_second.take()
            {
                block_on(seen_second).ok();
            }
            polled
        }));
        block_on(sender).unwrap();
    });
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn tasks_of_a_set_end_with_it() {
    let result = every(|| {
        block_on(async {
            let (sender, mut receiver) = mpsc::unbounded_channel::<()>();
            let mut set = JoinSet::new();
            set.spawn(async move {
                let _sender = sender;
                std::future::pending::<()>().await;
            });
            drop(set);
            assert_eq!(receiver.recv().await, None);
        });
    });
    assert!(result.is_ok(), "{result:?}");
}
