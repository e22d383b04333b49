//! Bytes of a block file: its header and its records. `docs/engine/store-format.md` draws them.

/// Bytes of a block's header.
pub(super) const HEADER_BYTES: usize = 64;
/// Bytes of a record before its subject.
pub(super) const RECORD_BYTES: usize = 40;
const MAGIC: &[u8; 8] = b"ilkstore";
const VERSION: u32 = 1;
/// Flag of a record: everything before it in its block was durable when it was made.
const AFTER_DURABLE: u8 = 1;
/// Flag of a record: the next one belongs to it, and neither counts without the other.
const CONTINUES: u8 = 1 << 1;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message.
    Message = 1,
    /// The messages from `seq` to `time_ns` are removed.
    Remove = 2,
    /// Everything below `seq` is removed; the last sequence is at least `seq - 1`.
    Compact = 3,
    /// The last sequence is `seq`, without a message.
    Skip = 4,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Message, Self::Remove, Self::Compact, Self::Skip].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A record; the slices are those of the buffer that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) seq: u64,
    pub(super) index: u64,
    pub(super) time_ns: u64,
    pub(super) subject: &'a str,
    pub(super) headers: &'a [u8],
    pub(super) payload: &'a [u8],
    /// Whether the next record of the block belongs to it: a batch is there as a whole or not at all.
    pub(super) continues: bool,
}

impl<'a> Record<'a> {
    /// A record that is no message.
    pub(super) fn mark(kind: Kind, seq: u64, index: u64) -> Self {
        Self { kind, seq, index, time_ns: 0, subject: "", headers: &[], payload: &[], continues: false }
    }

    /// The removal of a run of messages.
    pub(super) fn removal(from: u64, to: u64, index: u64) -> Self {
        Self { time_ns: to, ..Self::mark(Kind::Remove, from, index) }
    }

    /// Bytes of the record; `None` where a field does not fit.
    pub(super) fn length(&self) -> Option<u32> {
        let fits = self.subject.len() <= usize::from(u16::MAX);
        let bytes = RECORD_BYTES + self.subject.len() + self.headers.len() + self.payload.len();
        // The highest bit of a length is the mark of a removed message in the index.
        u32::try_from(bytes).ok().filter(|bytes| fits && *bytes <= u32::MAX >> 1)
    }

    /// Appends the record, which will stand at this position of this block.
    pub(super) fn encode(&self, at: Position, is_after_durable: bool, into: &mut Vec<u8>) {
        let begin = into.len();
        let length = self.length().expect("whoever makes a record asks for its length first");
        into.extend(length.to_le_bytes());
        into.extend([0; 4]);
        let flags = (u8::from(is_after_durable) * AFTER_DURABLE) | (u8::from(self.continues) * CONTINUES);
        into.extend([self.kind as u8, flags]);
        into.extend((self.subject.len() as u16).to_le_bytes());
        into.extend((self.headers.len() as u32).to_le_bytes());
        into.extend(self.seq.to_le_bytes());
        into.extend(self.index.to_le_bytes());
        into.extend(self.time_ns.to_le_bytes());
        into.extend(self.subject.as_bytes());
        into.extend(self.headers);
        into.extend(self.payload);
        let checksum = at.checksum(&into[begin + 8..]);
        into[begin + 4..begin + 8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The record at the beginning of these bytes, and its length; `None` where there is no whole one.
    pub(super) fn decode(at: Position, bytes: &'a [u8]) -> Option<(Self, u32)> {
        let length = u32_at(bytes, 0)?;
        let bytes = bytes.get(..length as usize).filter(|bytes| bytes.len() >= RECORD_BYTES)?;
        let kind = Kind::of(bytes[8])?;
        let subject_end = RECORD_BYTES + usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
        let headers_end = subject_end.checked_add(u32_at(bytes, 12)? as usize)?;
        let (subject, headers) = (bytes.get(RECORD_BYTES..subject_end)?, bytes.get(subject_end..headers_end)?);
        if at.checksum(&bytes[8..]) != u32_at(bytes, 4)? {
            return None;
        }
        let (seq, index, time_ns) = (u64_at(bytes, 16)?, u64_at(bytes, 24)?, u64_at(bytes, 32)?);
        let subject = std::str::from_utf8(subject).ok()?;
        let (payload, continues) = (&bytes[headers_end..], bytes[9] & CONTINUES != 0);
        Some((Self { kind, seq, index, time_ns, subject, headers, payload, continues }, length))
    }
}

/// Where a record stands. Its checksum covers this, so that a copy elsewhere is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) block: u64,
    pub(super) offset: u64,
}

impl Position {
    fn checksum(self, bytes: &[u8]) -> u32 {
        let mut place = [0; 16];
        place[..8].copy_from_slice(&self.block.to_le_bytes());
        place[8..].copy_from_slice(&self.offset.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&place), bytes)
    }
}

/// A block's header: the state that its records begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The block's number.
    pub(super) block: u64,
    /// Raft index of the last record before this block.
    pub(super) index: u64,
    /// Nothing below this sequence is there.
    pub(super) first_seq: u64,
    /// The last sequence; nothing behind it is in the blocks before.
    pub(super) last_seq: u64,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let fields = [self.block, 0, self.index, self.first_seq, self.last_seq];
        for (field, place) in fields.iter().zip(bytes[16..].chunks_exact_mut(8)) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header of these bytes, or what is wrong with it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let header = bytes.get(..HEADER_BYTES).ok_or("the header is cut off")?;
        if header[..8] != MAGIC[..] {
            return Err("this is no block".to_owned());
        }
        let field = |at: usize| u64_at(header, 16 + at * 8).unwrap_or_default();
        if u32_at(header, 12) != Some(crc32c::crc32c(&header[16..])) {
            return Err("the header's checksum differs".to_owned());
        }
        match u32_at(header, 8) {
            Some(VERSION) => {}
            version => return Err(format!("format {version:?} is unknown, this is {VERSION}")),
        }
        Ok(Self { block: field(0), index: field(2), first_seq: field(3), last_seq: field(4) })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
}

/// The whole records of a block, in order, from an offset on.
pub(super) struct Records<'a> {
    pub(super) block: u64,
    /// Bytes of the file from its beginning.
    pub(super) bytes: &'a [u8],
    /// Where the next record begins; behind the last whole one at the end.
    pub(super) offset: usize,
}

impl<'a> Iterator for Records<'a> {
    /// Offset, length, record.
    type Item = (u32, u32, Record<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let at = Position { block: self.block, offset: self.offset as u64 };
        let (record, length) = Record::decode(at, self.bytes.get(self.offset..)?)?;
        let offset = self.offset as u32;
        self.offset += length as usize;
        Some((offset, length, record))
    }
}

/// Where the whole records end that are whole also together: a batch whose last record is missing does not count.
pub(super) fn end_of_whole(block: u64, bytes: &[u8], from: usize) -> usize {
    let mut end = from;
    for (offset, length, record) in (Records { block, bytes, offset: from }) {
        if !record.continues {
            end = (offset + length) as usize;
        }
    }
    end
}

/// How a block's bytes end behind its last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// There is nothing more, or zeros.
    Clean,
    /// A write was torn: what follows never was durable.
    Torn,
    /// There is a record behind that was made when this place was durable.
    Damaged,
}

/// Judges the bytes behind the last whole record.
pub(super) fn tail(block: u64, bytes: &[u8], end: usize) -> Tail {
    if bytes[end..].iter().all(|byte| *byte == 0) {
        return Tail::Clean;
    }
    let is_proof = |offset: &usize| {
        let at = Position { block, offset: *offset as u64 };
        Record::decode(at, &bytes[*offset..]).is_some() && bytes[*offset + 9] & AFTER_DURABLE != 0
    };
    let behind = (end + 1)..bytes.len().saturating_sub(RECORD_BYTES - 1);
    if behind.into_iter().any(|offset| is_proof(&offset)) { Tail::Damaged } else { Tail::Torn }
}
