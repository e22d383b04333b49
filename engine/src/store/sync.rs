//! Making durable: flushes, and the sync pass that also gives space back (`docs/engine/store-format.md`).

use std::sync::Arc;

use super::Store;
use super::block::{Block, Inner, OwedSync, latching};
use super::error::StoreError;
use crate::core::write_error::WriteError;
use crate::disk;
use crate::mutant;

impl Store {
    /// Writes and syncs all that was accepted before the call.
    ///
    /// # Errors
    /// A write error, of this flush or before.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.sync.lock();
        let last = self.mutate(|state| {
            self.settle(state)?;
            Ok(state.last_block().cloned())
        })?;
        crate::reach!(self, "store_flushes");
        self.flush_blocks(last.as_ref())
    }

    /// Blocks before the last one are durable.
    pub(super) fn flush_blocks(&self, last: Option<&Arc<Block>>) -> Result<(), StoreError> {
        let flushed = last.map_or(Ok(()), |block| self.flush_block(block)).and_then(|()| self.flush_folder());
        self.keep_after_sync(flushed)
    }

    /// Writes what is pending, without a sync: the flusher's write. Its error stays with the block, for the next call that
    /// changes something.
    pub fn write_pending(&self) {
        let state = self.state.read();
        let Some(block) = state.last_block().filter(|_| !state.is_closed) else { return };
        let mut inner = block.lock();
        if block.write_error.is_set() {
            return;
        }
        if let Err(error) = block.try_write(&mut inner, self.vfs()) {
            tracing::error!(%error, "the flusher failed");
            if !mutant!(M76) {
                block.keep(error);
            }
        }
    }

    /// Bytes that are not written yet.
    pub fn pending_bytes(&self) -> usize {
        self.state.read().last_block().map_or(0, |block| block.lock().pending.len())
    }

    /// One sync pass: writes and syncs every block, closes idle files, writes sparse blocks anew, removes empty ones.
    ///
    /// # Errors
    /// A write error: the first of the pass, or one from before.
    pub fn sync_pass(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.sync.lock();
        let looked = self.mutate(|state| {
            self.settle(state)?;
            Ok(state.slots.iter().map(|slot| slot.block.clone()).collect::<Vec<_>>())
        });
        let blocks = match looked {
            Err(StoreError::Closed) => return Ok(()),
            looked => looked?,
        };
        // One block's error does not keep the others from being synced.
        let mut passed = Ok(());
        for (at, block) in blocks.iter().enumerate() {
            passed = passed.and(self.sync_in_pass(block, at + 1 == blocks.len()));
        }
        // A message is dropped from its file only once its removal is durable.
        let passed = passed.and_then(|()| self.compact_in_pass(&blocks)).and_then(|()| self.flush_folder());
        self.keep_after_sync(passed)
    }

    fn sync_in_pass(&self, block: &Block, is_last: bool) -> Result<(), StoreError> {
        let owed = {
            let _not_between_log_and_index = self.state.read();
            let mut inner = block.lock();
            if inner.is_removed {
                return Ok(());
            }
            let is_idle = block.rest(&mut inner, self.options.idle_after);
            if is_idle && !is_last {
                inner.entries.rest();
            }
            self.write_and_owe(block, &mut inner)?
        };
        let Some(owed) = owed else { return Ok(()) };
        self.still_there(block)?;
        self.pay_sync(block, &owed)
    }

    /// A block of a live store whose file is gone is data that is gone, though its open file still takes writes (G-22).
    fn still_there(&self, block: &Block) -> Result<(), StoreError> {
        if self.vfs().exists(&block.path) || block.lock().is_removed {
            return Ok(());
        }
        let error = latching("sync", &block.path, &std::io::ErrorKind::NotFound.into());
        Err(block.keep(error).into())
    }

    /// Under the store's lock: where the write fails, the index has all that is lost with it.
    fn write_and_owe(&self, block: &Block, inner: &mut Inner) -> Result<Option<OwedSync>, WriteError> {
        block.write(inner, self.vfs())?;
        block.owe_sync(inner, self.vfs())
    }

    /// Does an owed sync, without a lock.
    fn pay_sync(&self, block: &Block, owed: &OwedSync) -> Result<(), StoreError> {
        crate::reach!(self, "store_owes_a_sync");
        let result = owed.pay();
        crate::reach!(self, "store_synced_a_block");
        Ok(block.settle_owed(owed, result)?)
    }

    fn flush_block(&self, block: &Block) -> Result<(), StoreError> {
        let owed = {
            let _not_between_log_and_index = self.state.read();
            self.write_and_owe(block, &mut block.lock())?
        };
        owed.map_or(Ok(()), |owed| self.pay_sync(block, &owed))
    }

    fn flush_folder(&self) -> Result<(), StoreError> {
        let changes = {
            let state = self.state.read();
            if state.folder_changes == state.folder_synced {
                return Ok(());
            }
            state.folder_changes
        };
        let synced = disk::sync_folder(self.vfs(), self.folder());
        synced.map_err(|error| WriteError::io("sync", self.folder(), &error))?;
        let mut state = self.state.write();
        state.folder_synced = state.folder_synced.max(changes);
        Ok(())
    }

    fn keep_after_sync(&self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        match result {
            Ok(()) => Ok(()),
            result => self.keep(&mut self.state.write(), result),
        }
    }
}
