//! Programs over the monitor slot (`engine/src/slot.rs`), for shuttle and for loom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use interlock_engine::mutation;
use interlock_engine::slot::{Presence, Slot};
use interlock_sync::model::{block_on, name_task};
use interlock_sync::task::{JoinHandle, spawn};

pub(crate) fn put_back(bug: &str) {
    mutation::set(Some(bug.parse().expect("the bug is in the engine's catalogue")));
}

/// What the monitors of one slot have done. Not a part of the model: looking at it is no step.
#[derive(Default)]
struct Seen {
    n_running: AtomicUsize,
    n_entered: AtomicUsize,
    was_turned_away: AtomicBool,
}

/// A monitor as streams and consumers have it: it enters, takes its token, drives until it is told, and leaves.
async fn monitor(slot: Slot, mut presence: Presence, seen: Arc<Seen>) {
    name_task("monitor");
    if !presence.enter() {
        seen.was_turned_away.store(true, Ordering::SeqCst);
        return;
    }
    let n_others = seen.n_running.fetch_add(1, Ordering::SeqCst);
    assert_eq!(n_others, 0, "two monitors drive one entity");
    seen.n_entered.fetch_add(1, Ordering::SeqCst);
    slot.token().cancelled().await;
    seen.n_running.fetch_sub(1, Ordering::SeqCst);
    drop(presence);
}

/// What a change of the assignment does: it stops whoever drives, and has a successor drive.
async fn replace(slot: &Slot, seen: &Arc<Seen>) -> JoinHandle<()> {
    slot.stop().await;
    let presence = slot.register().await;
    spawn(monitor(slot.clone(), presence, seen.clone()))
}

/// Stops, waits for all monitors, and looks.
async fn end(slot: &Slot, monitors: Vec<JoinHandle<()>>, seen: &Seen) {
    slot.stop().await;
    let n_monitors = monitors.len();
    for monitor in monitors {
        monitor.await.expect("a monitor does not panic");
    }
    assert!(!seen.was_turned_away.load(Ordering::SeqCst), "a successor was turned away: unmonitored");
    assert_eq!(seen.n_entered.load(Ordering::SeqCst), n_monitors, "a monitor never ran: unmonitored");
    assert_eq!((slot.status().count, slot.status().running), (0, false), "somebody is counted who is gone");
}

pub(crate) fn one_remap() {
    block_on(async {
        let (slot, seen) = (Slot::default(), Arc::default());
        let monitors = vec![replace(&slot, &seen).await, replace(&slot, &seen).await];
        end(&slot, monitors, &seen).await;
    });
}

pub(crate) fn two_remaps() {
    remaps(2);
}

/// So many changes of the assignment, one behind the other.
pub(crate) fn remaps(n: usize) {
    block_on(async {
        let (slot, seen) = (Slot::default(), Arc::default());
        let mut monitors = Vec::new();
        for _ in 0..=n {
            monitors.push(replace(&slot, &seen).await);
        }
        end(&slot, monitors, &seen).await;
    });
}

pub(crate) fn start_races_stop() {
    block_on(async {
        let (slot, seen) = (Slot::default(), Arc::<Seen>::default());
        let first = replace(&slot, &seen).await;
        let stopper = spawn({
            let slot = slot.clone();
            async move {
                name_task("stopper");
                assert_eq!(slot.stop_and_look().await, 0, "who stops finds somebody registered");
            }
        });
        let presence = slot.register().await;
        let second = spawn(monitor(slot.clone(), presence, seen.clone()));
        stopper.await.expect("a stopper does not panic");
        slot.stop().await;
        for monitor in [first, second] {
            monitor.await.expect("a monitor does not panic");
        }
    });
}

pub(crate) fn start_races_close() {
    block_on(async {
        let (slot, seen) = (Slot::default(), Arc::<Seen>::default());
        let starter = spawn({
            let (slot, seen) = (slot.clone(), seen.clone());
            async move {
                name_task("starter");
                let presence = slot.register().await;
                monitor(slot, presence, seen).await;
            }
        });
        slot.close();
        starter.await.expect("a monitor does not panic");
        assert!(slot.is_closed() && slot.status().count == 0, "a closed entity has a monitor");
    });
}

/// A remap gives the entity a new monitor as a deletion closes it, and stops whoever drives it.
#[allow(clippy::async_yields_async, reason = "the remap ends, and the monitor that it has started goes on")]
pub(crate) fn deletion_meets_remap() {
    block_on(async {
        let (slot, seen) = (Slot::default(), Arc::<Seen>::default());
        let first = replace(&slot, &seen).await;
        let remap = spawn({
            let (slot, seen) = (slot.clone(), seen.clone());
            async move {
                name_task("remap");
                replace(&slot, &seen).await
            }
        });
        slot.close();
        slot.stop().await;
        let second = remap.await.expect("a remap does not panic");
        for monitor in [first, second] {
            monitor.await.expect("a monitor does not panic");
        }
        assert!(!seen.was_turned_away.load(Ordering::SeqCst), "a successor was turned away: unmonitored");
        assert!(slot.is_closed() && slot.status().count == 0, "a deleted entity has a monitor");
    });
}
