//! A raft node behind a lock, for those who must reach it from outside its task.

use std::sync::Arc;

use interlock_sync::channel::mpsc;
use interlock_sync::lock::{AsyncMutex, AsyncMutexGuard};

use super::driver::Input;
use super::machine::Machine;
use crate::core::names::ServerId;

/// The way to the lock. While it is held the node's task stands still: hold it shortly, and over nothing that waits.
#[derive(Clone)]
pub struct SharedNode {
    pub(super) machine: Arc<AsyncMutex<Machine>>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
}

impl SharedNode {
    /// Takes the lock.
    pub async fn lock(&self) -> SharedGuard<'_> {
        SharedGuard { machine: self.machine.lock().await, inputs: &self.inputs }
    }
}

/// The node, while the lock is held.
pub struct SharedGuard<'a> {
    machine: AsyncMutexGuard<'a, Machine>,
    inputs: &'a mpsc::UnboundedSender<Input>,
}

impl SharedGuard<'_> {
    /// Asks for votes, unless the node observes or its log is still being written.
    pub fn campaign(&mut self) {
        self.machine.campaign();
        self.wake();
    }

    /// Hands leadership to a peer: whether it is on its way.
    pub fn transfer(&mut self, to: ServerId) -> bool {
        let is_on_its_way = self.machine.transfer(to);
        self.wake();
        is_on_its_way
    }

    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        self.machine.is_leader()
    }

    /// Its term.
    pub fn term(&self) -> u64 {
        self.machine.term()
    }

    fn wake(&self) {
        // A driver that has ended needs no waking.
        let _ended = self.inputs.send(Input::Look);
    }
}
