//! How many steps an operation is: each one more multiplies what a search has to go through.

use std::sync::Arc;

use interlock_sync::channel::{Notify, mpsc, oneshot, watch};
use interlock_sync::lock::{AsyncMutex, Mutex, RwLock};
use interlock_sync::map::ConcurrentMap;
use interlock_sync::model::block_on;
use interlock_sync::task::spawn;
use interlock_sync::token::Token;

use crate::every;

/// Runs the operation twice after another one, and counts the steps of the second run: all have something before them.
#[track_caller]
fn check(n_steps: usize, operation: impl AsyncFn() + Send + Sync + 'static) {
    let caller = std::panic::Location::caller();
    let counted = every(move || {
        block_on(async {
            operation().await;
            let before = shuttle::current::context_switches();
            operation().await;
            assert_eq!(shuttle::current::context_switches() - before, n_steps, "{caller}");
        });
    });
    assert_eq!(counted, Ok(1));
}

#[test]
fn a_blocking_lock_is_one_step() {
    let locks = || (Mutex::new(0), RwLock::new(0));
    check(1, move || async move { drop(locks().0.lock()) });
    check(1, move || async move { drop(locks().1.read()) });
    check(1, move || async move { *locks().1.write() += 1 });
    check(2, move || async move { drop((locks().0.lock(), locks().1.read())) });
}

#[test]
fn an_async_lock_is_one_step() {
    check(1, || async { *AsyncMutex::new(0).lock().await += 1 });
}

#[test]
fn a_channel_s_operation_is_one_step() {
    check(2, || async {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(1).await.unwrap();
        receiver.recv().await.unwrap();
        std::mem::forget((sender, receiver));
    });
    // The end of the last sender and that of the receiver can be seen too.
    check(2, || async { drop(mpsc::unbounded_channel::<()>()) });
    check(3, || async {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.await.unwrap();
    });
}

#[test]
fn a_change_of_a_watched_value_is_one_step() {
    check(2, || async {
        let (sender, mut receiver) = watch::channel(0);
        sender.send_replace(1);
        receiver.changed().await.unwrap();
        std::mem::forget((sender, receiver));
    });
}

#[test]
fn a_signal_is_one_step() {
    check(3, || async {
        let token = Token::new();
        token.cancel();
        token.cancelled().await;
        assert!(token.is_cancelled());
    });
    check(2, || async {
        let notify = Notify::new();
        notify.notify_one();
        notify.notified().await;
    });
}

#[test]
fn a_key_of_a_map_is_one_step_and_a_length_two() {
    check(2, || async {
        let map = ConcurrentMap::new();
        map.insert(1, 1);
        map.get(&1);
    });
    check(2, || async { assert_eq!(ConcurrentMap::<u8, ()>::new().len(), 0) });
}

#[test]
fn two_tasks_with_one_lock_have_so_many_schedules() {
    let schedules = every(|| {
        let lock = Arc::new(Mutex::new(()));
        let other = spawn({
            let lock = lock.clone();
            async move { drop(lock.lock()) }
        });
        drop(lock.lock());
        block_on(other).unwrap();
    });
    // Before the other locks, and after; and where this one is first, the other ends before the join or after.
    assert_eq!(schedules, Ok(3));
}

#[test]
fn a_notice_comes_before_the_wait_or_after() {
    let schedules = every(|| {
        let notify = Arc::new(Notify::new());
        let other = spawn({
            let notify = notify.clone();
            async move { notify.notify_one() }
        });
        block_on(notify.notified());
        block_on(other).unwrap();
    });
    assert_eq!(schedules, Ok(2));
}
