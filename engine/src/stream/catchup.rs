//! Catching up: a follower that was sent a snapshot fetches the messages that it lacks from the leader.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use interlock_sync::time::{Duration, Instant, sleep, timeout};
use interlock_sync::token::Token;

use super::Stream;
use super::apply::Failure;
use crate::calls::Unanswered;
use crate::core::meta::decode;
use crate::core::names::ServerId;
use crate::core::stream::{StreamSnapshot, StreamState};
use crate::core::write_error::WriteError;
use crate::engine::Engine;
use crate::events::Event;
use crate::peer::PeerFrame;
use crate::raft::Node;
use crate::store::{NewMessage, StoredMessage};

/// How long the first messages are waited for.
const START_LIMIT: Duration = Duration::from_secs(5);
/// Attempts, and the pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// A leader's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatchupAnswer {
    /// Messages in order, and what to ask for next.
    Messages {
        /// Encoded messages.
        messages: Vec<Bytes>,
        /// Behind the range: there is no more.
        next_seq: u64,
    },
    /// The leader cannot serve it.
    Refused(String),
}

/// How the adoption of a snapshot ended.
pub(super) enum CatchupEnd {
    /// Everything is here, and durable.
    Complete,
    /// The monitor has to leave.
    Told,
    /// It failed, and would fail again.
    Failed(Failure),
    /// What is here cannot be completed: the store has to be filled anew.
    Hopeless(String),
    /// Nobody who was asked has the messages of this snapshot: a newer one is needed.
    Gone(String),
}

/// Why one attempt ended.
enum AttemptEnd {
    Again(String),
    /// The connection with who was asked is lost, which says nothing about the messages.
    Lost(&'static str),
    Failed(Failure),
}

impl AttemptEnd {
    fn again(why: &str) -> Self {
        Self::Again(why.to_owned())
    }
}

impl From<Failure> for AttemptEnd {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The bytes of a message for the way: a checksum, then its fields.
pub(super) fn encode_message(message: &StoredMessage) -> Bytes {
    let mut body = Vec::with_capacity(32 + message.subject.len() + message.headers.len() + message.payload.len());
    body.put_u64_le(message.seq);
    body.put_u64_le(message.time_ns);
    body.put_u32_le(u32::try_from(message.subject.len()).unwrap_or(u32::MAX));
    body.put_u32_le(u32::try_from(message.headers.len()).unwrap_or(u32::MAX));
    body.put_slice(message.subject.as_bytes());
    body.put_slice(&message.headers);
    body.put_slice(&message.payload);
    let mut bytes = Vec::with_capacity(4 + body.len());
    bytes.put_u32_le(crc32c::crc32c(&body));
    bytes.put_slice(&body);
    bytes.into()
}

/// The message of these bytes; `None` where they are not what was sent.
pub(super) fn decode_message(bytes: &Bytes) -> Option<StoredMessage> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if number(0)? != crc32c::crc32c(bytes.get(4..)?) {
        return None;
    }
    let (seq, time_ns) = (long(4)?, long(12)?);
    let subject_end = 28 + usize::try_from(number(20)?).ok()?;
    let headers_end = subject_end + usize::try_from(number(24)?).ok()?;
    let subject = std::str::from_utf8(bytes.get(28..subject_end)?).ok()?.to_owned();
    let headers = (headers_end <= bytes.len()).then(|| bytes.slice(subject_end..headers_end))?;
    Some(StoredMessage { seq, time_ns, subject, headers, payload: bytes.slice(headers_end..) })
}

impl Stream {
    /// Adopts a snapshot: its deletions, then the messages that are missing here, then its state.
    pub(super) async fn adopt_snapshot(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        node: &Node,
        token: &Token,
        data: &[u8],
    ) -> CatchupEnd {
        let snapshot = match decode::<StreamSnapshot>("stream snapshot", data) {
            Ok(snapshot) => snapshot,
            Err(error) => return CatchupEnd::Failed(Failure::Write(WriteError::other(error.to_string()))),
        };
        self.inner.lock().is_whole = false;
        if let Err(failure) = self.adopt_deletes(&snapshot).await {
            return CatchupEnd::Failed(failure);
        }
        self.catching_up.send_replace(true);
        let node_quit = node.quit();
        let caught_up = interlock_sync::select! {
            biased;
            () = token.cancelled() => None,
            () = node_quit.cancelled() => None,
            () = engine.context().quit.cancelled() => None,
            end = self.fetch_missing(engine, node, &snapshot) => Some(end),
        };
        // Who waits for a newer snapshot still catches up.
        self.catching_up.send_replace(matches!(caught_up, Some(Err(CatchupEnd::Gone(_)))));
        match caught_up {
            None => CatchupEnd::Told,
            Some(Err(end)) => end,
            Some(Ok(())) => self.finish_catchup(snapshot).await,
        }
    }

    async fn adopt_deletes(&self, snapshot: &StreamSnapshot) -> Result<(), Failure> {
        let extent = &snapshot.extent;
        if self.store.totals().last_seq > extent.last_seq {
            self.store.truncate(extent.last_seq)?;
        }
        self.store.compact(extent.first_seq, snapshot.applied)?;
        for gone in extent.deleted.iter() {
            // Who reads asks the store: what the others have deleted must not be in it.
            let mut from = *gone.start();
            while let Some(seq) = self.store.seq_at_or_above(from, None)?.filter(|seq| seq <= gone.end()) {
                self.store.remove(seq, snapshot.applied)?;
                from = seq + 1;
            }
        }
        Ok(self.flush().await?)
    }

    async fn fetch_missing(
        &self,
        engine: &Arc<Engine>,
        node: &Node,
        snapshot: &StreamSnapshot,
    ) -> Result<(), CatchupEnd> {
        let mut why = String::new();
        let begun = Instant::now();
        let (mut n_asked, mut n_failed) = (0, 0);
        while n_failed < ATTEMPTS {
            let missing = snapshot.extent.missing(self.store.as_ref());
            let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(()) };
            let range = *first.start()..=*last.end();
            if *range.start() <= self.store.totals().last_seq {
                return Err(CatchupEnd::Hopeless(format!("sequence {} is lost", range.start())));
            }
            if n_asked > 0 {
                sleep(PAUSE).await;
            }
            let source = self.source(engine, node, n_asked).await;
            (n_asked, n_failed) = (n_asked + 1, n_failed + 1);
            let Some(source) = source else {
                "nobody is there to be asked".clone_into(&mut why);
                continue;
            };
            match self.attempt(engine, source, snapshot, range).await {
                Ok(()) => {}
                Err(AttemptEnd::Failed(failure)) => return Err(CatchupEnd::Failed(failure)),
                Err(AttemptEnd::Again(reason)) => why = reason,
                Err(AttemptEnd::Lost(reason)) => {
                    why = format!("{source}: {reason}");
                    let lost = Event::CatchupEnded { stream: self.name.clone(), with: source, reason };
                    engine.context().events.tell(lost);
                    // As long as attempts without an answer would take it is not counted.
                    n_failed -= u32::from(begun.elapsed() < START_LIMIT * ATTEMPTS);
                }
            }
        }
        if snapshot.extent.missing(self.store.as_ref()).is_empty() {
            return Ok(());
        }
        Err(CatchupEnd::Gone(format!("{ATTEMPTS} attempts to catch up failed: {why}")))
    }

    async fn attempt(
        &self,
        engine: &Arc<Engine>,
        source: ServerId,
        snapshot: &StreamSnapshot,
        range: RangeInclusive<u64>,
    ) -> Result<(), AttemptEnd> {
        let mut next = *range.start();
        while next <= *range.end() {
            // Waited for before it is asked: no answer comes to nobody (O-40).
            let context = engine.context();
            let call = context.catchups.begin_to(source);
            let request = PeerFrame::CatchupRequest {
                id: call.number(),
                stream: self.name.clone(),
                created_ns: self.created_ns,
                index: snapshot.applied,
                first_seq: next,
                last_seq: *range.end(),
            };
            if !context.network.is_reachable(source) || !context.network.try_send(source, request) {
                return Err(AttemptEnd::Lost("there is no connection"));
            }
            match call.outcome(START_LIMIT).await {
                Err(Unanswered::Late) => return Err(AttemptEnd::again("no answer came")),
                Err(Unanswered::Ended) => return Err(AttemptEnd::Lost("the connection is lost")),
                Ok(CatchupAnswer::Refused(reason)) => {
                    return Err(AttemptEnd::Again(format!("{source} refused: {reason}")));
                }
                Ok(CatchupAnswer::Messages { messages, next_seq }) => {
                    self.take_messages(snapshot, &messages)?;
                    if next_seq <= next {
                        return Err(AttemptEnd::again("none of them came"));
                    }
                    self.look_for_gap(snapshot, next_seq.min(*range.end() + 1))?;
                    next = next_seq;
                }
            }
        }
        Ok(())
    }

    /// Who is asked: the leader first, then the other members in turn. A member may lead a group whose snapshot it has and
    /// whose messages it still lacks; another one has them.
    async fn source(&self, engine: &Arc<Engine>, node: &Node, attempt: u32) -> Option<ServerId> {
        if attempt == 0 {
            let mut status = node.watch();
            let known = timeout(START_LIMIT, status.wait_for(|status| status.leader.is_some())).await;
            let leader = known.ok().and_then(Result::ok).and_then(|seen| seen.leader);
            if let Some(leader) = leader.filter(|leader| *leader != engine.me()) {
                return Some(leader);
            }
        }
        let group = self.member.group();
        let others: Vec<ServerId> = group.peers.into_iter().filter(|peer| *peer != engine.me()).collect();
        let turn = usize::try_from(attempt).unwrap_or(0) % others.len().max(1);
        others.get(turn).copied()
    }

    fn take_messages(&self, snapshot: &StreamSnapshot, messages: &[Bytes]) -> Result<(), AttemptEnd> {
        for bytes in messages {
            let Some(message) = decode_message(bytes) else {
                if crate::mutant!(M87) {
                    return Err(AttemptEnd::again("a message is damaged"));
                }
                // The leader would send the same again.
                let error = WriteError::other(format!("stream {}: a catch-up message is damaged", self.name));
                return Err(Failure::Write(error).into());
            };
            if !snapshot.extent.is_live(message.seq) || self.store.totals().last_seq >= message.seq {
                continue;
            }
            self.look_for_gap(snapshot, message.seq)?;
            let stored = self.store_caught_up(snapshot.applied, &message);
            stored.map_err(AttemptEnd::Failed)?;
        }
        Ok(())
    }

    /// Fails where a message that lives below a sequence was left out: the store ends before it, so that another source
    /// can give it.
    fn look_for_gap(&self, snapshot: &StreamSnapshot, seq: u64) -> Result<(), AttemptEnd> {
        let next = snapshot.extent.next_live(self.store.totals().last_seq + 1);
        match next.filter(|live| *live < seq) {
            Some(live) => Err(AttemptEnd::Again(format!("sequence {live} is gone"))),
            None => Ok(()),
        }
    }

    fn store_caught_up(&self, index: u64, message: &StoredMessage) -> Result<(), Failure> {
        if message.seq > self.store.totals().last_seq + 1 {
            self.store.skip(message.seq - 1, index)?;
        }
        Ok(self.store.append(&NewMessage {
            seq: message.seq,
            index,
            time_ns: message.time_ns,
            subject: &message.subject,
            headers: &message.headers,
            payload: &message.payload,
        })?)
    }

    /// Flush first: a follower that says it has what is not on its disk may be believed by a leader (O-21).
    async fn finish_catchup(&self, snapshot: StreamSnapshot) -> CatchupEnd {
        if snapshot.extent.last_seq > self.store.totals().last_seq
            && let Err(error) = self.store.skip(snapshot.extent.last_seq, snapshot.applied)
        {
            return CatchupEnd::Failed(error.into());
        }
        if let Err(error) = self.flush().await
            && !crate::mutant!(M84)
        {
            return CatchupEnd::Failed(error.into());
        }
        match StreamState::restore(snapshot, self.store.as_ref()) {
            Ok(state) => {
                let last_seq = state.extent().last_seq;
                let mut inner = self.inner.lock();
                inner.state = state;
                inner.is_whole = true;
                drop(inner);
                self.last_seq.send_replace(last_seq);
                CatchupEnd::Complete
            }
            Err(lost) => CatchupEnd::Hopeless(lost.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decode_message, encode_message};
    use crate::store::StoredMessage;
    use bytes::Bytes;

    #[test]
    fn a_message_comes_back_and_a_damaged_one_does_not() {
        let message = StoredMessage {
            seq: 7,
            time_ns: 9,
            subject: "orders.eu".to_owned(),
            headers: Bytes::from_static(b"h: 1"),
            payload: Bytes::from_static(b"payload"),
        };
        let bytes = encode_message(&message);
        assert_eq!(decode_message(&bytes), Some(message));
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            assert_eq!(decode_message(&damaged.into()), None, "byte {at}");
        }
        for length in 0..bytes.len() {
            assert_eq!(decode_message(&bytes.slice(..length)), None, "cut at {length}");
        }
    }
}
