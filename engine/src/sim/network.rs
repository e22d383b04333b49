//! A network between servers of one thread: frames are lost, delayed, repeated and reordered as a seed has it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::{Arc, Weak};

use interlock_sync::channel::Notify;
use interlock_sync::lock::Mutex;
use interlock_sync::random::Random;
use interlock_sync::task;
use interlock_sync::time::{Duration, Instant, sleep_until};

use crate::core::names::ServerId;
use crate::peer::{PeerFrame, PeerNetwork};
use crate::raft::eraftpb::MessageType;
use crate::server::Server;

/// How a way between two servers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The shortest delay.
    pub delay: Duration,
    /// What is added at random.
    pub jitter: Duration,
    /// Percent of frames that are lost.
    pub loss: u64,
    /// Percent of frames that arrive twice.
    pub duplicates: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { delay: Duration::from_micros(200), jitter: Duration::from_micros(300), loss: 0, duplicates: 0 }
    }
}

struct Parcel {
    to: ServerId,
    from: ServerId,
    frame: PeerFrame,
}

struct State {
    random: Random,
    link: Link,
    servers: BTreeMap<ServerId, Weak<Server>>,
    /// The incarnations whose power is on: of others nothing is heard any more.
    powered: BTreeMap<ServerId, u64>,
    /// Ways that are cut.
    cut: BTreeSet<(ServerId, ServerId)>,
    /// Groups whose messages are lost on a way.
    cut_groups: BTreeSet<(ServerId, ServerId, String)>,
    /// Proposals to be lost.
    n_proposals_to_lose: u64,
    /// Messages of catch-ups to be damaged.
    n_catchups_to_damage: u64,
    n_catchup_requests: u64,
    n_proposals: u64,
    n_sent: u64,
    /// Who led which group in which term, as its messages say.
    leaders: BTreeMap<(String, u64), ServerId>,
    two_leaders: Option<String>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    parcels: BTreeMap<u64, Parcel>,
}

/// The network. Clones are the same network.
#[derive(Clone)]
pub struct SimulatedNetwork {
    shared: Arc<(Mutex<State>, Notify)>,
}

/// One server's end of it.
struct Endpoint {
    network: SimulatedNetwork,
    id: ServerId,
    incarnation: u64,
}

impl SimulatedNetwork {
    /// A network whose draws come from a seed. Delivers from a task of its own.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Random::split(seed, "network"),
            link: Link::default(),
            servers: BTreeMap::new(),
            powered: BTreeMap::new(),
            cut: BTreeSet::new(),
            cut_groups: BTreeSet::new(),
            n_proposals_to_lose: 0,
            n_catchups_to_damage: 0,
            n_catchup_requests: 0,
            n_proposals: 0,
            n_sent: 0,
            leaders: BTreeMap::new(),
            two_leaders: None,
            queue: BinaryHeap::new(),
            parcels: BTreeMap::new(),
        };
        let network = Self { shared: Arc::new((Mutex::new(state), Notify::new())) };
        // It ends with the runtime of the test.
        drop(task::spawn(network.clone().deliver()));
        network
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.shared.0.lock())
    }

    /// The end that a server is started with.
    pub fn endpoint(&self, id: ServerId, incarnation: u64) -> Arc<dyn PeerNetwork> {
        self.with(|state| {
            state.servers.remove(&id);
            state.powered.insert(id, incarnation);
        });
        Arc::new(Endpoint { network: self.clone(), id, incarnation })
    }

    /// Connects a started server.
    pub fn connect(&self, id: ServerId, server: &Arc<Server>) {
        self.with(|state| state.servers.insert(id, Arc::downgrade(server)));
    }

    /// Disconnects a server for good; its later frames are lost too.
    pub fn disconnect(&self, id: ServerId) {
        self.with(|state| {
            state.servers.remove(&id);
            state.powered.remove(&id);
        });
    }

    /// How all ways are from here on.
    pub fn set_link(&self, link: Link) {
        self.with(|state| state.link = link);
    }

    /// Cuts a way in one direction.
    pub fn cut(&self, from: ServerId, to: ServerId) {
        self.with(|state| state.cut.insert((from, to)));
    }

    /// Cuts a server off from these others.
    pub fn isolate(&self, id: ServerId, others: &[ServerId]) {
        for other in others.iter().filter(|other| **other != id) {
            self.cut(id, *other);
            self.cut(*other, id);
        }
    }

    /// Loses the messages of one group on one way.
    pub fn cut_group(&self, from: ServerId, to: ServerId, group: &str) {
        self.with(|state| state.cut_groups.insert((from, to, group.to_owned())));
    }

    /// Ends all cuts.
    pub fn heal(&self) {
        self.with(|state| {
            state.cut.clear();
            state.cut_groups.clear();
            state.link = Link::default();
        });
    }

    /// Loses the next proposals that are passed on.
    pub fn lose_proposals(&self, n: u64) {
        self.with(|state| state.n_proposals_to_lose = n);
    }

    /// Damages a message in each of the next answers to catch-ups.
    pub fn damage_catchups(&self, n: u64) {
        self.with(|state| state.n_catchups_to_damage = n);
    }

    /// Requests for catch-ups so far.
    pub fn n_catchup_requests(&self) -> u64 {
        self.with(|state| state.n_catchup_requests)
    }

    /// Proposals that were passed on so far, lost ones included.
    pub fn n_proposals(&self) -> u64 {
        self.with(|state| state.n_proposals)
    }

    /// A group that had two leaders in one term, in words.
    pub fn two_leaders(&self) -> Option<String> {
        self.with(|state| state.two_leaders.clone())
    }

    async fn deliver(self) {
        loop {
            let next = self.with(|state| state.queue.peek().map(|Reverse((at, _))| *at));
            let notified = self.shared.1.notified();
            match next {
                None => notified.await,
                Some(at) if at > Instant::now() => {
                    interlock_sync::select! {
                        biased;
                        () = notified => {}
                        () = sleep_until(at) => {}
                    }
                }
                Some(_) => self.deliver_next(),
            }
        }
    }

    fn deliver_next(&self) {
        let next = self.with(|state| {
            let Reverse((_, number)) = state.queue.pop()?;
            let parcel = state.parcels.remove(&number)?;
            let server = state.servers.get(&parcel.to)?.upgrade()?;
            Some((server, parcel))
        });
        if let Some((server, parcel)) = next {
            server.deliver(parcel.from, parcel.frame);
        }
    }
}

impl State {
    fn is_lost(&mut self, from: ServerId, to: ServerId, frame: &PeerFrame) -> bool {
        if self.cut.contains(&(from, to)) || self.random.chance(self.link.loss) {
            return true;
        }
        match frame {
            PeerFrame::Raft { group, .. } => {
                !self.cut_groups.is_empty() && self.cut_groups.contains(&(from, to, group.to_string()))
            }
            PeerFrame::Proposal { .. } => {
                self.n_proposals += 1;
                let is_lost = self.n_proposals_to_lose > 0;
                self.n_proposals_to_lose -= u64::from(is_lost);
                is_lost
            }
            _ => false,
        }
    }

    fn post(&mut self, from: ServerId, to: ServerId, frame: PeerFrame) {
        let jitter_us = u64::try_from(self.link.jitter.as_micros()).unwrap_or(u64::MAX);
        let at = Instant::now() + self.link.delay + Duration::from_micros(self.random.below(jitter_us));
        self.n_sent += 1;
        self.queue.push(Reverse((at, self.n_sent)));
        self.parcels.insert(self.n_sent, Parcel { to, from, frame });
    }

    fn note_leader(&mut self, from: ServerId, frame: &PeerFrame) {
        let PeerFrame::Raft { group, message } = frame else { return };
        let speaks_as_leader = matches!(
            message.get_msg_type(),
            MessageType::MsgAppend | MessageType::MsgHeartbeat | MessageType::MsgSnapshot
        );
        if speaks_as_leader {
            let leader = *self.leaders.entry((group.to_string(), message.term)).or_insert(from);
            if leader != from {
                self.two_leaders = Some(format!("{leader} and {from} led {group} in term {}", message.term));
            }
        }
    }

    fn damage(&mut self, frame: &mut PeerFrame) {
        match frame {
            PeerFrame::CatchupRequest { .. } => self.n_catchup_requests += 1,
            PeerFrame::CatchupMessages { messages, .. } if self.n_catchups_to_damage > 0 => {
                self.n_catchups_to_damage -= 1;
                if let Some(first) = messages.first_mut() {
                    let mut bytes = first.to_vec();
                    if let Some(last) = bytes.last_mut() {
                        *last ^= 1;
                    }
                    *first = bytes.into();
                }
            }
            _ => {}
        }
    }
}

impl PeerNetwork for Endpoint {
    fn try_send(&self, to: ServerId, mut frame: PeerFrame) -> bool {
        self.network.with(|state| {
            let is_alive = state.powered.get(&self.id) == Some(&self.incarnation);
            if is_alive {
                state.note_leader(self.id, &frame);
            }
            if !is_alive || state.is_lost(self.id, to, &frame) {
                return;
            }
            state.damage(&mut frame);
            if state.random.chance(state.link.duplicates) {
                state.post(self.id, to, frame.clone());
            }
            state.post(self.id, to, frame);
        });
        self.network.shared.1.notify_one();
        // What is lost here is lost on the way.
        true
    }
}
