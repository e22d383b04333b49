//! Atomic batches: collecting the messages of one on every replica, and on the leader the end of one that is staged.

use super::entry::Publish;

/// Messages of a batch at most.
pub const MAX_MESSAGES: usize = 1000;

/// A batch whose messages are coming in through the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its id.
    pub id: String,
    /// The index of its first message.
    pub start_index: u64,
    /// Its messages so far.
    pub parts: Vec<Publish>,
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
                let open = OpenBatch { id: part.id, start_index: index, parts: Vec::new() };
                (abandoned, self.extend(open, publish, part.commit))
            }
            abandoned => (abandoned, Collected::Orphan(publish)),
        }
    }

    fn extend(&mut self, mut open: OpenBatch, publish: Publish, is_last: bool) -> Collected {
        open.parts.push(publish);
        if open.parts.len() > MAX_MESSAGES {
            Collected::TooLarge(open)
        } else if is_last {
            Collected::Complete(open)
        } else {
            self.open = Some(open);
            Collected::Waiting
        }
    }
}
