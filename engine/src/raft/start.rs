//! Starts a node: opens its log, makes the first one where there is none, and lets the driver run.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::channel::mpsc;
#[cfg(feature = "shared-lock")]
use interlock_sync::lock::AsyncMutex;
use interlock_sync::task;
use raft::eraftpb::{ConfState, Entry, EntryType, HardState};

use super::driver::{Driver, Input};
use super::host::Host;
use super::log::{Batch, LogBytes, Members, Position, Recovered, StoredSnapshot, is_beside, plant, recover};
use super::machine::Machine;
use super::node::Shared;
use super::options::{GroupOptions, NodeContext, NodeHost};
use super::turn::installed;
use crate::core::names::ServerId;
use crate::core::write_error::WriteError;
use crate::disk::Vfs;

/// A node whose driver has started.
pub(super) struct Started {
    pub(super) shared: Arc<Shared>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
    #[cfg(feature = "shared-lock")]
    pub(super) lock: Option<super::shared::SharedNode>,
}

/// Opens the log and starts the driver.
pub(super) async fn start(mut options: GroupOptions, context: NodeContext) -> Result<Started, WriteError> {
    let Recovered { view, writer, .. } = open(&options, &context).await?;
    let (snapshot, last_index) = view.with(|state| {
        // What the state machine has applied was committed, whether or not the log remembers it.
        state.hard_state.commit = state.hard_state.commit.max(options.applied.min(state.last_index()));
        (state.snapshot.clone(), state.last_index())
    });
    if options.applied > last_index {
        let (folder, applied) = (options.folder.display(), options.applied);
        return Err(WriteError::other(format!("open {folder}: {applied} is applied, the log ends at {last_index}")));
    }
    // Also where the log still begins before it: what the state machine keeps besides is as the snapshot says.
    let restores = options.applied < snapshot.position.index;
    if restores {
        options.applied = snapshot.position.index;
    }
    let machine = Machine::new(&options, view.clone(), options.applied)?;
    let (inputs, receiver) = mpsc::unbounded_channel();
    let host = options.host;
    let shared = Arc::new(Shared::new(options, context, view));
    if restores {
        shared.applies.push(vec![installed(&snapshot)]);
    }
    shared.status.send_modify(|status| machine.show(status));
    let driver = Driver::new(shared.clone(), receiver, writer);
    let host = match host {
        NodeHost::Actor => Host::Actor(Box::new(machine)),
        #[cfg(feature = "shared-lock")]
        NodeHost::SharedLock => Host::SharedLock(Arc::new(AsyncMutex::new(machine))),
    };
    #[cfg(feature = "shared-lock")]
    let lock = match &host {
        Host::Actor(_) => None,
        Host::SharedLock(shared_machine) => {
            Some(super::shared::SharedNode { machine: shared_machine.clone(), inputs: inputs.clone() })
        }
    };
    // It ends by itself when the node is closed; `Shared::ended` says when.
    drop(task::spawn(driver.run(host)));
    Ok(Started {
        shared,
        inputs,
        #[cfg(feature = "shared-lock")]
        lock,
    })
}

async fn open(options: &GroupOptions, context: &NodeContext) -> Result<Recovered, WriteError> {
    let limits = LogBytes { segment: options.limits.segment_bytes, recent: options.limits.recent_bytes };
    let (folder, shared_vfs) = (options.folder.clone(), context.disk.vfs().clone());
    let (voters, learners) = (options.voters.clone(), options.learners.clone());
    let snapshot = options.snapshot.clone();
    let opening = context.disk.run(&options.folder, move |vfs| {
        if let Some((index, data)) = snapshot
            && !has_begun(vfs, &folder).map_err(|error| WriteError::io("list", &folder, &error))?
        {
            found_on(vfs, &folder, &voters, index, data)?;
        }
        let mut recovered = recover(&shared_vfs, &folder, limits)?;
        if recovered.is_new && !voters.is_empty() {
            found(vfs, &mut recovered, voters, learners)?;
        }
        Ok(recovered)
    });
    opening.await
}

/// Whether there is a log or a snapshot in a folder. What a founding that was cut off leaves beside them is neither.
///
/// # Errors
/// The disk's.
pub(crate) fn has_begun(vfs: &dyn Vfs, folder: &Path) -> std::io::Result<bool> {
    let paths = if vfs.exists(folder) { vfs.list(folder)? } else { Vec::new() };
    Ok(paths.iter().any(|path| !is_beside(path)))
}

/// Founds a group on what a state machine has already: the log begins behind it.
fn found_on(vfs: &dyn Vfs, folder: &Path, voters: &[ServerId], index: u64, data: Bytes) -> Result<(), WriteError> {
    let voters: Vec<u64> = voters.iter().map(|voter| voter.0).collect();
    let snapshot = StoredSnapshot {
        position: Position { index, term: 1 },
        members: Members { index, conf_state: ConfState::from((voters, Vec::new())) },
        data,
    };
    plant(vfs, folder, &snapshot).map_err(|error| WriteError::io("found", folder, &error))
}

/// Founds a group: the log of each first member begins with the same changes, which make them its members. So a server
/// that joins later learns of them as of all later ones.
fn found(
    vfs: &dyn Vfs,
    recovered: &mut Recovered,
    mut voters: Vec<ServerId>,
    mut learners: Vec<ServerId>,
) -> Result<(), WriteError> {
    voters.sort_unstable();
    learners.sort_unstable();
    let changes = voters.iter().map(|voter| (0, voter.0)).chain(learners.iter().map(|learner| (2, learner.0)));
    let entries: Vec<Entry> = (1..).zip(changes).map(|(index, (kind, server))| change(index, kind, server)).collect();
    let commit = entries.len() as u64;
    let ids = |servers: &[ServerId]| servers.iter().map(|server| server.0).collect::<Vec<_>>();
    let batch = Batch {
        hard_state: Some(HardState { term: 1, commit, ..HardState::default() }),
        members: Some(Members { index: commit, conf_state: ConfState::from((ids(&voters), ids(&learners))) }),
        entries,
        reset: None,
    };
    let places = recovered.writer.append(vfs, &batch)?;
    recovered.view.with(|state| {
        state.append(&batch.entries);
        state.written(1, &places);
        state.hard_state = batch.hard_state.unwrap_or_default();
        state.members = batch.members.unwrap_or_default();
    });
    Ok(())
}

/// An entry that adds one member, as raft encodes it.
fn change(index: u64, kind: u8, server: u64) -> Entry {
    let mut single = vec![0x08, kind, 0x10];
    let mut rest = server;
    while rest >= 0x80 {
        single.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    single.push(rest as u8);
    let n_bytes = u8::try_from(single.len()).expect("two fields of at most eleven bytes");
    let data = Bytes::from([vec![0x12, n_bytes], single].concat());
    let mut entry = Entry { index, term: 1, data, ..Entry::default() };
    entry.set_entry_type(EntryType::EntryConfChangeV2);
    entry
}
