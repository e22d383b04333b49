//! Reads the data of a committed change of members. Raft writes it as protobuf; a parser for the three fields that it
//! has keeps the general one away from what other servers send.

use bytes::Bytes;
use raft::eraftpb::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The change that an entry's data holds; `None` where it holds none. Empty data is the way out of a joint one.
pub(super) fn decode(data: &[u8]) -> Option<ConfChangeV2> {
    let mut change = ConfChangeV2::default();
    let mut rest = data;
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Field::Number(transition)) => change.set_transition(match transition {
                0 => ConfChangeTransition::Auto,
                1 => ConfChangeTransition::Implicit,
                2 => ConfChangeTransition::Explicit,
                _ => return None,
            }),
            (2, Field::Bytes(single)) => change.mut_changes().push(decode_single(single)?),
            (3, Field::Bytes(context)) => change.context = Bytes::copy_from_slice(context),
            _ => return None,
        }
    }
    Some(change)
}

fn decode_single(data: &[u8]) -> Option<ConfChangeSingle> {
    let mut single = ConfChangeSingle::default();
    let mut rest = data;
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Field::Number(kind)) => single.set_change_type(match kind {
                0 => ConfChangeType::AddNode,
                1 => ConfChangeType::RemoveNode,
                2 => ConfChangeType::AddLearnerNode,
                _ => return None,
            }),
            (2, Field::Number(server)) => single.node_id = server,
            _ => return None,
        }
    }
    Some(single)
}

/// A field's number and its value: a varint or bytes, as the two low bits of its tag say.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Field::Number(varint(rest)?),
        2 => {
            let n_bytes = usize::try_from(varint(rest)?).ok()?;
            let (bytes, behind) = rest.split_at_checked(n_bytes)?;
            *rest = behind;
            Field::Bytes(bytes)
        }
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
