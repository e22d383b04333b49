//! Disks: what the engine asks of a file system, and where the asking blocks.
//!
//! Everything that is written goes through [`Vfs`], so that each write, sync, rename and removal can be made to fail.

#[cfg(feature = "mutation")]
mod simulated;
mod standard;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use interlock_sync::task;

#[cfg(feature = "mutation")]
pub use simulated::{Fault, Operation, SimulatedDisk, When};
pub use standard::StandardVfs;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It must be there; it is only read.
    Read,
    /// It must be there.
    Write,
    /// It is made where it is missing.
    Create,
    /// It is made, and emptied where it was there.
    Truncate,
}

/// A file system.
pub trait Vfs: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn VfsFile>>;
    /// Files and folders directly inside a folder, sorted.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// Makes a folder and those above it. Durable once the folders above were synced.
    fn create_folders(&self, folder: &Path) -> io::Result<()>;
    /// Renames a file over another, in the same folder. Durable once the folder was synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes the entries of a folder durable. `Unsupported` where the platform has no such thing.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Whether there is something at this path.
    fn exists(&self, path: &Path) -> bool;
    /// What to wait for before this path is touched, where a test stalls the disk.
    fn stalled(&self, _path: &Path) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        None
    }
}

/// An open file. Positions are bytes from its beginning.
pub trait VfsFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; fewer at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes some of the bytes: how many. Extends the file where it must.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Makes the contents durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file, or fills it up with zeros.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Its length.
    fn length(&self) -> io::Result<u64>;
    /// Reserves space, where the platform can; the file is then at least this long, filled with zeros.
    fn reserve(&self, bytes: u64) -> io::Result<()>;
}

impl dyn VfsFile + '_ {
    /// Writes all of the bytes.
    ///
    /// # Errors
    /// The disk's; `WriteZero` where it takes no byte. Bytes before the failing one may have been written.
    pub fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write_at(&bytes[written..], position + written as u64)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n_bytes => written += n_bytes,
            }
        }
        Ok(())
    }

    /// Reads from a position to the end of the file.
    ///
    /// # Errors
    /// The disk's.
    pub fn read_from(&self, position: u64) -> io::Result<Vec<u8>> {
        let remaining = self.length()?.saturating_sub(position);
        let mut bytes = vec![0; usize::try_from(remaining).map_err(io::Error::other)?];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read_at(&mut bytes[filled..], position + filled as u64)? {
                0 => break,
                n_bytes => filled += n_bytes,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// Syncs a folder; a platform that cannot is not an error.
///
/// # Errors
/// The disk's, but for `Unsupported`.
pub fn sync_folder(vfs: &dyn Vfs, folder: &Path) -> io::Result<()> {
    match vfs.sync_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported && !crate::mutant!(M95) => Ok(()),
        result => result,
    }
}

/// Replaces a file such that a crash leaves the old one or the new one: written beside, synced, renamed, folder synced
/// (O-22).
///
/// # Errors
/// The disk's. The file beside is removed again, as far as the disk lets it.
pub fn replace_file(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let written = write_beside(vfs, &beside, bytes).and_then(|()| vfs.rename(&beside, path));
    if let Err(error) = written {
        // The disk is failing already; what matters is the first error.
        let _removed = vfs.remove_file(&beside);
        return Err(error);
    }
    path.parent().map_or(Ok(()), |folder| sync_folder(vfs, folder))
}

fn write_beside(vfs: &dyn Vfs, beside: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = vfs.open(beside, Open::Truncate)?;
    file.write_all_at(bytes, 0)?;
    file.sync()
}

/// A disk as tasks use it: its file system, and a place where calls may block.
#[derive(Clone)]
pub struct Disk {
    vfs: Arc<dyn Vfs>,
    blocks: bool,
}

impl Disk {
    /// The machine's disk. Calls block threads kept for that.
    pub fn standard() -> Self {
        Self { vfs: Arc::new(StandardVfs), blocks: true }
    }

    /// A file system of one's own whose calls block, as the machine's do.
    pub fn blocking(vfs: Arc<dyn Vfs>) -> Self {
        Self { vfs, blocks: true }
    }

    /// A disk in memory, whose calls return at once and run where they are made.
    pub fn in_place(vfs: Arc<dyn Vfs>) -> Self {
        Self { vfs, blocks: false }
    }

    /// Its file system, for calls that may block where they are.
    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.vfs
    }

    /// Does work that may block, on this path, and waits for it without blocking the caller's thread.
    pub async fn run<T: Send + 'static>(&self, path: &Path, work: impl FnOnce(&dyn Vfs) -> T + Send + 'static) -> T {
        while let Some(released) = self.vfs.stalled(path) {
            released.await;
        }
        if self.blocks {
            let vfs = self.vfs.clone();
            task::blocking(move || work(vfs.as_ref())).await
        } else {
            work(self.vfs.as_ref())
        }
    }
}
