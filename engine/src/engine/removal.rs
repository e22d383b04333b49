//! Removals and resets that do not begin with the meta layer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep};

use super::Engine;
use crate::consumer::Consumer;
use crate::core::meta::{Changed, Identity, MetaChange};
use crate::core::write_error::WriteError;
use crate::events::Event;
use crate::failpoint;
use crate::stream::Stream;

/// A stream that has to be opened again sooner than this after the last time has not been helped by it.
const LASTS: Duration = Duration::from_secs(60);
/// The pause before the second reset of a stream in a row; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(16);
/// A stream that was made anew longer ago begins without a pause again.
const MEMORY: Duration = Duration::from_secs(120);

/// The resets of the streams that were made anew lately: how many in a row, and when the last one was due.
#[derive(Default)]
pub(super) struct Resets(BTreeMap<String, (u32, Instant)>);

impl Resets {
    /// Notes a reset: how long it has to wait. What did not help just now does not help at once either.
    fn pause(&mut self, stream: &str, now: Instant) -> Duration {
        self.0.retain(|_, (_, due)| now.saturating_duration_since(*due) < MEMORY);
        let (n_earlier, due) = self.0.entry(stream.to_owned()).or_insert((0, now));
        let doublings = n_earlier.checked_sub(1);
        let pause = doublings.map_or(Duration::ZERO, |n| PAUSE.saturating_mul(1 << n.min(10)).min(PAUSE_MAX));
        *n_earlier = n_earlier.saturating_add(1);
        *due = now + pause;
        pause
    }
}

impl Engine {
    /// Deletes a consumer that nobody uses, where that is not the meta layer's to decide: without a cluster, or where the
    /// consumer is a server's own.
    pub(crate) async fn delete_inactive(self: &Arc<Self>, consumer: &Arc<Consumer>) {
        let key = consumer.key().clone();
        let assigned = self.consumer_assignment(&key);
        if !self.context.settings.is_clustered()
            && let Some(assignment) = assigned
        {
            let removal = MetaChange::RemoveConsumer(Identity::of(&assignment));
            if let Err(error) = self.change(removal).await {
                tracing::warn!("inactive consumer {key} stays: {error}");
            }
            return;
        }
        if let Some(stream) = self.stream(&key.stream) {
            stream.forget_consumer(&key.name);
        }
        consumer.remove(self).await;
        self.context.events.tell(Event::ConsumerDeleted { consumer: key });
    }

    /// Makes a stream anew from its group: its messages come from the log and from the leader. Runs on a task of its own:
    /// it waits for the monitor that asked for it.
    pub(crate) fn reset_stream(self: Arc<Self>, stream: Arc<Stream>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Boxed: it starts a monitor, and a monitor may start it.
        Box::pin(self.make_anew(stream, true))
    }

    /// Opens a stream again that could not read: its index is built from the disk. Runs on a task of its own, too. Where
    /// that does not last, the replicas are asked; one that has none is not written any more.
    pub(crate) fn open_again(
        self: Arc<Self>,
        stream: Arc<Stream>,
        reason: String,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let now = Instant::now();
            let earlier = self.state.write().opened_again.insert(stream.name().to_owned(), now);
            let lasted = earlier.is_none_or(|earlier| now.duration_since(earlier) > LASTS);
            if lasted {
                self.make_anew(stream, false).await;
            } else if stream.member().group().is_replicated() {
                self.make_anew(stream, true).await;
            } else {
                stream.fail(&WriteError::other(reason)).await;
            }
        })
    }

    /// Makes a stream anew, from nothing or from what is on the disk.
    async fn make_anew(self: Arc<Self>, stream: Arc<Stream>, is_wiped: bool) {
        if is_wiped {
            let pause = self.resets.lock().pause(stream.name(), Instant::now());
            let (quit, stopping) = (self.context.quit.clone(), self.stopping.clone());
            interlock_sync::select! {
                biased;
                () = quit.cancelled() => return,
                () = stopping.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
        let _one_at_a_time = self.placing.lock().await;
        let is_the_same = |running: Arc<Stream>| Arc::ptr_eq(&running, &stream);
        if self.is_stopping() || !self.stream(stream.name()).is_some_and(is_the_same) {
            return;
        }
        stream.member().slot.stop().await;
        if let Some(node) = stream.member().take_node() {
            node.stop().await;
        }
        self.forget_stream(&stream);
        self.state.write().nodes.remove(&stream.member().group().name);
        if is_wiped {
            stream.remove(&self).await;
        } else {
            stream.close(&self).await;
        }
        failpoint!("between_close_and_place");
        let Some(assignment) = self.stream_assignment(stream.name()) else { return };
        // Its consumers come with it.
        self.place(Changed::Stream { old: None, new: Some(assignment) }).await;
    }
}

#[cfg(feature = "mutation")]
impl Engine {
    /// Spawns a monitor where one runs already, as no code of the engine does.
    pub async fn spawn_second_monitor(self: &Arc<Self>, stream: &Arc<Stream>) {
        let presence = stream.member().slot.register().await;
        let _started = self.context.tasks.spawn(stream.clone().monitor(self.clone(), presence));
    }

    /// Takes the handle of the meta layer away, or gives it back: the one that was there.
    pub fn swap_meta(&self, node: Option<crate::raft::Node>) -> Option<crate::raft::Node> {
        std::mem::replace(&mut self.state.write().meta, node)
    }
}

#[cfg(test)]
mod tests {
    use super::{Resets, *};

    #[test]
    fn resets_in_a_row_are_further_and_further_apart() {
        let mut resets = Resets::default();
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = resets.pause("S", now);
            pauses.push(pause.as_secs());
            now += pause + Duration::from_secs(1);
        }
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 16]);
        assert_eq!(resets.pause("T", now), Duration::ZERO, "another stream");
        assert_eq!(resets.pause("S", now + MEMORY + PAUSE_MAX), Duration::ZERO, "that was long ago");
    }
}
