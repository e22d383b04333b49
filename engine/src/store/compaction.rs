//! Giving space back: blocks are written anew without what was removed, and removed where nothing is left.
//!
//! A removal must be durable before the message that it removes leaves its file, and the message must have left durably
//! before the removal leaves its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use interlock_sync::task;

use super::Store;
use super::block::{Block, Inner, latching};
use super::entries::{Needed, Place};
use super::error::StoreError;
use super::record::{HEADER_BYTES, Header, Kind, Position, RECORD_BYTES, Record, Records};
use super::recovery::beside_path;
use super::state::State;
use crate::core::write_error::WriteError;
use crate::disk::{self, Open, VfsFile};
use crate::mutant;

/// Who writes a block anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    /// A call that changes the store, with its lock held.
    Inline,
    /// The sync pass.
    Pass,
}

/// What stays besides messages.
enum Keep {
    /// Removals at these offsets; no marks: the next block's header says what they say.
    Removals(BTreeSet<u32>),
    /// All removals, and marks as far as they tell of sequences up to this one.
    UpTo(u64),
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    IsWrittenAnew,
    IsRemoved,
}

/// A block that was written anew.
struct Fresh {
    file: Arc<dyn VfsFile>,
    image: Image,
}

/// The bytes of a block to be, and where its messages stand.
struct Image {
    header: Header,
    bytes: Vec<u8>,
    places: Vec<(Place, Needed)>,
    n_removals: u64,
}

impl Image {
    fn new(header: Header) -> Self {
        Self { header, bytes: header.encode().to_vec(), places: Vec::new(), n_removals: 0 }
    }

    fn push(&mut self, record: &Record<'_>, length: u32, needed: Option<Needed>) {
        let offset = self.bytes.len() as u64;
        // Everything in a block that is written anew was durable, and whole.
        let whole = Record { continues: false, ..*record };
        whole.encode(Position { block: self.header.block, offset }, true, &mut self.bytes);
        self.n_removals += u64::from(record.kind == Kind::Remove);
        if let Some(needed) = needed {
            let Record { seq, time_ns, .. } = *record;
            self.places.push((Place { seq, offset: offset as u32, length, time_ns }, needed));
        }
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES
    }
}

impl Store {
    /// Gives back the space of a run that was removed, where each call syncs; else the sync pass does.
    pub(super) fn reclaim(&self, state: &mut State, from: u64, to: u64) -> Result<(), StoreError> {
        if state.sync != super::SyncPolicy::Always {
            return Ok(());
        }
        task::give_way(|| self.reclaim_now(state, from, to))
    }

    fn reclaim_now(&self, state: &mut State, from: u64, to: u64) -> Result<(), StoreError> {
        let blocks: Vec<Arc<Block>> = state.slots_of(from, to).iter().map(|slot| slot.block.clone()).collect();
        let before = state.folder_changes;
        for block in blocks {
            match self.fate(state, &block) {
                Fate::Stays => {}
                Fate::IsRemoved => self.remove_block(state, &block)?,
                Fate::IsWrittenAnew => {
                    if self.write_sparse(state, &block, Occasion::Inline)? == Fate::IsRemoved {
                        self.remove_block(state, &block)?;
                    } else {
                        state.note_reclaimed();
                    }
                }
            }
        }
        if state.folder_changes != before {
            self.sync_folder_locked(state)?;
        }
        Ok(())
    }

    pub(super) fn sync_folder_locked(&self, state: &mut State) -> Result<(), StoreError> {
        let synced = disk::sync_folder(self.vfs(), self.folder());
        synced.map_err(|error| WriteError::io("sync", self.folder(), &error))?;
        state.folder_synced = state.folder_changes;
        Ok(())
    }

    /// The pass's part of it. Blocks may have been removed since the pass began. What is written anew is synced here
    /// (O-27); the folder at the end of the pass.
    pub(super) fn compact_in_pass(&self, blocks: &[Arc<Block>]) -> Result<(), StoreError> {
        for block in blocks {
            if self.fate(&self.state.read(), block) == Fate::Stays {
                continue;
            }
            crate::reach!(self, "sync_before_compact_recheck");
            match self.compact_block(block) {
                // Nothing was changed, and what cannot be read shows where it is asked for.
                Err(error @ StoreError::Read { .. }) => self.warn_of(&error),
                result => result?,
            }
        }
        Ok(())
    }

    /// Looks again with the lock held: a block that a call removed meanwhile is no error (O-26).
    fn compact_block(&self, block: &Block) -> Result<(), StoreError> {
        let fate = {
            let state = self.state.read();
            if !state.has_block(block.number) && !mutant!(M74) {
                return Ok(());
            }
            if !self.vfs().exists(&block.path) {
                let error = latching("compact", &block.path, &std::io::ErrorKind::NotFound.into());
                return Err(block.keep(error).into());
            }
            self.sync_last(&state)?;
            match self.fate(&state, block) {
                Fate::IsWrittenAnew => self.write_sparse(&state, block, Occasion::Pass)?,
                fate => fate,
            }
        };
        let mut state = self.state.write();
        match fate {
            Fate::Stays => Ok(()),
            Fate::IsWrittenAnew => {
                state.note_reclaimed();
                Ok(())
            }
            Fate::IsRemoved if state.has_block(block.number) => self.remove_block(&mut state, block),
            Fate::IsRemoved => Ok(()),
        }
    }

    /// Makes the removals durable that came after the pass synced the last block. No call changes the state meanwhile.
    fn sync_last(&self, state: &State) -> Result<(), StoreError> {
        let Some(block) = state.last_block() else { return Ok(()) };
        let mut inner = block.lock();
        block.write(&mut inner, self.vfs())?;
        Ok(block.sync(&mut inner, self.vfs())?)
    }

    /// What is to become of a block. The last one grows, and what a replay may undo stays.
    fn fate(&self, state: &State, block: &Block) -> Fate {
        let is_last = state.last_block().is_none_or(|last| last.number == block.number);
        let mut inner = block.lock();
        if is_last || inner.is_removed || inner.last_index > state.reclaim_floor {
            return Fate::Stays;
        }
        let held_bytes = inner.entries.held_bytes(state.reclaim_floor);
        let has_messages = inner.entries.live() > 0 || held_bytes > 0;
        if !has_messages && inner.n_removals == 0 {
            return Fate::IsRemoved;
        }
        let all = inner.written - HEADER_BYTES as u64;
        let removals = inner.n_removals * RECORD_BYTES as u64;
        let garbage = all.saturating_sub(inner.entries.live_bytes() + held_bytes + removals);
        // Removals can go once other blocks gave up what they remove: tried again only after that may have happened.
        let may_drop_removals = inner.last_attempt != Some(state.n_reclaimed);
        let is_sparse = garbage * 2 >= all || (may_drop_removals && (garbage + removals) * 2 >= all);
        if is_sparse { Fate::IsWrittenAnew } else { Fate::Stays }
    }

    /// Writes a sparse block anew, or says that nothing of it would be left.
    fn write_sparse(&self, state: &State, block: &Block, occasion: Occasion) -> Result<Fate, StoreError> {
        let removals = self.needed_removals(state, block)?;
        let mut inner = block.lock();
        inner.last_attempt = Some(state.n_reclaimed);
        let image = self.image(block, &inner, &Keep::Removals(removals))?;
        if image.is_empty() {
            return Ok(Fate::IsRemoved);
        }
        if image.bytes.len() as u64 == inner.written {
            return Ok(Fate::Stays);
        }
        let fresh = self.write_anew(block, image, occasion)?;
        adopt(&mut inner, fresh);
        Ok(Fate::IsWrittenAnew)
    }

    /// Offsets of the removals whose messages still stand in blocks before: without them these would return.
    fn needed_removals(&self, state: &State, block: &Block) -> Result<BTreeSet<u32>, StoreError> {
        if block.lock().n_removals == 0 {
            return Ok(BTreeSet::new());
        }
        let bytes = block.read_whole(self.vfs()).map_err(|error| StoreError::read(&block.path, error))?;
        let records = Records { block: block.number, bytes: &bytes, offset: HEADER_BYTES };
        // A block before may have been written anew or removed, but not durably: the old one may return.
        let is_unsure = state.folder_changes != state.folder_synced;
        let is_needed = |record: &Record<'_>| {
            let slots = state.slots_of(record.seq, record.time_ns).iter();
            let mut before = slots.filter(|slot| slot.block.number < block.number);
            is_unsure || before.any(|slot| slot.block.lock().entries.has_removed_in(record.seq, record.time_ns))
        };
        let removals = records.filter(|(_, _, record)| record.kind == Kind::Remove);
        Ok(removals.filter(|(_, _, record)| is_needed(record)).map(|(offset, _, _)| offset).collect())
    }

    /// The block as it should be. Fails where a record of it cannot be read.
    fn image(&self, block: &Block, inner: &Inner, keep: &Keep) -> Result<Image, StoreError> {
        let bytes = block.read_whole(self.vfs()).map_err(|error| StoreError::read(&block.path, error))?;
        let mut header = inner.header;
        if let Keep::UpTo(last_seq) = keep {
            header.last_seq = header.last_seq.min(*last_seq);
            header.first_seq = header.first_seq.min(last_seq + 1);
        }
        let mut image = Image::new(header);
        let mut records = Records { block: block.number, bytes: &bytes, offset: HEADER_BYTES };
        for (offset, length, record) in records.by_ref() {
            match (record.kind, keep) {
                (Kind::Message, Keep::UpTo(last_seq)) if record.seq > *last_seq => {}
                (Kind::Message, _) => {
                    if let Some(needed) = inner.entries.is_needed(record.seq, offset) {
                        image.push(&record, length, Some(needed));
                    }
                }
                (Kind::Remove, Keep::Removals(needed)) if !needed.contains(&offset) => {}
                (Kind::Remove, _) => image.push(&record, length, None),
                (Kind::Compact | Kind::Skip, Keep::Removals(_)) => {}
                (Kind::Compact, Keep::UpTo(last_seq)) => {
                    let seq = record.seq.min(last_seq + 1);
                    image.push(&Record { seq, ..record }, length, None);
                }
                (Kind::Skip, Keep::UpTo(last_seq)) => {
                    let seq = record.seq.min(*last_seq);
                    image.push(&Record { seq, ..record }, length, None);
                }
            }
        }
        if records.offset as u64 != inner.written {
            return Err(StoreError::read(&block.path, format!("offset {}: the record is damaged", records.offset)));
        }
        Ok(image)
    }

    /// Writes the block beside the old one, durably, and puts it in its place. The folder is the caller's to sync.
    fn write_anew(&self, block: &Block, image: Image, occasion: Occasion) -> Result<Fresh, StoreError> {
        let beside = beside_path(self.folder(), block.number);
        let is_synced = match occasion {
            Occasion::Inline => !mutant!(M83),
            Occasion::Pass => !mutant!(M82),
        };
        let written = self.vfs().open(&beside, Open::Truncate).and_then(|file| {
            file.write_all_at(&image.bytes, 0)?;
            if is_synced {
                file.sync()?;
            }
            self.vfs().rename(&beside, &block.path)?;
            Ok(file)
        });
        match written {
            Ok(file) => Ok(Fresh { file, image }),
            Err(error) => {
                // The disk is failing already; what matters is the first error.
                let _removed = self.vfs().remove_file(&beside);
                Err(block.keep(latching("compact", &block.path, &error)).into())
            }
        }
    }

    fn remove_block(&self, state: &mut State, block: &Block) -> Result<(), StoreError> {
        let mut inner = block.lock();
        let removed = self.vfs().remove_file(&block.path);
        removed.map_err(|error| block.keep(latching("remove", &block.path, &error)))?;
        inner.is_removed = true;
        inner.set_file(None);
        drop(inner);
        state.slots.retain(|slot| slot.block.number != block.number);
        state.note_reclaimed();
        Ok(())
    }

    /// Cuts everything behind a sequence. The last block goes first: its header ends what blocks before still say.
    pub(super) fn truncate_to(&self, state: &mut State, last_seq: u64) -> Result<(), StoreError> {
        self.settle(state)?;
        if last_seq >= state.last_seq {
            return self.sync_last(state);
        }
        state.load_subjects(self.vfs(), last_seq + 1, u64::MAX)?;
        self.sync_last(state)?;
        if let Some(block) = state.last_block().cloned() {
            let mut image = self.image(&block, &block.lock(), &Keep::UpTo(last_seq))?;
            // The messages that told of the last sequence may be removed, and stay out of the new file.
            let skip = Record::mark(Kind::Skip, last_seq, state.last_index);
            image.push(&skip, RECORD_BYTES as u32, None);
            let fresh = self.write_anew(&block, image, Occasion::Inline)?;
            state.forget_behind(last_seq);
            adopt(&mut block.lock(), fresh);
            // Durable before blocks before it lose what it ends: else these could lose it and the end return.
            state.note_reclaimed();
            self.sync_folder_locked(state)?;
        }
        for slot in state.slots.clone().iter().rev() {
            if slot.block.lock().must_rewrite {
                self.cut_block(&slot.block, last_seq)?;
            }
        }
        state.note_reclaimed();
        self.sync_folder_locked(state)
    }

    fn cut_block(&self, block: &Block, last_seq: u64) -> Result<(), StoreError> {
        let mut inner = block.lock();
        let image = self.image(block, &inner, &Keep::UpTo(last_seq))?;
        let fresh = self.write_anew(block, image, Occasion::Inline)?;
        adopt(&mut inner, fresh);
        Ok(())
    }

    /// Writes blocks anew that have records behind a cut which a later block's header declares: a crash came between.
    pub(super) fn rewrite_cut_blocks(&self) -> Result<(), StoreError> {
        let mut state = self.state.write();
        let cut: Vec<_> = state.slots.iter().map(|slot| slot.block.clone()).collect();
        let cut: Vec<_> = cut.into_iter().filter(|block| block.lock().must_rewrite).collect();
        if cut.is_empty() {
            return Ok(());
        }
        // The later block must be durable before blocks before it lose what it ends.
        self.sync_folder_locked(&mut state)?;
        for block in &cut {
            // The index does not have what was cut; nothing else is to go.
            self.cut_block(block, u64::MAX - 1)?;
        }
        state.note_reclaimed();
        self.sync_folder_locked(&mut state)
    }
}

/// The block is what was written.
fn adopt(inner: &mut Inner, fresh: Fresh) {
    let Fresh { file, image } = fresh;
    inner.header = image.header;
    inner.set_file(Some(file));
    inner.written = image.bytes.len() as u64;
    inner.synced = inner.written;
    inner.need_sync = false;
    inner.entries = inner.entries.rewritten(&image.places);
    inner.n_removals = image.n_removals;
    inner.must_rewrite = false;
}
