//! Snapshots of a stream: when, and in which order they become durable.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::random::Random;
use interlock_sync::time::{Duration, Instant};

use super::Stream;
use super::apply::Failure;
use crate::core::meta::encode;
use crate::engine::Engine;
use crate::failpoint;
use crate::raft::{InstallError, Node};

/// Entries after which a snapshot is taken.
const ENTRIES: u64 = 65_536;
/// Bytes of entries after which a snapshot is taken.
const BYTES: usize = 8 << 20;
/// After a failure.
const RETRY: Duration = Duration::from_secs(15);
/// The regular interval, and what is added at random.
const INTERVAL: Duration = Duration::from_secs(120);
const JITTER_MS: u64 = 60_000;

/// When a monitor takes snapshots.
pub(super) struct Snapshots {
    pub(super) due: Instant,
    pub(super) recovered: bool,
    random: Random,
    n_entries: u64,
    n_bytes: usize,
    clfs: u64,
    n_failures: u32,
    last_index: u64,
}

impl Snapshots {
    pub(super) fn new(engine: &Engine, owner: &str) -> Self {
        let mut random = Random::split(engine.context().settings.seed, owner);
        let due = Instant::now() + regular(&mut random);
        Self { due, recovered: false, random, n_entries: 0, n_bytes: 0, clfs: 0, n_failures: 0, last_index: 0 }
    }

    pub(super) fn count(&mut self, n_bytes: usize) {
        self.n_entries += 1;
        self.n_bytes += n_bytes;
    }

    /// Whether enough has come together; after a failure the timer decides.
    pub(super) fn wants(&self, stream: &Stream) -> bool {
        let is_due = self.n_entries >= ENTRIES || self.n_bytes > BYTES;
        self.recovered && self.n_failures == 0 && (is_due && stream.applied() > self.last_index)
    }

    fn done(&mut self, index: u64, clfs: u64) {
        self.n_entries = 0;
        self.n_bytes = 0;
        self.clfs = clfs;
        self.n_failures = 0;
        self.last_index = index;
        self.due = Instant::now() + regular(&mut self.random);
    }

    fn failed(&mut self) {
        self.n_failures += 1;
        self.due = Instant::now() + RETRY;
    }
}

fn regular(random: &mut Random) -> Duration {
    INTERVAL + Duration::from_millis(random.below(JITTER_MS))
}

impl Stream {
    /// Takes a snapshot: checkpoint, then flush (O-28), then encode (O-21), then install.
    pub(super) async fn take_snapshot(&self, _engine: &Engine, node: &Node, snapshots: &mut Snapshots) {
        let (index, clfs) = {
            let inner = self.inner.lock();
            (inner.state.applied(), inner.state.clfs())
        };
        if !snapshots.recovered || (index == snapshots.last_index && clfs == snapshots.clfs) {
            snapshots.due = Instant::now() + regular(&mut snapshots.random);
            return;
        }
        let Ok(checkpoint) = node.checkpoint(snapshots.n_failures > 4) else {
            snapshots.failed();
            return;
        };
        if let Err(error) = self.flush().await {
            if crate::mutant!(M65) {
                node.stop().await;
            }
            // The error first: it hands leadership over, which a stopped node cannot (O-19).
            self.latch(&Failure::from(error)).await;
            return;
        }
        failpoint!("between_flush_and_encode");
        match checkpoint.install(self.encoded_state()).await {
            Ok(()) => {
                self.store.set_reclaim_floor(index);
                snapshots.done(index, clfs);
            }
            Err(InstallError::Closed | InstallError::Aborted) => {}
            Err(InstallError::Write(error)) => {
                tracing::warn!("stream {}: no snapshot: {error}", self.name);
                snapshots.failed();
            }
        }
    }

    /// The snapshot of a shutdown: whatever failed before, and whatever is under way.
    pub(super) async fn take_last_snapshot(&self, node: &Node, snapshots: &Snapshots) {
        let is_needed = self.applied() > snapshots.last_index && self.member.write_error.get().is_none();
        if !is_needed || (crate::mutant!(M16) && snapshots.n_failures > 0) {
            return;
        }
        if let Err(error) = self.flush().await {
            self.latch(&Failure::from(error)).await;
            node.stop().await;
            return;
        }
        if let Err(error) = node.install_forced(self.encoded_state()).await {
            tracing::warn!("stream {}: no last snapshot: {error}", self.name);
        }
    }

    pub(super) async fn flush(&self) -> Result<(), crate::store::StoreError> {
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        self.context.disk.run(&folder, move |_vfs| store.flush()).await
    }

    fn encoded_state(&self) -> Bytes {
        Bytes::from(encode(&self.inner.lock().state.snapshot()))
    }
}

