//! Removals and resets that do not begin with the meta layer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::Engine;
use crate::consumer::Consumer;
use crate::core::meta::{Changed, Identity, MetaChange};
use crate::events::Event;
use crate::stream::Stream;

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
        Box::pin(self.reset(stream))
    }

    async fn reset(self: Arc<Self>, stream: Arc<Stream>) {
        let _one_at_a_time = self.placing.lock().await;
        let is_the_same = |running: Arc<Stream>| Arc::ptr_eq(&running, &stream);
        if self.is_stopping() || !self.stream(stream.name()).is_some_and(is_the_same) {
            return;
        }
        stream.member().slot.stop().await;
        if let Some(node) = stream.member().take_node() {
            node.stop().await;
        }
        let groups: Vec<_> = stream.consumers().iter().map(|consumer| consumer.member().group().name).collect();
        {
            let mut state = self.state.write();
            state.streams.remove(stream.name());
            state.nodes.remove(&stream.member().group().name);
            for group in groups {
                state.nodes.remove(&group);
            }
        }
        stream.remove(&self).await;
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
