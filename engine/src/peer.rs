//! What servers say to each other, and the network that carries it: one for all groups.

use crate::api::{Request, Response};
use crate::core::names::{GroupName, ServerId};

/// A frame between two servers. A network may lose, delay, repeat and reorder frames.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerFrame {
    /// A message of a raft group.
    Raft {
        /// The group.
        group: GroupName,
        /// The message.
        message: Box<raft::eraftpb::Message>,
    },
    /// A proposal for the group's leader, with no answer.
    Proposal {
        /// The group.
        group: GroupName,
        /// The entry.
        data: bytes::Bytes,
    },
    /// A client's request that this server must answer.
    Request {
        /// Number of the request at the sender.
        id: u64,
        /// The request.
        request: Box<Request>,
    },
    /// The answer to a request.
    Response {
        /// Number of the request.
        id: u64,
        /// The answer.
        response: Box<Response>,
    },
    /// A follower that is behind a snapshot asks for messages.
    CatchupRequest {
        /// Number of the request at the sender.
        id: u64,
        /// The stream.
        stream: String,
        /// The stream's creation time: another stream of the name has other messages.
        created_ns: u64,
        /// Index of the snapshot that the follower has: wanted is what was there at that index.
        index: u64,
        /// First sequence that is wanted.
        first_seq: u64,
        /// Last sequence that is wanted.
        last_seq: u64,
    },
    /// Some of the messages, in order; `next_seq` behind `last_seq` ends the catch-up.
    CatchupMessages {
        /// Number of the request.
        id: u64,
        /// Encoded messages, each with a checksum ([`crate::stream::catchup`]).
        messages: Vec<bytes::Bytes>,
        /// What to ask for next.
        next_seq: u64,
    },
    /// The sender cannot serve it: it lacks messages itself, or the stream.
    CatchupRefused {
        /// Number of the request.
        id: u64,
        /// Why.
        reason: String,
    },
    /// To a group's leader while its members are to change: the sender's stream lacks no message up to an entry. That its
    /// log has an entry says less, for after a snapshot the messages come on a way of their own.
    Whole {
        /// The stream.
        stream: String,
        /// The group.
        group: GroupName,
        /// The entry.
        applied: u64,
    },
    /// The sender is alive, and leads these (topic, partition) of those that the receiver has a part in.
    Heartbeat {
        /// What it leads: raft groups, each as partition 0 of its name.
        partitions: Vec<(String, u32)>,
    },
}

/// A network between servers.
pub trait PeerNetwork: Send + Sync + 'static {
    /// Sends a frame. Never blocks; a full queue or a missing connection drops the frame.
    fn send(&self, to: ServerId, frame: PeerFrame) {
        let _is_sent = self.try_send(to, frame);
    }

    /// Whether a frame sent now has a chance to arrive, and its answer one to come back. Where they have none, whoever
    /// would wait for an answer need not.
    fn is_reachable(&self, _to: ServerId) -> bool {
        true
    }

    /// The same as [`Self::send`]; `false` where the frame was dropped, and so will never arrive.
    fn try_send(&self, to: ServerId, frame: PeerFrame) -> bool;
}
