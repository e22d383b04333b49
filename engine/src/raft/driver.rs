//! The task that drives a raft node: inputs in, one ready at a time, durable before it is spoken of.
//!
//! From taking a ready until raft has been told to go on, nothing else is asked of the node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use interlock_sync::channel::{mpsc, oneshot};
use interlock_sync::select;
use interlock_sync::time::{Instant, sleep_until};
use raft::ReadState;
use raft::eraftpb::{ConfChangeV2, Message};

use super::error::{ChangeError, ProposeError};
use super::host::{Held, Host};
use super::log::LogWriter;
use super::machine::Machine;
use super::node::{Proposed, Shared};
use super::status::Status;
use super::turn::{Outcome, Turn};
use crate::core::names::ServerId;
use crate::core::write_error::WriteError;

/// Inputs that one turn takes at most.
const INPUTS_PER_TURN: usize = 4096;

/// The bits of a read's context that are its number; the server is in the others.
const READ_NUMBER: u64 = (1 << 40) - 1;

/// What a handle asks.
pub(super) enum Input {
    Message(Message),
    Propose {
        term: Option<u64>,
        data: Bytes,
        reply: oneshot::Sender<Result<Proposed, ProposeError>>,
    },
    /// Entries that stand in the log in a row.
    ProposeAll {
        term: Option<u64>,
        entries: Vec<Bytes>,
        reply: oneshot::Sender<Result<(), ProposeError>>,
    },
    Change {
        change: ConfChangeV2,
        reply: oneshot::Sender<Result<Proposed, ChangeError>>,
    },
    Read {
        reply: oneshot::Sender<u64>,
    },
    Transfer {
        to: ServerId,
        reply: oneshot::Sender<bool>,
    },
    Campaign {
        reply: oneshot::Sender<()>,
    },
    StepDown {
        preferred: Option<ServerId>,
        reply: oneshot::Sender<()>,
    },
    Observer {
        observer: bool,
        reply: oneshot::Sender<()>,
    },
    Compact {
        index: u64,
        reply: oneshot::Sender<()>,
    },
    /// The state machine needs a newer snapshot.
    RequestSnapshot,
    /// Another holder of the lock has changed the node.
    #[cfg(feature = "shared-lock")]
    Look,
}

/// Why a turn ended the loop.
pub(super) enum End {
    /// Somebody closed the node.
    Quit,
    /// The node's own error.
    Failed(WriteError),
}

impl From<WriteError> for End {
    fn from(error: WriteError) -> Self {
        Self::Failed(error)
    }
}

/// Whether the next turn waits for an input or a tick.
enum Next {
    Again,
    Wait,
}

/// Everything of the driver but the node.
pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    inputs: mpsc::UnboundedReceiver<Input>,
    /// None while a write is under way.
    pub(super) writer: Option<LogWriter>,
    next_tick: Instant,
    /// What was last published, and the place where the next is made.
    shown: Status,
    reads: BTreeMap<u64, oneshot::Sender<u64>>,
    n_reads: u64,
    /// Whether reads were answered at the end of the last turn.
    answers_reads: bool,
    /// The last entry that every peer which is heard has, while this node leads.
    pub(super) slowest: Option<u64>,
    /// Step-downs that are waited for, and the tick at which they end in any case.
    leaving: Vec<(oneshot::Sender<()>, u64)>,
    /// Answered when the turn has said what it had to say.
    replies: Vec<oneshot::Sender<()>>,
    pub(super) compactions: Vec<(u64, oneshot::Sender<()>)>,
    /// A heartbeat has passed since the commit index was last looked at.
    pub(super) keeps_commit: bool,
}

/// Closes the node when the driver's task ends, in whichever way.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.is_closed() {
            // Raft panics where its rules are broken. The node has ended; its error says so.
            self.0.latch(&WriteError::other("the driver ended by a panic"));
        }
        self.0.close();
        self.0.ended.cancel();
    }
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, inputs: mpsc::UnboundedReceiver<Input>, writer: LogWriter) -> Self {
        Self {
            next_tick: Instant::now() + shared.options.timing.tick,
            shared,
            shown: Status::default(),
            inputs,
            writer: Some(writer),
            reads: BTreeMap::new(),
            n_reads: 0,
            answers_reads: false,
            slowest: None,
            leaving: Vec::new(),
            replies: Vec::new(),
            compactions: Vec::new(),
            keeps_commit: false,
        }
    }

    /// Drives the node until it is closed or fails.
    pub(super) async fn run(mut self, mut host: Host) {
        let _ending = Ending(self.shared.clone());
        let mut next = Next::Again;
        let end = loop {
            let input = match next {
                Next::Again => None,
                Next::Wait => match self.next_input().await {
                    Ok(input) => input,
                    Err(end) => break end,
                },
            };
            next = match self.turn(&mut host, input).await {
                Ok(follows) => follows,
                Err(end) => break end,
            };
        };
        match end {
            End::Quit => self.leave().await,
            End::Failed(error) => {
                host.hold().await.forget_vote();
                self.shared.fail(&error);
            }
        }
        self.shared.close();
    }

    /// Waits for an input or a tick.
    async fn next_input(&mut self) -> Result<Option<Input>, End> {
        let quit = self.shared.quit.clone();
        select! {
            biased;
            () = quit.cancelled() => Err(End::Quit),
            input = self.inputs.recv() => input.map(Some).ok_or(End::Quit),
            () = sleep_until(self.next_tick) => Ok(None),
        }
    }

    async fn turn(&mut self, host: &mut Host, input: Option<Input>) -> Result<Next, End> {
        if self.shared.is_closed() {
            return Err(End::Quit);
        }
        self.take_inputs(&mut *host.hold().await, input);
        let outcome = self.handle_ready(host).await?;
        let mut held = host.hold().await;
        self.conclude(&mut held);
        // In each turn, and before anything is delivered: whoever applies an entry finds its leader in the status (G-15).
        self.publish(&held);
        let goes_on = held.has_ready() && !outcome.waits;
        // Who is told of entries may ask for the node (O-35).
        held.release();
        self.deliver(outcome).await?;
        self.compact().await?;
        self.replies.drain(..).for_each(|reply| answer(reply, ()));
        Ok(if goes_on || !self.inputs.is_empty() { Next::Again } else { Next::Wait })
    }

    /// Handles one ready, if there is one: makes it durable, says what waited for that (O-23, O-24, W13), applies what is
    /// committed.
    async fn handle_ready(&mut self, host: &mut Host) -> Result<Outcome, End> {
        let mut held = host.hold().await;
        if !held.has_ready() {
            return Ok(Outcome::default());
        }
        let mut turn = held.begin()?;
        // A leader may speak before its own disk: the others' count without it.
        self.send(std::mem::take(&mut turn.messages));
        self.answer_reads(std::mem::take(&mut turn.reads));
        #[cfg(feature = "mutation")]
        if crate::mutant!(M115) {
            self.persist(&mut turn).await?;
            return self.settle(held, turn, false).await;
        }
        // Raft goes on while the disk works where the node is shared; an actor's waits here, with its turn open.
        let is_early = held.is_shared() && !crate::mutant!(M114);
        if is_early {
            held.advance_early(&mut turn);
        }
        held.release();
        self.persist(&mut turn).await?;
        self.settle(host.hold().await, turn, is_early).await
    }

    /// What a turn leads to once it is durable.
    async fn settle(&mut self, mut held: Held<'_>, mut turn: Turn, is_early: bool) -> Result<Outcome, End> {
        held.persisted(&turn, is_early);
        if crate::mutant!(M110) && turn.snapshot.is_some() {
            return Ok(Outcome {
                applies: turn.snapshot.iter().map(super::turn::installed).collect(),
                waits: true,
                ..Outcome::default()
            });
        }
        self.send(std::mem::take(&mut turn.persisted_messages));
        let mut outcome = held.finish(turn)?;
        #[cfg(all(feature = "shared-lock", feature = "mutation"))]
        if crate::mutant!(M100) && outcome.members.is_some() {
            held.lock_again().await;
        }
        self.send(std::mem::take(&mut outcome.messages));
        Ok(outcome)
    }

    fn send(&self, messages: Vec<Message>) {
        for message in messages {
            let to = ServerId(message.to);
            self.shared.context.network.send(to, &self.shared.options.name, message);
        }
    }

    fn answer_reads(&mut self, reads: Vec<ReadState>) {
        for read in reads {
            let number = u64_of(&read.request_ctx).map(|context| context & READ_NUMBER);
            if let Some(reply) = number.and_then(|number| self.reads.remove(&number)) {
                answer(reply, read.index);
            }
        }
    }

    /// Takes what waits, up to a bound, and a tick if it is due.
    fn take_inputs(&mut self, machine: &mut Machine, first: Option<Input>) {
        machine.set_processed(self.shared.processed.load(Ordering::Acquire));
        let mut input = first;
        for _ in 0..INPUTS_PER_TURN {
            let Some(taken) = input.take().or_else(|| self.inputs.try_recv().ok()) else { break };
            self.take_input(machine, taken);
        }
        let now = Instant::now();
        if now >= self.next_tick {
            // From now on: ticks that were missed while the disk kept the node are not made up for.
            self.next_tick = now + self.shared.options.timing.tick;
            machine.tick();
            let is_heartbeat = machine.n_ticks().is_multiple_of(self.shared.options.timing.heartbeat_ticks as u64);
            if is_heartbeat {
                self.keeps_commit = true;
                self.retry_reads(machine);
            }
        }
    }

    fn take_input(&mut self, machine: &mut Machine, input: Input) {
        match input {
            Input::Message(message) => {
                self.shared.n_messages.fetch_sub(1, Ordering::Relaxed);
                machine.step(message);
            }
            Input::Propose { term, data, reply } => {
                self.shared.n_proposals.fetch_sub(1, Ordering::Relaxed);
                answer(reply, machine.propose(term, data));
            }
            Input::ProposeAll { term, entries, reply } => {
                self.shared.n_proposals.fetch_sub(1, Ordering::Relaxed);
                let mut entries = entries.into_iter();
                answer(reply, entries.try_for_each(|data| machine.propose(term, data).map(|_| ())));
            }
            Input::Change { change, reply } => answer(reply, machine.change_members(change)),
            Input::Read { reply } => {
                self.n_reads += 1;
                self.reads.insert(self.n_reads, reply);
                machine.read_index(self.read_context(self.n_reads));
            }
            Input::Transfer { to, reply } => answer(reply, machine.transfer(to)),
            Input::Campaign { reply } => {
                machine.campaign();
                self.replies.push(reply);
            }
            Input::StepDown { preferred, reply } => {
                machine.step_down(preferred);
                let patience = 3 * self.shared.options.timing.heartbeat_ticks as u64;
                self.leaving.push((reply, machine.n_ticks() + patience));
            }
            Input::Observer { observer, reply } => {
                machine.set_observer(observer);
                self.replies.push(reply);
            }
            Input::Compact { index, reply } => self.compactions.push((index, reply)),
            Input::RequestSnapshot => {
                let _asked_again = machine.request_snapshot();
            }
            #[cfg(feature = "shared-lock")]
            Input::Look => {}
        }
    }

    /// Contexts of reads are unique in the group: a leader answers them for all.
    fn read_context(&self, number: u64) -> u64 {
        (self.shared.options.server.0 << READ_NUMBER.count_ones()) | (number & READ_NUMBER)
    }

    /// Raft ignores a read until the leader has committed in its term, and a message may be lost.
    fn retry_reads(&mut self, machine: &mut Machine) {
        self.reads.retain(|_, reply| !reply.is_closed());
        for number in self.reads.keys() {
            machine.read_index(self.read_context(*number));
        }
    }

    /// What the turn's end settles.
    fn conclude(&mut self, machine: &mut Machine) {
        let now = machine.n_ticks();
        if machine.is_leader() && self.leaving.iter().any(|(_, until)| now >= *until) {
            machine.follow();
        }
        let answers_reads = machine.answers_reads();
        if answers_reads && !std::mem::replace(&mut self.answers_reads, answers_reads) {
            self.retry_reads(machine);
        }
        self.answers_reads = answers_reads;
        if !self.compactions.is_empty() {
            self.slowest = machine.slowest_heard();
        }
        if !machine.is_leader() {
            self.replies.extend(self.leaving.drain(..).map(|(reply, _)| reply));
        }
    }

    fn publish(&mut self, machine: &Machine) {
        machine.show(&mut self.shown);
        self.shared.status.send_if_modified(|published| {
            let is_new = *published != self.shown;
            if is_new {
                published.clone_from(&self.shown);
            }
            is_new
        });
    }
}

fn u64_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Whoever asked may have gone.
pub(super) fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    let _gone = reply.send(value);
}
