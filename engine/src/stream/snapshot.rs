//! Snapshots of a stream: the order in which flush, state and installation follow each other.

use std::sync::Arc;

use bytes::Bytes;

use super::Stream;
use super::apply::Failure;
use crate::core::meta::encode;
use crate::core::snapshot::{Occasion, Verdict};
use crate::failpoint;
use crate::raft::Node;
use crate::snapshots::{Covered, Schedule};
use crate::store::StoreError;

impl Stream {
    /// Takes a snapshot if it is time: checkpoint, then flush (O-28), then encode (O-21), then install.
    pub(super) async fn take_snapshot(
        self: &Arc<Self>,
        node: &Node,
        schedule: &mut Schedule,
        occasion: Occasion,
    ) -> Result<(), Failure> {
        let Verdict::Take { forced } = schedule.judge(occasion, node, self.covered().clfs) else {
            return Ok(());
        };
        if !self.is_whole() {
            return Ok(());
        }
        let checkpoint = match node.checkpoint(forced) {
            Ok(checkpoint) => checkpoint,
            Err(refused) => {
                schedule.failed(&refused.to_string());
                return Ok(());
            }
        };
        if let Err(error) = self.flush().await {
            if crate::mutant!(M65) {
                node.stop().await;
            }
            // The error comes before the node's end: it hands leadership over, which a stopped node cannot (O-19).
            return Err(Failure::from(error));
        }
        failpoint!("between_flush_and_encode");
        let (covered, data) = self.encoded_state();
        if let Some(index) = schedule.install(&self.context, checkpoint, data, covered).await {
            self.raise_floor(index);
        }
        Ok(())
    }

    /// The snapshot of a shutdown: whatever failed before, and whatever is under way.
    pub(super) async fn take_last_snapshot(&self, node: &Node, schedule: &mut Schedule) {
        let is_wanted = matches!(schedule.judge(Occasion::Shutdown, node, self.covered().clfs), Verdict::Take { .. });
        if !is_wanted || self.member.write_error.is_set() || !self.is_whole() {
            return;
        }
        if let Err(error) = self.flush().await {
            self.latch(&Failure::from(error)).await;
            node.stop().await;
            return;
        }
        let (_, data) = self.encoded_state();
        if let Err(error) = node.install_forced(data).await {
            tracing::warn!("stream {}: no last snapshot: {error}", self.name);
        }
    }

    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let (store, folder) = (self.store.clone(), self.store.folder().to_owned());
        self.context.disk.run(&folder, move |_vfs| store.flush()).await
    }

    fn covered(&self) -> Covered {
        let inner = self.inner.lock();
        Covered { index: inner.state.applied(), clfs: inner.state.clfs() }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.inner.lock().is_whole
    }

    /// The state and what it covers, of one moment.
    fn encoded_state(&self) -> (Covered, Bytes) {
        let inner = self.inner.lock();
        let covered = Covered { index: inner.state.applied(), clfs: inner.state.clfs() };
        (covered, Bytes::from(encode(&inner.state.snapshot())))
    }
}
