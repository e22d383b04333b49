//! Requests for messages, and acknowledgements.

use std::collections::BTreeMap;
use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep_until, timeout};

use super::{Answer, Consumer};
use crate::api::{self, Delivery, FETCH_BYTES_MAX, Fetch, FetchEnd, Message, Response};
use crate::core::api_error::ApiError;
use crate::core::config::{AckPolicy, DeliverPolicy};
use crate::core::entry::{Ack, AckKind, ConsumerEntry, Origin};
use crate::core::write_error::ErrorClass;
use crate::stream::{NoAnswer, Stream, message};

/// How long a request waits before it looks again for a message that is due and could not be offered.
const DUE_PAUSE: Duration = Duration::from_millis(100);
/// How long an offer or an acknowledgement waits to be applied.
const APPLY_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of a delivery besides those of its message.
const DELIVERY_BYTES: usize = 64;

/// A delivery that the log decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) stream_seq: u64,
    pub(crate) consumer_seq: u64,
    pub(crate) n_deliveries: u64,
}

/// Messages that may be delivered next.
#[derive(Default)]
struct Offer {
    messages: BTreeMap<u64, Message>,
    seqs: Vec<u64>,
    /// Due, and gone from the stream.
    gone: Vec<u64>,
    n_bytes: usize,
    /// Whether a message was left out because of its bytes.
    has_no_room: bool,
    /// Why a message could not be read, where one could not.
    unreadable: Option<String>,
}

/// What became of an offer.
enum Offered {
    /// These were delivered; whether bytes ended it.
    Delivered(Vec<Delivery>, bool),
    /// Nothing can be delivered: what comes next cannot be read.
    Unreadable(String),
}

/// Counts a waiting request while it lives. Its end is activity as its begin was: a client that asks again at once is
/// not inactive in between.
struct Waiting<'a> {
    consumer: &'a Consumer,
    no_wait: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now_ns = self.consumer.context.clock.now_ns();
        let mut inner = self.consumer.inner.lock();
        inner.n_waiting -= 1;
        inner.activity.mark_pull(now_ns, self.no_wait);
    }
}

impl Consumer {
    /// Delivers messages to a client.
    pub(crate) async fn fetch(self: &Arc<Self>, fetch: &Fetch) -> Result<Response, NoAnswer> {
        let token = self.member.leadership().ok_or(NoAnswer::NotLeader)?;
        let stream = self.stream.upgrade().ok_or(NoAnswer::NotLeader)?;
        let now_ns = self.context.clock.now_ns();
        {
            let mut inner = self.inner.lock();
            inner.activity.mark_pull(now_ns, fetch.expires.is_zero());
            if inner.n_waiting >= inner.state.config().max_waiting {
                return Ok(Response::Fetched(Vec::new(), FetchEnd::TooManyWaiting));
            }
            inner.n_waiting += 1;
        }
        let _waiting = Waiting { consumer: self, no_wait: fetch.expires.is_zero() };
        let deadline = Instant::now() + fetch.expires;
        let mut last_seq = stream.watch_last_seq();
        let mut stirred = self.stirred.subscribe();
        loop {
            last_seq.borrow_and_update();
            stirred.borrow_and_update();
            let (delivered, has_no_room) = match self.offer(&stream, fetch.batch).await? {
                Offered::Delivered(delivered, has_no_room) => (delivered, has_no_room),
                Offered::Unreadable(reason) => return Ok(Response::Error(ApiError::cannot_read(reason))),
            };
            if !delivered.is_empty() {
                let is_full = delivered.len() as u64 == u64::from(fetch.batch);
                let end = match (is_full, has_no_room) {
                    (true, _) => FetchEnd::Full,
                    (false, true) => FetchEnd::MaxBytes,
                    (false, false) => FetchEnd::NoMessages,
                };
                return Ok(Response::Fetched(delivered, end));
            }
            if fetch.expires.is_zero() {
                return Ok(Response::Fetched(Vec::new(), FetchEnd::NoMessages));
            }
            let wake = self.next_due().map_or(deadline, |due| due.min(deadline));
            interlock_sync::select! {
                biased;
                () = token.cancelled() => return Ok(Response::Fetched(Vec::new(), self.why_ended())),
                _ = last_seq.changed() => {}
                _ = stirred.changed() => {}
                () = sleep_until(wake) => {
                    if Instant::now() >= deadline {
                        return Ok(Response::Fetched(Vec::new(), FetchEnd::Timeout));
                    }
                }
            }
        }
    }

    fn why_ended(&self) -> FetchEnd {
        if self.context.quit.is_cancelled() {
            FetchEnd::ServerShutdown
        } else if self.member.slot.is_closed() {
            FetchEnd::ConsumerDeleted
        } else {
            FetchEnd::LeadershipChange
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let due_ns = self.inner.lock().state.next_due_ns()?;
        let now_ns = self.context.clock.now_ns();
        Some(Instant::now() + Duration::from_nanos(due_ns.saturating_sub(now_ns)).max(DUE_PAUSE))
    }

    /// Offers messages and has the offer applied: what was delivered of it, and whether bytes ended it.
    async fn offer(self: &Arc<Self>, stream: &Arc<Stream>, batch: u32) -> Result<Offered, NoAnswer> {
        let _one_at_a_time = self.offering.lock().await;
        self.begin().await?;
        self.skip_what_is_gone(stream).await?;
        let mut offer = self.next_offer(stream, batch);
        if !offer.gone.is_empty() {
            self.settle_gone(&offer.gone).await?;
        }
        if offer.seqs.is_empty() {
            return Ok(match offer.unreadable {
                Some(reason) => Offered::Unreadable(reason),
                None => Offered::Delivered(Vec::new(), false),
            });
        }
        let call = self.answers.begin();
        let origin = Origin { server: self.context.settings.id, proposal: call.number() };
        let time_ns = self.context.clock.now_ns();
        self.propose(ConsumerEntry::Deliver { origin, seqs: offer.seqs, time_ns }).await?;
        let Some(Answer::Sent(sent)) = call.wait(APPLY_LIMIT).await else { return Err(NoAnswer::Unknown) };
        let last_seq = stream.totals().last_seq;
        let delivery = |one: Sent| {
            Some(Delivery {
                message: offer.messages.remove(&one.stream_seq)?,
                consumer_seq: one.consumer_seq,
                n_deliveries: one.n_deliveries,
                n_pending: last_seq.saturating_sub(one.stream_seq),
            })
        };
        Ok(Offered::Delivered(sent.into_iter().filter_map(delivery).collect(), offer.has_no_room))
    }

    /// Has the log say where the consumer begins. Who created it hears of it only then.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<(), NoAnswer> {
        let policy = {
            let inner = self.inner.lock();
            if inner.state.has_begun() {
                return Ok(());
            }
            inner.state.config().deliver
        };
        let stream = self.stream.upgrade().ok_or(NoAnswer::NotLeader)?;
        if matches!(policy, DeliverPolicy::Last | DeliverPolicy::New) {
            // Without the stream's leader the end is where it is known here.
            let _asked = stream.until_caught_up().await;
        }
        let totals = stream.totals();
        let next_seq = match policy {
            DeliverPolicy::All => totals.first_seq,
            DeliverPolicy::Last => totals.last_seq.max(1),
            DeliverPolicy::New => totals.last_seq + 1,
            DeliverPolicy::FromSequence(seq) => seq,
        };
        let mut stirred = self.stirred.subscribe();
        self.propose(ConsumerEntry::Begin { next_seq }).await?;
        let begun = async {
            while !self.inner.lock().state.has_begun() {
                stirred.changed().await.map_err(|_| NoAnswer::Unknown)?;
            }
            Ok(())
        };
        timeout(APPLY_LIMIT, begun).await.unwrap_or(Err(NoAnswer::Unknown))
    }

    fn next_offer(&self, stream: &Stream, batch: u32) -> Offer {
        let now_ns = self.context.clock.now_ns();
        let (due, next_seq, room, filter) = {
            let inner = self.inner.lock();
            let state = &inner.state;
            (state.due(now_ns), state.next_seq(), state.room(), state.config().filter.clone())
        };
        let wanted = batch as usize;
        let mut offer = Offer::default();
        if !stream.is_whole() {
            // What is missing here may still come.
            return offer;
        }
        // A message that this server has yet to apply is not gone.
        let last_seq = stream.totals().last_seq;
        for seq in due.into_iter().filter(|seq| *seq <= last_seq) {
            if offer.seqs.len() == wanted {
                return offer;
            }
            match stream.store().load(seq) {
                Ok(stored) => {
                    if !offer.add(message(stored)) {
                        return offer;
                    }
                }
                Err(error) if error.class() == ErrorClass::NotFound => offer.gone.push(seq),
                Err(error) => offer.unreadable = Some(error.to_string()),
            }
        }
        let (mut from, mut room) = (next_seq, room);
        while offer.seqs.len() < wanted && room > 0 {
            let stored = match stream.store().next(from, filter.as_deref()) {
                Ok(Some(stored)) => stored,
                Ok(None) => break,
                Err(error) => {
                    offer.unreadable = Some(error.to_string());
                    break;
                }
            };
            from = stored.seq + 1;
            room -= 1;
            if !offer.add(message(stored)) {
                break;
            }
        }
        offer
    }

    /// What was given up is remembered as long as the stream has it.
    async fn skip_what_is_gone(self: &Arc<Self>, stream: &Arc<Stream>) -> Result<(), NoAnswer> {
        let first_given_up = self.inner.lock().state.first_given_up();
        let first_seq = stream.totals().first_seq;
        match first_given_up.filter(|seq| *seq < first_seq && stream.is_whole()) {
            Some(_) => self.propose(ConsumerEntry::Skip { first_seq }).await,
            None => Ok(()),
        }
    }

    async fn settle_gone(self: &Arc<Self>, gone: &[u64]) -> Result<(), NoAnswer> {
        let ack = |seq: &u64| Ack { origin: Origin::NOBODY, stream_seq: *seq, kind: AckKind::Term };
        let acks = gone.iter().map(ack).collect();
        self.propose(ConsumerEntry::Acks { acks, time_ns: self.context.clock.now_ns() }).await
    }

    /// Takes an acknowledgement; answers once it is applied.
    pub(crate) async fn acknowledge(self: &Arc<Self>, seq: u64, kind: api::AckKind) -> Result<Response, NoAnswer> {
        // The token and not the role: without it the state may still be read.
        let _leadership = self.member.leadership().ok_or(NoAnswer::NotLeader)?;
        let now_ns = self.context.clock.now_ns();
        let marks_late = crate::mutant!(M50);
        if !marks_late {
            // Before it is processed: the timer must not find the consumer idle in between (O-16).
            self.inner.lock().activity.mark_ack(now_ns);
        }
        crate::failpoint!("ack_before_processing");
        let call = self.answers.begin();
        let origin = Origin { server: self.context.settings.id, proposal: call.number() };
        let ack = Ack { origin, stream_seq: seq, kind: core_kind(kind) };
        // Whether it was delivered is the log's to say: a new leader has not applied all of it yet.
        let counts = self.inner.lock().state.config().ack != AckPolicy::None;
        if counts {
            self.propose(ConsumerEntry::Acks { acks: vec![ack], time_ns: now_ns }).await?;
            if matches!(call.wait(APPLY_LIMIT).await.ok_or(NoAnswer::Unknown)?, Answer::NotDelivered) {
                return Ok(Response::Error(ApiError::NOT_DELIVERED));
            }
            if self.member.node().is_none() {
                let applied = self.inner.lock().state.applied();
                self.until_saved(applied).await?;
            }
        }
        if marks_late {
            self.inner.lock().activity.mark_ack(now_ns);
        }
        Ok(Response::Done)
    }
}

impl Offer {
    /// Adds a message, unless it is one too many for an answer. The first one always fits.
    fn add(&mut self, message: Message) -> bool {
        let n_bytes = message.subject.len() + message.headers.len() + message.payload.len() + DELIVERY_BYTES;
        self.has_no_room = !self.seqs.is_empty() && self.n_bytes + n_bytes > FETCH_BYTES_MAX;
        if !self.has_no_room {
            self.n_bytes += n_bytes;
            self.seqs.push(message.seq);
            self.messages.insert(message.seq, message);
        }
        !self.has_no_room
    }
}

fn core_kind(kind: api::AckKind) -> AckKind {
    match kind {
        api::AckKind::Ack => AckKind::Ack,
        api::AckKind::Nak(delay) => AckKind::Nak { delay_ns: u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX) },
        api::AckKind::Progress => AckKind::Progress,
        api::AckKind::Term => AckKind::Term,
    }
}
