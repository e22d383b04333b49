//! What clients saw, and whether it can have been: nothing acknowledged is lost, nothing is there that nobody sent,
//! appends are linearizable.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The contents of a stream, by sequence.
pub type Contents = BTreeMap<u64, Vec<u8>>;

/// A time of the run, in nanoseconds of its clock.
pub type Moment = u64;

/// An attempt to store a message. Each has a payload of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The stream.
    pub stream: String,
    /// Its subject.
    pub subject: String,
    /// What tells it from all others.
    pub payload: Vec<u8>,
    /// When it was sent.
    pub sent: Moment,
    /// Its sequence and when that was learnt; `None` where the outcome is not known.
    pub acknowledged: Option<(u64, Moment)>,
    /// Whether it was refused: then it must not be there.
    pub is_refused: bool,
}

impl Attempt {
    /// Its payload, readable.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// A read of a stream's last sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeqRead {
    /// The stream.
    pub stream: String,
    /// When it was asked.
    pub sent: Moment,
    /// When it was answered.
    pub answered: Moment,
    /// The answer.
    pub last_seq: u64,
}

/// A delivery to a consumer's client, and its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryEvent {
    /// The message.
    pub seq: u64,
    /// When the client asked for it.
    pub asked: Moment,
    /// Whether an acknowledgement was sent.
    pub is_acknowledged: bool,
    /// When the acknowledgement was confirmed.
    pub confirmed: Option<Moment>,
}

/// A message that a client had removed: by a deletion, or by an acknowledgement in a work queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The stream.
    pub stream: String,
    /// The message.
    pub seq: u64,
    /// Whether that was confirmed: then it must be gone.
    pub is_confirmed: bool,
}

/// A request to remove all messages of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The stream.
    pub stream: String,
    /// When it was asked for.
    pub sent: Moment,
    /// When it was confirmed; `None` where its outcome is not known: it may come about at any time.
    pub confirmed: Option<Moment>,
}

/// An atomic batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The stream.
    pub stream: String,
    /// Its messages, in order.
    pub payloads: Vec<Vec<u8>>,
}

/// What clients saw of a run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Attempts, in the order in which they were sent.
    pub attempts: Vec<Attempt>,
    /// Reads.
    pub reads: Vec<LastSeqRead>,
    /// Deliveries of the durable consumer, in the order in which they were asked for.
    pub deliveries: Vec<DeliveryEvent>,
    /// Removals that were asked for.
    pub removals: Vec<Removal>,
    /// Requests to remove all messages.
    pub purges: Vec<Purge>,
    /// Batches that were sent.
    pub batches: Vec<Batch>,
    /// Streams that keep the last so many messages only.
    pub limits: BTreeMap<String, u64>,
    /// The same of each subject.
    pub limits_of_subjects: BTreeMap<String, u64>,
    /// Answers that cannot have been.
    pub impossible: Vec<String>,
}

/// Something that cannot have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An acknowledged message is not where it was said to be.
    Lost(Box<Attempt>),
    /// A message is there more often than it was sent.
    Duplicate(Vec<u8>),
    /// A message is there that was refused, or that nobody sent.
    Unsent(Vec<u8>),
    /// A message was acknowledged before another one was sent, and stands behind it.
    Order(Box<Attempt>, Box<Attempt>),
    /// A read that was asked after an acknowledgement does not know of it.
    StaleRead(Box<LastSeqRead>, u64),
    /// A message was delivered again although its acknowledgement was confirmed.
    Redelivered(DeliveryEvent),
    /// A message whose removal was confirmed is there.
    Undead(Removal),
    /// A part of a batch is there, or the batch is torn apart.
    Torn(Batch),
    /// Something else that must hold does not.
    Broken(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
        match self {
            Self::Lost(attempt) => {
                write!(
                    f,
                    "acknowledged and lost: {} in {} at {:?}",
                    text(&attempt.payload),
                    attempt.stream,
                    attempt.acknowledged
                )
            }
            Self::Duplicate(payload) => write!(f, "stored twice: {}", text(payload)),
            Self::Unsent(payload) => write!(f, "stored and never sent, or refused: {}", text(payload)),
            Self::Order(first, second) => write!(
                f,
                "out of order: {} was acknowledged as {:?} before {} was sent, which got {:?}",
                text(&first.payload),
                first.acknowledged,
                text(&second.payload),
                second.acknowledged
            ),
            Self::StaleRead(read, known) => {
                let LastSeqRead { stream, last_seq, sent, answered } = read.as_ref();
                write!(
                    f,
                    "stale read of {stream} from {sent} to {answered}: {last_seq}, and {known} was acknowledged before"
                )
            }
            Self::Redelivered(delivery) => write!(f, "delivered again after its confirmation: {}", delivery.seq),
            Self::Undead(removal) => write!(f, "removed and still in {}: {}", removal.stream, removal.seq),
            Self::Torn(batch) => {
                let payloads: Vec<String> = batch.payloads.iter().map(|payload| text(payload)).collect();
                write!(f, "a part of a batch is in {}, or they are not side by side: {payloads:?}", batch.stream)
            }
            Self::Broken(what) => write!(f, "{what}"),
        }
    }
}

impl History {
    /// Checks what was seen of a stream against what it holds at the end: payloads by sequence.
    pub fn check(&self, stream: &str, held: &Contents) -> Result<(), Violation> {
        let attempts: Vec<&Attempt> = self.attempts.iter().filter(|attempt| attempt.stream == stream).collect();
        self.check_nothing_lost(stream, &attempts, held)?;
        self.check_removals(stream, held)?;
        self.check_purges(stream, &attempts, held)?;
        self.check_subjects(stream, &attempts, held)?;
        self.check_batches(stream, held)?;
        check_nothing_made_up(&attempts, held)?;
        check_order(&attempts)?;
        self.check_reads(stream, &attempts)
    }

    fn check_nothing_lost(&self, stream: &str, attempts: &[&Attempt], held: &Contents) -> Result<(), Violation> {
        let removals = self.removals.iter().filter(|removal| removal.stream == stream);
        let removed: BTreeSet<u64> = removals.map(|removal| removal.seq).collect();
        let first_kept = self
            .limits
            .get(stream)
            .zip(held.keys().last())
            .map_or(0, |(limit, last)| (last + 1).saturating_sub(*limit));
        let purges: Vec<&Purge> = self.purges.iter().filter(|purge| purge.stream == stream).collect();
        let is_purged = |attempt: &Attempt| {
            purges.iter().any(|purge| purge.confirmed.is_none_or(|confirmed| attempt.sent <= confirmed))
        };
        let of_subject = self.limits_of_subjects.get(stream).map(|limit| (*limit, by_subject(attempts, held)));
        let is_pushed_out = |attempt: &Attempt, seq: u64| {
            let Some((limit, held_of)) = &of_subject else { return false };
            let later = held_of.get(attempt.subject.as_str()).map_or(0, |seqs| seqs.range(seq + 1..).count());
            later as u64 >= *limit
        };
        let may_be_gone = |attempt: &Attempt, seq: u64| {
            removed.contains(&seq) || seq < first_kept || is_purged(attempt) || is_pushed_out(attempt, seq)
        };
        for attempt in attempts {
            let Some((seq, _)) = attempt.acknowledged else { continue };
            let held_there = held.get(&seq);
            let is_there = held_there.map_or_else(|| may_be_gone(attempt, seq), |payload| *payload == attempt.payload);
            if !is_there {
                return Err(Violation::Lost(Box::new((*attempt).clone())));
            }
        }
        Ok(())
    }

    fn check_removals(&self, stream: &str, held: &Contents) -> Result<(), Violation> {
        let mut confirmed = self.removals.iter().filter(|removal| removal.is_confirmed && removal.stream == stream);
        let undead = confirmed.find(|removal| held.contains_key(&removal.seq));
        undead.map_or(Ok(()), |removal| Err(Violation::Undead(removal.clone())))
    }

    /// What was acknowledged before a purge that was confirmed is gone.
    fn check_purges(&self, stream: &str, attempts: &[&Attempt], held: &Contents) -> Result<(), Violation> {
        let asked = self.purges.iter().filter(|purge| purge.stream == stream && purge.confirmed.is_some());
        let Some(last) = asked.map(|purge| purge.sent).max() else { return Ok(()) };
        let before = attempts.iter().filter_map(|attempt| attempt.acknowledged).filter(|(_, at)| *at < last);
        let undead = before.map(|(seq, _)| seq).find(|seq| held.contains_key(seq));
        let removal = |seq| Removal { stream: stream.to_owned(), seq, is_confirmed: true };
        undead.map_or(Ok(()), |seq| Err(Violation::Undead(removal(seq))))
    }

    /// Of no subject are more messages there than are kept.
    fn check_subjects(&self, stream: &str, attempts: &[&Attempt], held: &Contents) -> Result<(), Violation> {
        let Some(limit) = self.limits_of_subjects.get(stream) else { return Ok(()) };
        let held_of = by_subject(attempts, held);
        match held_of.into_iter().find(|(_, seqs)| seqs.len() as u64 > *limit) {
            Some((subject, seqs)) => Err(Violation::Broken(format!("{subject} has {seqs:?}, and {limit} are kept"))),
            None => Ok(()),
        }
    }

    /// All of a batch is there or nothing, and nothing comes between.
    fn check_batches(&self, stream: &str, held: &Contents) -> Result<(), Violation> {
        let seqs: BTreeMap<&[u8], u64> = held.iter().map(|(seq, payload)| (payload.as_slice(), *seq)).collect();
        let removed = self.removals.iter().filter(|removal| removal.stream == stream).count();
        let is_torn = |batch: &&Batch| {
            let found: Vec<u64> =
                batch.payloads.iter().filter_map(|payload| seqs.get(payload.as_slice()).copied()).collect();
            let is_whole = found.len() == batch.payloads.len() && found.windows(2).all(|pair| pair[1] == pair[0] + 1);
            // Where messages are deleted one by one, holes prove nothing.
            !found.is_empty() && !is_whole && removed == 0
        };
        let mut batches = self.batches.iter().filter(|batch| batch.stream == stream);
        batches.find(is_torn).map_or(Ok(()), |batch| Err(Violation::Torn(batch.clone())))
    }

    fn check_reads(&self, stream: &str, attempts: &[&Attempt]) -> Result<(), Violation> {
        for read in self.reads.iter().filter(|read| read.stream == stream) {
            let known = attempts.iter().filter_map(|attempt| attempt.acknowledged);
            let known = known.filter(|(_, at)| *at < read.sent).map(|(seq, _)| seq).max().unwrap_or(0);
            if read.last_seq < known {
                return Err(Violation::StaleRead(Box::new(read.clone()), known));
            }
        }
        Ok(())
    }

    /// Checks the deliveries: what is confirmed is not delivered to who asks later.
    pub fn check_deliveries(&self) -> Result<(), Violation> {
        let mut confirmed: BTreeMap<u64, Moment> = BTreeMap::new();
        for delivery in &self.deliveries {
            if let Some(at) = delivery.confirmed {
                let earliest = confirmed.entry(delivery.seq).or_insert(at);
                *earliest = at.min(*earliest);
            }
        }
        let again = |delivery: &&DeliveryEvent| confirmed.get(&delivery.seq).is_some_and(|at| *at < delivery.asked);
        self.deliveries.iter().find(again).map_or(Ok(()), |delivery| Err(Violation::Redelivered(delivery.clone())))
    }
}

/// What is there of each subject, as far as it is known who sent it.
fn by_subject<'a>(attempts: &[&'a Attempt], held: &Contents) -> BTreeMap<&'a str, BTreeSet<u64>> {
    let subjects: BTreeMap<&[u8], &str> =
        attempts.iter().map(|attempt| (attempt.payload.as_slice(), attempt.subject.as_str())).collect();
    let mut held_of: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (seq, payload) in held {
        if let Some(subject) = subjects.get(payload.as_slice()) {
            held_of.entry(subject).or_default().insert(*seq);
        }
    }
    held_of
}

fn check_nothing_made_up(attempts: &[&Attempt], held: &Contents) -> Result<(), Violation> {
    let mut seen: BTreeMap<&[u8], u64> = BTreeMap::new();
    for payload in held.values() {
        *seen.entry(payload).or_default() += 1;
    }
    let sent: BTreeMap<&[u8], bool> =
        attempts.iter().map(|attempt| (attempt.payload.as_slice(), attempt.is_refused)).collect();
    for (payload, n_times) in seen {
        match sent.get(payload) {
            None | Some(true) => return Err(Violation::Unsent(payload.to_vec())),
            Some(false) if n_times > 1 => return Err(Violation::Duplicate(payload.to_vec())),
            Some(false) => {}
        }
    }
    Ok(())
}

/// Real-time order: of two acknowledged messages, the one that was acknowledged before the other was sent is first.
fn check_order(attempts: &[&Attempt]) -> Result<(), Violation> {
    let mut by_ack: Vec<(&Attempt, u64, Moment)> =
        attempts.iter().filter_map(|attempt| attempt.acknowledged.map(|(seq, at)| (*attempt, seq, at))).collect();
    by_ack.sort_by_key(|(_, _, at)| *at);
    let mut by_sent = by_ack.clone();
    by_sent.sort_by_key(|(attempt, _, _)| attempt.sent);
    let mut next = 0;
    let mut highest: Option<(&Attempt, u64)> = None;
    for (attempt, seq, _) in by_sent {
        while let Some((earlier, earlier_seq, at)) = by_ack.get(next) {
            // Timers have a grain: of two things at one moment neither is the earlier one.
            if *at >= attempt.sent {
                break;
            }
            if highest.is_none_or(|(_, known)| *earlier_seq > known) {
                highest = Some((earlier, *earlier_seq));
            }
            next += 1;
        }
        if let Some((earlier, known)) = highest
            && seq <= known
            && earlier.payload != attempt.payload
        {
            return Err(Violation::Order(Box::new(earlier.clone()), Box::new(attempt.clone())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Batch, DeliveryEvent, History, LastSeqRead, Purge, Removal, Violation};
    use std::collections::BTreeMap;

    fn attempt(payload: &str, sent: u64, acknowledged: Option<(u64, u64)>) -> Attempt {
        let (stream, subject) = ("T".to_owned(), "T.s".to_owned());
        Attempt { stream, subject, payload: payload.into(), sent, acknowledged, is_refused: false }
    }

    fn held(payloads: &[&str]) -> BTreeMap<u64, Vec<u8>> {
        (1..).zip(payloads.iter().map(|payload| payload.as_bytes().to_vec())).collect()
    }

    fn of(attempts: Vec<Attempt>) -> History {
        History { attempts, ..History::default() }
    }

    #[test]
    fn what_can_have_been_passes() {
        let history = of(vec![
            attempt("a", 0, Some((1, 5))),
            attempt("b", 1, None),
            attempt("c", 6, Some((3, 8))),
            attempt("d", 7, None),
        ]);
        assert_eq!(history.check("T", &held(&["a", "b", "c"])), Ok(()));
    }

    #[test]
    fn a_lost_acknowledged_message_is_found() {
        let lost = attempt("a", 0, Some((1, 5)));
        assert_eq!(of(vec![lost.clone()]).check("T", &held(&[])), Err(Violation::Lost(Box::new(lost.clone()))));
        assert_eq!(of(vec![lost.clone()]).check("T", &held(&["b"])), Err(Violation::Lost(Box::new(lost))));
    }

    #[test]
    fn a_duplicate_and_a_message_from_nowhere_are_found() {
        let history = of(vec![attempt("a", 0, None)]);
        assert_eq!(history.check("T", &held(&["a", "a"])), Err(Violation::Duplicate(b"a".to_vec())));
        assert_eq!(history.check("T", &held(&["x"])), Err(Violation::Unsent(b"x".to_vec())));
        let refused = of(vec![Attempt { is_refused: true, ..attempt("a", 0, None) }]);
        assert_eq!(refused.check("T", &held(&["a"])), Err(Violation::Unsent(b"a".to_vec())));
    }

    #[test]
    fn what_was_removed_may_be_gone_and_must_be_once_that_is_confirmed() {
        let removal = |is_confirmed| Removal { stream: "T".to_owned(), seq: 1, is_confirmed };
        let mut history = of(vec![attempt("a", 0, Some((1, 5)))]);
        history.removals = vec![removal(false)];
        assert_eq!(history.check("T", &held(&[])), Ok(()));
        assert_eq!(history.check("T", &held(&["a"])), Ok(()));
        history.removals = vec![removal(true)];
        assert_eq!(history.check("T", &held(&[])), Ok(()));
        assert_eq!(history.check("T", &held(&["a"])), Err(Violation::Undead(removal(true))));
    }

    #[test]
    fn what_a_limit_pushes_out_is_not_lost_and_no_more() {
        let mut history = of(vec![attempt("a", 0, Some((1, 5))), attempt("b", 0, Some((2, 6)))]);
        history.limits.insert("T".to_owned(), 2);
        let third = |seq: u64| BTreeMap::from([(seq, b"c".to_vec())]);
        history.attempts.push(attempt("c", 7, None));
        assert!(matches!(history.check("T", &third(3)), Err(Violation::Lost(lost)) if lost.payload == b"b"));
        assert_eq!(history.check("T", &third(4)), Ok(()));
    }

    #[test]
    fn what_was_purged_is_gone_and_nothing_else() {
        let purge = |sent, confirmed| Purge { stream: "T".to_owned(), sent, confirmed };
        let mut history = of(vec![attempt("a", 0, Some((1, 5))), attempt("b", 20, Some((2, 25)))]);
        let rest = BTreeMap::from([(2, b"b".to_vec())]);
        assert!(matches!(history.check("T", &rest), Err(Violation::Lost(_))));
        history.purges = vec![purge(6, Some(10))];
        assert_eq!(history.check("T", &rest), Ok(()));
        assert!(matches!(history.check("T", &held(&["a", "b"])), Err(Violation::Undead(_))));
        assert!(matches!(history.check("T", &held(&[])), Err(Violation::Lost(lost)) if lost.payload == b"b"));
        history.purges = vec![purge(6, None)];
        assert_eq!(history.check("T", &held(&["a", "b"])), Ok(()));
        assert_eq!(history.check("T", &held(&[])), Ok(()));
    }

    #[test]
    fn of_a_subject_its_last_messages_are_there() {
        let mut history = of(vec![attempt("a", 0, Some((1, 5))), attempt("b", 6, Some((2, 8)))]);
        history.limits_of_subjects.insert("T".to_owned(), 1);
        assert_eq!(history.check("T", &BTreeMap::from([(2, b"b".to_vec())])), Ok(()));
        assert!(matches!(history.check("T", &held(&["a"])), Err(Violation::Lost(lost)) if lost.payload == b"b"));
        assert!(matches!(history.check("T", &held(&["a", "b"])), Err(Violation::Broken(_))));
    }

    #[test]
    fn a_batch_is_whole_or_not_there() {
        let batch = Batch { stream: "T".to_owned(), payloads: vec![b"a".to_vec(), b"b".to_vec()] };
        let attempts = ["a", "b", "x"].map(|payload| attempt(payload, 0, None));
        let history = History { batches: vec![batch.clone()], ..of(attempts.to_vec()) };
        for whole in [vec![], vec!["x"], vec!["a", "b", "x"]] {
            assert_eq!(history.check("T", &held(&whole)), Ok(()));
        }
        for torn in [vec!["a"], vec!["b", "a"], vec!["a", "x", "b"]] {
            assert_eq!(history.check("T", &held(&torn)), Err(Violation::Torn(batch.clone())));
        }
    }

    #[test]
    fn order_in_real_time_is_checked() {
        let (first, second) = (attempt("a", 0, Some((2, 5))), attempt("b", 6, Some((1, 9))));
        let history = of(vec![first.clone(), second.clone()]);
        assert_eq!(history.check("T", &held(&["b", "a"])), Err(Violation::Order(Box::new(first), Box::new(second))));
        // Concurrent ones may stand either way.
        let history = of(vec![attempt("a", 0, Some((2, 7))), attempt("b", 6, Some((1, 9)))]);
        assert_eq!(history.check("T", &held(&["b", "a"])), Ok(()));
    }

    #[test]
    fn a_stale_read_is_found() {
        let mut history = of(vec![attempt("a", 0, Some((1, 5)))]);
        let read = |sent| LastSeqRead { stream: "T".to_owned(), sent, answered: 9, last_seq: 0 };
        history.reads = vec![read(5)];
        assert_eq!(history.check("T", &held(&["a"])), Ok(()));
        history.reads = vec![read(6)];
        assert_eq!(history.check("T", &held(&["a"])), Err(Violation::StaleRead(Box::new(read(6)), 1)));
    }

    #[test]
    fn a_confirmed_message_is_not_delivered_again() {
        let delivery = |asked, confirmed| DeliveryEvent { seq: 1, asked, is_acknowledged: true, confirmed };
        let of = |deliveries| History { deliveries, ..History::default() };
        assert_eq!(of(vec![delivery(0, None), delivery(3, Some(5))]).check_deliveries(), Ok(()));
        let again = of(vec![delivery(0, Some(2)), delivery(3, None)]);
        assert_eq!(again.check_deliveries(), Err(Violation::Redelivered(delivery(3, None))));
    }
}
