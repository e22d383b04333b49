//! How a raft group begins: with nothing, with an entity's data, with its predecessor's log, or by joining.

use std::sync::Arc;

use bytes::Bytes;

use super::Engine;
use crate::core::assignment::RaftGroup;
use crate::core::write_error::WriteError;
use crate::raft::{ApplyQueue, GroupOptions, Node, NodeContext};

/// What an entity that exists brings into its group.
pub struct Foundation {
    /// The index up to which it has applied.
    pub applied: u64,
    /// Its state at that index.
    pub snapshot: Bytes,
}

impl Engine {
    /// Starts the node of a group, which begins as its assignment says; one that has a folder goes on from there.
    ///
    /// # Errors
    /// The disk's.
    pub(super) async fn found(
        self: &Arc<Self>,
        group: &RaftGroup,
        foundation: Option<Foundation>,
    ) -> Result<(Node, ApplyQueue), WriteError> {
        let context = &self.context;
        let settings = &context.settings;
        let folder = context.group_folder(&group.name);
        if let Some(predecessor) = &group.predecessor {
            self.inherit(context.group_folder(predecessor), folder.clone()).await?;
        }
        let applied = foundation.as_ref().map_or(0, |foundation| foundation.applied);
        let is_founded_here = group.is_founded_by(settings.id);
        let snapshot = foundation.filter(|_| is_founded_here).map(|found| (found.applied.max(1), found.snapshot));
        // Who joins begins without members, and learns of them from the leader.
        let voters = if group.founders.contains(&settings.id) { group.founders.clone() } else { Vec::new() };
        let options = GroupOptions {
            host: settings.host,
            timing: settings.timing.clone(),
            seed: settings.seed,
            applied,
            snapshot,
            ..GroupOptions::new(group.name.clone(), settings.id, voters, folder)
        };
        let node_context =
            NodeContext { disk: context.disk.clone(), network: context.clone(), reactions: context.clone() };
        Node::start(options, node_context).await
    }

    /// The log of the predecessor becomes the group's: the members are the same, so nothing that was acknowledged is
    /// left behind. Done once; the folder of the predecessor is gone then.
    async fn inherit(&self, from: std::path::PathBuf, to: std::path::PathBuf) -> Result<(), WriteError> {
        let path = to.clone();
        let renamed = self.context.disk.run(&path, move |vfs| {
            match (vfs.exists(&from), vfs.exists(&to)) {
                (true, false) => vfs.rename(&from, &to)?,
                (true, true) => vfs.remove_folder(&from)?,
                (false, _) => return Ok(()),
            }
            to.parent().map_or(Ok(()), |parent| crate::disk::sync_folder(vfs, parent))
        });
        renamed.await.map_err(|error| WriteError::io("rename", &path, &error))
    }
}
