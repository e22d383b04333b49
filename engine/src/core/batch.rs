//! Atomic batches: collecting the messages of one on every replica, and on the leader the end of one that is staged.

use std::fmt;
use std::time::Duration;

use super::api_error::ApiError;
use super::entry::Publish;
use super::write_error::WriteError;

/// Messages of a batch at most.
pub const MAX_MESSAGES: usize = 1000;
/// Bytes of its subjects, headers and payloads at most: it is proposed in a row, and stands in one block of the store.
pub const MAX_BYTES: u64 = 32 << 20;

/// A batch whose messages are coming in through the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its id.
    pub id: String,
    /// The index of its first message.
    pub start_index: u64,
    /// Its messages so far.
    pub parts: Vec<Publish>,
    /// Their bytes.
    pub n_bytes: u64,
}

/// What a message has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// More are to come.
    Waiting,
    /// It was the last one.
    Complete(OpenBatch),
    /// More than a batch may have.
    TooLarge(OpenBatch),
    /// The messages before it are missing.
    Orphan(Publish),
}

/// At most one batch is open: a leader proposes the messages of a batch in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collector {
    open: Option<OpenBatch>,
}

impl Collector {
    /// The batch that is open.
    pub fn open(&self) -> Option<&OpenBatch> {
        self.open.as_ref()
    }

    /// Takes the open batch away: it will not be completed.
    pub fn take(&mut self) -> Option<OpenBatch> {
        self.open.take()
    }

    /// Adds a message of a batch: the batch that this abandons, and what it has led to.
    pub fn add(&mut self, index: u64, publish: Publish) -> (Option<OpenBatch>, Collected) {
        let Some(part) = publish.batch.clone() else { return (self.take(), Collected::Orphan(publish)) };
        let continues = |open: &OpenBatch| open.id == part.id && usize::try_from(part.seq) == Ok(open.parts.len() + 1);
        match self.open.take() {
            Some(open) if continues(&open) => (None, self.extend(open, publish, part.commit)),
            abandoned if part.seq == 1 => {
                let open = OpenBatch { id: part.id, start_index: index, parts: Vec::new(), n_bytes: 0 };
                (abandoned, self.extend(open, publish, part.commit))
            }
            abandoned => (abandoned, Collected::Orphan(publish)),
        }
    }

    fn extend(&mut self, mut open: OpenBatch, publish: Publish, is_last: bool) -> Collected {
        open.n_bytes += publish.stored_bytes();
        open.parts.push(publish);
        if open.parts.len() > MAX_MESSAGES || open.n_bytes > MAX_BYTES {
            Collected::TooLarge(open)
        } else if is_last {
            Collected::Complete(open)
        } else {
            self.open = Some(open);
            Collected::Waiting
        }
    }
}

// ---- the leader's side: a batch that is staged until its last message comes ----

/// A batch that has not ended by then is abandoned.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Staged batches of one stream at most.
pub const MAX_STAGED_PER_STREAM: usize = 50;
/// Staged batches of one server at most.
pub const MAX_STAGED_PER_SERVER: usize = 1000;

/// Why a staged batch is abandoned, as the event says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbandonReason {
    /// Its last message did not come in time.
    Timeout,
    /// Messages are missing.
    Incomplete,
    /// It has too many messages, or bytes.
    Large,
    /// What was staged could not be flushed (G-4). The stream itself is healthy.
    FlushError,
}

impl AbandonReason {
    /// The word in the event.
    pub fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Incomplete => "incomplete",
            Self::Large => "large",
            Self::FlushError => "flush_error",
        }
    }

    /// What the client learns.
    pub fn error(self) -> ApiError {
        match self {
            Self::Large => ApiError::BATCH_TOO_LARGE,
            Self::Timeout | Self::Incomplete | Self::FlushError => ApiError::BATCH_INCOMPLETE,
        }
    }
}

impl fmt::Display for AbandonReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a new batch is refused, or nothing.
pub fn refuse_new(id: &str, n_staged_in_stream: usize, n_staged_on_server: usize) -> Option<ApiError> {
    if id.is_empty() || id.len() > 64 {
        Some(ApiError::BATCH_ID_INVALID)
    } else if n_staged_in_stream >= MAX_STAGED_PER_STREAM || n_staged_on_server >= MAX_STAGED_PER_SERVER {
        Some(ApiError::TOO_MANY_BATCHES)
    } else {
        None
    }
}

/// What a staged batch's owner does next. Each batch is abandoned or committed once, and its staged data is cleaned by
/// whoever is told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged {
    /// Keep the message, and wait for more.
    Wait,
    /// Flush what is staged, and say how it went: [`Staging::flushed`].
    Flush,
    /// Propose all of it, then clean what is staged.
    Commit,
    /// Clean what is staged, tell the client, and raise the event.
    Abandon(AbandonReason),
    /// Nothing: the batch has ended before.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Collecting,
    Flushing,
    Ended,
}

/// A staged batch and its timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    n_messages: usize,
    n_bytes: u64,
    phase: Phase,
}

impl Default for Staging {
    fn default() -> Self {
        Self { n_messages: 0, n_bytes: 0, phase: Phase::Collecting }
    }
}

impl Staging {
    /// A message of so many bytes has come; `commit` where it is the last one, which stops the timer.
    ///
    /// A timer that has fired has ended the batch: stopping it then fails, and the batch must not be committed (O-29).
    pub fn message(&mut self, seq: u32, n_bytes: u64, commit: bool) -> Staged {
        let is_late = self.phase != Phase::Collecting;
        if is_late && !(commit && crate::mutant!(M90)) {
            return Staged::Ended;
        }
        self.n_messages += 1;
        self.n_bytes += n_bytes;
        if usize::try_from(seq) != Ok(self.n_messages) {
            self.abandon(AbandonReason::Incomplete)
        } else if self.n_messages > MAX_MESSAGES || self.n_bytes > MAX_BYTES {
            self.abandon(AbandonReason::Large)
        } else if commit {
            self.phase = Phase::Flushing;
            Staged::Flush
        } else {
            Staged::Wait
        }
    }

    /// The timer has fired. It does nothing once the last message has stopped it.
    pub fn timer_fired(&mut self) -> Staged {
        if self.phase == Phase::Collecting { self.abandon(AbandonReason::Timeout) } else { Staged::Ended }
    }

    /// What is staged was flushed, or could not be. The caller logs the cause.
    pub fn flushed(&mut self, flush: Result<(), &WriteError>) -> Staged {
        if self.phase != Phase::Flushing {
            return Staged::Ended;
        }
        match flush {
            Ok(()) => {
                self.phase = Phase::Ended;
                Staged::Commit
            }
            Err(_) if crate::mutant!(M89) => self.abandon(AbandonReason::Timeout),
            Err(_) => self.abandon(AbandonReason::FlushError),
        }
    }

    /// The stream stops, or is led elsewhere.
    pub fn give_up(&mut self) -> Staged {
        match self.phase {
            Phase::Ended => Staged::Ended,
            Phase::Collecting | Phase::Flushing => self.abandon(AbandonReason::Incomplete),
        }
    }

    fn abandon(&mut self, reason: AbandonReason) -> Staged {
        self.phase = Phase::Ended;
        Staged::Abandon(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::{AbandonReason, MAX_BYTES, MAX_MESSAGES, Staged, Staging, refuse_new};
    use crate::core::api_error::ApiError;
    use crate::core::write_error::WriteError;

    #[test]
    fn a_batch_is_flushed_and_then_committed_once() {
        let mut staging = Staging::default();
        assert_eq!(staging.message(1, 10, false), Staged::Wait);
        assert_eq!(staging.message(2, 10, true), Staged::Flush);
        assert_eq!(staging.timer_fired(), Staged::Ended);
        assert_eq!(staging.flushed(Ok(())), Staged::Commit);
        assert_eq!(staging.flushed(Ok(())), Staged::Ended);
        assert_eq!(staging.give_up(), Staged::Ended);
    }

    #[test]
    fn each_way_of_failing_has_its_reason() {
        let staged = || {
            let mut staging = Staging::default();
            staging.message(1, 10, false);
            staging
        };
        assert_eq!(staged().timer_fired(), Staged::Abandon(AbandonReason::Timeout));
        assert_eq!(staged().message(3, 10, false), Staged::Abandon(AbandonReason::Incomplete));
        assert_eq!(staged().give_up(), Staged::Abandon(AbandonReason::Incomplete));
        let mut large = Staging::default();
        let last = (1..=1001).map(|seq| large.message(seq, 10, false)).last();
        assert_eq!((last, MAX_MESSAGES), (Some(Staged::Abandon(AbandonReason::Large)), 1000));
        let mut heavy = staged();
        assert_eq!(heavy.message(2, MAX_BYTES, false), Staged::Abandon(AbandonReason::Large));
        let mut failing = staged();
        failing.message(2, 10, true);
        let error = WriteError::other("flush 1.stage: EIO");
        assert_eq!(failing.flushed(Err(&error)), Staged::Abandon(AbandonReason::FlushError));
        assert_eq!(AbandonReason::FlushError.error(), ApiError::BATCH_INCOMPLETE);
        let mut misreported = staged();
        misreported.message(2, 10, true);
        crate::mutation::set(Some(crate::mutation::Mutation::M89));
        assert_eq!(misreported.flushed(Err(&error)), Staged::Abandon(AbandonReason::Timeout));
        crate::mutation::set(None);
    }

    #[test]
    fn the_number_of_staged_batches_is_bounded() {
        assert_eq!(refuse_new("x", 49, 999), None);
        assert_eq!(refuse_new("x", 50, 50), Some(ApiError::TOO_MANY_BATCHES));
        assert_eq!(refuse_new("x", 0, 1000), Some(ApiError::TOO_MANY_BATCHES));
        assert_eq!(refuse_new("", 0, 0), Some(ApiError::BATCH_ID_INVALID));
        assert_eq!(refuse_new(&"x".repeat(65), 0, 0), Some(ApiError::BATCH_ID_INVALID));
    }
}
