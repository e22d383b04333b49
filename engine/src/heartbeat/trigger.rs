//! The queue between the monitor and the worker: bounded, never waited for by the sender, each partition once.

use std::collections::BTreeSet;
use std::sync::Arc;

use interlock_sync::channel::mpsc;
use interlock_sync::lock::Mutex;

use super::Partition;

/// What became of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The worker will take it.
    Queued,
    /// One for the same partition waits already.
    AlreadyQueued,
    /// Too many wait.
    Full,
    /// There is no worker.
    Closed,
}

/// The partitions whose triggers wait. A leaf lock, held for one set operation.
type Waiting = Arc<Mutex<BTreeSet<Partition>>>;

/// The monitor's end. Clones send to the same queue.
#[derive(Clone)]
pub struct TriggerSender {
    sender: mpsc::Sender<Partition>,
    waiting: Waiting,
}

/// The worker's end.
pub struct TriggerQueue {
    receiver: mpsc::Receiver<Partition>,
    waiting: Waiting,
}

/// A queue for so many triggers.
pub fn triggers(max_queued: usize) -> (TriggerSender, TriggerQueue) {
    let (sender, receiver) = mpsc::channel(max_queued.max(1));
    let waiting = Waiting::default();
    (TriggerSender { sender, waiting: waiting.clone() }, TriggerQueue { receiver, waiting })
}

impl TriggerSender {
    /// Queues a trigger, without waiting.
    pub fn offer(&self, partition: &Partition) -> Offer {
        // Marked before it is sent: the worker takes the mark away as it receives.
        if !self.waiting.lock().insert(partition.clone()) {
            return Offer::AlreadyQueued;
        }
        let refusal = match self.sender.try_send(partition.clone()) {
            Ok(()) => return Offer::Queued,
            Err(mpsc::error::TrySendError::Full(_)) => Offer::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Offer::Closed,
        };
        self.waiting.lock().remove(partition);
        refusal
    }
}

impl TriggerQueue {
    /// The next trigger; nothing once all senders are gone.
    pub async fn next(&mut self) -> Option<Partition> {
        let partition = self.receiver.recv().await?;
        self.waiting.lock().remove(&partition);
        Some(partition)
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, triggers};
    use crate::heartbeat::Partition;

    #[tokio::test]
    async fn a_partition_waits_once_and_a_full_queue_says_so() {
        let (sender, mut queue) = triggers(2);
        let partitions = [0, 1, 2].map(|number| Partition::new("t", number));
        let offers = [0, 0, 1, 2, 2].map(|at: usize| sender.offer(&partitions[at]));
        assert_eq!(offers, [Offer::Queued, Offer::AlreadyQueued, Offer::Queued, Offer::Full, Offer::Full]);
        assert_eq!(queue.next().await.as_ref(), Some(&partitions[0]));
        assert_eq!(sender.offer(&partitions[0]), Offer::Queued);
        drop(queue);
        assert_eq!(sender.offer(&partitions[2]), Offer::Closed);
    }
}
