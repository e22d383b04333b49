//! Proposing changes of assignments, with or without a cluster.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::time::Duration;

use super::{Engine, meta};
use crate::core::meta::{Assignments, DecodeError, Identity, MetaChange, MetaEntry, Refused, decode, encode};
use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::WriteError;
use crate::disk::{Open, replace_file};
use crate::peer::PeerFrame;
use crate::raft::ProposeError;

/// How long a change is waited for.
const CHANGE_LIMIT: Duration = Duration::from_secs(10);

/// Why a change did not come about, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The state did not allow it.
    #[error("refused: {0:?}")]
    Refused(Refused),
    /// Another server leads the meta layer.
    #[error("another server leads the meta layer")]
    NotLeader(Option<ServerId>),
    /// It is not known whether it will come about.
    #[error("no answer in time")]
    Unknown,
    /// The meta layer cannot take it.
    #[error("the meta layer is not available: {0}")]
    Unavailable(String),
}

impl Engine {
    /// Proposes a change and waits until it is applied here. On the meta layer's leader, or without a cluster.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn change(self: &Arc<Self>, change: MetaChange) -> Result<(), ChangeError> {
        if !self.context.settings.is_clustered() {
            return self.change_standalone(change).await;
        }
        let call = self.changes.begin();
        let entry = MetaEntry { origin: self.me(), proposal: call.number(), change };
        let data = encode_readable(&entry).map_err(|error| ChangeError::Unavailable(error.to_string()))?;
        let Some(node) = self.meta() else { return Err(ChangeError::Unavailable("it is shut down".to_owned())) };
        let proposed = node.propose(None, data).await;
        proposed.map_err(|error| match error {
            ProposeError::NotLeader { leader } => ChangeError::NotLeader(leader),
            // It may have been taken.
            ProposeError::Closed(_) => ChangeError::Unknown,
            other => ChangeError::Unavailable(other.to_string()),
        })?;
        match call.wait(CHANGE_LIMIT).await {
            Some(outcome) => outcome.map_err(ChangeError::Refused),
            None => Err(ChangeError::Unknown),
        }
    }

    /// Proposes the removal of a consumer, here or through the leader. Nobody learns whether it arrived: the evidence is
    /// the meta layer's map.
    pub async fn propose_removal(self: &Arc<Self>, identity: Identity) {
        self.propose_change(MetaChange::RemoveConsumer(identity)).await;
    }

    /// Proposes a change, here or through the leader, that nobody waits for.
    pub(crate) async fn propose_change(self: &Arc<Self>, change: MetaChange) {
        let entry = MetaEntry { origin: self.me(), proposal: 0, change };
        let Some(node) = self.meta() else { return };
        let data = match encode_readable(&entry) {
            Ok(data) => data,
            Err(error) => return tracing::error!(%error, "a change is not proposed"),
        };
        if let Err(ProposeError::NotLeader { leader: Some(leader) }) = node.propose(None, data.clone()).await {
            self.context.network.send(leader, PeerFrame::Proposal { group: GroupName::new(meta::GROUP), data });
        }
    }

    async fn change_standalone(self: &Arc<Self>, change: MetaChange) -> Result<(), ChangeError> {
        let _one_at_a_time = self.standalone.lock().await;
        let mut next = self.assignments();
        let all_changed = next.apply(change).map_err(ChangeError::Refused)?;
        self.save_standalone(&next).await.map_err(|error| ChangeError::Unavailable(error.to_string()))?;
        self.state.write().assignments = next;
        for changed in all_changed {
            self.carry_out(changed).await;
        }
        Ok(())
    }

    async fn save_standalone(&self, assignments: &Assignments) -> Result<(), WriteError> {
        let path = self.context.settings.folder.join("assignments");
        let bytes = encode(assignments);
        let written = path.clone();
        let saved = self.context.disk.run(&path, move |vfs| replace_file(vfs, &written, &bytes)).await;
        saved.map_err(|error| {
            let error = WriteError::io("replace", &path, &error);
            self.context.react("assignments", &error);
            self.meta_error.set(error).0
        })
    }

    /// Recovers the assignments of a server without a cluster.
    ///
    /// # Errors
    /// The disk's, or a file that cannot be decoded.
    pub(super) async fn recover_standalone(self: &Arc<Self>) -> Result<(), WriteError> {
        let folder = self.context.settings.folder.clone();
        let path = folder.join("assignments");
        let read = path.clone();
        let bytes = self.context.disk.run(&path, move |vfs| {
            vfs.create_folders(&folder)?;
            if vfs.exists(&read) { vfs.open(&read, Open::Read)?.read_from(0).map(Some) } else { Ok(None) }
        });
        let bytes = bytes.await.map_err(|error| WriteError::io("read", &path, &error))?;
        if let Some(bytes) = bytes {
            let assignments = decode::<Assignments>("assignments", &bytes)
                .map_err(|error| WriteError::other(format!("{}: {error}", path.display())))?;
            self.state.write().assignments = assignments;
        }
        self.finish_recovery().await;
        Ok(())
    }
}

/// What cannot be read back would stop every server at the same entry (G-21).
fn encode_readable(entry: &MetaEntry) -> Result<Bytes, DecodeError> {
    let data = encode(entry);
    decode::<MetaEntry>("meta entry", &data)?;
    Ok(Bytes::from(data))
}
