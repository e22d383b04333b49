//! Who of the other servers is alive, and whether what they lead is: heartbeats out, and what follows from those that
//! come in. [`crate::heartbeat`] is the machinery; here its partitions are raft groups.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use interlock_sync::lock::Mutex;
use interlock_sync::select;
use interlock_sync::time::{Duration, Instant, MissedTickBehavior, interval};

use crate::core::names::{GroupName, ServerId};
use crate::engine::{Engine, meta};
use crate::heartbeat::{Connection, ElectionFailed, Elector, Partition, Receiver, ReceiverStatus, Timing};
use crate::member::Member;
use crate::peer::PeerFrame;
use crate::raft::eraftpb::MessageType;
use crate::server::{Context, Server};

/// How another server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerLiveness {
    /// The server.
    pub server: ServerId,
    /// Time since its last frame, of whatever kind; `None` before the first one.
    pub silent_for: Option<Duration>,
    /// Whether that is short enough.
    pub is_alive: bool,
    /// Groups with a member here that it leads, as it last said.
    pub n_led: usize,
}

/// What is known of another server.
struct Peer {
    connection: Connection,
    heard: Option<Instant>,
    n_led: usize,
}

/// The others, as they are seen from here.
pub struct Liveness {
    timing: Timing,
    receiver: Receiver,
    /// Each under a lock of its own, held for one frame: under it only the table is touched.
    peers: BTreeMap<ServerId, Mutex<Peer>>,
}

impl Liveness {
    /// Begins to watch, and to say what is led here, until the server quits.
    pub(crate) fn start(server: Weak<Server>, context: &Arc<Context>) -> Self {
        let (settings, timing) = (&context.settings, context.settings.heartbeats);
        let receiver = Receiver::start(Arc::new(GroupElector { server: server.clone() }), timing, &context.quit);
        let others = settings.servers.iter().filter(|id| **id != settings.id);
        let peer = |id: &ServerId| (*id, Mutex::new(Peer { connection: receiver.connect(), heard: None, n_led: 0 }));
        let peers = others.map(peer).collect();
        // A server that quits says nothing.
        let _started = context.tasks.spawn(say_what_is_led(server, context.clone()));
        Self { timing, receiver, peers }
    }

    /// A frame of another server has come.
    pub(crate) fn heard(&self, from: ServerId, frame: &PeerFrame) {
        let Some(peer) = self.peers.get(&from) else { return };
        let now = Instant::now();
        let mut peer = peer.lock();
        peer.heard = Some(now);
        match frame {
            PeerFrame::Heartbeat { partitions } => {
                let led: BTreeSet<Partition> =
                    partitions.iter().map(|(topic, number)| Partition::new(topic, *number)).collect();
                peer.n_led = led.len();
                peer.connection.carries(led, now);
                peer.connection.heartbeat_frame(now);
            }
            PeerFrame::Raft { group, message }
                if matches!(message.get_msg_type(), MessageType::MsgAppend | MessageType::MsgSnapshot) =>
            {
                peer.connection.data_frame(&partition_of(group), now);
            }
            _ => {}
        }
    }

    /// The others, in their order.
    pub fn peers(&self) -> Vec<PeerLiveness> {
        let now = Instant::now();
        let seen = |(server, peer): (&ServerId, &Mutex<Peer>)| {
            let peer = peer.lock();
            let silent_for = peer.heard.map(|heard| now.saturating_duration_since(heard));
            let is_alive = silent_for.is_some_and(|silence| silence < self.timing.silence);
            PeerLiveness { server: *server, silent_for, is_alive, n_led: peer.n_led }
        };
        self.peers.iter().map(seen).collect()
    }

    /// What is watched, and what became of it.
    pub fn status(&self) -> ReceiverStatus {
        self.receiver.status()
    }

    /// Ends the monitor and the worker, and waits until they are gone.
    pub(crate) async fn stop(&self) {
        self.receiver.stop().await;
    }
}

/// A group as the table names it. The meta layer is the system's own: it elects its leader by itself.
fn partition_of(group: &GroupName) -> Partition {
    match group.as_str() {
        meta::GROUP => Partition::new(format!("__{}", meta::GROUP), 0),
        name => Partition::new(name, 0),
    }
}

/// Tells each of the others, again and again, which of its groups are led here.
async fn say_what_is_led(server: Weak<Server>, context: Arc<Context>) {
    let mut beats = interval(context.settings.heartbeats.heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            biased;
            () = context.quit.cancelled() => return,
            _ = beats.tick() => {}
        }
        let Some(server) = server.upgrade() else { return };
        for (to, groups) in led_here(&context, server.engine().as_deref()) {
            let partitions = groups.iter().map(partition_of).map(|partition| (partition.topic.to_string(), 0));
            context.network.send(to, PeerFrame::Heartbeat { partitions: partitions.collect() });
        }
    }
}

/// For each other server, the groups of its that are led here. A server without an engine lives and leads nothing.
fn led_here(context: &Context, engine: Option<&Engine>) -> BTreeMap<ServerId, Vec<GroupName>> {
    let settings = &context.settings;
    let others = settings.servers.iter().filter(|id| **id != settings.id);
    let mut led: BTreeMap<ServerId, Vec<GroupName>> = others.map(|id| (*id, Vec::new())).collect();
    let Some(engine) = engine else { return led };
    if engine.meta().is_some_and(|meta| meta.status().is_leader()) {
        led.values_mut().for_each(|groups| groups.push(GroupName::new(meta::GROUP)));
    }
    for stream in engine.streams() {
        add_led(&mut led, stream.member());
        stream.consumers().iter().for_each(|consumer| add_led(&mut led, consumer.member()));
    }
    led
}

/// A leadership is the monitor's: a node that leads for nobody who applies is not said to lead.
fn add_led(led: &mut BTreeMap<ServerId, Vec<GroupName>>, member: &Member) {
    let Some(node) = member.node().filter(|node| node.status().is_leader()) else { return };
    if member.leadership().is_none() {
        return;
    }
    for peer in member.group().peers {
        if let Some(groups) = led.get_mut(&peer) {
            groups.push(node.group().clone());
        }
    }
}

/// Has a leader elected for a group that has a member here.
struct GroupElector {
    server: Weak<Server>,
}

impl Elector for GroupElector {
    fn elect<'a>(
        &'a self,
        partition: &'a Partition,
    ) -> Pin<Box<dyn Future<Output = Result<(), ElectionFailed>> + Send + 'a>> {
        Box::pin(async move {
            let engine = self.server.upgrade().and_then(|server| server.engine());
            match engine {
                Some(engine) => elect(&engine, &GroupName::new(&*partition.topic)).await,
                None => Ok(()),
            }
        })
    }
}

/// Raft elects within an election timeout. Where a group is silent for longer and follows nobody, its member here asks
/// for votes once more; who hears a living leader does not give one.
async fn elect(engine: &Engine, group: &GroupName) -> Result<(), ElectionFailed> {
    // A group that has gone from here, or goes on under another name, is another one's business.
    let Some(node) = engine.node(group) else { return Ok(()) };
    let closed = |_| ElectionFailed("its member here is closed".to_owned());
    let mut status = node.watch();
    let (leader, is_observer) = {
        let seen = status.borrow_and_update();
        (seen.leader, seen.observer)
    };
    match leader {
        Some(leader) if leader == engine.me() => return Ok(()),
        Some(leader) => return Err(ElectionFailed(format!("server {leader} leads it and serves nobody"))),
        None if is_observer => return Err(ElectionFailed("its member here only observes".to_owned())),
        None => {}
    }
    node.campaign().await.map_err(|error| ElectionFailed(error.to_string()))?;
    status.wait_for(|status| status.leader.is_some()).await.map(|_| ()).map_err(closed)
}
