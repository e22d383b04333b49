//! Clients that publish and read while a cluster has its troubles. They remember what they were told.

use std::sync::Arc;

use interlock_sync::lock::Mutex;
use interlock_sync::random::Random;
use interlock_sync::task;
use interlock_sync::time::{Duration, Instant, sleep, timeout};

use super::history::{Attempt, Batch, History, LastSeqRead, Purge, Removal};
use super::swarm::{Part, Swarm};
use super::users;
use super::world::Servers;
use crate::api::{Expectations, Publish, Request, Response};
use crate::core::api_error::ApiError;
use crate::core::entry::BatchPart;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Clients that publish one message at a time.
const N_PUBLISHERS: u64 = 3;
/// How often a message with an id is sent at most.
const MAX_TRIES: usize = 4;

/// What the clients of a run share.
pub(super) struct Clients {
    /// Who can be asked.
    pub servers: Servers,
    /// What they were told.
    pub history: Mutex<History>,
    /// When they began.
    pub started: Instant,
    parts: Vec<Part>,
    is_over: Mutex<bool>,
}

impl Clients {
    /// The clients of a run, which begin now.
    pub(super) fn new(servers: Servers, parts: &[Part]) -> Arc<Self> {
        Arc::new(Self {
            servers,
            history: Mutex::default(),
            started: Instant::now(),
            parts: parts.to_vec(),
            is_over: Mutex::new(false),
        })
    }

    /// The time of the run.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether they are to leave.
    pub(super) fn is_over(&self) -> bool {
        *self.is_over.lock()
    }

    /// Has them leave.
    pub(super) fn end(&self) {
        *self.is_over.lock() = true;
    }

    /// Asks some server that runs.
    pub(super) async fn ask(&self, random: &mut Random, request: Request) -> Response {
        let server = self.servers.draw(random);
        let Some(server) = server else { return Response::Silence };
        let response = timeout(PATIENCE, server.handle(request)).await.unwrap_or(Response::Silence);
        // What a server says after its power is gone, nobody hears.
        if self.servers.is_running(&server) { response } else { Response::Silence }
    }

    /// Notes an answer that cannot have been.
    pub(super) fn accuse(&self, what: String) {
        self.history.lock().impossible.push(what);
    }

    fn some_stream(&self, random: &mut Random) -> &'static str {
        let n_parts = self.parts.len() as u64;
        self.parts[usize::try_from(random.below(n_parts)).unwrap_or(0)].name()
    }

    /// Begins all of them.
    pub(super) fn begin(self: &Arc<Self>, seed: u64, swarm: &Swarm) -> Vec<task::JoinHandle<()>> {
        let random = |name: &str| Random::split(seed, name);
        let mut tasks: Vec<_> = (0..N_PUBLISHERS)
            .map(|number| task::spawn(publish_for_ever(self.clone(), random(&format!("publisher {number}")), number)))
            .collect();
        tasks.push(task::spawn(send_batches(self.clone(), random("batches"))));
        tasks.push(task::spawn(read_for_ever(self.clone(), random("reader"))));
        tasks.push(task::spawn(users::consume(self.clone(), random("consumer"))));
        if swarm.parts.contains(&Part::W) {
            tasks.push(task::spawn(users::work(self.clone(), random("worker"))));
        }
        if swarm.has_ephemerals {
            tasks.push(task::spawn(users::come_and_go(self.clone(), random("ephemerals"))));
            tasks.push(task::spawn(users::keep_alive(self.clone(), random("keeper"))));
            tasks.push(task::spawn(users::take_long(self.clone(), random("sloth"))));
        }
        if swarm.has_deletions {
            tasks.push(task::spawn(delete_for_ever(self.clone(), random("deletions"))));
        }
        tasks
    }
}

/// How a message is published.
enum Manner {
    /// Once.
    Plain,
    /// With an id, again until the answer comes.
    WithId,
    /// Only where the stream's last sequence is as it was read.
    Expecting,
}

async fn publish_for_ever(clients: Arc<Clients>, mut random: Random, number: u64) {
    let mut count = 0_u64;
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(400))).await;
        count += 1;
        let stream = clients.some_stream(&mut random);
        let manner = match random.below(10) {
            0 | 1 => Manner::WithId,
            2 => Manner::Expecting,
            _ => Manner::Plain,
        };
        let payload = format!("{number}/{count}").into_bytes();
        publish(&clients, &mut random, Sending { stream, subject: format!("{stream}.{number}"), payload, manner })
            .await;
    }
}

/// A message to be published.
struct Sending {
    stream: &'static str,
    subject: String,
    payload: Vec<u8>,
    manner: Manner,
}

async fn publish(clients: &Arc<Clients>, random: &mut Random, sending: Sending) {
    let Sending { stream, subject, payload, manner } = sending;
    let mut message = Publish { subject: subject.clone(), payload: payload.clone(), ..Publish::default() };
    let mut tries = 1;
    match manner {
        Manner::Plain => {}
        Manner::WithId => {
            message.msg_id = Some(String::from_utf8_lossy(&payload).into_owned());
            tries = MAX_TRIES;
        }
        Manner::Expecting => {
            let Response::Stream(info) = clients.ask(random, Request::StreamInfo(stream.to_owned())).await else {
                return;
            };
            message.expect = Expectations { last_seq: Some(info.totals.last_seq), ..Expectations::default() };
        }
    }
    let expected = message.expect.last_seq;
    let sent = clients.now();
    let mut attempt =
        Attempt { stream: stream.to_owned(), subject, payload, sent, acknowledged: None, is_refused: false };
    for _ in 0..tries {
        let response = clients.ask(random, Request::Publish(message.clone())).await;
        tracing::debug!(stream, "{} of {sent}: {response:?} at {}", attempt.text(), clients.now());
        if let Response::Published(ack) = &response {
            attempt.acknowledged = Some((ack.seq, clients.now()));
            if expected.is_some_and(|last_seq| ack.seq != last_seq + 1) {
                clients.accuse(format!("{} went behind {expected:?} of {stream}, and is {}", attempt.text(), ack.seq));
            }
            break;
        }
        attempt.is_refused = expected.is_some_and(|_| is_wrong_sequence(&response));
    }
    clients.history.lock().attempts.push(attempt);
}

fn is_wrong_sequence(response: &Response) -> bool {
    matches!(response, Response::Error(error) if error.err_code == ApiError::wrong_last_sequence(0).err_code)
}

async fn send_batches(clients: Arc<Clients>, mut random: Random) {
    let mut count = 0_u64;
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(5_000))).await;
        count += 1;
        let n_messages = 2 + u32::try_from(random.below(3)).unwrap_or(0);
        let payloads: Vec<Vec<u8>> = (1..=n_messages).map(|seq| format!("batch {count}/{seq}").into_bytes()).collect();
        send_batch(&clients, &mut random, &format!("batch {count}"), payloads).await;
    }
}

async fn send_batch(clients: &Arc<Clients>, random: &mut Random, id: &str, payloads: Vec<Vec<u8>>) {
    let stream = Part::A.name();
    let sent = clients.now();
    let n_messages = payloads.len();
    let mut last_seq = None;
    let subject = format!("{stream}.batch");
    // Now and then the end comes when it is too late, or almost.
    let pause = if random.chance(10) { Duration::from_millis(8_500 + random.below(3_000)) } else { Duration::ZERO };
    for (seq, payload) in (1_u32..).zip(&payloads) {
        let commit = usize::try_from(seq).is_ok_and(|seq| seq == n_messages);
        if commit {
            sleep(pause).await;
        }
        let batch = Some(BatchPart { id: id.to_owned(), seq, commit });
        let message = Publish { subject: subject.clone(), payload: payload.clone(), batch, ..Publish::default() };
        match clients.ask(random, Request::Publish(message)).await {
            Response::Published(ack) if commit => last_seq = Some((ack.seq, clients.now())),
            Response::Done if !commit => {}
            // The rest would make it no better.
            _ => break,
        }
    }
    let mut history = clients.history.lock();
    for (behind, payload) in (0_u64..).zip(payloads.iter().rev()) {
        let acknowledged = last_seq.map(|(seq, at)| (seq.saturating_sub(behind), at));
        let (stream, subject, payload) = (stream.to_owned(), subject.clone(), payload.clone());
        history.attempts.push(Attempt { stream, subject, payload, sent, acknowledged, is_refused: false });
    }
    history.batches.push(Batch { stream: stream.to_owned(), payloads });
}

async fn read_for_ever(clients: Arc<Clients>, mut random: Random) {
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(900))).await;
        let stream = clients.some_stream(&mut random);
        let sent = clients.now();
        let response = clients.ask(&mut random, Request::StreamInfo(stream.to_owned())).await;
        if let Response::Stream(info) = response {
            let (answered, last_seq) = (clients.now(), info.totals.last_seq);
            tracing::debug!("{stream} read of {sent}: {last_seq} at {answered} of {:?}", info.cluster);
            let read = LastSeqRead { stream: stream.to_owned(), sent, answered, last_seq };
            clients.history.lock().reads.push(read);
        }
    }
}

/// Deletes acknowledged messages of streams that are scaled and moved, and now and then all of them.
async fn delete_for_ever(clients: Arc<Clients>, mut random: Random) {
    while !clients.is_over() {
        sleep(Duration::from_millis(random.below(3_000))).await;
        let stream = if random.chance(50) { Part::B } else { Part::C }.name();
        if random.chance(5) {
            purge(&clients, &mut random, stream).await;
            continue;
        }
        let known: Vec<u64> = {
            let history = clients.history.lock();
            let of_stream = history.attempts.iter().filter(|attempt| attempt.stream == stream);
            of_stream.filter_map(|attempt| attempt.acknowledged).map(|(seq, _)| seq).collect()
        };
        let Some(seq) = known.get(usize::try_from(random.below(known.len() as u64)).unwrap_or(0)) else { continue };
        let request = Request::MessageDelete { stream: stream.to_owned(), seq: *seq };
        let is_confirmed = clients.ask(&mut random, request).await == Response::Done;
        clients.history.lock().removals.push(Removal { stream: stream.to_owned(), seq: *seq, is_confirmed });
    }
}

async fn purge(clients: &Clients, random: &mut Random, stream: &str) {
    let sent = clients.now();
    let request = Request::StreamPurge { stream: stream.to_owned(), filter: None, keep: 0 };
    let confirmed = match clients.ask(random, request).await {
        Response::Removed(_) => Some(clients.now()),
        _ => None,
    };
    clients.history.lock().purges.push(Purge { stream: stream.to_owned(), sent, confirmed });
}
