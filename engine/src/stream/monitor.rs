//! The monitor of a replicated stream: takes what its group commits, and applies it.
//!
//! It is the only one that does. It leaves on the slot's token, on its node's quit signal, on the server's, and when an
//! entry cannot be applied; whoever leaves makes sure that the raft node does not pile up entries for nobody.

use std::sync::Arc;

use interlock_sync::time::Instant;

use super::Stream;
use super::alone::EXPIRY_INTERVAL;
use super::apply::Failure;
use super::catchup::CatchupEnd;
use super::newer::Awaited;
use crate::core::snapshot::Occasion;
use crate::engine::{AssetKey, Engine};
use crate::events::Event;
use crate::failpoint;
use crate::generation::{Generation, Happening};
use crate::peer::PeerFrame;
use crate::raft::{Apply, Node};
use crate::slot::Presence;

/// Why the monitor leaves.
#[derive(Debug)]
enum Leave {
    /// The server or the engine ends, or the slot was stopped.
    Told,
    /// The node is gone: nothing is left to be done.
    NodeGone,
    /// An entry could not be applied, or the catch-up failed for good (W11).
    Failed(Failure),
    /// The stream has to be made anew.
    Reset(String),
    /// The stream has to be opened again.
    Unreadable(String),
}

impl From<Failure> for Leave {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Diverged(reason) => Self::Reset(reason),
            Failure::Unreadable(reason) => Self::Unreadable(reason),
            failure => Self::Failed(failure),
        }
    }
}

/// A stream's own work: when it is due, and what keeps it from being done.
struct Work {
    sync: Instant,
    expiry: Instant,
    /// While this is waited for, nothing else is applied.
    awaited: Option<Awaited>,
}

impl Stream {
    /// Monitors the stream until it has to end.
    pub(crate) async fn monitor(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        let asset = AssetKey::Stream(self.name.clone());
        let begun = Generation::begin(engine, &self.member, &asset, &mut presence).await;
        let Some(mut generation) = begun else { return };
        self.raise_floor(generation.node.status().snapshot_index);
        let leave = self.run(&mut generation).await;
        self.leave(&mut generation, leave).await;
        generation.end(&self.member).await;
        drop(presence);
    }

    async fn run(self: &Arc<Self>, generation: &mut Generation) -> Leave {
        let now = Instant::now();
        let mut work = Work { sync: now + self.sync_interval(), expiry: now + EXPIRY_INTERVAL, awaited: None };
        loop {
            let done = match generation.next(Some(work.sync.min(work.expiry))).await {
                Happening::Told => return Leave::Told,
                Happening::NodeGone => return Leave::NodeGone,
                Happening::Items(items) => self.apply_items(generation, &mut work, items).await,
                Happening::SnapshotDue => self.snapshot(generation, Occasion::Timer).await,
                Happening::MembersDue => self.look_at_members(generation, &work).await,
                happening => {
                    self.follow(generation, happening, &mut work).await;
                    self.unreadable().map_or(Ok(()), |reason| Err(Leave::Unreadable(reason)))
                }
            };
            if let Err(leave) = done {
                return leave;
            }
        }
    }

    /// What does not end the monitor.
    async fn follow(self: &Arc<Self>, generation: &Generation, happening: Happening, work: &mut Work) {
        match happening {
            // Who lacks messages answers for nothing.
            Happening::Leads(true) | Happening::Updated if work.awaited.is_some() => {}
            Happening::Leads(true) => self.begin_to_lead(generation).await,
            Happening::Leads(false) => self.member.end_leadership(),
            Happening::Updated => self.follow_update(generation).await,
            Happening::Installed(Some(index)) => self.raise_floor(index),
            Happening::Due => self.do_what_is_due(generation, work).await,
            _ => {}
        }
    }

    async fn begin_to_lead(self: &Arc<Self>, generation: &Generation) {
        let leadership = self.member.begin_leadership();
        self.keep_for_consumers(&generation.engine, leadership);
        self.follow_update(generation).await;
    }

    async fn look_at_members(self: &Arc<Self>, generation: &mut Generation, work: &Work) -> Result<(), Leave> {
        if let Some(awaited) = &work.awaited {
            return Ok(self.seek_newer_snapshot(&generation.node, awaited).await?);
        }
        generation.engine.seek_leadership(&self.member, &generation.node).await;
        self.follow_update(generation).await;
        self.give_newer_snapshot(generation).await
    }

    /// Takes a snapshot that a follower asks for, once this leader has applied what it must cover.
    async fn give_newer_snapshot(self: &Arc<Self>, generation: &mut Generation) -> Result<(), Leave> {
        let status = generation.node.status();
        if status.wanted_snapshot <= status.snapshot_index || status.applied < status.wanted_snapshot {
            return Ok(());
        }
        self.snapshot(generation, Occasion::Requested).await
    }

    async fn snapshot(self: &Arc<Self>, generation: &mut Generation, occasion: Occasion) -> Result<(), Leave> {
        let Generation { node, schedule, .. } = generation;
        Ok(self.take_snapshot(node, schedule, occasion).await?)
    }

    async fn apply_items(
        self: &Arc<Self>,
        generation: &mut Generation,
        work: &mut Work,
        items: Vec<Apply>,
    ) -> Result<(), Leave> {
        for item in items {
            failpoint!("apply_stream");
            if generation.is_told() {
                // The rest is in the log. A last snapshot must know how far this went.
                self.tell_applied(&generation.node);
                return Err(Leave::Told);
            }
            match item {
                Apply::RecoveryDone => self.finish_recovery(generation),
                Apply::Snapshot { index, data, .. } => self.install_snapshot(generation, work, index, &data).await?,
                Apply::Members { .. } | Apply::Entry { .. } if work.awaited.is_some() => {}
                Apply::Members { index, .. } => {
                    self.apply_entry(index, &[])?;
                    generation.node.processed(index);
                }
                Apply::Entry { index, data, .. } => {
                    self.apply_entry(index, &data)?;
                    generation.schedule.count(data.len());
                    generation.node.processed(index);
                }
            }
        }
        if work.awaited.is_some() {
            return Ok(());
        }
        self.tell_applied(&generation.node);
        self.snapshot(generation, Occasion::Drained).await
    }

    /// Entries may be left out of the log up to here, and reads see them.
    fn tell_applied(&self, node: &Node) {
        let (applied, processed) = {
            let inner = self.inner.lock();
            (inner.state.applied(), inner.state.processed())
        };
        node.applied(applied);
        self.applied_index.send_replace(processed);
    }

    fn finish_recovery(&self, generation: &mut Generation) {
        generation.schedule.recovered();
        tracing::debug!("stream {}: recovered up to {}", self.name, self.applied());
    }

    async fn install_snapshot(
        self: &Arc<Self>,
        generation: &Generation,
        work: &mut Work,
        index: u64,
        data: &[u8],
    ) -> Result<(), Leave> {
        match self.adopt_snapshot(&generation.engine, &generation.node, &generation.token, data).await {
            CatchupEnd::Complete => {
                self.raise_floor(index);
                self.tell_applied(&generation.node);
                if work.awaited.take().is_some() && generation.leads {
                    self.begin_to_lead(generation).await;
                }
                Ok(())
            }
            CatchupEnd::Told => Err(Leave::Told),
            CatchupEnd::Failed(failure) => Err(failure.into()),
            CatchupEnd::Hopeless(reason) => Err(Leave::Reset(reason)),
            CatchupEnd::Gone(reason) => {
                tracing::warn!("stream {}: a newer snapshot than {index} is needed: {reason}", self.name);
                work.awaited = Some(Awaited::from(work.awaited.take(), reason));
                Ok(())
            }
        }
    }

    /// Reads the latest assignment: on the leader, members and configuration follow it.
    async fn follow_update(self: &Arc<Self>, generation: &Generation) {
        if !generation.leads {
            self.say_whether_whole(generation);
            return;
        }
        if let Some(assignment) = generation.engine.stream_assignment(&self.name)
            && assignment.created_ns == self.created_ns
        {
            if assignment.config != self.config() {
                self.propose_config(assignment.config.clone()).await;
            }
            generation.engine.have_consumers_follow(&self.name).await;
            let group = &assignment.group;
            let is_whole = |server, index| self.member.is_whole(server, &group.name, index);
            let is_settled = generation.engine.follow_members(group, &generation.node, is_whole).await;
            if is_settled && generation.engine.consumers_live_in(&assignment) {
                generation.engine.settle_stream(&assignment).await;
            }
        }
    }

    /// Where the members are to change, the leader waits for this of who joins.
    fn say_whether_whole(&self, generation: &Generation) {
        let Generation { engine, node, .. } = generation;
        let status = node.status();
        // Also where all members stay: one that was added has no vote yet.
        let is_changing = self.member.group().target.is_some() || !status.voters.contains(&engine.me());
        let leader = status.leader.filter(|leader| *leader != engine.me());
        if let Some(leader) = leader
            && is_changing
            && self.is_whole()
        {
            let (stream, group, applied) = (self.name.clone(), node.group().clone(), self.applied());
            engine.context().network.send(leader, PeerFrame::Whole { stream, group, applied });
        }
    }

    async fn do_what_is_due(self: &Arc<Self>, generation: &Generation, work: &mut Work) {
        let now = Instant::now();
        if work.expiry <= now {
            work.expiry = now + EXPIRY_INTERVAL;
            self.look_at_store().await;
            self.expire().await;
        }
        if work.sync <= now {
            work.sync = now + self.sync_interval();
            self.raise_floor(generation.node.status().snapshot_index);
            self.sync_store().await;
        }
    }

    async fn leave(self: &Arc<Self>, generation: &mut Generation, leave: Leave) {
        tracing::debug!("{}: stream {}: the monitor leaves: {leave:?}", generation.engine.me(), self.name);
        self.member.end_leadership();
        // The next generation is given all of its entries again.
        self.drop_open_batch();
        match leave {
            Leave::Told if generation.shuts_down() => {
                self.take_last_snapshot(&generation.node, &mut generation.schedule).await;
            }
            Leave::Told | Leave::NodeGone => {}
            Leave::Failed(failure) => self.latch(&failure).await,
            Leave::Reset(reason) => self.reset(generation.engine.clone(), reason).await,
            Leave::Unreadable(reason) => self.open_again(&generation.engine, reason),
        }
    }

    async fn reset(self: &Arc<Self>, engine: Arc<Engine>, reason: String) {
        engine.context().events.tell(Event::Reset { stream: self.name.clone(), reason });
        if crate::mutant!(M19) {
            engine.clone().reset_stream(self.clone()).await;
            return;
        }
        // A task of its own: it waits for this monitor.
        let resetting = engine.clone().reset_stream(self.clone());
        let _started = engine.context().tasks.spawn(resetting);
    }
}
