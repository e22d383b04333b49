//! What the groups of streams and consumers replicate, and its encoding: a version, the family, then the entry.
//!
//! An entry names the server and the proposal that it came from, so that the client who waits there can be answered.
//! Everything that applying needs, times included, stands in the entry.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::config::{ConsumerConfig, StreamConfig};
use super::names::ServerId;

/// The version that this build writes, and the only one that it reads.
pub const VERSION: u8 = 1;

/// Bytes in which the length of a message's id is stored.
pub const ID_LENGTH_BYTES: usize = 2;

/// Where an entry came from, and which waiting client it settles. Proposal 0 settles none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The server that proposed it.
    pub server: ServerId,
    /// Its number there.
    pub proposal: u64,
}

impl Origin {
    /// Nobody waits.
    pub const NOBODY: Self = Self { server: ServerId(0), proposal: 0 };

    /// Whether a client waits for the outcome.
    pub fn is_awaited(self) -> bool {
        self.proposal != 0
    }
}

/// A message's place in an atomic batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPart {
    /// The batch.
    pub id: String,
    /// 1 for the first message.
    pub seq: u32,
    /// Whether it is the last one.
    pub commit: bool,
}

/// What a message removes as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rollup {
    /// All earlier ones of its subject.
    Subject,
    /// All earlier ones of the stream.
    All,
}

/// A message on its way into a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Where it came from.
    pub origin: Origin,
    /// Its subject.
    pub subject: Arc<str>,
    /// Its header block as the client sent it; empty for none.
    pub headers: Bytes,
    /// Its payload.
    pub payload: Bytes,
    /// When the leader took it.
    pub time_ns: u64,
    /// Its id for the duplicate window.
    pub msg_id: Option<String>,
    /// The last sequence of the stream must be this.
    pub expected_last_seq: Option<u64>,
    /// The last sequence of its subject must be this; 0 for no message.
    pub expected_last_subject_seq: Option<u64>,
    /// The id of the last stored message must be this.
    pub expected_last_msg_id: Option<String>,
    /// What it removes.
    pub rollup: Option<Rollup>,
    /// Its place in a batch.
    pub batch: Option<BatchPart>,
}

impl Publish {
    /// A message without conditions.
    pub fn plain(origin: Origin, subject: impl AsRef<str>, payload: impl Into<Bytes>, time_ns: u64) -> Self {
        Self {
            origin,
            subject: subject.as_ref().into(),
            headers: Bytes::new(),
            payload: payload.into(),
            time_ns,
            msg_id: None,
            expected_last_seq: None,
            expected_last_subject_seq: None,
            expected_last_msg_id: None,
            rollup: None,
            batch: None,
        }
    }

    /// What it counts towards the stream's bytes: all that is stored of it, its id and the id's length included.
    pub fn stored_bytes(&self) -> u64 {
        let n_id = self.msg_id.as_ref().map_or(0, String::len);
        (ID_LENGTH_BYTES + n_id + self.subject.len() + self.headers.len() + self.payload.len()) as u64
    }

    /// What the client sent.
    pub fn message_bytes(&self) -> u64 {
        (self.headers.len() + self.payload.len()) as u64
    }
}

/// An entry of a stream's group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEntry {
    /// A message.
    Publish(Publish),
    /// One message goes.
    Remove {
        /// Where it came from.
        origin: Origin,
        /// Its sequence.
        seq: u64,
    },
    /// Messages go.
    Purge {
        /// Where it came from.
        origin: Origin,
        /// Only those of subjects that fit.
        filter: Option<String>,
        /// Only those below this sequence.
        below_seq: Option<u64>,
        /// The last so many stay.
        keep: u64,
    },
    /// Messages older than this go. Proposed by the leader, whose clock it is.
    Expire {
        /// Nanoseconds since 1970.
        before_ns: u64,
    },
    /// The configuration of the stream from here on.
    Configure(Box<StreamConfig>),
}

/// How a delivered message is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AckKind {
    /// Done.
    Ack,
    /// Deliver again after so many nanoseconds; 0 for at once.
    Nak {
        /// Nanoseconds.
        delay_ns: u64,
    },
    /// Still at work: the wait begins anew.
    Progress,
    /// Never again.
    Term,
}

/// An entry of a consumer's group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsumerEntry {
    /// Where the consumer begins: the leader read its deliver policy against the stream. Only the first one counts.
    Begin {
        /// The first sequence that may come.
        next_seq: u64,
    },
    /// The leader offers messages to a client: unseen ones that fit the filter, or ones whose wait is over.
    Deliver {
        /// The waiting pull request.
        origin: Origin,
        /// Sequences in the stream, in the order of delivery.
        seqs: Vec<u64>,
        /// When.
        time_ns: u64,
    },
    /// Clients settle messages.
    Acks {
        /// Each acknowledgement, in the order of arrival.
        acks: Vec<Ack>,
        /// When.
        time_ns: u64,
    },
    /// The stream has lost messages: those below this sequence will never come.
    Skip {
        /// The first sequence that may come.
        first_seq: u64,
    },
    /// The configuration of the consumer from here on.
    Configure(Box<ConsumerConfig>),
}

/// One acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Where it came from, where the client waits for a confirmation.
    pub origin: Origin,
    /// The message in the stream.
    pub stream_seq: u64,
    /// What it says.
    pub kind: AckKind,
}

/// Why bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are none.
    #[error("the entry is empty")]
    Empty,
    /// Written by another version.
    #[error("the entry has version {0}, this build reads version {VERSION}")]
    Version(u8),
    /// An entry of another kind of group.
    #[error("the entry belongs to family {found}, not {expected}")]
    Family {
        /// What was read.
        found: u8,
        /// What the group replicates.
        expected: u8,
    },
    /// Neither of the kinds known here, or cut off, or longer than it should be.
    #[error("the entry cannot be decoded: {0}")]
    Malformed(String),
}

/// What is encoded with a version and a family in front: entries and snapshots of one kind of group.
pub trait Encoded: Serialize + DeserializeOwned {
    /// Its number in the encoding.
    const FAMILY: u8;

    /// Its bytes.
    fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION, Self::FAMILY])
            .expect("numbers, texts and maps of known length can be encoded")
    }

    /// What these bytes encode.
    ///
    /// # Errors
    /// Where they are not one of this version and family.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (&version, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let (&found, body) = rest.split_first().ok_or(DecodeError::Empty)?;
        if found != Self::FAMILY {
            return Err(DecodeError::Family { found, expected: Self::FAMILY });
        }
        match postcard::take_from_bytes(body) {
            Ok((entry, [])) => Ok(entry),
            Ok((_, surplus)) => Err(DecodeError::Malformed(format!("{} bytes behind it", surplus.len()))),
            Err(error) => Err(DecodeError::Malformed(error.to_string())),
        }
    }
}

impl Encoded for StreamEntry {
    const FAMILY: u8 = b'S';
}

impl Encoded for ConsumerEntry {
    const FAMILY: u8 = b'C';
}

#[cfg(test)]
mod tests {
    use super::{Ack, AckKind, ConsumerEntry, DecodeError, Encoded, Origin, Publish, StreamEntry};

    #[test]
    fn entries_come_back_as_they_were() {
        let publish = StreamEntry::Publish(Publish::plain(Origin::NOBODY, "orders.eu", &b"new"[..], 7));
        assert_eq!(StreamEntry::decode(&publish.encode()), Ok(publish));
        let ack = Ack { origin: Origin::NOBODY, stream_seq: 1, kind: AckKind::Nak { delay_ns: 5 } };
        let acks = ConsumerEntry::Acks { acks: vec![ack], time_ns: 9 };
        assert_eq!(ConsumerEntry::decode(&acks.encode()), Ok(acks));
    }

    #[test]
    fn the_unknown_is_an_error_and_no_panic() {
        let bytes = StreamEntry::Expire { before_ns: 1 }.encode();
        assert_eq!(StreamEntry::decode(&[]), Err(DecodeError::Empty));
        assert_eq!(StreamEntry::decode(&[2, b'S', 0]), Err(DecodeError::Version(2)));
        assert_eq!(ConsumerEntry::decode(&bytes), Err(DecodeError::Family { found: b'S', expected: b'C' }));
        let malformed = |bytes: &[u8]| matches!(StreamEntry::decode(bytes), Err(DecodeError::Malformed(_)));
        assert!(malformed(&[1, b'S', 99]), "a kind that this build does not know");
        assert!(malformed(&bytes[..bytes.len() - 1]), "cut off");
        assert!(malformed(&[bytes.as_slice(), &[0]].concat()), "longer");
        for length in 0..64_u8 {
            let noise: Vec<u8> =
                [1, b'S'].into_iter().chain((0..length).map(|n| n.wrapping_mul(151) ^ length)).collect();
            let _decoded_or_error = StreamEntry::decode(&noise);
        }
    }
}
