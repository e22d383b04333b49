//! The table: partition to the time of its last frame.

use interlock_sync::map::{ConcurrentMap, Entry};
use interlock_sync::time::{Duration, Instant};

use super::Partition;

/// Fixed, so that the same keys share shards on every machine.
const N_SHARDS: usize = 16;

/// When each partition was last heard of. Each call takes one shard's lock at a time and releases it before it returns.
pub struct Table {
    seen: ConcurrentMap<Partition, Instant>,
}

impl Default for Table {
    fn default() -> Self {
        let hasher = std::hash::BuildHasherDefault::default();
        Self { seen: ConcurrentMap::with_hasher_and_shard_amount(hasher, N_SHARDS) }
    }
}

impl Table {
    /// A frame has come. Times only grow. For a partition that is new: how many are watched with it.
    pub fn refresh(&self, partition: &Partition, now: Instant) -> Option<usize> {
        let is_new = match self.seen.entry(partition.clone()) {
            Entry::Occupied(mut seen) => {
                let newest = now.max(*seen.get());
                seen.insert(newest);
                false
            }
            Entry::Vacant(unseen) => {
                let _guard = unseen.insert(now);
                #[cfg(feature = "mutation")]
                if crate::mutant!(M103) {
                    // The length takes the lock of each shard, and this one's is held.
                    return Some(self.seen.len());
                }
                true
            }
        };
        is_new.then(|| self.seen.len())
    }

    /// Watches a partition from now on, unless something was heard of it.
    pub fn watch(&self, partition: &Partition, now: Instant) {
        self.seen.entry(partition.clone()).or_insert(now);
    }

    /// When this partition was last heard of; nothing where it is not watched.
    pub fn last_seen(&self, partition: &Partition) -> Option<Instant> {
        self.seen.get(partition).map(|seen| *seen)
    }

    /// How many partitions are watched.
    pub fn n_watched(&self) -> usize {
        self.seen.len()
    }

    /// Partitions that were silent for so long, with their times, in the order of their names. Nothing is changed before
    /// the iteration's guards are gone (O-33).
    pub fn silent(&self, now: Instant, silence: Duration) -> Vec<(Partition, Instant)> {
        let mut silent = Vec::new();
        for entry in &self.seen {
            let seen = *entry.value();
            if now.saturating_duration_since(seen) >= silence {
                silent.push((entry.key().clone(), seen));
                #[cfg(feature = "mutation")]
                if crate::mutant!(M102) {
                    // The iterator holds the lock of the shard that this needs.
                    self.seen.remove(entry.key());
                }
            }
        }
        silent.sort_unstable();
        silent
    }

    /// Forgets a partition, unless something was heard of it since it was observed (G-17). Whether it is forgotten.
    pub fn remove_observed(&self, partition: &Partition, observed: Instant) -> bool {
        let is_observed = |_: &Partition, seen: &Instant| *seen == observed || crate::mutant!(M104);
        self.seen.remove_if(partition, is_observed).is_some()
    }

    /// What the bug of M-101 needs: the elector is called from within the iteration.
    #[cfg(feature = "mutation")]
    pub(super) async fn elect_within_iteration(&self, elector: &dyn super::Elector, now: Instant, silence: Duration) {
        let mut elected = Vec::new();
        for entry in &self.seen {
            if now.saturating_duration_since(*entry.value()) >= silence {
                // The guard of the shard lives while the elector waits for the node.
                elector.elect(entry.key()).await.ok();
                elected.push(entry.key().clone());
            }
        }
        for partition in elected {
            self.seen.remove(&partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::heartbeat::Partition;
    use interlock_sync::time::{Duration, Instant};

    #[tokio::test(start_paused = true)]
    async fn a_partition_is_silent_once_its_time_is_up() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let table = Table::default();
        let partitions = [Partition::new("b", 0), Partition::new("a", 1)];
        assert_eq!(table.refresh(&partitions[0], start), Some(1));
        assert_eq!(table.refresh(&partitions[1], start), Some(2));
        assert_eq!(table.refresh(&partitions[1], start), None);
        assert_eq!(table.silent(start + second, 2 * second), []);
        let [b, a] = partitions;
        assert_eq!(table.silent(start + second, second), [(a.clone(), start), (b.clone(), start)]);
        table.refresh(&a, start + second);
        assert!(!table.remove_observed(&a, start));
        assert!(table.remove_observed(&b, start));
        assert_eq!((table.n_watched(), table.last_seen(&a)), (1, Some(start + second)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_was_overtaken_changes_nothing() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let (table, partition) = (Table::default(), Partition::new("a", 0));
        table.refresh(&partition, start + second);
        table.refresh(&partition, start);
        table.watch(&partition, start + 2 * second);
        assert_eq!(table.last_seen(&partition), Some(start + second));
    }
}
