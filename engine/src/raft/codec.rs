//! Raft messages as bytes between servers. No protobuf is parsed from a socket.
//!
//! Every field has a fixed width and little-endian order; what is longer than its bytes, or unknown, is refused.

use bytes::Bytes;
use raft::eraftpb::{Message, MessageType, Snapshot};
use thiserror::Error;

use super::fields::{ENTRY_FIELD_BYTES, FieldReader, put_conf_state, put_entry, put_length, put_sized, put_u64};

const VERSION: u8 = 1;

/// Kinds of messages in the order of their numbers on the wire.
const KINDS: [MessageType; 19] = [
    MessageType::MsgHup,
    MessageType::MsgBeat,
    MessageType::MsgPropose,
    MessageType::MsgAppend,
    MessageType::MsgAppendResponse,
    MessageType::MsgRequestVote,
    MessageType::MsgRequestVoteResponse,
    MessageType::MsgSnapshot,
    MessageType::MsgHeartbeat,
    MessageType::MsgHeartbeatResponse,
    MessageType::MsgUnreachable,
    MessageType::MsgSnapStatus,
    MessageType::MsgCheckQuorum,
    MessageType::MsgTransferLeader,
    MessageType::MsgTimeoutNow,
    MessageType::MsgReadIndex,
    MessageType::MsgReadIndexResp,
    MessageType::MsgRequestPreVote,
    MessageType::MsgRequestPreVoteResponse,
];

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// Another version of the format.
    #[error("version {0} of the message format")]
    Version(u8),
    /// Cut, too long, or with a value that there is none of.
    #[error("not a raft message")]
    Malformed,
}

/// A message as bytes.
pub fn encode(message: &Message) -> Vec<u8> {
    let payload: usize = message.entries.iter().map(|entry| entry.data.len() + ENTRY_FIELD_BYTES).sum();
    let mut buffer = Vec::with_capacity(128 + payload + message.get_snapshot().data.len());
    buffer.push(VERSION);
    let kind = KINDS.iter().position(|kind| *kind == message.get_msg_type());
    buffer.push(kind.and_then(|kind| u8::try_from(kind).ok()).expect("every kind is in the table"));
    buffer.push(u8::from(message.reject));
    for field in numbers(message) {
        put_u64(&mut buffer, field);
    }
    put_sized(&mut buffer, &message.context);
    put_length(&mut buffer, message.entries.len());
    for entry in message.entries.iter() {
        put_entry(&mut buffer, entry);
        buffer.push(u8::from(entry.sync_log));
    }
    buffer.push(u8::from(message.has_snapshot()));
    if message.has_snapshot() {
        let metadata = message.get_snapshot().get_metadata();
        put_u64(&mut buffer, metadata.index);
        put_u64(&mut buffer, metadata.term);
        put_conf_state(&mut buffer, metadata.get_conf_state());
        put_sized(&mut buffer, &message.get_snapshot().data);
    }
    buffer
}

fn numbers(message: &Message) -> [u64; 11] {
    [
        message.to,
        message.from,
        message.term,
        message.log_term,
        message.index,
        message.commit,
        message.commit_term,
        message.request_snapshot,
        message.reject_hint,
        message.deprecated_priority,
        message.priority.cast_unsigned(),
    ]
}

/// The message that bytes hold. Its data shares their memory.
///
/// # Errors
/// See [`CodecError`].
pub fn decode(bytes: &Bytes) -> Result<Message, CodecError> {
    match bytes.first() {
        Some(&VERSION) => read(bytes).ok_or(CodecError::Malformed),
        Some(other) => Err(CodecError::Version(*other)),
        None => Err(CodecError::Malformed),
    }
}

fn read(bytes: &Bytes) -> Option<Message> {
    let mut reader = FieldReader::new(bytes);
    let _version = reader.u8()?;
    let mut message = Message::default();
    message.set_msg_type(*KINDS.get(usize::from(reader.u8()?))?);
    message.reject = reader.flag()?;
    message.to = reader.u64()?;
    message.from = reader.u64()?;
    message.term = reader.u64()?;
    message.log_term = reader.u64()?;
    message.index = reader.u64()?;
    message.commit = reader.u64()?;
    message.commit_term = reader.u64()?;
    message.request_snapshot = reader.u64()?;
    message.reject_hint = reader.u64()?;
    message.deprecated_priority = reader.u64()?;
    message.priority = reader.u64()?.cast_signed();
    message.context = reader.sized()?;
    let n_entries = usize::try_from(reader.u32()?).ok()?;
    // Checked before memory is reserved for them.
    if n_entries > reader.remaining() / ENTRY_FIELD_BYTES {
        return None;
    }
    let mut entries = Vec::with_capacity(n_entries);
    for _ in 0..n_entries {
        let mut entry = reader.entry()?;
        entry.sync_log = reader.flag()?;
        entries.push(entry);
    }
    message.set_entries(entries.into());
    if reader.flag()? {
        message.set_snapshot(read_snapshot(&mut reader)?);
    }
    (reader.remaining() == 0).then_some(message)
}

fn read_snapshot(reader: &mut FieldReader<'_>) -> Option<Snapshot> {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    metadata.index = reader.u64()?;
    metadata.term = reader.u64()?;
    metadata.set_conf_state(reader.conf_state()?);
    snapshot.data = reader.sized()?;
    Some(snapshot)
}
