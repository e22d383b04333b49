//! Frames: length, checksum, version, kind, number, body.

use bytes::{Buf, Bytes, BytesMut};

use super::{VERSION, WireError};

/// Bytes before a frame's body: length 4, checksum 4, version 1, kind 1, number 8.
pub const HEADER_BYTES: usize = 18;
/// Bytes of the header that the length counts: all behind itself.
const COUNTED_HEADER_BYTES: usize = HEADER_BYTES - 4;

/// A frame whose length and checksum were right, and whose version is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Number of the request that it is, or that it answers; 0 where there is none.
    pub number: u64,
    /// The rest.
    pub body: Bytes,
}

/// Bytes that the body of a frame may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u32);

impl Limit {
    /// Before the first frame was taken: a greeting is short.
    pub const GREETING: Self = Self(1024);
    /// From a client: a message of 8 MiB with its subject and headers.
    pub const CLIENT: Self = Self(9 << 20);
    /// From a server: a batch of raft entries, or a batch of messages of a catch-up.
    pub const PEER: Self = Self(64 << 20);
}

/// Appends a frame whose body the closure writes.
pub fn append(buffer: &mut Vec<u8>, kind: u8, number: u64, put_body: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&[VERSION, kind]);
    buffer.extend_from_slice(&number.to_le_bytes());
    put_body(buffer);
    // Longer than a length can say: the frame is cut off and refused by its reader, as any frame above the limit is.
    let length = u32::try_from(buffer.len() - start - 4).unwrap_or(u32::MAX);
    let checksum = crc32c::crc32c(&buffer[start + 8..]);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

/// Takes frames out of bytes as they come in.
pub struct FrameReader {
    buffer: BytesMut,
    limit: Limit,
}

impl FrameReader {
    /// A reader that refuses bodies above a limit.
    pub fn new(limit: Limit) -> Self {
        Self { buffer: BytesMut::with_capacity(64 << 10), limit }
    }

    /// Other bodies are taken from here on.
    pub fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// Where the next bytes go: there is always room.
    pub fn room(&mut self) -> &mut BytesMut {
        self.buffer.reserve(16 << 10);
        &mut self.buffer
    }

    /// Bytes that are no whole frame.
    pub fn n_left(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// The bytes are no frame, or one that is refused. The reader is of no use from there on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let Some((length_bytes, rest)) = self.buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length_bytes);
        let (min, max) = (COUNTED_HEADER_BYTES as u32, COUNTED_HEADER_BYTES as u32 + self.limit.0);
        if !(min..=max).contains(&length) {
            return Err(WireError::Length { length, min, max });
        }
        let n_bytes = length as usize;
        if rest.len() < n_bytes {
            // Asked for once, not in steps: the length is within the limit.
            self.buffer.reserve(4 + n_bytes - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(4);
        whole_frame(self.buffer.split_to(n_bytes).freeze()).map(Some)
    }
}

/// Takes apart what the length counts.
fn whole_frame(mut bytes: Bytes) -> Result<Frame, WireError> {
    let found = bytes.get_u32_le();
    let expected = crc32c::crc32c(&bytes);
    if found != expected {
        return Err(WireError::Checksum { found, expected });
    }
    let version = bytes.get_u8();
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    Ok(Frame { kind: bytes.get_u8(), number: bytes.get_u64_le(), body: bytes })
}

#[cfg(test)]
mod tests {
    use super::{Frame, FrameReader, HEADER_BYTES, Limit, append};
    use crate::wire::WireError;

    fn read(bytes: &[u8]) -> Result<Option<Frame>, WireError> {
        let mut reader = FrameReader::new(Limit(100));
        reader.room().extend_from_slice(bytes);
        reader.next_frame()
    }

    fn frame_of(body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(&mut bytes, 7, 42, |buffer| buffer.extend_from_slice(body));
        bytes
    }

    #[test]
    fn a_frame_has_its_documented_bytes() {
        let found = frame_of(b"body");
        // 14 bytes of the header behind the length, and 4 of the body.
        assert_eq!(found[..4], [18, 0, 0, 0]);
        assert_eq!(found[4..8], crc32c::crc32c(&found[8..]).to_le_bytes());
        assert_eq!(found[8..], [1, 7, 42, 0, 0, 0, 0, 0, 0, 0, b'b', b'o', b'd', b'y']);
    }

    #[test]
    fn frames_come_out_whole_wherever_the_bytes_are_split() {
        let bytes = [frame_of(b"one"), frame_of(b""), frame_of(b"three")].concat();
        for split in 0..=bytes.len() {
            let mut reader = FrameReader::new(Limit(100));
            let mut bodies = Vec::new();
            for part in [&bytes[..split], &bytes[split..]] {
                reader.room().extend_from_slice(part);
                while let Some(frame) = reader.next_frame().unwrap() {
                    assert_eq!((frame.kind, frame.number), (7, 42));
                    bodies.push(frame.body);
                }
            }
            assert_eq!(bodies, [&b"one"[..], b"", b"three"]);
            assert_eq!(reader.n_left(), 0);
        }
    }

    #[test]
    fn a_frame_above_the_limit_is_refused_by_its_length_alone() {
        let bytes = frame_of(&[0; 101]);
        assert_eq!(read(&bytes[..4]), Err(WireError::Length { length: 115, min: 14, max: 114 }));
        assert!(read(&frame_of(&[0; 100])).unwrap().is_some());
        assert_eq!(read(&[13, 0, 0, 0]), Err(WireError::Length { length: 13, min: 14, max: 114 }));
    }

    #[test]
    fn each_flipped_bit_is_noticed() {
        let bytes = frame_of(b"body");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A flip in the length may leave a frame that is not there yet.
            let is_unharmed = matches!(read(&flipped), Ok(Some(_)));
            assert!(!is_unharmed, "bit {bit}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = frame_of(b"");
        bytes[8] = 9;
        let checksum = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(read(&bytes), Err(WireError::Version(9)));
        assert_eq!(HEADER_BYTES, bytes.len());
    }
}
