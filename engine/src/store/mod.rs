//! The message store of a stream: block files, the index in memory, and write errors that stay.
//!
//! `docs/engine/store-format.md` has the format and the rules. The log of a raft group is kept elsewhere.
//!
//! Methods are synchronous and may wait for the disk; `flush`, `sync_pass`, `open`, `truncate` and `close` do so for
//! long, and belong into `Disk::run`. Locks: sync → store → block, and nothing below a block.

mod block;
mod compaction;
mod entries;
mod error;
mod flusher;
mod message;
mod read;
mod record;
mod recovery;
mod state;
mod subjects;
mod sync;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlock_sync::channel::Notify;
use interlock_sync::lock::{Mutex, RwLock};
use interlock_sync::token::Token;

pub use error::StoreError;
pub use flusher::flusher;
pub use message::{NewMessage, StoreOptions, StoredMessage, SubjectTotals, SyncPolicy, Totals};
pub use read::{Described, Usage};

use crate::core::write_error::WriteError;
use crate::disk::Vfs;
use crate::mutant;
use crate::sticky::Sticky;
use crate::throttle::Throttle;
use state::State;

/// What a test does at a named point of a store.
#[cfg(feature = "mutation")]
pub type Hook = Arc<dyn Fn(&'static str) + Send + Sync>;

/// The messages of one stream on one server.
pub struct Store {
    options: StoreOptions,
    /// Guards the blocks' order, the totals and the subjects. Held for one call; over syncs only where each call syncs.
    state: RwLock<State>,
    /// One flush or sync pass at a time. Taken before the store's lock.
    sync: Mutex<()>,
    /// The first write error. Set under the store's lock (W3).
    write_error: Sticky<WriteError>,
    /// What failed writes lost, first and last sequence.
    lost: Sticky<(u64, u64)>,
    /// Told when there is something to write.
    pending: Notify,
    /// Cancelled when it is closed.
    closed: Token,
    /// What cannot be read is asked for again and again.
    unreadable: Throttle,
    #[cfg(feature = "mutation")]
    hook: Mutex<Option<Hook>>,
}

impl Store {
    /// Opens a store, or makes it: whatever a crash left behind is a store again.
    ///
    /// With `replay_from`, everything that was recorded at a higher raft index is undone: the group's log says it again.
    ///
    /// # Errors
    /// A write error of the repair; a read error where something is damaged that was durable. Then nothing was changed.
    pub fn open(options: StoreOptions, replay_from: Option<u64>) -> Result<Arc<Self>, StoreError> {
        let state = recovery::recover(&options, replay_from)?;
        let store = Self {
            options,
            state: RwLock::new(state),
            sync: Mutex::new(()),
            write_error: Sticky::default(),
            lost: Sticky::default(),
            pending: Notify::new(),
            closed: Token::new(),
            unreadable: Throttle::default(),
            #[cfg(feature = "mutation")]
            hook: Mutex::new(None),
        };
        store.rewrite_cut_blocks()?;
        if store.options.sync == SyncPolicy::Always {
            // A crashed process may have left the last block, and its name, in the page cache only.
            store.flush()?;
        }
        Ok(Arc::new(store))
    }

    /// The first write error that the store had.
    pub fn write_error(&self) -> Option<WriteError> {
        self.write_error.get()
    }

    /// First and last sequence of messages that were accepted and then lost by a failed write.
    pub fn lost_range(&self) -> Option<(u64, u64)> {
        self.lost.get()
    }

    /// Brings up what the flusher has left with its block, as a call that changes something does (W5).
    ///
    /// # Errors
    /// A write error from before.
    pub fn look_for_error(&self) -> Result<(), StoreError> {
        self.mutate(|_| Ok(()))
    }

    /// Warns of what could not be read, where nobody else tells of it; not each time.
    pub(crate) fn warn_of(&self, error: &StoreError) {
        if let Some(n_unsaid) = self.unreadable.admit() {
            tracing::warn!(%error, n_unsaid, folder = %self.options.folder.display(), "the store cannot read");
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.options.folder
    }

    /// Has records become durable from here on as told.
    pub fn set_sync(&self, sync: SyncPolicy) {
        self.state.write().sync = sync;
    }

    /// Allows that space of messages is reclaimed which were removed at this raft index or before: a snapshot that
    /// covers it is durable, so the log is never replayed from below. Another call may take that back, for what has not
    /// been reclaimed: a stream that had no log gets one.
    pub fn set_reclaim_floor(&self, index: u64) {
        self.state.write().reclaim_floor = index;
    }

    /// Flushes and closes: every later call fails. The files stay.
    ///
    /// # Errors
    /// The flush's. The store is closed all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.sync.lock();
        let settled = match self.mutate(|state| self.settle(state)) {
            Err(StoreError::Closed) => return Ok(()),
            settled => settled,
        };
        // Closed before it is flushed: nothing is accepted that the flush would miss.
        let blocks: Vec<_> = {
            let mut state = self.state.write();
            state.is_closed = true;
            self.closed.cancel();
            state.slots.iter().map(|slot| slot.block.clone()).collect()
        };
        let flushed = settled.and_then(|()| self.flush_blocks(blocks.last()));
        for block in blocks {
            block.lock().set_file(None);
        }
        flushed
    }

    /// Closes without a flush and removes the files.
    ///
    /// # Errors
    /// The removal's. Files that are gone are no error.
    pub fn delete(&self) -> Result<(), StoreError> {
        let _no_pass_in_between = self.sync.lock();
        let mut state = self.state.write();
        state.is_closed = true;
        self.closed.cancel();
        for slot in std::mem::take(&mut state.slots) {
            let mut inner = slot.block.lock();
            inner.is_removed = true;
            inner.set_file(None);
        }
        match self.vfs().remove_folder(&self.options.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(|error| WriteError::io("remove", &self.options.folder, &error).into()),
        }
    }

    fn vfs(&self) -> &dyn Vfs {
        self.options.disk.vfs().as_ref()
    }

    /// A mutating call: lock, look for errors, act, keep the error (W2, W3).
    fn mutate<T>(&self, act: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let looked_early = mutant!(M80).then(|| self.look(&self.state.read()));
        crate::reach!(self, "before_lock");
        let mut state = self.state.write();
        let looked = looked_early.unwrap_or_else(|| self.look(&state));
        let result = looked.and_then(|()| act(&mut state));
        self.keep(&mut state, result)
    }

    /// The same for calls that maintain: purge, compact, truncate, remove. Their callers get the error (W16).
    fn maintain<T: Default>(&self, act: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.mutate(act) {
            Err(StoreError::Write(_)) if mutant!(M79) => Ok(T::default()),
            result => result,
        }
    }

    /// Whether the store may be changed. Asked with the lock held (O-17).
    fn look(&self, state: &State) -> Result<(), StoreError> {
        if state.is_closed {
            return Err(StoreError::Closed);
        }
        if let Some(error) = self.write_error.get() {
            return Err(error.into());
        }
        // The flusher leaves its error in the block that it wrote, which is the last one (W5).
        Ok(state.last_block().map_or(Ok(()), |block| block.look_for_error())?)
    }

    /// The one place where results leave the lock: a write error is kept, the first one is what everybody gets.
    fn keep<T>(&self, state: &mut State, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let error = match result {
            Err(StoreError::Write(error)) => error,
            Err(error @ StoreError::Closed) if mutant!(M94) => WriteError::other(error.to_string()),
            Err(error @ StoreError::Read { .. }) if mutant!(M75) => WriteError::other(error.to_string()),
            result => return result,
        };
        let (kept, is_first) = self.write_error.set(error);
        if is_first {
            tracing::error!(error = %kept, folder = %self.options.folder.display(), "the store does not write any more");
            self.settle_lost(state);
        }
        Err(kept.into())
    }

    /// Takes what a failed write lost out of the state: it is what the disk has (W6).
    fn settle_lost(&self, state: &mut State) {
        let lost = state.last_block().and_then(|block| block.lock().lost.take());
        if let Some((first, last)) = lost {
            tracing::error!(first, last, folder = %self.options.folder.display(), "messages were lost");
            state.forget_behind(first - 1);
            self.lost.set((first, last));
        }
    }

    fn block_path(&self, number: u64) -> PathBuf {
        recovery::block_path(&self.options.folder, number)
    }

    /// A named point where a test may act. No lock is held there, unless the name says so.
    #[cfg(feature = "mutation")]
    fn reach(&self, point: &'static str) {
        let hook = self.hook.lock().clone();
        if let Some(hook) = hook {
            hook(point);
        }
    }

    /// Calls this at each named point from here on, on the thread that comes there.
    #[cfg(feature = "mutation")]
    pub fn set_hook(&self, hook: Option<Hook>) {
        *self.hook.lock() = hook;
    }
}
