//! How a raft group begins: with nothing, with an entity's data, with its predecessor's log, or by joining.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::placement::Entity;
use super::running::Running;
use super::{Engine, TableEntry};
use crate::core::assignment::RaftGroup;
use crate::core::names::GroupName;
use crate::core::write_error::WriteError;
use crate::disk::sync_folder;
use crate::raft::{ApplyQueue, GroupOptions, Node, NodeContext, has_begun};
use crate::server::make_durably;

/// What an entity that exists brings into its group.
pub struct Foundation {
    /// The index up to which it has applied.
    pub applied: u64,
    /// Its state at that index.
    pub snapshot: Bytes,
}

impl Engine {
    /// What the group begins with is durable, and nothing is added to it meanwhile (O-21). What has failed founds nothing:
    /// who leads a group has to be able to write.
    ///
    /// # Errors
    /// The entity's, or the disk's.
    pub(super) async fn end_lone_leadership(
        &self,
        entity: &Entity,
        running: Option<Running>,
    ) -> Result<(), WriteError> {
        match running {
            Some(Running::Stream(stream)) => {
                stream.set_alone(false);
                if let Some(reason) = stream.unreadable() {
                    // State and store may have parted: nothing is founded on that.
                    return Err(WriteError::other(reason));
                }
                stream.persist().await?;
            }
            Some(Running::Consumer(consumer)) => consumer.member().write_error.get().map_or(Ok(()), Err)?,
            None => {}
        }
        match entity.new_group().and_then(|group| group.grown_from.as_ref()) {
            Some(name) => self.end_alone(name).await,
            None => Ok(()),
        }
    }

    /// Starts the node of the group of an entity, unless it runs.
    ///
    /// # Errors
    /// The disk's.
    pub(super) async fn create_group(
        self: &Arc<Self>,
        entity: &Entity,
        running: Option<&Running>,
    ) -> Result<(), WriteError> {
        let Some(group) = entity.new_group() else { return Ok(()) };
        if self.node(&group.name).is_some() {
            return Ok(());
        }
        if running.is_some() && self.has_failed_to_found(&group.name) {
            self.remove_unfounded(&group.name).await.inspect_err(|_| self.note_unfounded(&group.name))?;
        }
        let founds = running.is_some() && group.is_founded_by(self.me()) && !self.has_log(group).await?;
        if let (true, Some(Running::Stream(stream))) = (founds, running) {
            // Also where an earlier attempt has failed: what a group is founded on is durable (O-21).
            stream.persist().await.inspect_err(|_| {
                // The first failure is the stream's own.
                if self.has_failed_to_found(&group.name) {
                    self.note_unfounded(&group.name);
                }
            })?;
        }
        let starting = async {
            let foundation = match running {
                Some(running) => Some(running.foundation().await?),
                None => None,
            };
            self.found(group, foundation).await
        };
        let (node, queue) = starting.await.inspect_err(|_| {
            if founds {
                self.note_unfounded(&group.name);
            }
        })?;
        let entry = TableEntry { node, queue: Some(queue) };
        let mut state = self.state.write();
        state.nodes.insert(group.name.clone(), entry);
        state.unfounded.remove(&group.name);
        Ok(())
    }

    /// Whether the log of the group is here, under whichever of its names.
    pub(super) async fn has_log(&self, group: &RaftGroup) -> Result<bool, WriteError> {
        let names = group.predecessors.iter().chain([&group.name]);
        let places: Vec<_> = names.map(|name| self.context.group_folder(name)).collect();
        let folder = self.context.group_folder(&group.name);
        let looking = self
            .context
            .disk
            .run(&folder, move |vfs| places.iter().try_fold(false, |found, place| Ok(found || has_begun(vfs, place)?)));
        looking.await.map_err(|error: std::io::Error| WriteError::io("list", &folder, &error))
    }

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
        self.refuse_ended(self.context.group_tombstone(&group.name)).await?;
        self.inherit(&group.predecessors, folder.clone()).await?;
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

    /// A member that begins anew with an empty log would vote as if it had never promised anything. A server that starts
    /// with an old state of the meta layer may be told to do that; it waits until the meta layer has caught up.
    async fn refuse_ended(&self, tombstone: PathBuf) -> Result<(), WriteError> {
        let looked_for = tombstone.clone();
        if self.context.disk.run(&tombstone, move |vfs| vfs.exists(&looked_for)).await {
            let name = tombstone.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(WriteError::other(format!("{name} has ended on this server, and has not been replaced yet")));
        }
        Ok(())
    }

    /// Whether this server may lead the only replica of a group: it has not given that up before, in a change that the
    /// meta layer's state here does not know of yet.
    ///
    /// # Errors
    /// It may not.
    pub(super) async fn may_lead_alone(&self, group: &GroupName) -> Result<(), WriteError> {
        self.refuse_ended(self.context.alone_tombstone(group)).await
    }

    /// Notes durably that this server does not lead the only replica of a group any more.
    ///
    /// # Errors
    /// The disk's.
    pub(super) async fn end_alone(&self, group: &GroupName) -> Result<(), WriteError> {
        self.context.note_ended(self.context.alone_tombstone(group)).await
    }

    /// Notes durably that a group ends on this server, before anything of it goes.
    ///
    /// # Errors
    /// The disk's.
    pub(super) async fn end_group(&self, group: &GroupName) -> Result<(), WriteError> {
        self.context.note_ended(self.context.group_tombstone(group)).await
    }

    /// The log of the latest predecessor that is here becomes the group's: the members are the same, so nothing that was
    /// acknowledged is left behind. Done once; the folders of the predecessors are gone then.
    async fn inherit(&self, predecessors: &[GroupName], to: PathBuf) -> Result<(), WriteError> {
        if predecessors.is_empty() {
            return Ok(());
        }
        let place = |name: &GroupName| (self.context.group_folder(name), self.context.group_tombstone(name));
        let predecessors: Vec<(PathBuf, PathBuf)> = predecessors.iter().rev().map(place).collect();
        let path = to.clone();
        let renamed = self.context.disk.run(&path, move |vfs| {
            for (from, tombstone) in predecessors.iter().filter(|(from, _)| vfs.exists(from)) {
                make_durably(vfs, tombstone)?;
                if vfs.exists(&to) { vfs.remove_folder(from)? } else { vfs.rename(from, &to)? }
            }
            to.parent().filter(|parent| vfs.exists(parent)).map_or(Ok(()), |parent| sync_folder(vfs, parent))
        });
        renamed.await.map_err(|error| WriteError::io("rename", &path, &error))
    }
}
