//! What clients ask and are answered, whatever protocol carries it.
//!
//! A request may be given to any server: what another server must answer is passed on to it ([`crate::peer`]).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::api_error::ApiError;
use crate::core::config::{ConsumerConfig, StreamConfig};
use crate::core::entry::BatchPart;
use crate::core::names::ServerId;

/// Bytes of subject, headers and payload that a message may have, whatever its stream allows.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Bytes of messages in the answer to one request for messages; a single message may be larger.
pub const FETCH_BYTES_MAX: usize = 16 << 20;
/// Bytes of a message id.
pub const MSG_ID_BYTES_MAX: usize = 65_535;

/// What a publisher expects of the stream; `None` expects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// The stream that takes the message.
    pub stream: Option<String>,
    /// Its last sequence.
    pub last_seq: Option<u64>,
    /// The last sequence of the message's subject; 0 means that there is none.
    pub last_subject_seq: Option<u64>,
    /// The id of its last message.
    pub last_msg_id: Option<String>,
}

/// A message to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Its subject.
    pub subject: String,
    /// Its headers, as the client encoded them.
    pub headers: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Its id: within the duplicate window it is stored once.
    pub msg_id: Option<String>,
    /// What must hold for it to be stored.
    pub expect: Expectations,
    /// Its part in an atomic batch.
    pub batch: Option<BatchPart>,
}

/// Which message is to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageAt {
    /// The one of this sequence.
    Sequence(u64),
    /// The last one of this subject.
    LastOf(String),
    /// The first one at or behind this sequence, of subjects that fit.
    Next {
        /// Where to begin.
        from: u64,
        /// Which subjects.
        filter: Option<String>,
    },
}

/// What a client says about a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AckKind {
    /// Processed.
    Ack,
    /// Not processed: deliver again, after this delay.
    Nak(Duration),
    /// Still at it: the wait begins anew.
    Progress,
    /// Never deliver again.
    Term,
}

/// A request for messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Messages at most.
    pub batch: u32,
    /// How long to wait for the first one. Zero does not wait.
    pub expires: Duration,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Create a stream; the same configuration again is no error.
    StreamCreate(StreamConfig),
    /// Change a stream's configuration, or its number of replicas.
    StreamUpdate(StreamConfig),
    /// Create a stream that has these messages from its beginning, or nothing of it.
    StreamRestore {
        /// The configuration; no stream has its name.
        config: StreamConfig,
        /// The messages, in order.
        messages: Vec<Publish>,
    },
    /// Give a stream the messages of a restore. From the meta layer's leader to the stream's.
    StreamFill {
        /// The stream.
        stream: String,
        /// The messages, in order.
        messages: Vec<Publish>,
    },
    /// Delete a stream.
    StreamDelete(String),
    /// A stream's state.
    StreamInfo(String),
    /// All streams.
    StreamNames,
    /// Remove messages of a stream.
    StreamPurge {
        /// The stream.
        stream: String,
        /// Only of subjects that fit.
        filter: Option<String>,
        /// Keep the last so many.
        keep: u64,
    },
    /// Move a stream's replicas to these servers, or give its group a new name where they are the same.
    StreamMove {
        /// The stream.
        stream: String,
        /// The servers.
        peers: Vec<ServerId>,
    },
    /// Make another member lead a stream.
    StreamStepDown {
        /// The stream.
        stream: String,
        /// Who, if there is a wish.
        preferred: Option<ServerId>,
    },
    /// Make another server lead the meta layer.
    MetaStepDown,
    /// Store a message.
    Publish(Publish),
    /// Read a message.
    MessageGet {
        /// The stream.
        stream: String,
        /// Which.
        at: MessageAt,
    },
    /// Remove a message.
    MessageDelete {
        /// The stream.
        stream: String,
        /// Its sequence.
        seq: u64,
    },
    /// Create a consumer, or change its configuration.
    ConsumerCreate {
        /// The stream.
        stream: String,
        /// The configuration; an ephemeral one may leave the name empty.
        config: ConsumerConfig,
    },
    /// Delete a consumer.
    ConsumerDelete {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
    },
    /// A consumer's state.
    ConsumerInfo {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
    },
    /// All consumers of a stream.
    ConsumerNames(String),
    /// Give a consumer's group a new name.
    ConsumerRemap {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
    },
    /// Make another member lead a consumer.
    ConsumerStepDown {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
    },
    /// Ask for messages.
    Fetch {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
        /// How many, how long.
        fetch: Fetch,
    },
    /// Acknowledge a delivered message.
    Ack {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
        /// The message's sequence in the stream.
        seq: u64,
        /// What is said about it.
        kind: AckKind,
    },
    /// Read a message from whichever replica is asked, also where nobody leads: it may be behind the others.
    MessageGetDirect {
        /// The stream.
        stream: String,
        /// Which.
        at: MessageAt,
    },
}

/// Answer to a stored message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubAck {
    /// The stream that stored it.
    pub stream: String,
    /// Its sequence there.
    pub seq: u64,
    /// Whether it was stored before: then nothing was stored.
    pub duplicate: bool,
    /// Messages of the batch that this one ended.
    pub batch_count: Option<u64>,
}

/// A stream's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamTotals {
    /// Messages.
    pub messages: u64,
    /// Bytes of subjects, headers and payloads.
    pub bytes: u64,
    /// First sequence.
    pub first_seq: u64,
    /// Last sequence.
    pub last_seq: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A group as its leader sees it; only itself where it is not replicated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// The group's name; empty without a group.
    pub group: String,
    /// The leader.
    pub leader: Option<ServerId>,
    /// The other members, and whether they keep up.
    pub replicas: Vec<(ServerId, bool)>,
}

/// A stream's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Its configuration.
    pub config: StreamConfig,
    /// Creation time, nanoseconds since 1970.
    pub created_ns: u64,
    /// Its numbers.
    pub totals: StreamTotals,
    /// Its group.
    pub cluster: ClusterInfo,
}

/// A consumer's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerInfo {
    /// The stream.
    pub stream: String,
    /// Its configuration.
    pub config: ConsumerConfig,
    /// Creation time, nanoseconds since 1970.
    pub created_ns: u64,
    /// Last delivered stream sequence.
    pub delivered_seq: u64,
    /// All up to this stream sequence are acknowledged.
    pub ack_floor: u64,
    /// Delivered and not acknowledged.
    pub n_ack_pending: u64,
    /// Delivered more than once and not acknowledged.
    pub n_redelivered: u64,
    /// Requests that wait.
    pub n_waiting: u64,
    /// Not yet delivered.
    pub n_pending: u64,
    /// Its group.
    pub cluster: ClusterInfo,
}

/// A stored message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its sequence.
    pub seq: u64,
    /// When it was stored, nanoseconds since 1970.
    pub time_ns: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A message as a consumer delivers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Sequence of this delivery.
    pub consumer_seq: u64,
    /// How often the message was delivered, this time included.
    pub n_deliveries: u64,
    /// Messages behind it.
    pub n_pending: u64,
}

/// Why a request for messages ended before it was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchEnd {
    /// It has as many as it asked for.
    Full,
    /// Nothing more is there, and it does not wait.
    NoMessages,
    /// Its time is over.
    Timeout,
    /// Too many requests wait.
    TooManyWaiting,
    /// The consumer was deleted.
    ConsumerDeleted,
    /// Another server leads the consumer.
    LeadershipChange,
    /// The server shuts down.
    ServerShutdown,
    /// One answer has no room for more bytes ([`FETCH_BYTES_MAX`]): the next request gets the others.
    MaxBytes,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// It failed.
    Error(ApiError),
    /// It is done; there is nothing to say.
    Done,
    /// Nothing is sent: the client learns no more than that its time is over.
    Silence,
    /// So many messages were removed.
    Removed(u64),
    /// Names in order.
    Names(Vec<String>),
    /// A stream.
    Stream(Box<StreamInfo>),
    /// A consumer.
    Consumer(Box<ConsumerInfo>),
    /// The message is stored.
    Published(PubAck),
    /// A message.
    Message(Message),
    /// Messages, and why there are no more.
    Fetched(Vec<Delivery>, FetchEnd),
}
