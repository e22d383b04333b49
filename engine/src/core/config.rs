//! Configuration of streams and consumers, as clients give it and as the meta layer stores it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a full stream does with a new message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// Removes the oldest.
    #[default]
    Old,
    /// Rejects the new one.
    New,
}

/// When messages leave the stream besides by its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// By the limits only.
    #[default]
    Limits,
    /// When every consumer acknowledged it.
    Interest,
    /// When one consumer acknowledged it.
    WorkQueue,
}

/// A stream. `None` means no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// Its name: see [`super::names::refuse_name`].
    pub name: String,
    /// Subjects that it takes messages of; `*` is one token and a last `>` is the rest. Empty: its own name.
    pub subjects: Vec<String>,
    /// Number of replicas.
    pub replicas: u8,
    /// Messages at most.
    pub max_msgs: Option<u64>,
    /// Bytes of subjects, headers and payloads at most.
    pub max_bytes: Option<u64>,
    /// Age of a message at most.
    pub max_age: Option<Duration>,
    /// Messages of one subject at most.
    pub max_msgs_per_subject: Option<u64>,
    /// Bytes of one message at most.
    pub max_msg_bytes: Option<u64>,
    /// What happens at a limit.
    pub discard: Discard,
    /// When messages leave besides.
    pub retention: Retention,
    /// How long a message id is remembered.
    pub duplicate_window: Duration,
    /// Whether messages may come in atomic batches.
    pub allow_atomic: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            subjects: Vec::new(),
            replicas: 1,
            max_msgs: None,
            max_bytes: None,
            max_age: None,
            max_msgs_per_subject: None,
            max_msg_bytes: None,
            discard: Discard::Old,
            retention: Retention::Limits,
            duplicate_window: Duration::from_secs(120),
            allow_atomic: false,
        }
    }
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliverPolicy {
    /// At the first message of the stream.
    #[default]
    All,
    /// At the last one.
    Last,
    /// Behind the last one.
    New,
    /// At this sequence.
    FromSequence(u64),
}

/// Which messages an acknowledgement covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckPolicy {
    /// Each message needs its own.
    #[default]
    Explicit,
    /// One covers all up to it.
    All,
    /// Delivery is enough.
    None,
}

/// How messages reach a consumer's client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliverMode {
    /// The client asks for them.
    #[default]
    Pull,
    /// They are sent while somebody is interested.
    Push,
}

/// A consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// Its name: see [`super::names::refuse_name`].
    pub name: String,
    /// Whether it survives its clients: a durable one without a threshold never expires.
    pub durable: bool,
    /// Number of replicas; 0 means the stream's for a durable one and 1 for an ephemeral one.
    pub replicas: u8,
    /// Where it begins.
    pub deliver: DeliverPolicy,
    /// How it delivers.
    pub mode: DeliverMode,
    /// What an acknowledgement covers.
    pub ack: AckPolicy,
    /// How long it waits for an acknowledgement before it delivers again.
    pub ack_wait: Duration,
    /// Waits of the first, second, ... delivery; the last one goes on. Takes the place of `ack_wait` where not empty.
    pub backoff: Vec<Duration>,
    /// Deliveries of one message at most.
    pub max_deliver: Option<u32>,
    /// Only messages of subjects that fit.
    pub filter: Option<String>,
    /// Unacknowledged messages at most.
    pub max_ack_pending: u64,
    /// Waiting pull requests at most.
    pub max_waiting: usize,
    /// Deleted after so long without activity; zero means the default (5 s ephemeral, never for a durable one).
    pub inactive_threshold: Duration,
    /// Internal: made by a server for itself, unknown to the meta layer.
    pub direct: bool,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            durable: false,
            replicas: 0,
            deliver: DeliverPolicy::All,
            mode: DeliverMode::Pull,
            ack: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            backoff: Vec::new(),
            max_deliver: None,
            filter: None,
            max_ack_pending: 1000,
            max_waiting: 512,
            inactive_threshold: Duration::ZERO,
            direct: false,
        }
    }
}
