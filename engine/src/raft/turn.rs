//! A turn of the node: a ready is taken, made durable by the driver, and finished.

use raft::eraftpb::{Entry, EntryType, Message};
use raft::{ReadState, Ready};

use super::appends::mend;
use super::apply::Apply;
use super::conf_change;
use super::log::{Batch, Members, Place, Position, StoredSnapshot};
use super::machine::Machine;
use crate::core::write_error::WriteError;

/// A ready that was taken and is not yet done.
#[derive(Default)]
pub(super) struct Turn {
    number: u64,
    /// None once raft was told that it may go on.
    ready: Option<Ready>,
    /// What is to be durable before anything of the following is said or done.
    pub(super) batch: Batch,
    pub(super) snapshot: Option<StoredSnapshot>,
    /// Where the batch's entries were written.
    pub(super) places: Vec<Place>,
    pub(super) messages: Vec<Message>,
    pub(super) persisted_messages: Vec<Message>,
    committed: Vec<Entry>,
    pub(super) reads: Vec<ReadState>,
}

/// What a turn left to be done.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) applies: Vec<Apply>,
    pub(super) messages: Vec<Message>,
    /// To be durable before the applies are delivered.
    pub(super) members: Option<Members>,
    /// The next turn is not due before an input or a tick.
    pub(super) waits: bool,
}

/// What the state machine is told of a snapshot that was received or found.
pub(super) fn installed(snapshot: &StoredSnapshot) -> Apply {
    let Position { index, term } = snapshot.position;
    Apply::Snapshot { index, term, data: snapshot.data.clone() }
}

impl Machine {
    pub(super) fn has_ready(&self) -> bool {
        self.node.has_ready()
    }

    /// Takes a ready. Until [`Self::finish`] nothing else may be asked of the node (O-30).
    pub(super) fn begin(&mut self) -> Result<Turn, WriteError> {
        let mut ready = self.node.ready();
        let mut batch = Batch::default();
        let mut snapshot = None;
        if !ready.snapshot().is_empty() {
            let stored = StoredSnapshot::from_wire(ready.snapshot())?;
            batch.reset = Some(stored.position);
            batch.members = Some(stored.members.clone());
            snapshot = Some(stored);
        }
        if ready.must_sync() {
            // With the commit index, though it need not be durable: it costs nothing here.
            batch.hard_state = Some(self.node.raft.hard_state());
        }
        batch.entries = ready.take_entries();
        let mut messages = ready.take_messages();
        self.mend(&mut messages);
        if let Some(error) = self.view.read_error() {
            return Err(error);
        }
        Ok(Turn {
            number: ready.number(),
            batch,
            snapshot,
            places: Vec::new(),
            messages,
            persisted_messages: ready.take_persisted_messages(),
            committed: ready.take_committed_entries(),
            reads: ready.take_read_states(),
            ready: Some(ready),
        })
    }

    fn mend(&self, messages: &mut Vec<Message>) {
        // Term 0 is that of no entry, but for the place before the first one.
        mend(messages, |index| self.node.raft.raft_log.term(index).ok().filter(|term| *term != 0 || index == 0));
    }

    /// The turn's batch is durable.
    pub(super) fn persisted(&mut self, turn: &Turn, is_stored: bool) {
        if !is_stored {
            self.store(turn);
        }
        if let Some(first) = turn.batch.entries.first() {
            self.view.with(|state| state.written(first.index, &turn.places));
        }
    }

    /// Puts what is durable, or is about to be, into the log's picture in memory. Raft reads it there.
    fn store(&mut self, turn: &Turn) {
        if turn.snapshot.is_some() {
            self.refresh_members();
        }
        self.view.with(|state| {
            if let Some(snapshot) = &turn.snapshot {
                state.reset(snapshot.position);
                state.members = snapshot.members.clone();
                state.snapshot = snapshot.clone();
            }
            state.append(&turn.batch.entries);
            if let Some(hard_state) = &turn.batch.hard_state {
                state.hard_state = hard_state.clone();
            }
        });
    }

    /// Lets raft go on although the turn's batch is not durable yet. The turn's messages still wait for that.
    pub(super) fn advance_early(&mut self, turn: &mut Turn) {
        self.store(turn);
        if let Some(ready) = turn.ready.take() {
            self.node.advance_append_async(ready);
        }
    }

    /// Ends a turn whose batch is durable: applies what is committed, and lets raft go on. What the light ready has is
    /// used at once: raft gives it out only here (O-31, G-13).
    pub(super) fn finish(&mut self, turn: Turn) -> Result<Outcome, WriteError> {
        let mut outcome = Outcome::default();
        if let Some(snapshot) = turn.snapshot {
            self.delivered = snapshot.position.index;
            outcome.applies.push(installed(&snapshot));
        }
        self.apply(turn.committed, &mut outcome)?;
        match turn.ready {
            Some(ready) => {
                let mut light = self.node.advance_append(ready);
                if !crate::mutant!(M113) {
                    outcome.messages.append(&mut light.take_messages());
                    self.mend(&mut outcome.messages);
                    self.apply(light.take_committed_entries(), &mut outcome)?;
                }
            }
            None => self.node.on_persist_ready(turn.number),
        }
        let commit = self.node.raft.raft_log.committed;
        self.view.with(|state| state.hard_state.commit = commit);
        self.node.advance_apply_to(self.delivered);
        if self.recovers_until.is_some_and(|until| until <= self.delivered) {
            self.recovers_until = None;
            outcome.applies.push(Apply::RecoveryDone);
        }
        match self.view.read_error() {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }

    fn apply(&mut self, committed: Vec<Entry>, outcome: &mut Outcome) -> Result<(), WriteError> {
        for entry in committed {
            let (index, term) = (entry.index, entry.term);
            assert!(index > self.delivered, "an entry is delivered once, and in order");
            let apply = match entry.get_entry_type() {
                EntryType::EntryNormal => Apply::Entry { index, term, data: entry.data },
                EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => self.apply_change(&entry, outcome)?,
            };
            self.delivered = index;
            outcome.applies.push(apply);
        }
        Ok(())
    }

    /// Applies a change of members, unless the members that were stored or received contain it already. One that cannot
    /// be decoded ends the node: a member that skipped it would count other votes (G-14).
    fn apply_change(&mut self, entry: &Entry, outcome: &mut Outcome) -> Result<Apply, WriteError> {
        if entry.index > self.view.with(|state| state.members.index) {
            let change =
                conf_change::decode(&entry.data).filter(|_| entry.get_entry_type() == EntryType::EntryConfChangeV2);
            let change = change
                .ok_or_else(|| WriteError::other(format!("entry {}: undecodable change of members", entry.index)))?;
            match self.node.apply_conf_change(&change) {
                Ok(conf_state) => {
                    let members = Members { index: entry.index, conf_state };
                    self.view.with(|state| state.members = members.clone());
                    self.refresh_members();
                    outcome.messages.append(&mut self.leave_if_gone());
                    outcome.members = Some(members);
                }
                // Every member refuses it alike.
                Err(error) => tracing::warn!(index = entry.index, %error, "a change of members is refused"),
            }
        }
        let (voters, learners) = (self.voters(), self.learners());
        Ok(Apply::Members { index: entry.index, term: entry.term, voters, learners })
    }
}
