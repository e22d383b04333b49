//! Random operations, a fault at any operation of the disk, a power loss: what a store is afterwards.

use std::sync::Arc;

use interlock_engine::disk::{Disk, Fault, Operation as DiskOperation, SimulatedDisk};
use interlock_engine::store::{Store, StoreError, StoreOptions, SyncPolicy};
use interlock_sync::random::Random;

use crate::model::{Model, Operation};

/// A store under test, the states that it went through, and from which of them on it may come back.
pub(crate) struct Run {
    seed: u64,
    random: Random,
    pub(crate) disk: SimulatedDisk,
    options: StoreOptions,
    pub(crate) store: Arc<Store>,
    states: Vec<Model>,
    /// The last state that is durable.
    durable: usize,
    index: u64,
    /// A snapshot that covers this index is durable. Without a group there is none.
    snapshot: Option<u64>,
    n_states_before: usize,
    /// What was done, for a person to read.
    trace: Vec<String>,
}

impl Run {
    pub(crate) fn new(seed: u64, sync: SyncPolicy, snapshot: Option<u64>) -> Self {
        let disk = SimulatedDisk::default();
        let of_store = Disk::in_place(Arc::new(disk.clone()));
        let options = StoreOptions { block_bytes: 1500, sync, ..StoreOptions::new("/stream", of_store) };
        let store = Store::open(options.clone(), snapshot).expect("nothing fails yet");
        let states = vec![Model::default()];
        let random = Random::from_seed(seed);
        Self {
            seed,
            random,
            disk,
            options,
            store,
            states,
            durable: 0,
            index: 0,
            snapshot,
            n_states_before: 1,
            trace: Vec::new(),
        }
    }

    fn now(&self) -> &Model {
        self.states.last().expect("there is always a state")
    }

    fn context(&self) -> String {
        let Self { seed, index, durable, snapshot, trace, .. } = self;
        let trace = trace[trace.len().saturating_sub(30)..].join("\n");
        format!("{trace}\nseed {seed} index {index} durable {durable} snapshot {snapshot:?}")
    }

    /// One operation or flush.
    pub(crate) fn step(&mut self) -> Result<(), StoreError> {
        self.n_states_before = self.states.len();
        let draw = self.random.below(100);
        self.trace.push(format!("step {draw} from {:?}", self.now()));
        match draw {
            0..5 => self.flush(),
            5..8 => {
                self.store.write_pending();
                // The next call that may change something brings the error up.
                self.store.append_all(&[])
            }
            8..12 => {
                self.store.sync_pass()?;
                self.durable = self.states.len() - 1;
                Ok(())
            }
            12..14 if self.snapshot.is_some() => self.take_snapshot(),
            _ => self.operate(),
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.store.flush()?;
        self.durable = self.states.len() - 1;
        Ok(())
    }

    fn take_snapshot(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.snapshot = Some(self.index);
        self.store.set_reclaim_floor(self.index);
        Ok(())
    }

    fn operate(&mut self) -> Result<(), StoreError> {
        let operation = Operation::draw(&mut self.random, self.states.last().expect("there is always a state"));
        if operation.is_truncation() && self.snapshot.is_some() {
            // A replica is never truncated: its log is.
            return Ok(());
        }
        self.index += 1;
        self.trace.push(format!("  {operation:?}"));
        let seq = self.now().last_seq + 1;
        let after = self.now().after(&operation, self.index);
        self.states.push(after);
        operation.act(&self.store, seq, self.index)?;
        if self.options.sync == SyncPolicy::Always || operation.is_truncation() {
            self.durable = self.states.len() - 1;
        }
        Ok(())
    }

    /// The power goes or the process is killed, and the store is opened again; the disk may fail in the middle of that.
    pub(crate) fn crash(&mut self) {
        let loses_power = self.random.chance(70);
        self.trace.push(format!("crash, power loss: {loses_power}"));
        self.disk.heal();
        if loses_power {
            self.lose_power();
        }
        if self.random.chance(30) {
            self.disk.fail(Fault::always(DiskOperation::AnyWrite, "", 5).nth(1 + self.random.below(6)));
            let opened = Store::open(self.options.clone(), self.snapshot);
            self.trace.push(format!("  first attempt: {:?}", opened.as_ref().map(|_| ())));
            drop(opened);
            self.disk.heal();
            if loses_power {
                self.lose_power();
            }
        }
        self.reopen(loses_power);
    }

    /// The last operation stopped at a read: the store is in one of the states that it leads through.
    pub(crate) fn resume(&mut self) {
        let held = Model::of(&self.store);
        let reached = (self.n_states_before - 1..self.states.len()).find(|at| self.states[*at].holds_same(&held));
        let Some(at) = reached else { panic!("{}: a failed read left {held:?}", self.context()) };
        self.states.truncate(at + 1);
    }

    /// Whether the store may hold this after a call failed: a state that the call leads through, without what was lost.
    pub(crate) fn accepts(&self, held: &Model) -> bool {
        let lost = self.store.lost_range();
        self.states[self.n_states_before - 1..].iter().any(|state| state.without(lost).holds_same(held))
    }

    fn lose_power(&mut self) {
        self.disk.power_off(&mut self.random);
        self.disk.power_on();
    }

    fn reopen(&mut self, lost_power: bool) {
        let context = self.context();
        let opened = Store::open(self.options.clone(), self.snapshot);
        self.store = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        let held = Model::of(&self.store);
        let found = match self.snapshot {
            Some(index) => {
                let state = self.states.iter().rposition(|state| state.index <= index);
                state.filter(|at| self.states[*at].holds_same(&held))
            }
            None => (self.durable..self.states.len()).rev().find(|at| self.states[*at].holds_same(&held)),
        };
        let Some(at) = found else {
            panic!("{context}: holds {held:?}, durable was {:?}, now {:?}", self.states[self.durable], self.now());
        };
        self.states[at].check(&self.store, &context);
        self.index = self.snapshot.unwrap_or(self.index);
        if lost_power || self.snapshot.is_some() {
            // What came back is durable, or the log is replayed from there on.
            let state = self.states.swap_remove(at);
            self.states = vec![Model { index: self.index, ..state }];
            self.durable = 0;
        } else {
            self.states.truncate(at + 1);
        }
    }

    /// Operations until the power goes, or something fails.
    fn round(&mut self) {
        let n_steps = self.random.below(120);
        if self.random.chance(70) {
            let fault = Fault::always(DiskOperation::AnyWrite, "", 5).nth(1 + self.random.below(80));
            self.disk.fail(if self.random.chance(50) { fault.short() } else { fault });
        }
        for _ in 0..n_steps {
            let stepped = self.step();
            self.trace.push(format!("  -> {stepped:?}"));
            match stepped {
                Ok(()) => {}
                Err(StoreError::Write(_)) => break,
                Err(error) => panic!("{}: {error}", self.context()),
            }
            if self.random.chance(10) {
                self.now().check(&self.store, &self.context());
            }
        }
        self.crash();
    }
}

fn run(seeds: std::ops::Range<u64>, sync: SyncPolicy, snapshot: Option<u64>) {
    for seed in seeds {
        let mut run = Run::new(seed, sync, snapshot);
        for _ in 0..6 {
            run.round();
        }
    }
}

#[test]
fn what_was_flushed_survives_and_what_survives_was_a_state() {
    run(0..300, SyncPolicy::OnFlush, None);
}

#[test]
fn with_a_sync_for_each_call_each_call_survives() {
    run(0..300, SyncPolicy::Always, None);
}

#[test]
fn a_replica_comes_back_as_it_was_at_its_snapshot() {
    run(0..300, SyncPolicy::OnFlush, Some(0));
}

#[test]
fn a_replica_that_syncs_each_call_does_too() {
    run(0..200, SyncPolicy::Always, Some(0));
}
