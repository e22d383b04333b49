//! One generation of a monitor: how it begins, what it waits for, how it ends. The same for streams and consumers; what
//! follows from an event is theirs.

use std::sync::Arc;

use interlock_sync::channel::watch;
use interlock_sync::select;
use interlock_sync::time::{Duration, Instant, sleep_until};
use interlock_sync::token::Token;

use crate::core::snapshot::Kind;
use crate::engine::{AssetKey, Engine};
use crate::events::Event;
use crate::failpoint;
use crate::member::Member;
use crate::raft::{Apply, ApplyQueue, Node, Role, Status};
use crate::slot::Presence;
use crate::snapshots::Schedule;

/// How often the leader compares the group's members with the assignment.
const MEMBERS_INTERVAL: Duration = Duration::from_millis(500);
/// The same for the first time: the other members of a new group have started by then.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// What a generation has: fetched once.
pub(crate) struct Generation {
    pub(crate) engine: Arc<Engine>,
    pub(crate) node: Node,
    pub(crate) token: Token,
    pub(crate) schedule: Schedule,
    pub(crate) leads: bool,
    queue: ApplyQueue,
    status: watch::Receiver<Status>,
    updates: watch::Receiver<u64>,
    members_due: Instant,
}

/// What a monitor has waited for.
pub(crate) enum Happening {
    /// The server or the engine ends, or the slot was stopped: leave.
    Told,
    /// The node is gone: leave, nothing is left to be done.
    NodeGone,
    /// Leadership was gained or lost.
    Leads(bool),
    /// Entries were committed.
    Items(Vec<Apply>),
    /// The assignment is another.
    Updated,
    /// A snapshot was written, where it was: up to this entry the log is not needed.
    Installed(Option<u64>),
    /// It is time to compare the members.
    MembersDue,
    /// It is time for a snapshot.
    SnapshotDue,
    /// It is time for what the monitor itself had in mind.
    Due,
}

impl Generation {
    /// Enters the slot; `None` where another drives the entity, or there is nothing to be driven.
    pub(crate) async fn begin(
        engine: Arc<Engine>,
        member: &Member,
        asset: &AssetKey,
        presence: &mut Presence,
    ) -> Option<Self> {
        failpoint!("monitor_before_token_read");
        let Some(node) = member.node() else {
            tracing::warn!("{asset}: no raft node to monitor");
            return None;
        };
        // Armed too early, a monitor that is turned away stops the node under the one that runs (O-6).
        let armed = crate::mutant!(M14).then(|| node.clone());
        if !presence.enter() {
            engine.context().events.tell(Event::DriverTurnedAway { asset: asset.to_string() });
            if let Some(armed_node) = armed {
                armed_node.stop().await;
            }
            return None;
        }
        let Some(queue) = engine.take_queue(node.group()) else {
            tracing::warn!("{asset}: the group's entries are taken by another");
            return None;
        };
        if member.write_error.is_set() {
            // The error outlives its group: what cannot be written here is not led from here.
            let _closed = node.set_observer(true).await;
        }
        let kind = match asset {
            AssetKey::Stream(_) => Kind::Stream,
            AssetKey::Consumer(_) => Kind::Consumer,
        };
        Some(Self {
            token: member.slot.token(),
            schedule: Schedule::new(engine.context(), kind, &asset.to_string()),
            status: node.watch(),
            updates: member.updates(),
            engine,
            node,
            queue,
            leads: false,
            members_due: Instant::now() + FIRST_LOOK,
        })
    }

    /// Waits for what comes next; at the latest until the monitor's own time, where it has one.
    pub(crate) async fn next(&mut self, own_due: Option<Instant>) -> Happening {
        let listens_to_token = !crate::mutant!(M10);
        let node_quit = self.node.quit();
        loop {
            let due = self.members_due.min(self.schedule.due());
            let due = own_due.map_or(due, |own| own.min(due));
            select! {
                biased;
                () = self.engine.context().quit.cancelled() => return Happening::Told,
                () = self.token.cancelled(), if listens_to_token => return Happening::Told,
                () = node_quit.cancelled() => return Happening::NodeGone,
                changed = self.status.changed() => {
                    if changed.is_err() {
                        return Happening::NodeGone;
                    }
                    let leads = self.status.borrow_and_update().role == Role::Leader;
                    if leads != std::mem::replace(&mut self.leads, leads) {
                        return Happening::Leads(leads);
                    }
                }
                items = self.queue.pop_all() => return items.map_or(Happening::NodeGone, Happening::Items),
                changed = self.updates.changed() => {
                    // The member lives as long as its monitor.
                    if changed.is_ok() {
                        return Happening::Updated;
                    }
                }
                installed = self.schedule.finished() => return Happening::Installed(self.schedule.settle(installed)),
                () = sleep_until(due) => return self.due(Instant::now()),
            }
        }
    }

    /// Whether the monitor is to leave: for who has much to do at once.
    pub(crate) fn is_told(&self) -> bool {
        let is_stopped = self.token.is_cancelled() && !crate::mutant!(M10);
        is_stopped || self.engine.context().quit.is_cancelled()
    }

    fn due(&mut self, now: Instant) -> Happening {
        if self.members_due <= now {
            self.members_due = now + MEMBERS_INTERVAL;
            Happening::MembersDue
        } else if self.schedule.due() <= now {
            Happening::SnapshotDue
        } else {
            Happening::Due
        }
    }

    /// Whether a monitor that was told to leave takes a last snapshot: the engine shuts down, with the server or without
    /// it (G-20).
    pub(crate) fn shuts_down(&self) -> bool {
        if crate::mutant!(M18) { self.engine.context().quit.is_cancelled() } else { self.engine.is_stopping() }
    }

    /// Ends: nobody takes entries from here on, so the node must not collect them for ever.
    pub(crate) async fn end(self, member: &Member) {
        if !(crate::mutant!(M63) && member.write_error.is_set()) {
            // A node that is closed leads no more.
            let _closed = self.node.step_down(None).await;
        }
        drop(self.queue);
        // The closer of a closed entity owns the node, and stops it (O-7).
        if !member.slot.is_closed() {
            self.node.stop().await;
        }
        failpoint!("monitor_exit_guard");
    }
}
