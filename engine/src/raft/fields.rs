//! Fields of a fixed width in little-endian order, and what is built of them: written to a buffer, read with bounds.

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, EntryType};

/// Bytes of an entry's fields besides its data and context.
pub(super) const ENTRY_FIELD_BYTES: usize = 8 + 8 + 1 + 4 + 4;

/// Reads fields one after the other. Every read is `None` once the bytes do not suffice.
pub(super) struct FieldReader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let end = self.at.checked_add(N)?;
        let array = self.bytes.get(self.at..end)?.try_into().ok()?;
        self.at = end;
        Some(array)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length, then as many bytes; they share the reader's memory.
    pub(super) fn sized(&mut self) -> Option<Bytes> {
        let n_bytes = usize::try_from(self.u32()?).ok()?;
        let end = self.at.checked_add(n_bytes).filter(|end| *end <= self.bytes.len())?;
        let sized = self.bytes.slice(self.at..end);
        self.at = end;
        Some(sized)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn entry(&mut self) -> Option<Entry> {
        let (index, term, kind) = (self.u64()?, self.u64()?, self.u8()?);
        let mut entry = Entry { index, term, ..Entry::default() };
        entry.set_entry_type(match kind {
            0 => EntryType::EntryNormal,
            1 => EntryType::EntryConfChange,
            2 => EntryType::EntryConfChangeV2,
            _ => return None,
        });
        entry.context = self.sized()?;
        entry.data = self.sized()?;
        Some(entry)
    }

    fn servers(&mut self) -> Option<Vec<u64>> {
        let n_servers = usize::try_from(self.u32()?).ok()?;
        // Checked before memory is reserved for them.
        if n_servers > self.remaining() / 8 {
            return None;
        }
        (0..n_servers).map(|_| self.u64()).collect()
    }

    pub(super) fn conf_state(&mut self) -> Option<ConfState> {
        let auto_leave = self.flag()?;
        let (voters, learners) = (self.servers()?, self.servers()?);
        let (voters_outgoing, learners_next) = (self.servers()?, self.servers()?);
        Some(ConfState { auto_leave, voters, learners, voters_outgoing, learners_next, ..ConfState::default() })
    }
}

pub(super) fn put_u32(buffer: &mut Vec<u8>, value: u32) {
    buffer.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_u64(buffer: &mut Vec<u8>, value: u64) {
    buffer.extend_from_slice(&value.to_le_bytes());
}

/// A length in 32 bits. What is longer was refused where it came in.
pub(super) fn put_length(buffer: &mut Vec<u8>, length: usize) {
    put_u32(buffer, u32::try_from(length).expect("proposals and lists are bounded far below 4 GiB"));
}

pub(super) fn put_sized(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_length(buffer, bytes.len());
    buffer.extend_from_slice(bytes);
}

pub(super) fn put_entry(buffer: &mut Vec<u8>, entry: &Entry) {
    put_u64(buffer, entry.index);
    put_u64(buffer, entry.term);
    buffer.push(match entry.get_entry_type() {
        EntryType::EntryNormal => 0,
        EntryType::EntryConfChange => 1,
        EntryType::EntryConfChangeV2 => 2,
    });
    put_sized(buffer, &entry.context);
    put_sized(buffer, &entry.data);
}

pub(super) fn put_conf_state(buffer: &mut Vec<u8>, conf_state: &ConfState) {
    buffer.push(u8::from(conf_state.auto_leave));
    let ConfState { voters, learners, voters_outgoing, learners_next, .. } = conf_state;
    for servers in [voters, learners, voters_outgoing, learners_next] {
        put_length(buffer, servers.len());
        servers.iter().for_each(|server| put_u64(buffer, *server));
    }
}
