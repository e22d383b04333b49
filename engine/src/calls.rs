//! Requests to other servers, and to groups, that wait for an answer: numbered, bounded in time.

use std::collections::{BTreeMap, BTreeSet};

use interlock_sync::channel::oneshot;
use interlock_sync::lock::Mutex;
use interlock_sync::time::{Duration, timeout};
use interlock_sync::token::Token;

use crate::core::names::ServerId;

/// How many numbers of a sender are remembered.
const REMEMBERED: usize = 8192;

/// Answers that are waited for. Number 0 is nobody's.
pub struct Calls<T> {
    /// A leaf lock: nothing is called while it is held.
    waiting: Mutex<Waiting<T>>,
}

struct Waiting<T> {
    last_number: u64,
    senders: BTreeMap<u64, Waiter<T>>,
}

struct Waiter<T> {
    /// The server that was asked, where it is one.
    asked: Option<ServerId>,
    sender: oneshot::Sender<T>,
}

/// A call that waits for its answer. Dropped, it waits no longer.
pub struct Call<'a, T> {
    calls: &'a Calls<T>,
    number: u64,
    receiver: oneshot::Receiver<T>,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It did not come in time.
    Late,
    /// It was ended: the connection is lost, or this server ends. No answer will come.
    Ended,
}

/// What is done for other servers that wait for it. Each of them has a token, which is cancelled when the connection
/// with it is lost.
#[derive(Default)]
pub struct Served {
    /// A leaf lock: nothing is called while it is held.
    tokens: Mutex<BTreeMap<ServerId, Token>>,
}

impl Served {
    /// The token of what is done for a server.
    pub fn token(&self, server: ServerId) -> Token {
        self.tokens.lock().entry(server).or_default().clone()
    }

    /// Ends what is done for a server: its answer would not arrive.
    pub fn end(&self, server: ServerId) {
        let token = self.tokens.lock().remove(&server);
        if let Some(token) = token {
            token.cancel();
        }
    }
}

/// Numbers that were seen lately, of each sender: a frame that comes twice is acted on once.
#[derive(Default)]
pub struct Seen {
    /// A leaf lock: nothing is called while it is held.
    lately: Mutex<BTreeMap<ServerId, BTreeSet<u64>>>,
}

impl Seen {
    /// Whether this number comes for the first time. Numbers of a sender grow, so the lowest are forgotten.
    pub fn is_first(&self, from: ServerId, number: u64) -> bool {
        let mut lately = self.lately.lock();
        let numbers = lately.entry(from).or_default();
        let is_first = numbers.insert(number);
        if numbers.len() > REMEMBERED {
            numbers.pop_first();
        }
        is_first
    }
}

impl<T> Calls<T> {
    /// Calls whose numbers begin behind the time: those of an earlier life are not used again. What that one has sent or
    /// proposed may be answered at any time, and must not answer a call of this one.
    pub fn numbered_from(now_ns: u64) -> Self {
        Self { waiting: Mutex::new(Waiting { last_number: now_ns, senders: BTreeMap::new() }) }
    }

    /// Begins a call: first the number, then the request, so that no answer comes too early.
    pub fn begin(&self) -> Call<'_, T> {
        self.begin_with(None)
    }

    /// Begins a call to a server.
    pub fn begin_to(&self, server: ServerId) -> Call<'_, T> {
        self.begin_with(Some(server))
    }

    fn begin_with(&self, asked: Option<ServerId>) -> Call<'_, T> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        waiting.last_number += 1;
        let number = waiting.last_number;
        waiting.senders.insert(number, Waiter { asked, sender });
        Call { calls: self, number, receiver }
    }

    /// Gives a call its answer. `false` where nobody waits for it any more.
    pub fn answer(&self, number: u64, answer: T) -> bool {
        let waiter = self.waiting.lock().senders.remove(&number);
        waiter.is_some_and(|waiter| waiter.sender.send(answer).is_ok())
    }

    /// Ends the calls to a server without an answer: none of them will come.
    pub fn abandon_calls_to(&self, server: ServerId) {
        let abandoned: Vec<_> = {
            let mut waiting = self.waiting.lock();
            waiting.senders.extract_if(.., |_, waiter| waiter.asked == Some(server)).collect()
        };
        drop(abandoned);
    }

    /// Ends all calls without an answer.
    pub fn abandon_all(&self) {
        let senders = std::mem::take(&mut self.waiting.lock().senders);
        drop(senders);
    }

    /// Calls that wait.
    pub fn n_waiting(&self) -> usize {
        self.waiting.lock().senders.len()
    }
}

impl<T> Call<'_, T> {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The answer, or nothing where it did not come in time or will not come.
    pub async fn wait(self, limit: Duration) -> Option<T> {
        self.outcome(limit).await.ok()
    }

    /// The answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn outcome(mut self, limit: Duration) -> Result<T, Unanswered> {
        match timeout(limit, &mut self.receiver).await {
            Ok(answered) => answered.map_err(|_| Unanswered::Ended),
            Err(_) => Err(Unanswered::Late),
        }
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        let sender = self.calls.waiting.lock().senders.remove(&self.number);
        drop(sender);
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Served, Unanswered};
    use crate::core::names::ServerId;
    use interlock_sync::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn an_answer_finds_its_call_and_a_late_one_finds_none() {
        let calls = Calls::numbered_from(0);
        let (first, second) = (calls.begin(), calls.begin());
        let (one, two) = (first.number(), second.number());
        assert!(calls.answer(two, "two"));
        assert_eq!(second.wait(Duration::from_secs(1)).await, Some("two"));
        assert_eq!(first.wait(Duration::from_secs(1)).await, None);
        assert!(!calls.answer(one, "late"));
        assert_eq!(calls.n_waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_to_a_server_that_is_gone_end_and_others_wait() {
        let calls: Calls<()> = Calls::numbered_from(0);
        let (gone, other, own) = (calls.begin_to(ServerId(1)), calls.begin_to(ServerId(2)), calls.begin());
        calls.abandon_calls_to(ServerId(1));
        assert_eq!(gone.wait(Duration::from_secs(3600)).await, None);
        assert!(calls.answer(other.number(), ()) && calls.answer(own.number(), ()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_says_why_it_has_no_answer() {
        let calls: Calls<()> = Calls::numbered_from(0);
        let (late, ended) = (calls.begin(), calls.begin_to(ServerId(1)));
        calls.abandon_calls_to(ServerId(1));
        assert_eq!(ended.outcome(Duration::from_secs(5)).await, Err(Unanswered::Ended));
        assert_eq!(late.outcome(Duration::from_secs(5)).await, Err(Unanswered::Late));
    }

    #[test]
    fn what_is_done_for_a_server_ends_with_the_connection_and_begins_anew() {
        let served = Served::default();
        let (lost, other) = (served.token(ServerId(1)), served.token(ServerId(2)));
        served.end(ServerId(1));
        assert!(lost.is_cancelled() && !other.is_cancelled());
        assert!(!served.token(ServerId(1)).is_cancelled());
    }

    #[test]
    fn a_number_is_seen_once() {
        let seen = super::Seen::default();
        assert!(seen.is_first(ServerId(1), 7));
        assert!(!seen.is_first(ServerId(1), 7));
        assert!(seen.is_first(ServerId(2), 7));
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_calls_end_at_once() {
        let calls: Calls<()> = Calls::numbered_from(0);
        let call = calls.begin();
        calls.abandon_all();
        assert_eq!(call.wait(Duration::from_secs(3600)).await, None);
    }
}
