//! A disk in memory with live and durable bytes, faults on demand and a power switch. It is shared by its clones.
//! Long because one machine has them all.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use interlock_sync::channel::watch;
use interlock_sync::lock::Mutex;
use interlock_sync::random::Random;

use super::{Open, Vfs, VfsFile};

/// Unit in which a power loss tears a write, in bytes.
const SECTOR_BYTES: usize = 512;

/// What a fault makes fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opening for reading, and reads.
    Read,
    /// Making or opening a file for writing.
    Create,
    /// Writes, also those that only reserve.
    Write,
    /// Syncs of files.
    Sync,
    /// Syncs of folders.
    SyncFolder,
    /// Renames.
    Rename,
    /// Removals of files and folders.
    Remove,
    /// Any of these but `Read`.
    AnyWrite,
}

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Each time.
    Always,
    /// At the n-th matching call only, counted from 1.
    Nth(u64),
}

/// A fault: calls of this operation on paths that contain this text fail with this errno.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What fails.
    pub operation: Operation,
    /// A part of the path; empty fits all.
    pub path: String,
    /// The errno: 5 EIO, 28 ENOSPC, 13 EACCES, 30 EROFS, 2 ENOENT, 95 EOPNOTSUPP.
    pub errno: i32,
    /// When it strikes.
    pub when: When,
    /// For a write: half of the bytes are written before it fails.
    pub short: bool,
}

impl Fault {
    /// A fault that strikes each time.
    pub fn always(operation: Operation, path: &str, errno: i32) -> Self {
        Self { operation, path: path.to_owned(), errno, when: When::Always, short: false }
    }

    /// The same at the n-th matching call only.
    pub fn nth(self, n: u64) -> Self {
        Self { when: When::Nth(n), ..self }
    }

    /// The same with half of the bytes written first.
    pub fn short(self) -> Self {
        Self { short: true, ..self }
    }

    fn fits(&self, operation: Operation, path: &Path) -> bool {
        let operation_fits = match self.operation {
            Operation::AnyWrite => operation != Operation::Read,
            own => own == operation,
        };
        operation_fits && path.to_string_lossy().contains(&self.path)
    }
}

/// A file's contents. The inode outlives its name: an open handle goes on after a removal.
#[derive(Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync: each may or may not survive a power loss.
    dirty: BTreeSet<usize>,
}

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    live: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    faults: Vec<(Fault, u64)>,
    stalls: BTreeMap<String, watch::Sender<bool>>,
    n_syncs: u64,
    n_faults_struck: u64,
    n_write_faults: u64,
    is_off: bool,
    /// Whether it is one whose entries are durable at once, and which knows no syncs of folders.
    lacks_folder_syncs: bool,
}

/// A disk in memory.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

impl SimulatedDisk {
    /// Makes calls fail from here on.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().faults.push((fault, 0));
    }

    /// From here on a sync of a folder is `Unsupported`, as on a platform that has none. What it would have made durable
    /// is so all the same.
    pub fn lack_folder_syncs(&self) {
        self.state.lock().lacks_folder_syncs = true;
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state.lock().faults.clear();
    }

    /// Makes tasks that touch paths with this text wait.
    pub fn stall(&self, path: &str) {
        self.state.lock().stalls.insert(path.to_owned(), watch::Sender::new(true));
    }

    /// Lets them go on.
    pub fn release(&self, path: &str) {
        // Dropping the sender is the signal.
        self.state.lock().stalls.remove(path);
    }

    /// Lets everything go on.
    pub fn release_all(&self) {
        self.state.lock().stalls.clear();
    }

    /// Syncs of files so far.
    pub fn n_syncs(&self) -> u64 {
        self.state.lock().n_syncs
    }

    /// How often a fault struck.
    pub fn n_faults_struck(&self) -> u64 {
        self.state.lock().n_faults_struck
    }

    /// How often a fault struck that was not one of reading.
    pub fn n_write_faults(&self) -> u64 {
        self.state.lock().n_write_faults
    }

    /// Cuts the power: what was not synced survives sector by sector, as the draw has it. Calls of tasks that were
    /// running fail until [`Self::power_on`].
    pub fn power_off(&self, random: &mut Random) {
        let mut state = self.state.lock();
        state.is_off = true;
        let State { inodes, live, durable, .. } = &mut *state;
        // A change of a folder that was not synced may have reached the disk all the same.
        let paths: BTreeSet<PathBuf> = live.keys().chain(durable.keys()).cloned().collect();
        for path in paths {
            let (now, kept) = (live.get(&path).copied(), durable.get(&path).copied());
            if now != kept && random.chance(50) {
                match now {
                    Some(inode) => durable.insert(path, inode),
                    None => durable.remove(&path),
                };
            }
        }
        for inode in inodes.iter_mut() {
            inode.tear(random);
        }
        *live = durable.clone();
    }

    /// Cuts the power for good: what a machine that is started again finds. Whoever still has this disk finds it off.
    pub fn after_power_loss(&self, random: &mut Random) -> Self {
        self.power_off(random);
        let state = self.state.lock();
        let copy =
            |inode: &Inode| Inode { live: inode.live.clone(), durable: inode.durable.clone(), ..Inode::default() };
        let survived = State {
            inodes: state.inodes.iter().map(copy).collect(),
            live: state.live.clone(),
            durable: state.durable.clone(),
            folders: state.folders.clone(),
            lacks_folder_syncs: state.lacks_folder_syncs,
            ..State::default()
        };
        drop(state);
        Self { state: Arc::new(Mutex::new(survived)) }
    }

    /// Ends a power loss.
    pub fn power_on(&self) {
        self.state.lock().is_off = false;
    }

    /// Paths of all files, and their live contents.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state.lock();
        state.live.iter().map(|(path, inode)| (path.clone(), state.inodes[*inode].live.clone())).collect()
    }

    /// Changes bytes of a file behind its owner's back, live and durable.
    pub fn corrupt(&self, path: &Path, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        if let Some(inode) = state.live.get(path).copied() {
            change(&mut state.inodes[inode].live);
            change(&mut state.inodes[inode].durable);
        }
    }

    fn enter(&self, operation: Operation, path: &Path) -> io::Result<()> {
        self.state.lock().enter(operation, path)
    }
}

impl Inode {
    fn write(&mut self, bytes: &[u8], position: usize) {
        let end = position + bytes.len();
        if self.live.len() < end {
            self.live.resize(end, 0);
        }
        self.live[position..end].copy_from_slice(bytes);
        self.dirty.extend(position / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn sync(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            let [start, end] = [sector, sector + 1].map(|at| (at * SECTOR_BYTES).min(self.live.len()));
            self.durable[start..end].copy_from_slice(&self.live[start..end]);
        }
    }

    fn tear(&mut self, random: &mut Random) {
        let keeps_length = self.dirty.is_empty() || random.chance(50);
        let mut survived = self.durable.clone();
        if keeps_length && self.live.len() != survived.len() {
            survived.resize(self.live.len(), 0);
        }
        for sector in std::mem::take(&mut self.dirty) {
            let range = sector * SECTOR_BYTES..((sector + 1) * SECTOR_BYTES).min(self.live.len());
            if random.chance(50) && !range.is_empty() {
                if survived.len() < range.end {
                    survived.resize(range.end, 0);
                }
                survived[range.clone()].copy_from_slice(&self.live[range]);
            }
        }
        self.live.clone_from(&survived);
        self.durable = survived;
    }
}

impl State {
    fn enter(&mut self, operation: Operation, path: &Path) -> io::Result<()> {
        match self.strike(operation, path) {
            Some(fault) => Err(io::Error::from_raw_os_error(fault.errno)),
            None if self.is_off => Err(io::Error::other("the power is off")),
            None => Ok(()),
        }
    }

    /// Folders move at once and durably, as they are made.
    fn rename_folder(&mut self, from: &Path, to: &Path) {
        let moved = |path: &Path| path.strip_prefix(from).map_or_else(|_| path.to_owned(), |rest| to.join(rest));
        self.folders = self.folders.iter().map(|folder| moved(folder)).collect();
        self.live = std::mem::take(&mut self.live).into_iter().map(|(path, inode)| (moved(&path), inode)).collect();
        self.durable =
            std::mem::take(&mut self.durable).into_iter().map(|(path, inode)| (moved(&path), inode)).collect();
    }

    fn strike(&mut self, operation: Operation, path: &Path) -> Option<Fault> {
        for (fault, n_calls) in &mut self.faults {
            if fault.fits(operation, path) {
                *n_calls += 1;
                if fault.when == When::Always || fault.when == When::Nth(*n_calls) {
                    self.n_faults_struck += 1;
                    self.n_write_faults += u64::from(operation != Operation::Read);
                    return Some(fault.clone());
                }
            }
        }
        None
    }
}

impl Vfs for SimulatedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn VfsFile>> {
        let operation = if how == Open::Read { Operation::Read } else { Operation::Create };
        let mut state = self.state.lock();
        state.enter(operation, path)?;
        let inode = match (state.live.get(path).copied(), how) {
            (Some(inode), _) => inode,
            (None, Open::Read | Open::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, Open::Create | Open::Truncate) => {
                if path.parent().is_some_and(|folder| !state.folders.contains(folder)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.live.insert(path.to_owned(), inode);
                inode
            }
        };
        if how == Open::Truncate {
            state.inodes[inode].live.clear();
            state.inodes[inode].dirty.insert(0);
        }
        Ok(Arc::new(SimulatedFile { disk: self.clone(), path: path.to_owned(), inode }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.enter(Operation::Read, folder)?;
        let state = self.state.lock();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.live.keys().chain(&state.folders);
        let inside: BTreeSet<PathBuf> = all.filter(|path| path.parent() == Some(folder)).cloned().collect();
        Ok(inside.into_iter().collect())
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        self.enter(Operation::Create, folder)?;
        let mut state = self.state.lock();
        // Folders are durable at once; what is inside them is not.
        state.folders.extend(folder.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(Operation::Rename, to)?;
        if state.folders.contains(from) {
            state.rename_folder(from, to);
            return Ok(());
        }
        let inode = state.live.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.live.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(Operation::Remove, path)?;
        state.live.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(Operation::Remove, folder)?;
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.live.retain(|path, _| !path.starts_with(folder));
        state.folders.retain(|path| !path.starts_with(folder));
        state.durable.retain(|path, _| !path.starts_with(folder));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.enter(Operation::SyncFolder, folder)?;
        let State { live, durable, .. } = &mut *state;
        durable.retain(|path, _| path.parent() != Some(folder));
        let inside = live.iter().filter(|(path, _)| path.parent() == Some(folder));
        durable.extend(inside.map(|(path, inode)| (path.clone(), *inode)));
        if state.lacks_folder_syncs { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.state.lock();
        state.live.contains_key(path) || state.folders.contains(path)
    }

    fn stalled(&self, path: &Path) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let state = self.state.lock();
        let path = path.to_string_lossy();
        let stall = state.stalls.iter().find(|(text, _)| path.contains(text.as_str()));
        let mut stalled = stall.map(|(_, sender)| sender.subscribe())?;
        Some(Box::pin(async move {
            // The error is the signal: the sender went.
            let _released = stalled.wait_for(|stalled| !stalled).await;
        }))
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
    inode: usize,
}

fn position(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(io::Error::other)
}

impl VfsFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.enter(Operation::Read, &self.path)?;
        let state = self.disk.state.lock();
        let live = &state.inodes[self.inode].live;
        let begin = position(at)?.min(live.len());
        let n_bytes = buffer.len().min(live.len() - begin);
        buffer[..n_bytes].copy_from_slice(&live[begin..begin + n_bytes]);
        Ok(n_bytes)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        let at = position(at)?;
        if let Some(fault) = state.strike(Operation::Write, &self.path) {
            if fault.short {
                state.inodes[self.inode].write(&bytes[..bytes.len() / 2], at);
            }
            return Err(io::Error::from_raw_os_error(fault.errno));
        }
        if state.is_off {
            return Err(io::Error::other("the power is off"));
        }
        state.inodes[self.inode].write(bytes, at);
        Ok(bytes.len())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.n_syncs += 1;
        let entered = state.enter(Operation::Sync, &self.path);
        if entered.is_ok() {
            state.inodes[self.inode].sync();
        } else {
            // As Linux has it: the pages are clean again although they never reached the disk.
            state.inodes[self.inode].dirty.clear();
        }
        entered
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.enter(Operation::Write, &self.path)?;
        let inode = &mut state.inodes[self.inode];
        inode.live.resize(position(bytes)?, 0);
        inode.dirty.insert(inode.live.len() / SECTOR_BYTES);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.disk.state.lock();
        Ok(state.inodes[self.inode].live.len() as u64)
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        if self.length()? < bytes { self.set_len(bytes) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Operation, SimulatedDisk};
    use crate::disk::{Open, Vfs, replace_file};
    use interlock_sync::random::Random;
    use std::path::Path;

    fn with_folder() -> SimulatedDisk {
        let disk = SimulatedDisk::default();
        disk.create_folders(Path::new("/d")).expect("no fault is set");
        disk
    }

    #[test]
    fn a_replaced_file_is_whole_after_a_power_loss_at_any_operation() {
        for seed in 0..200 {
            let (disk, mut random) = (with_folder(), Random::from_seed(seed));
            let path = Path::new("/d/state");
            replace_file(&disk, path, &[1; 2000]).expect("no fault is set");
            disk.fail(Fault::always(Operation::AnyWrite, "", 5).nth(random.below(6) + 1));
            let replaced = replace_file(&disk, path, &[2; 2000]);
            disk.power_off(&mut random);
            disk.power_on();
            disk.heal();
            let bytes = disk.open(path, Open::Read).and_then(|file| file.read_from(0)).expect("one of the two");
            assert!(bytes == vec![1; 2000] || bytes == vec![2; 2000], "seed {seed}: torn");
            assert!(replaced.is_err() || bytes == vec![2; 2000], "seed {seed}: lost");
        }
    }

    #[test]
    fn unsynced_bytes_may_go_and_synced_bytes_stay() {
        let mut lost = 0;
        for seed in 0..100 {
            let disk = with_folder();
            let file = disk.open(Path::new("/d/f"), Open::Create).expect("no fault is set");
            file.write_all_at(&[1; 1024], 0).and_then(|()| file.sync()).expect("no fault is set");
            disk.sync_folder(Path::new("/d")).expect("no fault is set");
            file.write_all_at(&[2; 1024], 512).expect("no fault is set");
            disk.power_off(&mut Random::from_seed(seed));
            let bytes = &disk.files()[Path::new("/d/f")];
            assert_eq!(bytes[..512], [1; 512]);
            lost += u64::from(bytes.get(512..1024) != Some(&[2; 512]));
        }
        assert!((20..80).contains(&lost), "{lost} of 100");
    }
}
