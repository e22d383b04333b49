//! A server's part in a stream or consumer: its slot, its raft node, whether it leads, its write error.
//!
//! Streams and consumers have one each, so that what is true of the hand-over between monitors is true of both.

use std::collections::BTreeMap;

use interlock_sync::channel::watch;
use interlock_sync::lock::Mutex;
use interlock_sync::time::{Duration, Instant};
use interlock_sync::token::Token;

use crate::api::ClusterInfo;
use crate::core::assignment::RaftGroup;
use crate::core::names::{GroupName, ServerId};
use crate::core::write_error::WriteError;
use crate::raft::{Node, Role};
use crate::slot::Slot;
use crate::sticky::Sticky;

/// How long what a member says of itself counts: it says it again and again.
const TOLD_LATELY: Duration = Duration::from_secs(2);

/// A server's part in an entity.
pub struct Member {
    /// Who drives the entity.
    pub slot: Slot,
    /// The first error of a write that the entity could not do without.
    pub write_error: Sticky<WriteError>,
    /// A leaf lock: nothing is called while it is held.
    link: Mutex<Link>,
    /// Counts assignments: the monitor reads the latest one, however many came while it was busy.
    updates: watch::Sender<u64>,
    /// A leaf lock.
    whole: Mutex<BTreeMap<ServerId, Whole>>,
}

/// What another member has said of its stream: that it lacks nothing up to this entry of this group.
struct Whole {
    group: GroupName,
    applied: u64,
    said: Instant,
}

struct Link {
    group: RaftGroup,
    node: Option<Node>,
    leads_alone: bool,
    /// Lives as long as one leadership.
    leadership: Option<Token>,
}

impl Member {
    /// The part in this group, not yet linked to a node.
    pub fn new(group: RaftGroup) -> Self {
        Self {
            slot: Slot::default(),
            write_error: Sticky::default(),
            link: Mutex::new(Link { group, node: None, leads_alone: false, leadership: None }),
            updates: watch::Sender::new(0),
            whole: Mutex::default(),
        }
    }

    /// Links a new assignment: its group, and the node of that group where there is one.
    pub fn link(&self, group: RaftGroup, node: Option<Node>) {
        let signals_early = crate::mutant!(M52);
        if signals_early {
            self.signal();
        }
        {
            let mut link = self.link.lock();
            link.group = group;
            if node.is_some() {
                link.node = node;
                link.leads_alone = false;
            }
        }
        // Last: whoever is told reads what was linked.
        if !signals_early {
            self.signal();
        }
    }

    fn signal(&self) {
        self.updates.send_modify(|count| *count += 1);
    }

    /// The group of the last assignment.
    pub fn group(&self) -> RaftGroup {
        self.link.lock().group.clone()
    }

    /// The raft node.
    pub fn node(&self) -> Option<Node> {
        self.link.lock().node.clone()
    }

    /// Takes the node away: the entity has none from here on.
    pub fn take_node(&self) -> Option<Node> {
        self.link.lock().node.take()
    }

    /// Notes what another member has said.
    pub(crate) fn note_whole(&self, from: ServerId, group: GroupName, applied: u64) {
        self.whole.lock().insert(from, Whole { group, applied, said: Instant::now() });
    }

    /// Whether another member has said lately that it lacks nothing up to an entry, which no snapshot will take away from
    /// it: what it was sent of the log begins behind it.
    pub(crate) fn is_whole(&self, server: ServerId, group: &GroupName, index: u64) -> bool {
        let whole = self.whole.lock();
        let said = whole.get(&server).filter(|said| said.group == *group && said.said.elapsed() < TOLD_LATELY);
        said.is_some_and(|said| said.applied >= index)
    }

    /// Signals each new assignment.
    pub fn updates(&self) -> watch::Receiver<u64> {
        self.updates.subscribe()
    }

    /// Whether this server answers for the entity.
    pub fn leads(&self) -> bool {
        let (node, leads_alone) = {
            let link = self.link.lock();
            (link.node.clone(), link.leads_alone)
        };
        node.map_or(leads_alone, |node| node.status().role == Role::Leader)
    }

    /// The server that answers for the entity, as far as is known here.
    pub fn leader(&self, me: ServerId) -> Option<ServerId> {
        let (node, leads_alone) = {
            let link = self.link.lock();
            (link.node.clone(), link.leads_alone)
        };
        match node {
            Some(node) => node.status().leader,
            None => leads_alone.then_some(me),
        }
    }

    /// Leads without a group from here on.
    pub fn lead_alone(&self) {
        let mut link = self.link.lock();
        link.node = None;
        link.leads_alone = true;
    }

    /// Begins a leadership: the token that ends with it. One that was there ends first.
    pub fn begin_leadership(&self) -> Token {
        let token = Token::new();
        let earlier = self.link.lock().leadership.replace(token.clone());
        if let Some(earlier) = earlier {
            earlier.cancel();
        }
        token
    }

    /// Ends the leadership, where there is one.
    pub fn end_leadership(&self) {
        let token = self.link.lock().leadership.take();
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// The token of the leadership.
    pub fn leadership(&self) -> Option<Token> {
        self.link.lock().leadership.clone()
    }

    /// Latches a write error: hands leadership over and observes from here on (O-19, W10). The node goes on until whoever
    /// drives the entity has left. `false` where there was an error before.
    pub async fn fail(&self, error: WriteError) -> bool {
        let (_, is_first) = self.write_error.set(error);
        if is_first && let Some(node) = self.node() {
            // A node that is closed leads no more.
            if !crate::mutant!(M63) {
                let _closed = node.step_down(None).await;
            }
            if !crate::mutant!(M64) {
                let _closed = node.set_observer(true).await;
            }
        }
        is_first
    }
}

impl Member {
    /// The group as this member sees it.
    pub fn cluster_info(&self, me: ServerId) -> ClusterInfo {
        match self.node() {
            Some(node) => {
                let status = node.status();
                let replicas = status.peers.iter().map(|peer| (peer.server, peer.heard)).collect();
                ClusterInfo { group: node.group().to_string(), leader: status.leader, replicas }
            }
            None => ClusterInfo { leader: self.leader(me), ..ClusterInfo::default() },
        }
    }
}
