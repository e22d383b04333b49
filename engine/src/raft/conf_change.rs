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

#[cfg(test)]
mod tests {
    use super::decode;
    use bytes::Bytes;
    use interlock_sync::random::Random;
    use protobuf::Message as _;
    use raft::eraftpb::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};

    fn change(random: &mut Random) -> ConfChangeV2 {
        let transitions = [ConfChangeTransition::Auto, ConfChangeTransition::Implicit, ConfChangeTransition::Explicit];
        let kinds = [ConfChangeType::AddNode, ConfChangeType::RemoveNode, ConfChangeType::AddLearnerNode];
        let mut any = |of: u64| usize::try_from(random.below(of)).unwrap_or(0);
        let mut change = ConfChangeV2::default();
        change.set_transition(transitions[any(3)]);
        for _ in 0..any(4) {
            let mut single = ConfChangeSingle { node_id: (1 << any(64)) - 1, ..ConfChangeSingle::default() };
            single.set_change_type(kinds[any(3)]);
            change.mut_changes().push(single);
        }
        change.context = Bytes::from(vec![7; any(5)]);
        change
    }

    #[test]
    fn what_raft_writes_is_read() {
        for seed in 0..2000 {
            let written = change(&mut Random::from_seed(seed));
            let bytes = written.write_to_bytes().expect("raft's own form");
            let read = decode(&bytes).expect("what raft wrote");
            assert_eq!(read.write_to_bytes().expect("raft's own form"), bytes, "seed {seed}");
        }
        assert_eq!(decode(&[]), Some(ConfChangeV2::default()));
    }

    #[test]
    fn what_raft_does_not_write_is_none() {
        for data in [&[0xff; 9][..], &[0x08], &[0x12, 0x05, 0x08], &[0x08, 0x07], &[0x28, 0x01], &[0x0d, 0, 0, 0, 0]] {
            assert_eq!(decode(data), None, "{data:?}");
        }
    }
}
