//! A snapshot whose messages nobody has any more: the group is asked for a newer one, whose messages are there.

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant};

use super::Stream;
use super::apply::Failure;
use crate::raft::Node;

/// How long a newer snapshot is waited for before the stream is made anew.
const LIMIT: Duration = Duration::from_secs(20);

/// A newer snapshot that is waited for. What is committed meanwhile is in it.
pub(super) struct Awaited {
    since: Instant,
    reason: String,
}

impl Awaited {
    /// One whose messages are gone as well continues the wait.
    pub(super) fn from(earlier: Option<Self>, reason: String) -> Self {
        Self { since: earlier.map_or_else(Instant::now, |awaited| awaited.since), reason }
    }
}

impl Stream {
    /// Asks for the newer snapshot, again and again. A leader cannot: it makes room for one that has the messages.
    pub(super) async fn seek_newer_snapshot(self: &Arc<Self>, node: &Node, awaited: &Awaited) -> Result<(), Failure> {
        if awaited.since.elapsed() > LIMIT {
            return Err(Failure::Diverged(awaited.reason.clone()));
        }
        if self.member.leads() {
            // A node that is closed leads no more.
            let _closed = node.step_down(None).await;
        }
        node.request_snapshot();
        Ok(())
    }
}
