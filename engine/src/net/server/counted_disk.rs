//! The machine's disk with its calls counted: how many syncs an acknowledgement costs is seen from outside.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use crate::disk::{Open, StandardVfs, Vfs, VfsFile};

/// Counts of one disk. A clone counts into the same ones.
#[derive(Clone, Debug, Default)]
pub struct DiskCounters {
    syncs: Counter,
    folder_syncs: Counter,
    writes: Counter,
    bytes: Counter,
}

impl DiskCounters {
    /// Enters them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("interlock_disk_syncs", "Files made durable by fdatasync", self.syncs.clone());
        registry.register("interlock_disk_folder_syncs", "Folders made durable", self.folder_syncs.clone());
        registry.register("interlock_disk_writes", "Writes to files", self.writes.clone());
        registry.register("interlock_disk_bytes_written", "Bytes written to files", self.bytes.clone());
    }
}

/// A file system that counts.
pub struct CountedVfs {
    inner: StandardVfs,
    counters: DiskCounters,
}

impl CountedVfs {
    /// The machine's file system, with counts from zero.
    pub fn standard() -> Self {
        Self { inner: StandardVfs, counters: DiskCounters::default() }
    }

    /// Its counts.
    pub fn counters(&self) -> DiskCounters {
        self.counters.clone()
    }
}

impl Vfs for CountedVfs {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let inner = self.inner.open(path, how)?;
        Ok(Arc::new(CountedFile { inner, counters: self.counters.clone() }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.list(folder)
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        self.inner.create_folders(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.counters.folder_syncs.inc();
        self.inner.sync_folder(folder)
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }

    fn stalled(&self, path: &Path) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        self.inner.stalled(path)
    }
}

struct CountedFile {
    inner: Arc<dyn VfsFile>,
    counters: DiskCounters,
}

impl VfsFile for CountedFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let n_bytes = self.inner.write_at(bytes, position)?;
        self.counters.writes.inc();
        self.counters.bytes.inc_by(n_bytes as u64);
        Ok(n_bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.counters.syncs.inc();
        self.inner.sync()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.inner.set_len(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.inner.reserve(bytes)
    }
}
