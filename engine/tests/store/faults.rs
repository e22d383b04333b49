//! A fault at the n-th operation of the disk, for every n: never a positive answer for what is not written.

use interlock_engine::disk::{Fault, Operation as DiskOperation};
use interlock_engine::store::{Store, StoreError, SyncPolicy};
use interlock_sync::random::Random;

use crate::crashes::Run;
use crate::model::{Model, Operation};

const FAULTS: [(DiskOperation, i32); 6] = [
    (DiskOperation::AnyWrite, 5),
    (DiskOperation::AnyWrite, 28),
    (DiskOperation::AnyWrite, 2),
    (DiskOperation::Sync, 5),
    (DiskOperation::Write, 5),
    (DiskOperation::Read, 5),
];

/// Runs operations until the n-th operation of the disk fails; whether it did.
fn with_fault(n: u64, (operation, errno): (DiskOperation, i32), sync: SyncPolicy) -> bool {
    let mut run = Run::new(7, sync, None);
    let fault = Fault::always(operation, "", errno).nth(n);
    run.disk.fail(if n.is_multiple_of(2) { fault.short() } else { fault });
    for _ in 0..120 {
        match run.step() {
            Ok(()) => {}
            Err(StoreError::Read { .. }) => {
                assert_eq!(operation, DiskOperation::Read, "nothing else makes reads fail");
                assert_eq!(run.store.write_error(), None, "a read error stays");
                run.resume();
            }
            Err(StoreError::Write(_)) => break,
            Err(error) => panic!("n {n}: {error}"),
        }
    }
    let struck = run.disk.n_faults_struck() > 0;
    if let Some(first) = run.store.write_error() {
        assert!(struck, "an error without a fault");
        stays(&run, &StoreError::Write(first), n);
    }
    run.crash();
    struck
}

/// Nothing changes any more, and what is there can be read (I-S8, W8).
fn stays(run: &Run, first: &StoreError, n: u64) {
    let before = Model::of(&run.store);
    let seen = run.accepts(&before);
    assert!(seen, "n {n}: holds {before:?}, which never was");
    run.disk.heal();
    let mut random = Random::from_seed(n);
    for _ in 0..30 {
        let operation = Operation::draw(&mut random, &before);
        let result = operation.act(&run.store, before.last_seq + 1, 0);
        assert_eq!(result.as_ref().err(), Some(first), "n {n}: {operation:?}");
    }
    for call in [Store::flush, Store::sync_pass] {
        assert_eq!(call(&run.store).as_ref().err(), Some(first), "n {n}");
    }
    before.check(&run.store, &format!("n {n}"));
}

fn at_every_operation(sync: SyncPolicy) {
    for fault in FAULTS {
        let last = (1..).find(|n| !with_fault(*n, fault, sync)).unwrap_or_default();
        assert!(last > 20, "{fault:?} struck only {last} times");
    }
}

#[test]
fn a_fault_at_any_operation_breaks_a_store_that_is_flushed() {
    at_every_operation(SyncPolicy::OnFlush);
}

#[test]
fn a_fault_at_any_operation_breaks_a_store_that_syncs_each_call() {
    at_every_operation(SyncPolicy::Always);
}
