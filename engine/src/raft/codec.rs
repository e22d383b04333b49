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

#[cfg(test)]
mod tests {
    use super::{CodecError, KINDS, decode, encode};
    use bytes::Bytes;
    use interlock_sync::random::Random;
    use protobuf::Message as _;
    use raft::eraftpb::{ConfState, Entry, EntryType, Message};

    /// Small numbers, large ones, and the ends of their range.
    fn number(random: &mut Random) -> u64 {
        let shift = random.below(64);
        match random.below(8) {
            0 => 0,
            1 => u64::MAX,
            _ => random.below(u64::MAX) >> shift,
        }
    }

    fn data(random: &mut Random) -> Bytes {
        let n_bytes = random.below(40);
        (0..n_bytes).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect()
    }

    fn servers(random: &mut Random) -> Vec<u64> {
        (0..random.below(4)).map(|_| number(random)).collect()
    }

    fn entry(random: &mut Random) -> Entry {
        let mut entry = Entry { index: number(random), term: number(random), ..Entry::default() };
        let kinds = [EntryType::EntryNormal, EntryType::EntryConfChange, EntryType::EntryConfChangeV2];
        entry.set_entry_type(kinds[usize::try_from(random.below(3)).unwrap_or(0)]);
        (entry.data, entry.context, entry.sync_log) = (data(random), data(random), random.chance(20));
        entry
    }

    fn message(random: &mut Random) -> Message {
        let mut message = Message { to: number(random), from: number(random), ..Message::default() };
        message.set_msg_type(KINDS[usize::try_from(random.below(19)).unwrap_or(0)]);
        (message.term, message.log_term, message.index) = (number(random), number(random), number(random));
        (message.commit, message.commit_term) = (number(random), number(random));
        (message.request_snapshot, message.reject_hint) = (number(random), number(random));
        (message.deprecated_priority, message.priority) = (number(random), number(random).cast_signed());
        (message.reject, message.context) = (random.chance(50), data(random));
        let n_entries = random.below(5);
        message.set_entries((0..n_entries).map(|_| entry(random)).collect::<Vec<_>>().into());
        if random.chance(30) {
            let mut conf_state = ConfState { auto_leave: random.chance(50), ..ConfState::default() };
            (conf_state.voters, conf_state.learners) = (servers(random), servers(random));
            (conf_state.voters_outgoing, conf_state.learners_next) = (servers(random), servers(random));
            let snapshot = message.mut_snapshot();
            snapshot.data = data(random);
            let metadata = snapshot.mut_metadata();
            (metadata.index, metadata.term) = (number(random), number(random));
            metadata.set_conf_state(conf_state);
        }
        message
    }

    #[test]
    fn a_message_is_the_same_behind_the_wire_as_in_rafts_own_form() {
        for seed in 0..2000 {
            let sent = message(&mut Random::from_seed(seed));
            let received = decode(&Bytes::from(encode(&sent))).expect("what was encoded");
            assert_eq!(received, sent, "seed {seed}");
            let bytes = |message: &Message| message.write_to_bytes().expect("raft's own form");
            assert_eq!(bytes(&received), bytes(&sent), "seed {seed}");
        }
    }

    #[test]
    fn bytes_that_are_cut_or_go_on_are_no_message() {
        for seed in 0..200 {
            let whole = encode(&message(&mut Random::from_seed(seed)));
            for n_bytes in 0..whole.len() {
                let cut = decode(&Bytes::copy_from_slice(&whole[..n_bytes]));
                assert_eq!(cut, Err(CodecError::Malformed), "seed {seed}, {n_bytes} bytes");
            }
            let longer = Bytes::from([whole, vec![0]].concat());
            assert_eq!(decode(&longer), Err(CodecError::Malformed), "seed {seed}");
        }
    }

    #[test]
    fn garbage_is_no_panic() {
        for seed in 0..20_000 {
            let mut random = Random::from_seed(seed);
            let mut bytes = encode(&message(&mut random));
            for _ in 0..=random.below(8) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap_or(0);
                bytes[at] = u8::try_from(random.below(256)).unwrap_or(0);
            }
            if let Ok(decoded) = decode(&Bytes::from(bytes.clone())) {
                assert_eq!(encode(&decoded), bytes, "seed {seed}: there is one form of each message");
            }
        }
        assert_eq!(decode(&Bytes::from_static(&[9, 0])), Err(CodecError::Version(9)));
    }
}
