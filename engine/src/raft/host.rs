//! Who owns the raft node: the driver alone, or a lock that the driver takes as everybody else must.

use std::ops::{Deref, DerefMut};
#[cfg(feature = "shared-lock")]
use std::sync::Arc;

#[cfg(feature = "shared-lock")]
use interlock_sync::lock::{AsyncMutex, AsyncMutexGuard};

use super::machine::Machine;

/// Where the driver finds the node.
pub(super) enum Host {
    /// Nobody else can reach it.
    Actor(Box<Machine>),
    /// Others lock it too. Held only while memory is touched, never over the disk; nothing else is locked under it.
    #[cfg(feature = "shared-lock")]
    SharedLock(Arc<AsyncMutex<Machine>>),
}

/// The node, for as long as this lives.
pub(super) enum Held<'h> {
    Own(&'h mut Machine),
    #[cfg(feature = "shared-lock")]
    Guard(AsyncMutexGuard<'h, Machine>, &'h AsyncMutex<Machine>),
}

impl Host {
    pub(super) async fn hold(&mut self) -> Held<'_> {
        match self {
            Self::Actor(machine) => Held::Own(machine),
            #[cfg(feature = "shared-lock")]
            Self::SharedLock(lock) => Held::Guard(lock.lock().await, lock),
        }
    }
}

impl Held<'_> {
    pub(super) fn is_shared(&self) -> bool {
        match self {
            Self::Own(_) => false,
            #[cfg(feature = "shared-lock")]
            Self::Guard(..) => true,
        }
    }

    /// Lets others have it.
    pub(super) fn release(self) {}

    /// The bug: takes the lock that it holds.
    #[cfg(all(feature = "shared-lock", feature = "mutation"))]
    pub(super) async fn lock_again(&self) {
        if let Self::Guard(_held, lock) = self {
            drop(lock.lock().await);
        }
    }
}

impl Deref for Held<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        match self {
            Self::Own(machine) => machine,
            #[cfg(feature = "shared-lock")]
            Self::Guard(guard, _) => guard,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        match self {
            Self::Own(machine) => machine,
            #[cfg(feature = "shared-lock")]
            Self::Guard(guard, _) => guard,
        }
    }
}
