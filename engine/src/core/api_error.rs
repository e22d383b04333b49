//! Refusals that a client sees, with the numbers that NATS clients distinguish.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A refusal: an HTTP-like code, the number that tells it from others, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// 400, 404, 500 or 503.
    pub code: u16,
    /// The number that clients compare.
    pub err_code: u16,
    /// For people. Lower case, no full stop.
    pub description: Cow<'static, str>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code)
    }
}

impl std::error::Error for ApiError {}

macro_rules! fixed {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $err_code:literal $text:literal;)+) => {
        impl ApiError {
            $($(#[doc = $doc])+ pub const $name: Self =
                Self { code: $code, err_code: $err_code, description: Cow::Borrowed($text) };)+
        }
    };
}

fixed! {
    /// Too few servers can take the asset.
    NO_SUITABLE_PEERS = 400 10005 "no suitable peers for placement";
    /// No leader at this time.
    UNAVAILABLE = 503 10008 "JetStream system temporarily unavailable";
    /// Asked of a server that does not lead.
    NOT_LEADER = 500 10009 "JetStream cluster can not handle request";
    /// The consumer's name is taken.
    CONSUMER_NAME_IN_USE = 400 10013 "consumer name already in use";
    /// No such consumer.
    CONSUMER_NOT_FOUND = 404 10014 "consumer not found";
    /// Limits of the account or the server.
    INSUFFICIENT_RESOURCES = 503 10023 "insufficient resources";
    /// The request is no JSON.
    INVALID_JSON = 400 10025 "invalid JSON";
    /// No message fits.
    NO_MESSAGE_FOUND = 404 10037 "no message found";
    /// JetStream is off for this account.
    NOT_ENABLED_FOR_ACCOUNT = 503 10039 "JetStream not enabled for account";
    /// No message has this sequence.
    SEQUENCE_NOT_FOUND = 400 10043 "sequence not found";
    /// The storage limit is reached.
    STORAGE_EXCEEDED = 500 10047 "insufficient storage resources available";
    /// The message is larger than the stream allows.
    MESSAGE_TOO_LARGE = 400 10054 "message size exceeds maximum allowed";
    /// The name in the request is not the one in the subject.
    STREAM_MISMATCH = 400 10056 "stream name in subject does not match request";
    /// A stream of this name has another configuration.
    STREAM_NAME_EXISTS = 400 10058 "stream name already in use with a different configuration";
    /// No such stream.
    STREAM_NOT_FOUND = 404 10059 "stream not found";
    /// The publisher expected another stream.
    STREAM_NOT_MATCH = 400 10060 "expected stream does not match";
    /// Another stream takes these subjects.
    SUBJECT_OVERLAP = 400 10065 "subjects overlap with an existing stream";
    /// More than one replica on a server without a cluster.
    REPLICAS_NOT_SUPPORTED = 500 10074 "replicas > 1 not supported in non-clustered mode";
    /// JetStream is off.
    NOT_ENABLED = 503 10076 "JetStream not enabled";
    /// More messages than the stream takes.
    MAX_MESSAGES = 503 10077 "maximum messages exceeded";
    /// More bytes than the stream takes.
    MAX_BYTES = 503 10077 "maximum bytes exceeded";
    /// The store failed: only where the configuration asks for an answer at all.
    STORE_FAILED = 503 10077 "store failed";
    /// A consumer of a work queue says of each message that it is done.
    WORK_QUEUE_NEEDS_EXPLICIT_ACK = 400 10098 "workqueue stream requires explicit ack";
    /// A consumer of all messages is the only one of a work queue.
    WORK_QUEUE_HAS_A_CONSUMER = 400 10099 "multiple non-filtered consumers not allowed on workqueue stream";
    /// Two consumers of a work queue have no message in common.
    WORK_QUEUE_FILTERS_OVERLAP = 400 10100 "filtered consumer not unique on workqueue stream";
    /// A consumer of a work queue begins at its beginning.
    WORK_QUEUE_DELIVERS_ALL = 400 10101 "consumer must be deliver all on workqueue stream";
    /// It was passed on, or proposed, and nobody knows what became of it: it may be done, or be done later. The number is
    /// the engine's own.
    OUTCOME_UNKNOWN = 503 19001 "no answer came: it is not known whether the request was carried out";
    /// An acknowledgement of a message that the consumer has not delivered, or whose delivery was lost in a crash: it is
    /// delivered again. The number is the engine's own.
    NOT_DELIVERED = 404 19002 "the message was not delivered";
    /// The stream's servers are away.
    STREAM_OFFLINE = 500 10118 "stream is offline";
    /// The consumer's servers are away.
    CONSUMER_OFFLINE = 500 10119 "consumer is offline";
    /// A consumer cannot have more replicas than its stream.
    CONSUMER_REPLICAS = 400 10126 "consumer config replica count exceeds parent stream";
    /// Asked to create, and it is there.
    CONSUMER_EXISTS = 400 10148 "consumer already exists";
    /// Asked to update, and it is not there.
    CONSUMER_DOES_NOT_EXIST = 400 10149 "consumer does not exist";
    /// The same message id is in flight.
    DUPLICATE_IN_FLIGHT = 409 10158 "duplicate message id is in process";
    /// A message on the subject is in flight, so that its last sequence is open.
    WRONG_LAST_SEQUENCE_IN_FLIGHT = 400 10164 "wrong last sequence";
    /// The stream takes no atomic batches.
    BATCH_DISABLED = 400 10174 "atomic publish is disabled";
    /// A message of a batch has no sequence.
    BATCH_SEQUENCE_MISSING = 400 10175 "atomic publish sequence is missing";
    /// Parts of the batch are missing, late or could not be staged.
    BATCH_INCOMPLETE = 400 10176 "atomic publish batch is incomplete";
    /// The id of the batch is too long or empty.
    BATCH_ID_INVALID = 400 10179 "atomic publish batch ID is invalid";
    /// More messages than a batch takes.
    BATCH_TOO_LARGE = 400 10199 "atomic publish batch is too large";
    /// A message id of the batch was seen before.
    BATCH_DUPLICATE = 400 10201 "atomic publish batch contains duplicate message id";
    /// More open batches than the stream or the server takes.
    TOO_MANY_BATCHES = 429 10210 "atomic publish too many inflight";
}

impl ApiError {
    /// The publisher expected another last sequence.
    pub fn wrong_last_sequence(last_seq: u64) -> Self {
        Self { code: 400, err_code: 10071, description: format!("wrong last sequence: {last_seq}").into() }
    }

    /// The publisher expected another last message id.
    pub fn wrong_last_message_id(last: &str) -> Self {
        Self { code: 400, err_code: 10070, description: format!("wrong last msg ID: {last}").into() }
    }

    /// The configuration of a consumer or a stream cannot be.
    pub fn invalid_config(reason: impl fmt::Display) -> Self {
        Self { code: 500, err_code: 10052, description: reason.to_string().into() }
    }

    /// A restore came to nothing: the stream is not there.
    pub fn restore_failed(reason: impl fmt::Display) -> Self {
        Self { code: 500, err_code: 10062, description: format!("restore failed: {reason}").into() }
    }

    /// A message is there and cannot be read. The number is the engine's own.
    pub fn cannot_read(reason: impl fmt::Display) -> Self {
        Self { code: 500, err_code: 19003, description: format!("cannot read: {reason}").into() }
    }

    /// Removing messages failed.
    pub fn purge_failed(reason: impl fmt::Display) -> Self {
        Self { code: 500, err_code: 10110, description: reason.to_string().into() }
    }

    /// Removing one message failed.
    pub fn delete_failed(reason: impl fmt::Display) -> Self {
        Self { code: 500, err_code: 10057, description: reason.to_string().into() }
    }
}
