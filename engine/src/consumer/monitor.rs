//! The monitor of a replicated consumer: takes what its group commits, and applies it.

use std::sync::Arc;

use bytes::Bytes;
use interlock_sync::random::Random;
use interlock_sync::time::{Duration, Instant, sleep_until};
use interlock_sync::token::Token;

use super::Consumer;
use crate::core::consumer::ConsumerState;
use crate::core::entry::Encoded;
use crate::core::write_error::WriteError;
use crate::engine::Engine;
use crate::events::Event;
use crate::failpoint;
use crate::raft::{Apply, ApplyQueue, Node, Role};
use crate::slot::Presence;

/// Entries and bytes after which a snapshot is taken, and the time between two at least.
const ENTRIES: u64 = 1024;
const BYTES: usize = 64 << 10;
const PAUSE: Duration = Duration::from_secs(10);
/// The regular interval, and what is added at random.
const INTERVAL: Duration = Duration::from_secs(120);
const JITTER_MS: u64 = 60_000;

/// Why the monitor leaves.
enum Leave {
    Told,
    NodeGone,
    Failed(WriteError),
}

/// What one generation of the monitor has: fetched once.
struct Generation {
    engine: Arc<Engine>,
    node: Node,
    queue: ApplyQueue,
    token: Token,
    random: Random,
    leads: bool,
    recovered: bool,
    due: Instant,
    not_before: Instant,
    n_entries: u64,
    n_bytes: usize,
    last_index: u64,
}

impl Consumer {
    /// Monitors the consumer until it has to end.
    pub(crate) async fn monitor(self: Arc<Self>, engine: Arc<Engine>, mut presence: Presence) {
        failpoint!("monitor_before_token_read");
        let Some(node) = self.member.node() else {
            tracing::warn!("consumer {}: no raft node to monitor", self.key);
            return;
        };
        if !presence.enter() {
            engine.context().events.tell(Event::DriverTurnedAway { asset: format!("consumer {}", self.key) });
            return;
        }
        let Some(queue) = engine.take_queue(node.group()) else {
            tracing::warn!("consumer {}: the group's entries are taken by another", self.key);
            return;
        };
        let mut random = Random::split(engine.context().settings.seed, &self.key.to_string());
        let due = regular(&mut random);
        let mut generation = Generation {
            token: self.member.slot.token(),
            engine,
            node,
            queue,
            random,
            leads: false,
            recovered: false,
            due,
            not_before: Instant::now(),
            n_entries: 0,
            n_bytes: 0,
            last_index: 0,
        };
        let leave = self.run(&mut generation).await;
        self.leave(generation, leave).await;
        failpoint!("monitor_exit_guard");
        drop(presence);
    }

    async fn run(self: &Arc<Self>, generation: &mut Generation) -> Leave {
        let mut status = generation.node.watch();
        let mut updates = self.member.updates();
        let engine = generation.engine.clone();
        loop {
            interlock_sync::select! {
                biased;
                () = engine.context().quit.cancelled() => return Leave::Told,
                () = generation.token.cancelled(), if !crate::mutant!(M10) => return Leave::Told,
                () = generation.node.quit().cancelled() => return Leave::NodeGone,
                changed = status.changed() => {
                    if changed.is_err() {
                        return Leave::NodeGone;
                    }
                    let leads = status.borrow_and_update().role == Role::Leader;
                    self.follow_role(generation, leads).await;
                }
                items = generation.queue.pop_all() => match items {
                    None => return Leave::NodeGone,
                    Some(items) => {
                        if let Err(error) = self.apply_items(generation, items).await {
                            return Leave::Failed(error);
                        }
                    }
                },
                _ = updates.changed() => self.follow_update(generation).await,
                () = sleep_until(generation.due) => self.take_snapshot(generation).await,
            }
        }
    }

    async fn apply_items(self: &Arc<Self>, generation: &mut Generation, items: Vec<Apply>) -> Result<(), WriteError> {
        for item in items {
            match item {
                Apply::RecoveryDone => generation.recovered = true,
                Apply::Members { index, .. } => self.inner.lock().state.apply_empty(index),
                Apply::Entry { index, data, .. } => {
                    self.apply_entry(index, &data)?;
                    generation.n_entries += 1;
                    generation.n_bytes += data.len();
                }
                Apply::Snapshot { data, .. } => {
                    let state = ConsumerState::decode(&data).map_err(|error| WriteError::other(error.to_string()))?;
                    self.inner.lock().state = state;
                }
            }
        }
        generation.node.applied(self.inner.lock().state.applied());
        let is_due = generation.n_entries >= ENTRIES || generation.n_bytes > BYTES;
        if generation.recovered && is_due && Instant::now() >= generation.not_before {
            self.take_snapshot(generation).await;
        }
        Ok(())
    }

    async fn follow_role(self: &Arc<Self>, generation: &mut Generation, leads: bool) {
        if leads == generation.leads {
            return;
        }
        generation.leads = leads;
        if leads {
            let leadership = self.member.begin_leadership();
            let now_ns = self.context.clock.now_ns();
            self.inner.lock().activity = crate::core::inactivity::Activity::starting_at(now_ns);
            if !crate::mutant!(M39) {
                self.arm_inactivity(&generation.engine, leadership);
            }
            self.follow_update(generation).await;
        } else {
            self.member.end_leadership();
        }
    }

    async fn follow_update(self: &Arc<Self>, generation: &Generation) {
        if generation.leads && generation.engine.follow_members(&self.member, &generation.node).await {
            generation.engine.settle_consumer(&self.key).await;
        }
    }

    async fn take_snapshot(&self, generation: &mut Generation) {
        generation.due = regular(&mut generation.random);
        generation.not_before = Instant::now() + PAUSE;
        let (applied, data) = self.snapshot();
        if !generation.recovered || applied == generation.last_index {
            return;
        }
        let Ok(checkpoint) = generation.node.checkpoint(false) else { return };
        match checkpoint.install(data).await {
            Ok(()) => {
                generation.last_index = applied;
                generation.n_entries = 0;
                generation.n_bytes = 0;
            }
            Err(error) => tracing::warn!("consumer {}: no snapshot: {error}", self.key),
        }
    }

    fn snapshot(&self) -> (u64, Bytes) {
        let inner = self.inner.lock();
        (inner.state.applied(), Bytes::from(inner.state.encode()))
    }

    async fn leave(self: &Arc<Self>, generation: Generation, leave: Leave) {
        self.member.end_leadership();
        match leave {
            Leave::Told => {
                let engine = &generation.engine;
                let shuts_down =
                    if crate::mutant!(M18) { engine.context().quit.is_cancelled() } else { engine.is_stopping() };
                let (applied, data) = self.snapshot();
                if shuts_down && applied > generation.last_index {
                    // Best effort: without it the next start replays the log.
                    let _installed = generation.node.install_forced(data).await;
                }
            }
            Leave::NodeGone => {}
            Leave::Failed(error) => self.fail(&error).await,
        }
        let _closed = generation.node.step_down(None).await;
        drop(generation.queue);
        if !self.member.slot.is_closed() {
            generation.node.stop().await;
        }
    }
}

fn regular(random: &mut Random) -> Instant {
    Instant::now() + INTERVAL + Duration::from_millis(random.below(JITTER_MS))
}
