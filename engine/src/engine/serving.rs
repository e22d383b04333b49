//! What an engine does for other servers' members: catch-ups.

use std::sync::Arc;

use super::Engine;
use crate::core::names::{GroupName, ServerId};
use crate::peer::PeerFrame;

impl Engine {
    /// Another member of a stream's group has told how far it lacks nothing.
    pub(crate) fn note_whole(&self, from: ServerId, stream: &str, group: &GroupName, applied: u64) {
        if let Some(stream) = self.stream(stream) {
            stream.member().note_whole(from, group.clone(), applied);
        }
    }

    /// Answers a follower's request for messages.
    pub fn serve_catchup(self: &Arc<Self>, from: ServerId, frame: PeerFrame) {
        let PeerFrame::CatchupRequest { id, stream, created_ns, index, first_seq, last_seq } = frame else { return };
        let refuse = |reason: &str| PeerFrame::CatchupRefused { id, reason: reason.to_owned() };
        let network = self.context.network.clone();
        let Some(stream) = self.stream(&stream).filter(|stream| stream.created_ns() == created_ns) else {
            network.send(from, refuse("there is no such stream here"));
            return;
        };
        if !stream.has_all_up_to(last_seq) || self.is_stopping() {
            network.send(from, refuse("this server does not have all of it"));
            return;
        }
        stream.hold(index);
        let (disk, folder) = (self.context.disk.clone(), stream.store().folder().to_owned());
        let serving = async move {
            let (messages, next_seq) = disk.run(&folder, move |_vfs| stream.chunk(index, first_seq, last_seq)).await;
            network.send(from, PeerFrame::CatchupMessages { id, messages, next_seq });
        };
        // A server that shuts down serves nobody.
        let _started = self.context.tasks.spawn(serving);
    }
}
