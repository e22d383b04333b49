//! A block: one file of records, what is not yet written to it, and the index of its messages.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::lock::{Mutex, MutexGuard};
use interlock_sync::time::{Duration, Instant};

use super::entries::{Entries, Place};
use super::error::StoreError;
use super::message::StoredMessage;
use super::record::{HEADER_BYTES, Header, Kind, Position, Record, Records, end_of_whole};
use super::subjects::{SubjectId, Subjects};
use crate::core::write_error::{ErrorClass, WriteError};
use crate::disk::{Open, Vfs, VfsFile};
use crate::mutant;
use crate::sticky::Sticky;

/// A block of a store.
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// The first write error. Set under the lock of `inner`, so that who sees it also sees what was lost.
    pub(super) write_error: Sticky<WriteError>,
    /// Guards all of the block; held for reads and writes of its file, never for a sync but where each call syncs.
    /// Taken after the store's lock. Two blocks are never locked at once.
    inner: Mutex<Inner>,
}

/// What a block's lock guards.
pub(super) struct Inner {
    pub(super) header: Header,
    /// Its file is removed, and the store's list does not have it any more.
    pub(super) is_removed: bool,
    /// The open file, and what it was opened for.
    file: Option<(Arc<dyn VfsFile>, Open)>,
    used: Instant,
    /// Bytes of whole records in the file, header included.
    pub(super) written: u64,
    /// Bytes that a sync made durable.
    pub(super) synced: u64,
    /// Something was written since the last sync began.
    pub(super) need_sync: bool,
    /// Records behind `written`.
    pub(super) pending: Vec<u8>,
    pub(super) entries: Entries,
    /// The highest raft index of its records.
    pub(super) last_index: u64,
    /// Records that remove messages which may stand in blocks before this one.
    pub(super) n_removals: u64,
    /// First and last sequence that a failed write lost. Whoever sees the error takes them out of the totals.
    pub(super) lost: Option<(u64, u64)>,
    /// Its file has records of messages that a cut took away.
    pub(super) must_rewrite: bool,
    /// How many blocks were reclaimed when this one was last looked through for removals to drop.
    pub(super) last_attempt: Option<u64>,
}

/// A write error that stays: also a missing file, which a live block cannot miss.
pub(super) fn latching(operation: &str, path: &Path, error: &io::Error) -> WriteError {
    let error = WriteError::io(operation, path, error);
    if error.class() == ErrorClass::NotFound { error.reclassified(ErrorClass::Other) } else { error }
}

/// Syncs a file. A failed sync may have dropped the pages: asking again proves nothing (W7).
fn sync_file(file: &dyn VfsFile) -> io::Result<()> {
    match file.sync() {
        Err(_) if mutant!(M66) => file.sync(),
        result => result,
    }
}

/// A sync that is owed: the file, and how much of it is written.
pub(super) struct OwedSync {
    file: Arc<dyn VfsFile>,
    written: u64,
}

impl OwedSync {
    /// Does it.
    pub(super) fn pay(&self) -> io::Result<()> {
        sync_file(self.file.as_ref())
    }
}

impl Block {
    pub(super) fn new(path: PathBuf, header: Header) -> Self {
        let inner = Inner {
            header,
            is_removed: false,
            file: None,
            used: Instant::now(),
            written: HEADER_BYTES as u64,
            synced: HEADER_BYTES as u64,
            need_sync: false,
            pending: Vec::new(),
            entries: Entries::new(),
            last_index: header.index,
            n_removals: 0,
            lost: None,
            must_rewrite: false,
            last_attempt: None,
        };
        Self { number: header.block, path, write_error: Sticky::default(), inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Fails with the error that the block has, and gives its lock back (W4). The lock makes sure that a write that fails
    /// right then is seen whole.
    pub(super) fn look_for_error(&self) -> Result<(), WriteError> {
        let inner = self.lock();
        let Some(error) = self.write_error.get() else { return Ok(()) };
        if mutant!(M78) {
            std::mem::forget(inner);
        }
        Err(error)
    }

    /// Keeps the first error of the block.
    pub(super) fn keep(&self, error: WriteError) -> WriteError {
        self.write_error.set(error).0
    }

    /// Writes what is pending; an error stays with the block.
    pub(super) fn write(&self, inner: &mut Inner, vfs: &dyn Vfs) -> Result<(), WriteError> {
        if let Some(error) = self.write_error.get() {
            return Err(error);
        }
        self.try_write(inner, vfs).map_err(|error| self.keep(error))
    }

    /// Writes what is pending. After an error the block is what the file has.
    pub(super) fn try_write(&self, inner: &mut Inner, vfs: &dyn Vfs) -> Result<(), WriteError> {
        if inner.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut inner.pending);
        let opened = inner.open(&self.path, vfs, Open::Write);
        match opened.and_then(|file| file.write_all_at(&pending, inner.written)) {
            Ok(()) => {
                inner.written += pending.len() as u64;
                inner.need_sync = true;
                Ok(())
            }
            Err(error) => {
                let original = latching("write", &self.path, &error);
                self.rebuild(inner, vfs, pending.len());
                Err(original)
            }
        }
    }

    /// Learns from the file which records of a failed write survived (W6).
    fn rebuild(&self, inner: &mut Inner, vfs: &dyn Vfs, n_pending: usize) {
        inner.file = None;
        match self.read_whole(vfs) {
            Ok(bytes) => {
                let begin = usize::try_from(inner.written).unwrap_or(usize::MAX);
                let end = bytes.len().min(begin + n_pending);
                inner.written = end_of_whole(self.number, &bytes[..end], begin) as u64;
            }
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "a failed write cannot be looked at");
                if mutant!(M77) {
                    self.keep(WriteError::io("read", &self.path, &error));
                }
            }
        }
        let lost = inner.entries.from(0).filter(|(place, _)| u64::from(place.offset) >= inner.written);
        let lost: Vec<u64> = lost.map(|(place, _)| place.seq).collect();
        inner.lost = lost.first().copied().zip(lost.last().copied());
    }

    pub(super) fn read_whole(&self, vfs: &dyn Vfs) -> io::Result<Vec<u8>> {
        vfs.open(&self.path, Open::Read)?.read_from(0)
    }

    /// Writes the same bytes again: a sync that failed before a restart may have left them in the page cache only, where
    /// no later sync would look at them.
    pub(super) fn write_again(&self, inner: &mut Inner, vfs: &dyn Vfs) -> Result<(), StoreError> {
        let mut bytes = self.read_whole(vfs).map_err(|error| StoreError::read(&self.path, error))?;
        bytes.truncate(inner.written as usize);
        let written = inner.open(&self.path, vfs, Open::Write).and_then(|file| file.write_all_at(&bytes, 0));
        written.map_err(|error| self.keep(latching("write", &self.path, &error)))?;
        inner.need_sync = true;
        Ok(self.sync(inner, vfs)?)
    }

    /// Syncs what is written, with the lock held: where each call syncs, and before the next block begins.
    pub(super) fn sync(&self, inner: &mut Inner, vfs: &dyn Vfs) -> Result<(), WriteError> {
        let Some(owed) = self.owe_sync(inner, vfs)? else { return Ok(()) };
        let result = owed.pay();
        self.settle_sync(inner, &owed, result)
    }

    /// Takes over the duty to sync. Writes from here on need another sync (O-25).
    pub(super) fn owe_sync(&self, inner: &mut Inner, vfs: &dyn Vfs) -> Result<Option<OwedSync>, WriteError> {
        if let Some(error) = self.write_error.get() {
            return Err(error);
        }
        if inner.is_removed || (!inner.need_sync && inner.synced >= inner.written) {
            return Ok(None);
        }
        let opened = inner.open(&self.path, vfs, Open::Write);
        let file = opened.map_err(|error| self.keep(latching("open", &self.path, &error)))?;
        inner.need_sync = mutant!(M96);
        Ok(Some(OwedSync { file, written: inner.written }))
    }

    /// Ends an owed sync that was done without the lock.
    pub(super) fn settle_owed(&self, owed: &OwedSync, result: io::Result<()>) -> Result<(), WriteError> {
        self.settle_sync(&mut self.lock(), owed, result)
    }

    fn settle_sync(&self, inner: &mut Inner, owed: &OwedSync, result: io::Result<()>) -> Result<(), WriteError> {
        result.map_err(|error| self.keep(latching("sync", &self.path, &error)))?;
        // Another call's sync of the file may have failed meanwhile: then this one proves nothing (W7).
        if let Some(error) = self.write_error.get() {
            return Err(error);
        }
        // What was written since the sync began is not in it.
        inner.synced = inner.synced.max(if mutant!(M96) { inner.written } else { owed.written });
        if mutant!(M96) {
            inner.need_sync = false;
        }
        Ok(())
    }

    /// Reads a message.
    pub(super) fn read(&self, inner: &mut Inner, vfs: &dyn Vfs, place: Place) -> Result<StoredMessage, StoreError> {
        let damaged = |what: &str| StoreError::read(&self.path, format!("offset {}: {what}", place.offset));
        let offset = u64::from(place.offset);
        let mut bytes = vec![0; place.length as usize];
        if let Some(begin) = offset.checked_sub(inner.written) {
            let begin = begin as usize;
            let pending = inner.pending.get(begin..begin + bytes.len()).ok_or_else(|| damaged("it was lost"))?;
            bytes.copy_from_slice(pending);
        } else {
            let file = inner.open(&self.path, vfs, Open::Read).map_err(|error| StoreError::read(&self.path, error))?;
            read_exactly(file.as_ref(), &mut bytes, offset).map_err(|error| StoreError::read(&self.path, error))?;
        }
        let at = Position { block: self.number, offset };
        let (record, _) = Record::decode(at, &bytes).ok_or_else(|| damaged("the record is damaged"))?;
        if record.kind != Kind::Message || record.seq != place.seq {
            return Err(damaged("this is another record"));
        }
        let (subject, n_headers, n_payload) = (record.subject.to_owned(), record.headers.len(), record.payload.len());
        let bytes = Bytes::from(bytes);
        let payload_begin = bytes.len() - n_payload;
        Ok(StoredMessage {
            seq: place.seq,
            time_ns: place.time_ns,
            subject,
            headers: bytes.slice(payload_begin - n_headers..payload_begin),
            payload: bytes.slice(payload_begin..),
        })
    }

    /// Reads the subjects of all messages, unless they are there. A half-read column is dropped.
    pub(super) fn load_subjects(
        &self,
        inner: &mut Inner,
        vfs: &dyn Vfs,
        subjects: &Subjects,
    ) -> Result<(), StoreError> {
        if inner.entries.has_subjects() {
            return Ok(());
        }
        let mut bytes = self.read_whole(vfs).map_err(|error| StoreError::read(&self.path, error))?;
        bytes.truncate(inner.written as usize);
        bytes.extend(&inner.pending);
        let mut records = Records { block: self.number, bytes: &bytes, offset: HEADER_BYTES };
        let mut column: Vec<SubjectId> = Vec::new();
        for (seq, offset, is_live) in inner.entries.all() {
            let found = records.by_ref().find(|(at, _, _)| *at >= offset).filter(|(at, _, _)| *at == offset);
            let record = found.map(|(_, _, record)| record).filter(|record| record.seq == seq);
            let record =
                record.ok_or_else(|| StoreError::read(&self.path, format!("the record of {seq} is damaged")))?;
            let id = subjects.id(record.subject);
            // The subject of a removed message may be gone; nobody asks for its number.
            match id {
                None if is_live => return Err(StoreError::read(&self.path, format!("{seq} has an unknown subject"))),
                id => column.push(id.unwrap_or(SubjectId::MAX)),
            }
        }
        inner.entries.set_subjects(column);
        inner.used = Instant::now();
        Ok(())
    }

    /// Closes the file of a block that nobody used for a while. Whether nobody did.
    pub(super) fn rest(&self, inner: &mut Inner, idle_after: Duration) -> bool {
        let is_idle = inner.used.elapsed() >= idle_after && inner.pending.is_empty() && !inner.need_sync;
        if is_idle {
            inner.file = None;
            inner.pending = Vec::new();
        }
        is_idle
    }
}

/// Fills the buffer.
fn read_exactly(file: &dyn VfsFile, buffer: &mut [u8], position: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n_bytes => filled += n_bytes,
        }
    }
    Ok(())
}

impl Inner {
    /// The open file; opened where it is not. A file opened for reading is opened again before it is written.
    fn open(&mut self, path: &Path, vfs: &dyn Vfs, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        self.used = Instant::now();
        match &self.file {
            // Who may write may read. A file is not opened for writing to be read: the disk may not let us any more.
            Some((file, opened)) if *opened == Open::Write || how == Open::Read => return Ok(file.clone()),
            _ => {}
        }
        let file = vfs.open(path, how)?;
        self.file = Some((file.clone(), how));
        Ok(file)
    }

    /// Takes over the handle of the file that now has the block's name, or none.
    pub(super) fn set_file(&mut self, file: Option<Arc<dyn VfsFile>>) {
        self.file = file.map(|file| (file, Open::Write));
    }

    /// Whether its file is open.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Where the next record will stand.
    pub(super) fn end(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Puts a record behind the others: its offset.
    pub(super) fn push(&mut self, record: &Record<'_>) -> u32 {
        let offset = self.end();
        let is_after_durable = self.pending.is_empty() && self.synced == self.written;
        record.encode(Position { block: self.header.block, offset }, is_after_durable, &mut self.pending);
        u32::try_from(offset).expect("blocks end long before offsets do")
    }

    /// Takes back what was pushed from this offset on, unless a failed write took it along.
    pub(super) fn take_back(&mut self, offset: u32) {
        if let Some(length) = u64::from(offset).checked_sub(self.written) {
            self.pending.truncate(length as usize);
        }
    }
}
