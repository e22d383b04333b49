//! An engine with nothing in it but what a model puts there, on a server of a cluster whose others are the model.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use interlock_engine::api::{Publish, Request, Response};
use interlock_engine::core::assignment::{Asker, ConsumerAssignment, RaftGroup, StreamAssignment};
use interlock_engine::core::config::{ConsumerConfig, StreamConfig};
use interlock_engine::core::meta::{Identity, MetaChange, MetaEntry, decode};
use interlock_engine::core::names::{ConsumerKey, GroupName, ServerId};
use interlock_engine::disk::{Disk, SimulatedDisk};
use interlock_engine::engine::Engine;
use interlock_engine::peer::{PeerFrame, PeerNetwork};
use interlock_engine::raft::eraftpb::{Message, MessageType};
use interlock_engine::raft::{GroupOptions, Network, Node, NodeContext, Reactions, Timing};
use interlock_engine::server::{Context, Settings};
use interlock_engine::stream::Stream;
use interlock_sync::channel::mpsc;
use interlock_sync::time::{Duration, sleep};

/// The engine's server, and the one that leads whatever has a leader.
pub(crate) const ME: ServerId = ServerId(1);
pub(crate) const OTHER: ServerId = ServerId(2);

/// The other server. It takes part in every group as a member that lacks nothing and answers at once; what is proposed
/// to the meta layer arrives there.
struct Other {
    engine: OnceLock<Weak<Engine>>,
    proposed: mpsc::UnboundedSender<Identity>,
    /// What it was told to do by the raft groups. Not a part of the model: looking at it is no step.
    told: Mutex<Vec<MessageType>>,
}

impl PeerNetwork for Other {
    fn try_send(&self, _to: ServerId, frame: PeerFrame) -> bool {
        match frame {
            PeerFrame::Proposal { data, .. } => {
                let entry: MetaEntry = decode("meta entry", &data).expect("what is proposed can be decoded");
                let MetaChange::RemoveConsumer(identity) = entry.change else {
                    panic!("only removals are proposed here")
                };
                self.proposed.send(identity).is_ok()
            }
            PeerFrame::Raft { group, message } => {
                self.told.lock().expect("nobody panics in it").push(message.get_msg_type());
                if let (Some(reply), Some(engine)) = (reply(&message), self.engine.get().and_then(Weak::upgrade)) {
                    engine.step(&group, reply);
                }
                true
            }
            _ => false,
        }
    }
}

/// What the other server says to a message of raft.
fn reply(message: &Message) -> Option<Message> {
    let kind = match message.get_msg_type() {
        MessageType::MsgRequestPreVote => MessageType::MsgRequestPreVoteResponse,
        MessageType::MsgRequestVote => MessageType::MsgRequestVoteResponse,
        MessageType::MsgAppend => MessageType::MsgAppendResponse,
        // It is elected.
        MessageType::MsgTimeoutNow => MessageType::MsgHeartbeat,
        _ => return None,
    };
    let mut reply = from_other(kind, message.term + u64::from(kind == MessageType::MsgHeartbeat));
    if kind == MessageType::MsgAppendResponse {
        reply.index = message.index + message.entries.len() as u64;
    }
    Some(reply)
}

/// An engine, and the removals that it proposes.
pub(crate) struct Bare {
    pub(crate) engine: Arc<Engine>,
    pub(crate) disk: SimulatedDisk,
    pub(crate) proposed: mpsc::UnboundedReceiver<Identity>,
    other: Arc<Other>,
}

/// Nothing happens by time's passing but what a model is about.
fn timing() -> Timing {
    Timing { tick: Duration::from_secs(1 << 20), ..Timing::default() }
}

impl Bare {
    pub(crate) fn new() -> Self {
        Self::adjusted(|_| {})
    }

    /// The same on a server that is told otherwise.
    pub(crate) fn adjusted(adjust: impl FnOnce(&mut Settings)) -> Self {
        let disk = SimulatedDisk::default();
        let mut settings = Settings { timing: timing(), ..Settings::new(ME, vec![ME, OTHER], PathBuf::from("/s1")) };
        adjust(&mut settings);
        let (sender, proposed) = mpsc::unbounded_channel();
        let other = Arc::new(Other { engine: OnceLock::new(), proposed: sender, told: Mutex::default() });
        let context = Context::without_server(settings, Disk::in_place(Arc::new(disk.clone())), other.clone());
        let engine = Engine::bare(context);
        other.engine.set(Arc::downgrade(&engine)).expect("it is the first");
        Self { engine, disk, proposed, other }
    }

    /// Whether the other server was told this by a raft group.
    pub(crate) fn was_told(&self, kind: MessageType) -> bool {
        self.other.told.lock().expect("nobody panics in it").contains(&kind)
    }

    /// Places the stream on both servers, and has this one lead it.
    pub(crate) async fn lead_stream(&self) -> Arc<Stream> {
        self.engine.decide(MetaChange::AssignStream(stream(group("t", &[ME, OTHER])))).await;
        let stream = self.engine.stream("T").expect("it runs");
        let node = stream.member().node().expect("it has a group");
        node.campaign().await.expect("it is not closed");
        while stream.member().leadership().is_none() || node.status().applied < node.status().last_index {
            sleep(Duration::from_millis(1)).await;
        }
        stream
    }

    /// Has a message published.
    pub(crate) async fn publish(&self) -> Response {
        let message = Publish { subject: "T.a".into(), payload: b"one".as_slice().into(), ..Publish::default() };
        self.engine.handle(Request::Publish(message)).await
    }

    /// Gives the engine a member of the meta layer that follows the other server.
    pub(crate) async fn follow_meta(&self) {
        let name = GroupName::new("meta");
        let options = GroupOptions {
            timing: timing(),
            ..GroupOptions::new(name, ME, vec![ME, OTHER], PathBuf::from("/s1/meta"))
        };
        let context: Arc<Context> = self.engine.context().clone();
        let (network, reactions): (Arc<dyn Network>, Arc<dyn Reactions>) = (context.clone(), context.clone());
        let started = Node::start(options, NodeContext { disk: context.disk.clone(), network, reactions }).await;
        let (node, queue) = started.expect("the disk is well");
        node.step(from_other(MessageType::MsgHeartbeat, 1));
        let known = node.watch().wait_for(|status| status.leader == Some(OTHER)).await.is_ok();
        assert!(known, "it is not closed");
        // Nobody monitors the meta layer: the model decides.
        drop(queue);
        drop(self.engine.swap_meta(Some(node)));
    }

    /// Ends what is left.
    pub(crate) async fn end(self) {
        let context = self.engine.context().clone();
        context.quit.cancel();
        context.tasks.close();
        self.engine.shutdown().await;
        context.tasks.wait().await;
    }
}

fn from_other(kind: MessageType, term: u64) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    (message.from, message.to, message.term) = (OTHER.0, ME.0, term);
    message
}

/// A stream's group, and its name.
pub(crate) fn group(name: &str, peers: &[ServerId]) -> RaftGroup {
    RaftGroup::fresh(GroupName::new(name), peers.to_vec())
}

pub(crate) fn stream(group: RaftGroup) -> StreamAssignment {
    let config = StreamConfig { name: "T".to_owned(), subjects: vec!["T.>".to_owned()], ..StreamConfig::default() };
    StreamAssignment { config, created_ns: 1, group, asker: Asker::default(), revision: 0 }
}

pub(crate) fn consumer(config: ConsumerConfig, created_ns: u64, group: RaftGroup) -> ConsumerAssignment {
    let config = ConsumerConfig { name: "C".to_owned(), ..config };
    ConsumerAssignment { stream: "T".to_owned(), config, created_ns, group, asker: Asker::default(), revision: 0 }
}

pub(crate) fn key() -> ConsumerKey {
    ConsumerKey { stream: "T".to_owned(), name: "C".to_owned() }
}
