//! Carries out the plans of `core::assignment`: what a change of an assignment means for what runs here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::running::Running;
use super::{AssetKey, Engine, TableEntry};
use crate::consumer::Consumer;
use crate::core::assignment::{ConsumerAssignment, Placement, RaftGroup, Step, StreamAssignment, plan};
use crate::core::meta::Changed;
use crate::core::names::GroupName;
use crate::core::write_error::WriteError;
use crate::events::Event;
use crate::failpoint;
use crate::stream::Stream;

/// An entity that a plan is carried out for. It may not exist yet, or no longer.
pub(super) enum Entity {
    Stream { name: String, new: Option<StreamAssignment> },
    Consumer { key: crate::core::names::ConsumerKey, new: Option<ConsumerAssignment> },
}

impl Entity {
    fn asset(&self) -> AssetKey {
        match self {
            Self::Stream { name, .. } => AssetKey::Stream(name.clone()),
            Self::Consumer { key, .. } => AssetKey::Consumer(key.clone()),
        }
    }

    pub(super) fn new_group(&self) -> Option<&RaftGroup> {
        match self {
            Self::Stream { new, .. } => new.as_ref().map(|new| &new.group),
            Self::Consumer { new, .. } => new.as_ref().map(|new| &new.group),
        }
    }
}

impl Engine {
    /// Carries out what changed for one entity. Waits for monitors that have to end.
    pub(super) async fn carry_out(self: &Arc<Self>, changed: Changed) {
        failpoint!("before_placing");
        let _one_at_a_time = self.placing.lock().await;
        // What is placed behind a shutdown nobody would stop. The next start finds it in the meta layer's log.
        if !self.is_stopping() {
            self.place(changed).await;
        }
    }

    /// The same for who holds the placing already.
    pub(super) async fn place(self: &Arc<Self>, changed: Changed) {
        match changed {
            Changed::Stream { old, new } => self.place_stream(old, new).await,
            Changed::Consumer { old, new } => self.place_consumer(old, new).await,
        }
    }

    /// The same for a task that a placing may start.
    pub(super) fn place_boxed<'a>(
        self: &'a Arc<Self>,
        changed: Changed,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.place(changed))
    }

    async fn place_stream(self: &Arc<Self>, old: Option<StreamAssignment>, new: Option<StreamAssignment>) {
        let Some(name) = new.as_ref().or(old.as_ref()).map(|any| any.config.name.clone()) else { return };
        if let Some(stream) = self.stream(&name) {
            let groups = (old.as_ref().map(|old| &old.group), new.as_ref().map(|new| &new.group));
            self.close_unless_sound(Running::Stream(stream), groups).await;
        }
        let old = old.filter(|old| {
            let entity = self.stream(&name).map(Running::Stream);
            self.was_placed(entity.as_ref(), &old.group, new.as_ref().map(|new| &new.group))
        });
        let steps = plan(
            self.me(),
            old.as_ref().map(|old| Placement { group: &old.group, created_ns: old.created_ns }),
            new.as_ref().map(|new| Placement { group: &new.group, created_ns: new.created_ns }),
            self.stream(&name).is_some(),
        );
        let is_made = steps.contains(&Step::CreateEntity);
        let old_group = old.map(|old| old.group);
        self.take_steps(&Entity::Stream { name: name.clone(), new }, old_group.as_ref(), steps).await;
        if is_made && self.stream(&name).is_some() {
            // A stream that is made later than its consumers were assigned has them now.
            let assigned = self.assignments().stream(&name).map(|stream| stream.consumers.clone());
            for consumer in assigned.unwrap_or_default().into_values() {
                self.place_consumer(None, Some(consumer)).await;
            }
        }
    }

    async fn place_consumer(self: &Arc<Self>, old: Option<ConsumerAssignment>, new: Option<ConsumerAssignment>) {
        let Some(key) = new.as_ref().or(old.as_ref()).map(ConsumerAssignment::key) else { return };
        let running = self.consumer(&key);
        if let (None, Some(new), Some(running)) = (&old, &new, &running)
            && running.is_assigned(new)
            && !self.is_to_found(&Running::Consumer(running.clone()), &new.group)
        {
            // It came with its stream.
            return;
        }
        if let Some(running) = running {
            let groups = (old.as_ref().map(|old| &old.group), new.as_ref().map(|new| &new.group));
            self.close_unless_sound(Running::Consumer(running), groups).await;
        }
        let old = old.filter(|old| {
            let entity = self.consumer(&key).map(Running::Consumer);
            self.was_placed(entity.as_ref(), &old.group, new.as_ref().map(|new| &new.group))
        });
        let steps = plan(
            self.me(),
            old.as_ref().map(|old| Placement { group: &old.group, created_ns: old.created_ns }),
            new.as_ref().map(|new| Placement { group: &new.group, created_ns: new.created_ns }),
            self.consumer(&key).is_some(),
        );
        let old_group = old.map(|old| old.group);
        self.take_steps(&Entity::Consumer { key, new }, old_group.as_ref(), steps).await;
    }

    /// Whether what runs here is where its assignment was. A group that was to be founded here and is not comes about by
    /// the next change of its assignment, whatever changes.
    fn was_placed(&self, running: Option<&Running>, old: &RaftGroup, new: Option<&RaftGroup>) -> bool {
        let is_to_found = |group: &RaftGroup| running.is_some_and(|entity| self.is_to_found(entity, group));
        !new.is_some_and(|group| old.name == group.name && is_to_found(group))
    }

    /// Closes an entity that a plan must not go on with: whoever opens it again has what is on the disk. It is one that
    /// could not read, whose state and store may have parted; or one that goes on without its group and has not applied
    /// all of the group's log, after a restart for one: what is opened as the only replica takes the log over.
    async fn close_unless_sound(
        self: &Arc<Self>,
        running: Running,
        (old, new): (Option<&RaftGroup>, Option<&RaftGroup>),
    ) {
        let node = old.and_then(|group| self.node(&group.name));
        let goes_on_alone = old.is_some_and(RaftGroup::is_replicated)
            && new.is_some_and(|group| !group.is_replicated() && group.has(self.me()));
        let is_behind = node.as_ref().is_some_and(|node| running.processed() < node.status().last_index);
        let leaves_log = goes_on_alone && is_behind;
        if !(running.is_unreadable() || leaves_log) {
            return;
        }
        tracing::info!("{}: it is opened anew from the disk", running.asset());
        if let Some(node) = node {
            node.stop().await;
            self.state.write().nodes.remove(node.group());
        }
        running.member().slot.stop().await;
        self.forget(&running);
        self.close(running).await;
    }

    async fn take_steps(self: &Arc<Self>, entity: &Entity, old: Option<&RaftGroup>, steps: Vec<Step>) {
        tracing::debug!("{}: {}: {steps:?}", self.me(), entity.asset());
        for step in steps {
            if let Err(error) = self.take_step(entity, old, step).await {
                self.end_plan(entity, step, &error).await;
                return;
            }
        }
        // A success takes back what an earlier failure left in health (O-39).
        self.note_error(entity.asset(), None);
    }

    /// A step failed. What leads alone and was to found a group is read on, and nothing else (W8): as long as the group
    /// is not founded nobody else has it.
    async fn end_plan(self: &Arc<Self>, entity: &Entity, step: Step, error: &WriteError) {
        let founds = matches!(step, Step::EndAlone | Step::CreateGroup);
        let group = entity.new_group().filter(|new| step == Step::CreateGroup && self.has_failed_to_found(&new.name));
        match self.running(entity).filter(|running| founds && running.member().leads()) {
            // It is opened again by who drove it, and placed then.
            Some(running) if running.is_unreadable() => {}
            Some(_) if group.is_some() => {}
            Some(running) => {
                // What it has cannot be made durable.
                running.fail(error).await;
                self.note_failure(entity, error);
            }
            None => self.give_up(entity, error).await,
        }
        if let Some(unfounded) = group.filter(|_| !self.is_stopping()) {
            self.found_later(entity.asset(), unfounded.name.clone(), error);
        }
    }

    fn running(&self, entity: &Entity) -> Option<Running> {
        match entity {
            Entity::Stream { name, .. } => self.stream(name).map(Running::Stream),
            Entity::Consumer { key, .. } => self.consumer(key).map(Running::Consumer),
        }
    }

    async fn take_step(
        self: &Arc<Self>,
        entity: &Entity,
        old: Option<&RaftGroup>,
        step: Step,
    ) -> Result<(), WriteError> {
        let running = self.running(entity);
        match (step, running) {
            (Step::CreateGroup, running) => self.create_group(entity, running.as_ref()).await?,
            (Step::CreateEntity, None) => self.create_entity(entity).await?,
            (Step::ClearGroupNode, _) => self.forget_group(old).await?,
            // What the store could not make durable is in the log only, and is taken from there at the next start.
            (Step::DeleteGroup, Some(running)) if running.member().write_error.is_set() => self.forget_node(old),
            (Step::DeleteGroup, _) => self.delete_group(old).await?,
            (_, None) => {}
            (Step::StepDown, Some(running)) => {
                let preferred = entity.new_group().and_then(|group| group.preferred);
                if let Some(node) = running.member().node() {
                    // A node that is closed leads no more.
                    let _closed = node.step_down(preferred).await;
                }
            }
            (Step::RetireNode, Some(running)) => self.retire_node(&running).await,
            (Step::DeleteNode, Some(running)) => self.delete_node(&running).await?,
            (Step::StopSlot, Some(running)) => self.stop_slot(&running).await,
            (Step::EndAlone, running) => self.end_lone_leadership(entity, running).await?,
            (Step::StopCatchup, Some(running)) => {
                if let Running::Stream(stream) = &running {
                    stream.stop_catchup();
                }
            }
            (Step::Persist, Some(running)) => running.persist().await?,
            (Step::CreateEntity, Some(_)) => {}
            (Step::LinkAssignment, Some(running)) => self.link(entity, &running).await,
            (Step::UpdateConfig, Some(running)) => self.update_config(entity, &running).await,
            (Step::SpawnMonitor, Some(running)) => self.spawn_monitor(running).await,
            (Step::LeadAlone, Some(running)) => self.lead_alone(running).await,
            (Step::RemoveHere, Some(running)) => self.remove(running, old, false).await?,
            (Step::Delete, Some(running)) => self.remove(running, old, true).await?,
        }
        Ok(())
    }

    async fn retire_node(&self, running: &Running) {
        if let Some(node) = running.member().take_node() {
            node.stop().await;
        }
        failpoint!("after_node_delete");
    }

    async fn delete_node(&self, running: &Running) -> Result<(), WriteError> {
        if let Some(node) = running.member().take_node() {
            self.end_group(node.group()).await?;
            delete(&node).await;
        }
        failpoint!("after_node_delete");
        Ok(())
    }

    async fn stop_slot(&self, running: &Running) {
        failpoint!("before_slot_stop");
        if matches!(running, Running::Consumer(_)) && crate::mutant!(M05) {
            return;
        }
        running.member().slot.stop().await;
    }

    /// Forgets the old group's node; one that nobody was linked to is deleted.
    async fn forget_group(&self, old: Option<&RaftGroup>) -> Result<(), WriteError> {
        let Some(old) = old else { return Ok(()) };
        let entry = self.state.write().nodes.remove(&old.name);
        if let Some(TableEntry { node, .. }) = entry
            && !node.quit().is_cancelled()
        {
            self.end_group(node.group()).await?;
            delete(&node).await;
        }
        Ok(())
    }

    /// Forgets the old group's node, and removes its folder.
    async fn delete_group(&self, old: Option<&RaftGroup>) -> Result<(), WriteError> {
        let Some(old) = old else { return Ok(()) };
        let entry = self.state.write().nodes.remove(&old.name);
        if let Some(TableEntry { node, .. }) = entry {
            self.end_group(node.group()).await?;
            delete(&node).await;
        }
        Ok(())
    }

    /// Forgets a node that was stopped, and leaves its log.
    fn forget_node(&self, old: Option<&RaftGroup>) {
        let entry = old.and_then(|old| self.state.write().nodes.remove(&old.name));
        drop(entry);
    }

    async fn link(&self, entity: &Entity, running: &Running) {
        let Some(group) = entity.new_group() else { return };
        let node = self.node(&group.name);
        if crate::mutant!(M52) {
            running.member().link(group.clone(), node);
            interlock_sync::task::yield_now().await;
            running.link(entity);
            return;
        }
        running.link(entity);
        // Last: it signals whoever reads what was linked.
        running.member().link(group.clone(), node);
    }

    async fn update_config(&self, entity: &Entity, running: &Running) {
        match (entity, running) {
            (Entity::Stream { new: Some(new), .. }, Running::Stream(stream)) => stream.update_config(new).await,
            (Entity::Consumer { .. }, Running::Consumer(consumer)) => consumer.update_config().await,
            _ => {}
        }
    }

    async fn create_entity(self: &Arc<Self>, entity: &Entity) -> Result<(), WriteError> {
        if let Some(group) = entity.new_group() {
            if !group.is_replicated() {
                self.may_lead_alone(&group.name).await?;
            } else if self.has_failed_to_found(&group.name) {
                // What is left of the attempt is no log: the group is founded on the entity's own files, once it is open.
                self.remove_unfounded(&group.name).await?;
            } else if self.has_log(group).await? {
                // It was founded before: what it has now is in its log, and not in the entity's own files.
                self.create_group(entity, None).await?;
            }
        }
        match entity {
            Entity::Stream { name, new: Some(new) } => {
                let stream = Stream::open(self, new).await?;
                self.state.write().streams.insert(name.clone(), stream);
            }
            Entity::Consumer { key, new: Some(new) } => {
                let Some(stream) = self.stream(&key.stream) else {
                    return Err(WriteError::other(format!("stream {} does not run here", key.stream)));
                };
                stream.add_consumer(Consumer::new(self, &stream, new));
            }
            _ => {}
        }
        Ok(())
    }

    async fn spawn_monitor(self: &Arc<Self>, running: Running) {
        let slot = running.member().slot.clone();
        let presence = slot.register().await;
        let started = match running {
            Running::Stream(stream) => self.context.tasks.spawn(stream.monitor(self.clone(), presence)),
            Running::Consumer(consumer) => self.context.tasks.spawn(consumer.monitor(self.clone(), presence)),
        };
        if !started && crate::mutant!(M09) {
            std::mem::forget(slot.register().await);
        }
        // A refused future is dropped, and the registration with it (O-8).
        if !started {
            tracing::debug!("the server shuts down: no monitor");
        }
    }

    async fn lead_alone(self: &Arc<Self>, running: Running) {
        running.member().lead_alone();
        if let Running::Consumer(consumer) = &running
            && crate::mutant!(M07)
        {
            // Counted elsewhere: the slot of the consumer does not know of it.
            let unregistered = crate::slot::Slot::default().register().await;
            let _started = self.context.tasks.spawn(consumer.clone().drive_alone(self.clone(), unregistered));
            return;
        }
        if let Running::Consumer(consumer) = &running
            && crate::mutant!(M06)
        {
            consumer.clone().become_leader_alone(self).await;
            return;
        }
        let presence = running.member().slot.register().await;
        let _started = match running {
            Running::Stream(stream) => self.context.tasks.spawn(stream.drive_alone(self.clone(), presence)),
            Running::Consumer(consumer) => self.context.tasks.spawn(consumer.drive_alone(self.clone(), presence)),
        };
    }

    /// Leads a consumer that no plan is carried out for.
    pub(super) async fn lead_consumer_alone(self: &Arc<Self>, consumer: Arc<Consumer>) {
        self.lead_alone(Running::Consumer(consumer)).await;
    }

    async fn close(&self, running: Running) {
        match running {
            Running::Stream(stream) => stream.close(self).await,
            Running::Consumer(consumer) => consumer.close(self).await,
        }
    }

    async fn remove(&self, running: Running, old: Option<&RaftGroup>, everywhere: bool) -> Result<(), WriteError> {
        if let Some(old) = old.filter(|old| !old.is_replicated()) {
            self.end_alone(&old.name).await?;
        }
        match running {
            Running::Stream(stream) => {
                self.state.write().streams.remove(stream.name());
                for consumer in stream.consumers().into_iter().filter(|consumer| consumer.is_direct()) {
                    consumer.remove(self).await;
                }
                stream.remove(self).await;
                if everywhere {
                    self.context.events.tell(Event::StreamDeleted { stream: stream.name().to_owned() });
                }
            }
            Running::Consumer(consumer) => {
                if let Some(stream) = self.stream(&consumer.key().stream) {
                    stream.forget_consumer(&consumer.key().name);
                }
                consumer.remove(self).await;
                if everywhere {
                    self.context.events.tell(Event::ConsumerDeleted { consumer: consumer.key().clone() });
                }
            }
        }
        Ok(())
    }

    fn note_failure(&self, entity: &Entity, error: &WriteError) {
        let asset = entity.asset();
        self.context.events.tell(Event::WriteError { source: asset.to_string(), error: error.to_string() });
        self.context.react(&asset.to_string(), error);
        self.note_error(asset, Some(error.to_string()));
    }

    fn forget(&self, running: &Running) {
        match running {
            Running::Stream(stream) => self.forget_stream(stream),
            Running::Consumer(consumer) => {
                if let Some(stream) = self.stream(&consumer.key().stream) {
                    stream.forget_consumer(&consumer.key().name);
                }
            }
        }
    }

    /// Takes a stream out of the tables, with the nodes of its consumers: these end with it, and come again with it.
    pub(super) fn forget_stream(&self, stream: &Stream) {
        let groups: Vec<_> = stream.consumers().iter().map(|consumer| consumer.member().group().name).collect();
        let mut state = self.state.write();
        state.streams.remove(stream.name());
        for group in groups {
            state.nodes.remove(&group);
        }
    }

    /// A step failed: the asset does not run here, and health says why. What is on the disk stays.
    async fn give_up(self: &Arc<Self>, entity: &Entity, error: &WriteError) {
        if self.is_stopping() {
            tracing::debug!("{}: {error}", entity.asset());
            return;
        }
        self.note_failure(entity, error);
        let group: Option<GroupName> = entity.new_group().map(|group| group.name.clone());
        let entry = group.and_then(|group| self.state.write().nodes.remove(&group));
        if let Some(TableEntry { node, .. }) = entry {
            node.stop().await;
        }
        if let Some(running) = self.running(entity) {
            running.member().slot.stop().await;
            // The next change makes it anew: nothing can be done with what is closed.
            self.forget(&running);
            self.close(running).await;
        }
    }
}

/// Deletes a node; a folder that cannot be removed is an orphan, and is looked for at the next start.
async fn delete(node: &crate::raft::Node) {
    if let Err(error) = node.delete().await {
        tracing::warn!("group {}: its folder stays: {error}", node.group());
    }
}
