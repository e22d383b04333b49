//! The log against a model of it, with a crash at any operation of the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::random::Random;
use raft::eraftpb::{ConfState, Entry, HardState};

use super::{Batch, LogBytes, LogWriter, Members, Position, Recovered, StoredSnapshot, recover};
use super::{adopted_path, remove_older, write_beside};
use crate::core::write_error::WriteError;
use crate::disk::{Fault, Operation, SimulatedDisk, Vfs, sync_folder};

const LIMITS: LogBytes = LogBytes { segment: 700, recent: 300 };

fn folder() -> PathBuf {
    PathBuf::from("/raft/g")
}

/// What a log should hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    base: Position,
    entries: Vec<Entry>,
    hard_state: HardState,
    members: Members,
    snapshot: Position,
}

impl Model {
    fn last_index(&self) -> u64 {
        self.base.index + self.entries.len() as u64
    }

    fn term(&self, index: u64) -> u64 {
        if index == self.base.index { self.base.term } else { self.entries[at(index - self.base.index - 1)].term }
    }

    fn append(&mut self, batch: &Batch) {
        if let Some(base) = batch.reset {
            (self.base, self.entries) = (base, Vec::new());
        }
        if let Some(first) = batch.entries.first() {
            self.entries.truncate(at(first.index - self.base.index - 1));
        }
        self.entries.extend(batch.entries.iter().cloned());
        self.hard_state = batch.hard_state.clone().unwrap_or(self.hard_state.clone());
        self.members = batch.members.clone().unwrap_or(self.members.clone());
    }

    fn compact(&mut self, base: Position) {
        self.entries.drain(..at(base.index - self.base.index));
        self.base = base;
    }
}

fn at(index: u64) -> usize {
    usize::try_from(index).expect("a small number")
}

/// What was opened, as a model.
fn model_of(recovered: &Recovered) -> Model {
    let view = &recovered.view;
    let (base, last_index) = view.with(|state| (state.base, state.last_index()));
    let entries = view.read(base.index + 1, last_index + 1, u64::MAX);
    assert_eq!(view.read_error(), None);
    assert_eq!(entries.len() as u64, last_index - base.index, "every entry can be read");
    view.with(|state| Model {
        base,
        entries,
        hard_state: state.hard_state.clone(),
        members: state.members.clone(),
        snapshot: state.snapshot.position,
    })
}

enum Act {
    Append(Batch),
    Compact(Position),
    /// A snapshot of this state machine's own.
    Adopt(StoredSnapshot),
    /// A snapshot that another server sent.
    Receive(StoredSnapshot, Batch),
}

/// Something that a node could do next.
fn any_act(model: &Model, random: &mut Random) -> Act {
    let committed = model.hard_state.commit;
    match random.below(10) {
        0..7 => Act::Append(any_batch(model, random)),
        7 if model.snapshot.index > model.base.index => {
            let index = model.base.index + 1 + random.below(model.snapshot.index - model.base.index);
            Act::Compact(Position { index, term: model.term(index) })
        }
        8 if committed > model.snapshot.index => {
            let index = committed - random.below(committed - model.snapshot.index);
            Act::Adopt(stored(Position { index, term: model.term(index) }, model.members.clone()))
        }
        9 if random.chance(40) => {
            let position = Position { index: model.last_index() + 1 + random.below(20), term: model.hard_state.term };
            let members = Members { index: position.index, ..model.members.clone() };
            let hard_state = HardState { commit: position.index, ..model.hard_state.clone() };
            let batch = Batch {
                reset: Some(position),
                hard_state: Some(hard_state),
                members: Some(members.clone()),
                entries: Vec::new(),
            };
            Act::Receive(stored(position, members), batch)
        }
        _ => Act::Append(any_batch(model, random)),
    }
}

fn stored(position: Position, members: Members) -> StoredSnapshot {
    StoredSnapshot { position, members, data: Bytes::from_static(b"state") }
}

fn any_batch(model: &Model, random: &mut Random) -> Batch {
    let (committed, last) = (model.hard_state.commit, model.last_index());
    let term = model.hard_state.term + u64::from(random.chance(30));
    // Entries that are not committed may give way to those of a later term.
    let replaced = if term > model.hard_state.term { random.below(last - committed + 1) } else { 0 };
    let first = last + 1 - replaced;
    let n_entries = random.below(5);
    let entries: Vec<Entry> = (first..first + n_entries).map(|index| any_entry(index, term, random)).collect();
    let new_last = if entries.is_empty() { last } else { first + n_entries - 1 };
    let commit = committed + random.below(new_last - committed + 1);
    let hard_state = random.chance(70) || term > model.hard_state.term;
    let members = random
        .chance(10)
        .then(|| Members { index: commit, conf_state: ConfState::from((vec![1, 2, 3 + random.below(3)], Vec::new())) });
    Batch {
        reset: None,
        hard_state: hard_state.then(|| HardState { term, vote: random.below(4), commit, ..HardState::default() }),
        members: members.filter(|members| members.index > model.members.index),
        entries,
    }
}

fn any_entry(index: u64, term: u64, random: &mut Random) -> Entry {
    let n_bytes = at(random.below(300));
    Entry { index, term, data: Bytes::from(vec![random.below(256) as u8; n_bytes]), ..Entry::default() }
}

/// Does it on the disk as the driver does.
fn act_on_disk(disk: &SimulatedDisk, writer: &mut LogWriter, act: &Act) -> Result<(), WriteError> {
    let failed = |error: std::io::Error| WriteError::io("install", &folder(), &error);
    match act {
        Act::Append(batch) => writer.append(disk, batch).map(|_places| ()),
        Act::Compact(base) => writer.compact(disk, *base),
        Act::Adopt(snapshot) => adopt(disk, snapshot).map_err(failed),
        Act::Receive(snapshot, batch) => {
            adopt(disk, snapshot).map_err(failed)?;
            writer.append(disk, batch).map(|_places| ())
        }
    }
}

fn adopt(disk: &SimulatedDisk, snapshot: &StoredSnapshot) -> std::io::Result<()> {
    let beside = folder().join("1.new");
    write_beside(disk, &beside, snapshot)?;
    disk.rename(&beside, &adopted_path(&folder(), snapshot.position))?;
    sync_folder(disk, &folder())?;
    remove_older(disk, &folder(), snapshot.position.index)
}

fn act_on_model(model: &mut Model, act: &Act) {
    match act {
        Act::Append(batch) => model.append(batch),
        Act::Compact(base) => model.compact(*base),
        Act::Adopt(snapshot) => model.snapshot = snapshot.position,
        Act::Receive(snapshot, batch) => {
            model.snapshot = snapshot.position;
            model.append(batch);
        }
    }
}

/// Whether what was opened may follow: all that was durable, and of the last act all, nothing, or what is harmless.
fn is_allowed(found: &Model, before: &Model, after: &Model) -> bool {
    // A commit index is only as good as the log and the snapshot behind it.
    let same = |model: &Model| {
        let commit = model.hard_state.commit.min(found.last_index()).max(found.base.index).max(found.snapshot.index);
        let hard_state = HardState { commit, ..model.hard_state.clone() };
        Model { hard_state, snapshot: found.snapshot, ..model.clone() } == *found
    };
    let snapshot_fits = found.snapshot == before.snapshot || found.snapshot == after.snapshot;
    snapshot_fits && (same(before) || same(after))
}

fn open(disk: &SimulatedDisk) -> Recovered {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    recover(&vfs, &folder(), LIMITS).unwrap_or_else(|error| panic!("does not open again: {error}"))
}

/// Acts until a fault strikes, then ends the process or the power, and opens the log again; some times over.
fn run(seed: u64) {
    let mut random = Random::from_seed(seed);
    let disk = SimulatedDisk::default();
    disk.create_folders(Path::new("/raft")).expect("no fault is set");
    let mut model = Model { hard_state: HardState { term: 1, ..HardState::default() }, ..Model::default() };
    let mut writer = open(&disk).writer;
    writer.append(&disk, &Batch { hard_state: Some(model.hard_state.clone()), ..Batch::default() }).expect("no fault");
    for round in 0..8 {
        let fault = Fault::always(Operation::AnyWrite, "", 5).nth(1 + random.below(60));
        disk.fail(if random.chance(30) { fault.short() } else { fault });
        let (before, after) = loop {
            let before = model.clone();
            let act = any_act(&model, &mut random);
            act_on_model(&mut model, &act);
            if act_on_disk(&disk, &mut writer, &act).is_err() {
                break (before, model);
            }
        };
        disk.heal();
        if random.chance(60) {
            disk.power_off(&mut random);
            disk.power_on();
        }
        let recovered = open(&disk);
        let found = model_of(&recovered);
        assert!(
            is_allowed(&found, &before, &after),
            "seed {seed}, round {round}:\nfound  {found:?}\nbefore {before:?}\nafter  {after:?}"
        );
        // What was opened is durable: a loss of power right behind it changes nothing.
        disk.power_off(&mut random);
        disk.power_on();
        let recovered = open(&disk);
        assert_eq!(model_of(&recovered), found, "seed {seed}, round {round}: not durable after the start");
        (model, writer) = (found, recovered.writer);
    }
}

#[test]
fn a_log_is_what_was_acknowledged_after_any_crash() {
    for seed in 0..400 {
        run(seed);
    }
}

/// A log with three segments, all full.
fn long_log(disk: &SimulatedDisk) -> LogWriter {
    disk.create_folders(Path::new("/raft")).expect("no fault is set");
    let mut writer = open(disk).writer;
    for index in 1..=8 {
        let entry = Entry { index, term: 1, data: Bytes::from(vec![7; 150]), ..Entry::default() };
        let batch = Batch { entries: vec![entry], ..Batch::default() };
        writer.append(disk, &batch).expect("no fault is set");
    }
    writer
}

fn refusal(disk: &SimulatedDisk) -> String {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    recover(&vfs, &folder(), LIMITS).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_changed_byte_in_the_middle_is_refused_and_not_cut_off() {
    for (segment, at) in [(1, 100), (1, 690), (2, 10), (2, 300)] {
        let disk = SimulatedDisk::default();
        long_log(&disk);
        disk.corrupt(&super::segment_path(&folder(), segment), |bytes| {
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0x55;
        });
        let refusal = refusal(&disk);
        assert!(refusal.contains("damaged") || at == 690, "segment {segment}, byte {at}: {refusal:?}");
    }
}

#[test]
fn a_missing_segment_is_refused() {
    for segment in [1, 2] {
        let disk = SimulatedDisk::default();
        long_log(&disk);
        disk.remove_file(&super::segment_path(&folder(), segment)).expect("it is there");
        assert!(refusal(&disk).contains("missing"), "segment {segment}: {:?}", refusal(&disk));
    }
}

#[test]
fn an_entry_that_rots_is_an_error_of_the_read() {
    let disk = SimulatedDisk::default();
    long_log(&disk);
    let recovered = open(&disk);
    disk.corrupt(&super::segment_path(&folder(), 1), |bytes| bytes[200] ^= 1);
    assert_eq!(recovered.view.read(1, 9, u64::MAX), Vec::new());
    assert!(recovered.view.read_error().is_some_and(|error| error.to_string().contains("damaged")));
}
