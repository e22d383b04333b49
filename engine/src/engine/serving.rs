//! What an engine does for other servers' members: catch-ups.

use std::sync::Arc;

use super::Engine;
use crate::core::names::{GroupName, ServerId};
use crate::events::Event;
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
        let (name, engine) = (stream.name().to_owned(), self.clone());
        // Taken before anything is waited for: a connection that is lost meanwhile ends this.
        let token = self.context.served.token(from);
        let serving = async move {
            let reading = disk.run(&folder, move |_vfs| stream.chunk(index, first_seq, last_seq));
            let read = interlock_sync::select! {
                biased;
                () = token.cancelled() => Err("the connection is lost"),
                () = engine.stopping.cancelled() => Err("this server stops"),
                read = reading => Ok(read),
            };
            match read {
                Ok(Ok((messages, next_seq))) => {
                    network.send(from, PeerFrame::CatchupMessages { id, messages, next_seq })
                }
                Ok(Err(error)) => network.send(from, PeerFrame::CatchupRefused { id, reason: error.to_string() }),
                Err(reason) => {
                    engine.context.events.tell(Event::CatchupEnded { stream: name, with: from, reason });
                    // Where the connection is lost nobody hears it.
                    network.send(from, PeerFrame::CatchupRefused { id, reason: reason.to_owned() });
                }
            }
        };
        // A server that shuts down serves nobody.
        let _started = self.context.tasks.spawn(serving);
    }
}
