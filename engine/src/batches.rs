//! Staged batches of one stream: messages wait in a file of their own until the last one comes, and then all are handed
//! out to be proposed in a row; or none is.
//!
//! `core::batch` decides. What is staged is no part of the stream: a failure here abandons the batch and leaves the
//! stream healthy. Each batch ends once, and whoever ends it cleans up.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interlock_sync::channel::Notify;
use interlock_sync::lock::{AsyncMutex, Mutex};
use interlock_sync::select;
use interlock_sync::time::{Instant, sleep_until};
use interlock_sync::token::Token;

use crate::core::api_error::ApiError;
use crate::core::batch::{AbandonReason, Staged, Staging, TIMEOUT, refuse_new};
use crate::core::entry::{BatchPart, Encoded, Publish, StreamEntry};
use crate::core::write_error::WriteError;
use crate::disk::{Disk, Open, Vfs};
use crate::sticky::Sticky;

/// Staged batches of a whole server: shared by its streams. A leaf lock, held for one addition.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<usize>>);

impl Places {
    /// Takes a place: how many were taken before.
    fn take(&self) -> usize {
        let mut n_taken = self.0.lock();
        *n_taken += 1;
        *n_taken - 1
    }

    fn give_back(&self) {
        let mut n_taken = self.0.lock();
        *n_taken = n_taken.saturating_sub(1);
    }
}

/// What became of a message.
#[derive(Debug)]
pub enum Outcome {
    /// It waits for the rest.
    Staged,
    /// It was the last one: propose these, in this order, with nothing between.
    Complete(Vec<Publish>),
    /// It is not staged, and its batch is gone.
    Refused(ApiError),
}

/// A batch that came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Abandoned {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: AbandonReason,
    /// What failed, where something did.
    pub cause: Option<WriteError>,
}

/// Told of each batch that came to nothing.
pub type Tell = Box<dyn Fn(Abandoned) + Send + Sync>;

struct Batch {
    id: String,
    path: PathBuf,
    /// A leaf lock, held for one decision.
    staging: Mutex<Staging>,
    /// Bytes in the file. Held by the message that is being written, over the disk; nothing else is locked under it but
    /// leaves.
    bytes: AsyncMutex<u64>,
    error: Sticky<WriteError>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, Arc<Batch>>,
    /// In the order of their deadlines, since all have the same time.
    timers: VecDeque<(Instant, Arc<Batch>)>,
    n_opened: u64,
    n_cleaned: u64,
}

/// The staged batches of a stream.
pub struct Batches {
    folder: PathBuf,
    disk: Disk,
    places: Places,
    tell: Tell,
    /// A leaf lock, held for one look or change.
    state: Mutex<State>,
    has_timer: Notify,
    error: Sticky<WriteError>,
}

impl Batches {
    /// The batches of a stream that begins to lead. What an earlier leadership left in the folder is removed.
    ///
    /// # Errors
    /// The disk's.
    pub async fn open(disk: Disk, folder: PathBuf, places: Places, tell: Tell) -> Result<Self, WriteError> {
        let place = folder.clone();
        disk.run(&folder, move |vfs| make_empty(vfs, &place)).await?;
        let (state, has_timer, error) = (Mutex::default(), Notify::new(), Sticky::default());
        Ok(Self { folder, disk, places, tell, state, has_timer, error })
    }

    /// The first write error.
    pub fn write_error(&self) -> Option<WriteError> {
        self.error.get()
    }

    /// Batches that are open.
    pub fn n_open(&self) -> usize {
        self.state.lock().open.len()
    }

    /// Batches whose staged data was cleaned up.
    pub fn n_cleaned(&self) -> u64 {
        self.state.lock().n_cleaned
    }

    /// Takes a message of a batch.
    pub async fn message(&self, publish: Publish) -> Outcome {
        let Some(part) = publish.batch.clone() else { return Outcome::Refused(ApiError::BATCH_SEQUENCE_MISSING) };
        let batch = match self.find_or_open(&part) {
            Ok(batch) => batch,
            Err(error) => return Outcome::Refused(error),
        };
        crate::failpoint!("batch_found");
        let mut bytes = batch.bytes.lock().await;
        let step = batch.staging.lock().message(part.seq, publish.stored_bytes(), part.commit);
        match step {
            Staged::Wait => {
                self.append(&batch, &mut bytes, publish).await;
                Outcome::Staged
            }
            Staged::Flush => {
                self.append(&batch, &mut bytes, publish).await;
                let flushed = self.flush(&batch).await;
                drop(bytes);
                self.commit(&batch, flushed).await
            }
            Staged::Abandon(reason) => {
                drop(bytes);
                self.abandon(&batch, reason, None).await;
                Outcome::Refused(reason.error())
            }
            Staged::Commit | Staged::Ended => Outcome::Refused(ApiError::BATCH_INCOMPLETE),
        }
    }

    /// Abandons batches whose time is over, until their owner ends.
    pub async fn watch(&self, quit: Token) {
        loop {
            let due = self.state.lock().timers.front().map(|(due, _)| *due);
            select! {
                biased;
                () = quit.cancelled() => return,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.fire().await,
                () = self.has_timer.notified() => {}
            }
        }
    }

    /// Abandons all: the stream stops, or is led elsewhere.
    pub async fn give_up(&self) {
        let open: Vec<Arc<Batch>> = self.state.lock().open.values().cloned().collect();
        for batch in open {
            let step = batch.staging.lock().give_up();
            self.end(&batch, step).await;
        }
    }

    fn find_or_open(&self, part: &BatchPart) -> Result<Arc<Batch>, ApiError> {
        if let Some(batch) = self.state.lock().open.get(&part.id) {
            return Ok(batch.clone());
        }
        if part.seq != 1 {
            return Err(ApiError::BATCH_INCOMPLETE);
        }
        // The place is taken before the stream's lock, and given back where it is not used: both locks are leaves.
        let n_on_server = self.places.take();
        let opened = self.open_batch(&part.id, n_on_server);
        match &opened {
            Ok((_, true)) => self.has_timer.notify_one(),
            Ok((_, false)) | Err(_) => self.places.give_back(),
        }
        opened.map(|(batch, _)| batch)
    }

    /// The batch of this id, and whether it is new.
    fn open_batch(&self, id: &str, n_on_server: usize) -> Result<(Arc<Batch>, bool), ApiError> {
        let mut state = self.state.lock();
        if let Some(batch) = state.open.get(id) {
            return Ok((batch.clone(), false));
        }
        if let Some(error) = refuse_new(id, state.open.len(), n_on_server) {
            return Err(error);
        }
        state.n_opened += 1;
        let batch = Arc::new(Batch {
            id: id.to_owned(),
            path: self.folder.join(format!("{}.batch", state.n_opened)),
            staging: Mutex::default(),
            bytes: AsyncMutex::new(0),
            error: Sticky::default(),
        });
        state.open.insert(id.to_owned(), batch.clone());
        state.timers.push_back((Instant::now() + TIMEOUT, batch.clone()));
        Ok((batch, true))
    }

    /// Fires the timers that are due.
    async fn fire(&self) {
        while let Some(batch) = self.next_due() {
            let step = batch.staging.lock().timer_fired();
            self.end(&batch, step).await;
        }
    }

    fn next_due(&self) -> Option<Arc<Batch>> {
        let mut state = self.state.lock();
        let is_due = state.timers.front().is_some_and(|(due, _)| *due <= Instant::now());
        if is_due { state.timers.pop_front().map(|(_, batch)| batch) } else { None }
    }

    // ---- the file ----

    /// Writes a message behind the others. What fails shows when the batch is flushed.
    async fn append(&self, batch: &Batch, bytes: &mut u64, publish: Publish) {
        let entry = StreamEntry::Publish(publish).encode();
        let mut frame = (entry.len() as u64).to_le_bytes().to_vec();
        frame.extend_from_slice(&entry);
        let (path, position, n_bytes) = (batch.path.clone(), *bytes, frame.len() as u64);
        let write = move |vfs: &dyn Vfs| {
            let written = vfs.open(&path, Open::Create).and_then(|file| file.write_all_at(&frame, position));
            written.map_err(|error| WriteError::io("write", &path, &error))
        };
        match self.disk.run(&batch.path, write).await {
            Ok(()) => *bytes += n_bytes,
            Err(error) => _ = batch.error.set(error),
        }
    }

    /// Makes the messages durable, and reads them.
    async fn flush(&self, batch: &Batch) -> Result<Vec<Publish>, WriteError> {
        if let Some(error) = batch.error.get() {
            return Err(error);
        }
        let path = batch.path.clone();
        self.disk.run(&batch.path, move |vfs| sync_and_read(vfs, &path)).await
    }

    // ---- the end ----

    async fn commit(&self, batch: &Arc<Batch>, flushed: Result<Vec<Publish>, WriteError>) -> Outcome {
        let step = batch.staging.lock().flushed(flushed.as_ref().map(|_| ()));
        match (step, flushed) {
            (Staged::Commit, Ok(parts)) => {
                self.clean(batch).await;
                Outcome::Complete(parts)
            }
            (Staged::Abandon(reason), flushed) => {
                self.abandon(batch, reason, flushed.err()).await;
                Outcome::Refused(reason.error())
            }
            _ => Outcome::Refused(ApiError::BATCH_INCOMPLETE),
        }
    }

    async fn end(&self, batch: &Arc<Batch>, step: Staged) {
        if let Staged::Abandon(reason) = step {
            self.abandon(batch, reason, None).await;
        }
    }

    async fn abandon(&self, batch: &Arc<Batch>, reason: AbandonReason, cause: Option<WriteError>) {
        if let Some(error) = &cause {
            tracing::error!(batch = batch.id, %reason, %error, "batch abandoned");
            self.error.set(error.clone());
        }
        (self.tell)(Abandoned { id: batch.id.clone(), reason, cause });
        self.clean(batch).await;
    }

    /// Removes what is staged. A message that is being written then is waited for.
    async fn clean(&self, batch: &Arc<Batch>) {
        let writing = batch.bytes.lock().await;
        let path = batch.path.clone();
        let removed = self.disk.run(&batch.path, move |vfs| remove(vfs, &path)).await;
        drop(writing);
        if let Err(error) = removed {
            tracing::error!(batch = batch.id, %error, "staged messages stay until the next leadership");
            self.error.set(error);
        }
        self.places.give_back();
        let mut state = self.state.lock();
        state.n_cleaned += 1;
        // The id may be another batch's by now.
        if state.open.get(&batch.id).is_some_and(|open| Arc::ptr_eq(open, batch)) {
            state.open.remove(&batch.id);
        }
    }
}

fn make_empty(vfs: &dyn Vfs, folder: &Path) -> Result<(), WriteError> {
    let emptied = if vfs.exists(folder) { vfs.remove_folder(folder) } else { Ok(()) };
    emptied.and_then(|()| vfs.create_folders(folder)).map_err(|error| WriteError::io("empty", folder, &error))
}

fn remove(vfs: &dyn Vfs, path: &Path) -> Result<(), WriteError> {
    let removed = if vfs.exists(path) { vfs.remove_file(path) } else { Ok(()) };
    removed.map_err(|error| WriteError::io("remove", path, &error))
}

fn sync_and_read(vfs: &dyn Vfs, path: &Path) -> Result<Vec<Publish>, WriteError> {
    let read = || {
        let file = vfs.open(path, Open::Write)?;
        file.sync()?;
        file.read_from(0)
    };
    let bytes = read().map_err(|error| WriteError::io("flush", path, &error))?;
    parse(&bytes).map_err(|reason| WriteError::other(format!("read {}: {reason}", path.display())))
}

fn parse(mut bytes: &[u8]) -> Result<Vec<Publish>, String> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
        let (entry, behind) = rest.split_at_checked(length).ok_or("a message is cut off")?;
        match StreamEntry::decode(entry) {
            Ok(StreamEntry::Publish(publish)) => parts.push(publish),
            Ok(_) => return Err("an entry is no message".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        bytes = behind;
    }
    Ok(parts)
}
