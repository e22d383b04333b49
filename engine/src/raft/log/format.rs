//! The bytes of the log's segments: a header, then frames, each with a checksum over its items.
//!
//! `docs/engine/log-format.md` has them one by one.

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, HardState};

use super::super::fields::{FieldReader, put_conf_state, put_entry, put_length, put_u32, put_u64};

/// Bytes before a segment's first frame.
pub(super) const SEGMENT_HEADER_BYTES: usize = 32;
/// Bytes before a frame's first item.
pub(super) const FRAME_HEADER_BYTES: usize = 20;

const SEGMENT_MAGIC: [u8; 8] = *b"ilkraft\x01";
const FRAME_MAGIC: u32 = 0x4d52_4630;

const ITEM_HARD_STATE: u8 = 1;
const ITEM_MEMBERS: u8 = 2;
const ITEM_ENTRY: u8 = 3;
const ITEM_BASE: u8 = 4;
const ITEM_RESET: u8 = 5;

/// A position of the log: an index and the term of the entry there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::raft) struct Position {
    pub(in crate::raft) index: u64,
    pub(in crate::raft) term: u64,
}

/// The members of the group as of an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::raft) struct Members {
    /// Index of the last change that was applied.
    pub(in crate::raft) index: u64,
    pub(in crate::raft) conf_state: ConfState,
}

/// What a frame holds, in any number and order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    HardState(HardState),
    Members(Members),
    /// An entry; it takes the place of those from its index on. Followed by the checksum of its bytes.
    Entry(Entry, Stored),
    /// The log begins behind this position: older entries are gone.
    Base(Position),
    /// The same, and everything behind it is gone too: a snapshot took its place.
    Reset(Position),
}

/// Where an entry's bytes stand in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// From the frame's first byte.
    pub(super) offset: usize,
    pub(super) n_bytes: usize,
    pub(super) checksum: u32,
}

/// The header of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    /// The number of its first frame.
    pub(super) first_frame: u64,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = SEGMENT_MAGIC.to_vec();
        put_u64(&mut bytes, self.number);
        put_u64(&mut bytes, self.first_frame);
        let checksum = crc32c::crc32c(&bytes);
        put_u32(&mut bytes, checksum);
        put_u32(&mut bytes, 0);
        bytes
    }

    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES)?;
        let checked = header.starts_with(&SEGMENT_MAGIC).then(|| bytes.slice(8..SEGMENT_HEADER_BYTES))?;
        let mut reader = FieldReader::new(&checked);
        let (number, first_frame, checksum) = (reader.u64()?, reader.u64()?, reader.u32()?);
        (checksum == crc32c::crc32c(&header[..24])).then_some(Self { number, first_frame })
    }
}

/// A frame in the making.
pub(super) struct FrameWriter {
    bytes: Vec<u8>,
}

impl FrameWriter {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; FRAME_HEADER_BYTES] }
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn hard_state(&mut self, hard_state: &HardState) {
        self.bytes.push(ITEM_HARD_STATE);
        [hard_state.term, hard_state.vote, hard_state.commit].iter().for_each(|field| put_u64(&mut self.bytes, *field));
    }

    pub(super) fn members(&mut self, members: &Members) {
        self.bytes.push(ITEM_MEMBERS);
        put_u64(&mut self.bytes, members.index);
        put_conf_state(&mut self.bytes, &members.conf_state);
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> Stored {
        self.bytes.push(ITEM_ENTRY);
        let offset = self.bytes.len();
        put_entry(&mut self.bytes, entry);
        let checksum = crc32c::crc32c(&self.bytes[offset..]);
        Stored { offset, n_bytes: self.bytes.len() - offset, checksum }
    }

    pub(super) fn base(&mut self, base: Position) {
        self.position(ITEM_BASE, base);
    }

    pub(super) fn reset(&mut self, base: Position) {
        self.position(ITEM_RESET, base);
    }

    fn position(&mut self, kind: u8, position: Position) {
        self.bytes.push(kind);
        put_u64(&mut self.bytes, position.index);
        put_u64(&mut self.bytes, position.term);
    }

    /// The whole frame, with its number in the log.
    pub(super) fn finish(mut self, number: u64) -> Vec<u8> {
        let mut checked = Vec::with_capacity(12);
        put_length(&mut checked, self.bytes.len() - FRAME_HEADER_BYTES);
        put_u64(&mut checked, number);
        self.bytes[8..FRAME_HEADER_BYTES].copy_from_slice(&checked);
        let checksum = crc32c::crc32c(&self.bytes[8..]);
        self.bytes[..4].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.bytes
    }
}

/// A frame as it was read.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) number: u64,
    pub(super) n_bytes: usize,
    pub(super) items: Vec<Item>,
}

/// Reads the frame at the beginning of these bytes; `None` where there is no whole one.
pub(super) fn read_frame(bytes: &Bytes) -> Option<Frame> {
    let mut reader = FieldReader::new(bytes);
    let (magic, checksum, length, number) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u64()?);
    let n_bytes = FRAME_HEADER_BYTES.checked_add(usize::try_from(length).ok()?)?;
    let checked = bytes.get(8..n_bytes)?;
    if magic != FRAME_MAGIC || checksum != crc32c::crc32c(checked) {
        return None;
    }
    let body = bytes.slice(..n_bytes);
    let mut items = FieldReader::new(&body);
    for _ in 0..FRAME_HEADER_BYTES {
        items.u8()?;
    }
    let mut found = Vec::new();
    while items.remaining() > 0 {
        found.push(read_item(&body, &mut items)?);
    }
    Some(Frame { number, n_bytes, items: found })
}

fn read_item(body: &Bytes, reader: &mut FieldReader<'_>) -> Option<Item> {
    Some(match reader.u8()? {
        ITEM_HARD_STATE => {
            let (term, vote, commit) = (reader.u64()?, reader.u64()?, reader.u64()?);
            Item::HardState(HardState { term, vote, commit, ..HardState::default() })
        }
        ITEM_MEMBERS => Item::Members(Members { index: reader.u64()?, conf_state: reader.conf_state()? }),
        ITEM_ENTRY => {
            let offset = reader.position();
            let entry = reader.entry()?;
            let n_bytes = reader.position() - offset;
            let checksum = crc32c::crc32c(body.get(offset..offset + n_bytes)?);
            Item::Entry(entry, Stored { offset, n_bytes, checksum })
        }
        ITEM_BASE => Item::Base(Position { index: reader.u64()?, term: reader.u64()? }),
        ITEM_RESET => Item::Reset(Position { index: reader.u64()?, term: reader.u64()? }),
        _ => return None,
    })
}

/// Whether a whole frame with at least this number begins anywhere in these bytes.
pub(super) fn has_frame_behind(bytes: &Bytes, number: u64) -> bool {
    let magic = FRAME_MAGIC.to_le_bytes();
    let places = bytes.windows(4).enumerate().filter(|(_, window)| *window == magic);
    places.into_iter().any(|(at, _)| read_frame(&bytes.slice(at..)).is_some_and(|frame| frame.number >= number))
}

#[cfg(test)]
mod tests {
    use super::{FrameWriter, Item, Members, Position, SegmentHeader, has_frame_behind, read_frame};
    use bytes::Bytes;
    use raft::eraftpb::{ConfState, Entry, EntryType, HardState};

    fn frame() -> Vec<u8> {
        let mut frame = FrameWriter::new();
        frame.hard_state(&HardState { term: 3, vote: 1, commit: 9, ..HardState::default() });
        frame.members(&Members { index: 4, conf_state: ConfState::from((vec![1, 2], vec![3])) });
        let mut entry = Entry { index: 10, term: 3, data: Bytes::from_static(b"data"), ..Entry::default() };
        entry.set_entry_type(EntryType::EntryConfChangeV2);
        frame.entry(&entry);
        frame.base(Position { index: 2, term: 1 });
        frame.reset(Position { index: 11, term: 3 });
        frame.finish(7)
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let read = read_frame(&Bytes::from(frame())).expect("a whole frame");
        assert_eq!((read.number, read.n_bytes, read.items.len()), (7, frame().len(), 5));
        let Item::Entry(entry, stored) = &read.items[2] else { panic!("{:?}", read.items) };
        assert_eq!((entry.index, entry.data.as_ref()), (10, b"data".as_slice()));
        assert_eq!(stored.checksum, crc32c::crc32c(&frame()[stored.offset..stored.offset + stored.n_bytes]));
    }

    #[test]
    fn a_frame_that_is_cut_or_changed_anywhere_is_none() {
        let whole = frame();
        for at in 0..whole.len() {
            assert_eq!(read_frame(&Bytes::copy_from_slice(&whole[..at])), None, "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert_eq!(read_frame(&Bytes::from(changed)), None, "changed at {at}");
        }
    }

    #[test]
    fn a_later_frame_behind_garbage_is_noticed() {
        let garbage_then_frame = Bytes::from([vec![0xa5; 77], frame()].concat());
        assert!(has_frame_behind(&garbage_then_frame, 7));
        assert!(!has_frame_behind(&garbage_then_frame, 8), "an older frame is left over, not lost");
        assert!(!has_frame_behind(&garbage_then_frame.slice(..100), 0));
    }

    #[test]
    fn a_segment_header_is_read_as_it_was_written() {
        let header = SegmentHeader { number: 3, first_frame: 99 };
        assert_eq!(header.encode().len(), super::SEGMENT_HEADER_BYTES);
        assert_eq!(SegmentHeader::decode(&Bytes::from(header.encode())), Some(header));
        let mut changed = header.encode();
        changed[9] ^= 1;
        assert_eq!(SegmentHeader::decode(&Bytes::from(changed)), None);
    }
}
