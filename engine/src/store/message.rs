//! What goes into a store and comes out of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use crate::disk::Disk;

/// When what was written becomes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before each mutating call returns.
    Always,
    /// When somebody flushes: before a snapshot, before acknowledgements of a batch, in each sync pass.
    OnFlush,
}

/// Where and how a store keeps its messages.
#[derive(Clone)]
pub struct StoreOptions {
    /// Its folder; nobody else's files are in there.
    pub folder: PathBuf,
    /// The disk.
    pub disk: Disk,
    /// Bytes of a block file after which the next one begins.
    pub block_bytes: u64,
    /// When writes become durable.
    pub sync: SyncPolicy,
    /// How long a block's file stays open without use.
    pub idle_after: Duration,
}

impl StoreOptions {
    /// Medium blocks, durable when flushed.
    pub fn new(folder: impl AsRef<Path>, disk: Disk) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
            disk,
            block_bytes: 4 << 20,
            sync: SyncPolicy::OnFlush,
            idle_after: Duration::from_secs(30),
        }
    }
}

/// A message on its way into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMessage<'a> {
    /// One more than the last one.
    pub seq: u64,
    /// Raft index of the entry that carries it; 0 in a stream without a group.
    pub index: u64,
    /// When it was published, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Its subject, at most 65,535 bytes.
    pub subject: &'a str,
    /// Its headers, encoded.
    pub headers: &'a [u8],
    /// Its payload.
    pub payload: &'a [u8],
}

/// A message as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its sequence.
    pub seq: u64,
    /// When it was published, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers, encoded.
    pub headers: Bytes,
    /// Its payload.
    pub payload: Bytes,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages.
    pub messages: u64,
    /// Bytes of their subjects, headers and payloads.
    pub bytes: u64,
    /// Sequence of the first message; without messages one more than the last sequence.
    pub first_seq: u64,
    /// The last sequence that was given out, also where its message is gone.
    pub last_seq: u64,
    /// Time of the first message; 0 without messages.
    pub first_time_ns: u64,
    /// Time of the last message that is there; 0 without messages.
    pub last_time_ns: u64,
}

/// What a store holds of one subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectTotals {
    /// Messages.
    pub messages: u64,
    /// Sequence of the first one; 0 without messages.
    pub first_seq: u64,
    /// Sequence of the last one; 0 without messages.
    pub last_seq: u64,
}
