//! Messages that leave a stream because its consumers are through with them, or because no consumer wants them.
//!
//! Every replica of a consumer hears what is settled, and every member of the stream has one, so its leader knows. It
//! has messages removed by entries of the log. What was not removed when a leadership ended, or when a server did, is
//! found by the next one: it looks through the stream once.

use std::collections::BTreeSet;
use std::sync::Arc;

use interlock_sync::channel::Notify;
use interlock_sync::lock::Mutex;
use interlock_sync::task::yield_now;
use interlock_sync::time::{Duration, sleep};
use interlock_sync::token::Token;

use super::{Stream, view};
use crate::consumer::Consumer;
use crate::core::config::Retention;
use crate::core::entry::{Origin, StreamEntry};
use crate::engine::Engine;

/// The pause between two looks: what comes in between is looked at together.
const PAUSE: Duration = Duration::from_millis(5);
/// When what could not be removed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Messages that are looked at without a break.
const AT_ONCE: usize = 256;

/// What the leader has to look at.
#[derive(Default)]
pub(super) struct Candidates {
    /// A leaf lock: nothing is called while it is held.
    state: Mutex<State>,
    is_new: Notify,
}

#[derive(Default)]
struct State {
    /// Messages that a consumer has settled.
    settled: BTreeSet<u64>,
    /// Messages that came in.
    stored: BTreeSet<u64>,
    /// All messages: consumers came, went or changed, or another server led.
    all: bool,
    /// Proposed to be removed; proposals may be lost.
    proposed: BTreeSet<u64>,
}

impl State {
    fn is_empty(&self) -> bool {
        !self.all && self.settled.is_empty() && self.stored.is_empty() && self.proposed.is_empty()
    }
}

impl Candidates {
    fn note(&self, note: impl FnOnce(&mut State)) {
        note(&mut self.state.lock());
        self.is_new.notify_one();
    }

    fn take(&self) -> State {
        std::mem::take(&mut self.state.lock())
    }
}

/// The consumers of a stream, as far as they run here.
struct Readers {
    running: Vec<Arc<Consumer>>,
    /// Whether that is all of them, those included that were created before this was asked.
    are_all: bool,
}

impl Readers {
    fn has_settled(&self, seq: u64, subject: &str) -> bool {
        self.running.iter().any(|consumer| consumer.has_settled(seq, subject))
    }

    fn wants(&self, seq: u64, subject: &str) -> bool {
        self.running.iter().any(|consumer| consumer.wants(seq, subject))
    }
}

impl Stream {
    /// Notes a message that a consumer has settled.
    pub(crate) fn note_settled(&self, seq: u64) {
        // Who leads next looks through the whole stream.
        if self.keeps_for_consumers() && self.member.leads() {
            self.candidates.note(|state| state.settled.extend([seq]));
        }
    }

    /// Notes messages that came in: where nobody wants them they go at once.
    pub(super) fn note_stored(&self, first_seq: u64, last_seq: u64) {
        if self.member.leads() {
            self.candidates.note(|state| state.stored.extend(first_seq..=last_seq));
        }
    }

    /// Has the whole stream looked through: its consumers are others, or have another state.
    pub(crate) fn look_at_all(&self) {
        if self.keeps_for_consumers() {
            self.candidates.note(|state| state.all = true);
        }
    }

    fn keeps_for_consumers(&self) -> bool {
        self.retention() != Retention::Limits
    }

    fn retention(&self) -> Retention {
        self.inner.lock().state.config().retention
    }

    /// Removes what nobody needs, as long as this server leads.
    pub(super) fn keep_for_consumers(self: &Arc<Self>, engine: &Arc<Engine>, leadership: Token) {
        if !self.keeps_for_consumers() {
            return;
        }
        self.look_at_all();
        let (stream, quit, engine) = (self.clone(), self.context.quit.clone(), engine.clone());
        let keeping = async move {
            interlock_sync::select! {
                biased;
                () = quit.cancelled() => {}
                () = leadership.cancelled() => {}
                () = stream.keep(&engine) => {}
            }
        };
        // A server that shuts down leaves it to who leads next.
        let _started = self.context.tasks.spawn(keeping);
    }

    async fn keep(self: &Arc<Self>, engine: &Arc<Engine>) {
        loop {
            let is_idle = self.candidates.state.lock().is_empty();
            interlock_sync::select! {
                biased;
                () = self.candidates.is_new.notified() => sleep(PAUSE).await,
                () = sleep(RETRY), if !is_idle => {}
            }
            let taken = self.candidates.take();
            let left = self.look_at(engine, taken).await;
            let mut state = self.candidates.state.lock();
            state.all |= left.all;
            state.settled.extend(left.settled);
            state.stored.extend(left.stored);
            state.proposed.extend(left.proposed);
        }
    }

    /// Has removed what nobody needs of the candidates: what is to be looked at again.
    async fn look_at(self: &Arc<Self>, engine: &Arc<Engine>, mut candidates: State) -> State {
        if !self.is_whole() {
            return candidates;
        }
        let retention = self.retention();
        let readers = self.readers(engine, retention).await;
        if retention == Retention::Interest && !readers.are_all {
            return candidates;
        }
        let mut left = State { all: candidates.all && !readers.are_all, ..State::default() };
        // What was proposed and is still there was lost on the way.
        let mut seqs = std::mem::take(&mut candidates.settled);
        seqs.append(&mut candidates.proposed);
        let settled = seqs.clone();
        seqs.append(&mut candidates.stored);
        if candidates.all {
            seqs.extend(self.inner.lock().state.extent().live());
        }
        for (n, seq) in seqs.into_iter().enumerate() {
            if n % AT_ONCE == AT_ONCE - 1 {
                yield_now().await;
            }
            let is_needed = match retention {
                Retention::Limits => true,
                Retention::WorkQueue => !settled.contains(&seq) && !self.is_done(seq, &readers),
                Retention::Interest => self.is_wanted(seq, &readers),
            };
            if !is_needed && self.inner.lock().state.extent().is_live(seq) {
                self.propose_unawaited(StreamEntry::Remove { origin: Origin::NOBODY, seq }).await;
                left.proposed.insert(seq);
            }
        }
        left
    }

    /// A message that a new consumer wants must not go: so where interest decides, the meta layer is asked first for
    /// what it has decided.
    async fn readers(&self, engine: &Arc<Engine>, retention: Retention) -> Readers {
        let is_current = retention == Retention::WorkQueue || engine.knows_assignments().await;
        let assigned = engine.consumers_of(&self.name, self.created_ns);
        let mut running = self.consumers();
        // What a server reads for itself keeps nothing, and lets nothing go.
        running.retain(|consumer| !consumer.is_direct());
        let runs = |(name, created_ns): (String, u64)| {
            running.iter().any(|consumer| consumer.key().name == name && consumer.created_ns() == created_ns)
        };
        let are_all = is_current && assigned.is_some_and(|assigned| assigned.into_iter().all(runs));
        Readers { running, are_all }
    }

    fn is_done(&self, seq: u64, readers: &Readers) -> bool {
        // What cannot be read stays.
        view::facts_of(&self.store, seq)
            .is_ok_and(|facts| facts.is_some_and(|facts| readers.has_settled(seq, &facts.subject)))
    }

    fn is_wanted(&self, seq: u64, readers: &Readers) -> bool {
        view::facts_of(&self.store, seq)
            .map_or(true, |facts| facts.is_some_and(|facts| readers.wants(seq, &facts.subject)))
    }
}
