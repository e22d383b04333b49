//! What the store keeps as a message's headers: its id, and the client's own block.

use bytes::Bytes;

/// Packs an id and a header block. No id packs as an empty one.
pub(super) fn pack(msg_id: Option<&str>, headers: &[u8]) -> Vec<u8> {
    let msg_id = msg_id.unwrap_or_default().as_bytes();
    // An id longer than this is refused when it is published.
    let n_bytes = u16::try_from(msg_id.len()).unwrap_or(u16::MAX);
    let mut packed = Vec::with_capacity(2 + msg_id.len() + headers.len());
    packed.extend_from_slice(&n_bytes.to_le_bytes());
    packed.extend_from_slice(&msg_id[..usize::from(n_bytes)]);
    packed.extend_from_slice(headers);
    packed
}

/// The id, where there is one, and the header block. `None` where the bytes were not packed here.
pub(super) fn unpack(packed: &Bytes) -> Option<(Option<String>, Bytes)> {
    let n_bytes = usize::from(u16::from_le_bytes([*packed.first()?, *packed.get(1)?]));
    let msg_id = std::str::from_utf8(packed.get(2..2 + n_bytes)?).ok()?;
    let msg_id = (!msg_id.is_empty()).then(|| msg_id.to_owned());
    Some((msg_id, packed.slice(2 + n_bytes..)))
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use bytes::Bytes;

    #[test]
    fn what_is_packed_is_unpacked() {
        for (msg_id, headers) in [(None, &b""[..]), (Some("a"), b"h: 1"), (None, b"h"), (Some("long-id"), b"")] {
            let packed = Bytes::from(pack(msg_id, headers));
            let expected = (msg_id.map(str::to_owned), Bytes::copy_from_slice(headers));
            assert_eq!(unpack(&packed), Some(expected));
        }
    }

    #[test]
    fn other_bytes_are_no_envelope() {
        assert_eq!(unpack(&Bytes::from_static(&[1])), None);
        assert_eq!(unpack(&Bytes::from_static(&[9, 0, b'x'])), None);
    }
}
