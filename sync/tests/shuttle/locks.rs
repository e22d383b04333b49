//! Who is let in by which lock.

use std::sync::Arc;

use interlock_sync::lock::{AsyncMutex, Condvar, Mutex, RwLock, Semaphore};
use interlock_sync::model::block_on;
use interlock_sync::task::spawn;

use crate::{every, is_deadlock, outcomes};

#[test]
fn a_mutex_lets_one_in() {
    let sums = outcomes(|| {
        let sum = Arc::new(Mutex::new(0));
        block_on(async {
            let others = [sum.clone(), sum.clone()].map(|sum| {
                spawn(async move {
                    let mut sum = sum.lock();
                    let seen = *sum;
                    *sum = seen + 1;
                })
            });
            for other in others {
                other.await.unwrap();
            }
        });
        Arc::into_inner(sum).map(Mutex::into_inner)
    });
    assert_eq!(sums, [Some(2)]);
}

#[test]
fn two_locks_in_two_orders_deadlock() {
    let result = every(|| {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        block_on(async {
            let other = spawn({
                let locks = locks.clone();
                async move {
                    let _second = locks.1.lock();
                    let _first = locks.0.lock();
                }
            });
            {
                let _first = locks.0.lock();
                let _second = locks.1.lock();
            }
            other.await.unwrap();
        });
    });
    assert!(is_deadlock(&result), "{result:?}");
}

#[test]
fn a_lock_taken_twice_deadlocks() {
    let result = every(|| {
        let lock = Mutex::new(());
        let _held = lock.lock();
        let _again = lock.lock();
    });
    assert!(is_deadlock(&result), "{result:?}");
}

#[test]
fn a_recursive_read_deadlocks_where_a_writer_waits() {
    let twice = |lock: Arc<RwLock<()>>| {
        let _read = lock.read();
        let _again = lock.read();
    };
    let alone = every(move || twice(Arc::new(RwLock::new(()))));
    assert_eq!(alone, Ok(1));
    let with_writer = every(move || {
        let lock = Arc::new(RwLock::new(()));
        let writer = spawn({
            let lock = lock.clone();
            async move { drop(lock.write()) }
        });
        twice(lock);
        block_on(writer).unwrap();
    });
    assert!(is_deadlock(&with_writer), "{with_writer:?}");
}

#[test]
fn a_guard_dropped_while_panicking_frees_its_lock() {
    let result = every(|| {
        let lock = Arc::new((Mutex::new(()), RwLock::new(())));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = (lock.0.lock(), lock.1.write());
            std::panic::resume_unwind(Box::new("this panic is caught"));
        }));
        assert!(ended.is_err());
        drop((lock.0.lock(), lock.1.write()));
    });
    assert_eq!(result, Ok(1));
}

#[test]
fn a_condvar_frees_its_lock_while_it_waits() {
    let result = every(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let setter = spawn({
            let shared = shared.clone();
            async move {
                *shared.0.lock() = true;
                shared.1.notify_one();
            }
        });
        let mut is_set = shared.0.lock();
        shared.1.wait_while(&mut is_set, |is_set| !*is_set);
        drop(is_set);
        block_on(setter).unwrap();
    });
    assert!(result.is_ok(), "{result:?}");
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
fn an_async_mutex_is_held_over_an_await() {
    let orders = outcomes(|| {
        block_on(async {
            let log = Arc::new(AsyncMutex::new(Vec::new()));
            let tasks = [1, 2].map(|name| {
                let log = log.clone();
                spawn(async move {
                    let mut log = log.lock().await;
                    log.push(name);
                    interlock_sync::task::yield_now().await;
                    log.push(name);
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            log.lock().await.clone()
        })
    });
    assert_eq!(orders, [[1, 1, 2, 2], [2, 2, 1, 1]]);
}

#[test]
fn a_semaphore_has_so_many_permits() {
    let most = outcomes(|| {
        block_on(async {
            let semaphore = Arc::new(Semaphore::new(1));
            let other = spawn(semaphore.clone().acquire_owned());
            let mine = semaphore.clone().try_acquire_owned().is_ok();
            drop(other.await.unwrap().unwrap());
            mine
        })
    });
    assert_eq!(most, [false, true]);
}
