//! Snapshot files: one per position, named by it, so that an older one can never take a newer one's place.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::super::fields::{FieldReader, put_conf_state, put_u32, put_u64};
use super::format::{Members, Position};
use super::view::StoredSnapshot;
use crate::disk::{Open, Vfs, sync_folder};

const MAGIC: [u8; 8] = *b"ilksnap\x01";

/// Where a snapshot of this position is once it is adopted.
pub(in crate::raft) fn adopted_path(folder: &Path, position: Position) -> PathBuf {
    folder.join(format!("{:020}-{}.snapshot", position.index, position.term))
}

/// Whether this is the file of an installation that did not end.
pub(in crate::raft) fn is_beside(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new")
}

fn index_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".snapshot")?;
    name.split('-').next()?.parse().ok()
}

fn encode(snapshot: &StoredSnapshot) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put_u64(&mut bytes, snapshot.position.index);
    put_u64(&mut bytes, snapshot.position.term);
    put_u64(&mut bytes, snapshot.members.index);
    put_conf_state(&mut bytes, &snapshot.members.conf_state);
    put_u64(&mut bytes, snapshot.data.len() as u64);
    bytes.extend_from_slice(&snapshot.data);
    let checksum = crc32c::crc32c(&bytes);
    put_u32(&mut bytes, checksum);
    bytes
}

fn decode(bytes: &Bytes) -> Option<StoredSnapshot> {
    let body = bytes.slice(..bytes.len().checked_sub(4)?);
    let checksum = u32::from_le_bytes(bytes.get(body.len()..)?.try_into().ok()?);
    if checksum != crc32c::crc32c(&body) || !body.starts_with(&MAGIC) {
        return None;
    }
    let fields = body.slice(MAGIC.len()..);
    let mut reader = FieldReader::new(&fields);
    let position = Position { index: reader.u64()?, term: reader.u64()? };
    let members = Members { index: reader.u64()?, conf_state: reader.conf_state()? };
    let n_bytes = usize::try_from(reader.u64()?).ok()?;
    let data = (reader.remaining() == n_bytes).then(|| fields.slice(reader.position()..))?;
    Some(StoredSnapshot { position, members, data })
}

/// Writes a snapshot durably, but not yet under its name.
pub(in crate::raft) fn write_beside(vfs: &dyn Vfs, beside: &Path, snapshot: &StoredSnapshot) -> io::Result<()> {
    let file = vfs.open(beside, Open::Truncate)?;
    file.write_all_at(&encode(snapshot), 0)?;
    file.sync()
}

/// Makes a snapshot the first thing in a folder.
pub(in crate::raft) fn plant(vfs: &dyn Vfs, folder: &Path, snapshot: &StoredSnapshot) -> io::Result<()> {
    vfs.create_folders(folder)?;
    let path = adopted_path(folder, snapshot.position);
    let beside = path.with_extension("new");
    write_beside(vfs, &beside, snapshot)?;
    vfs.rename(&beside, &path)?;
    sync_folder(vfs, folder)
}

/// Removes the snapshots before this index. Where the folder cannot be read they stay: the latest one counts.
pub(in crate::raft) fn remove_older(vfs: &dyn Vfs, folder: &Path, index: u64) -> io::Result<()> {
    let older = |path: &PathBuf| index_of(path).is_some_and(|of_file| of_file < index);
    let listed = vfs.list(folder).unwrap_or_else(|error| {
        tracing::warn!(%error, folder = %folder.display(), "older snapshots stay");
        Vec::new()
    });
    listed.iter().filter(|path| older(path)).try_for_each(|path| match vfs.remove_file(path) {
        // Whoever wrote it, and was interrupted, removes it too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    })
}

/// The latest snapshot in the folder that is whole.
pub(super) fn latest(vfs: &dyn Vfs, folder: &Path) -> io::Result<StoredSnapshot> {
    let mut paths: Vec<_> = vfs.list(folder)?.into_iter().filter(|path| index_of(path).is_some()).collect();
    // The names are padded, so their order is that of the indexes.
    paths.sort();
    for path in paths.iter().rev() {
        let bytes = Bytes::from(vfs.open(path, Open::Read)?.read_from(0)?);
        if let Some(snapshot) = decode(&bytes) {
            return Ok(snapshot);
        }
        tracing::error!(path = %path.display(), "a snapshot is damaged and passed over");
    }
    Ok(StoredSnapshot::default())
}
