//! The monitor slot: at most one task drives a stream or a consumer, and whoever replaces it waits until it is gone.
//!
//! ```text
//!          register()                enter()                       the presence ends
//! Idle ───────────────▶ Registered ───────────▶ Running ───────────────────────────────▶ Idle
//!   ▲                       │ (spawn refused)      │ slot token | node quit | server quit | fatal error | reset
//!   └───────────────────────┘                      ▼
//!   ▲                                           leaving
//!   └────────────── stop() waits until nobody is counted ◀──┘
//! ```
//!
//! Streams and consumers share it (G-1). Registering and stopping exclude each other (O-5); the token is made when a
//! generation registers, never when somebody asks for it (O-4); a closed entity gets none, and whoever starts on it
//! finds a token that was cancelled already.

use std::sync::Arc;

use interlock_sync::channel::watch;
use interlock_sync::lock::{AsyncMutex, Mutex};
use interlock_sync::token::Token;

/// A slot. Clones are the same slot.
#[derive(Clone)]
pub struct Slot {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held by who registers, for a moment, and by who stops, until the slot is empty. Taken under the engine's turns
    /// (`standalone`, `placing`) and under no lock that blocks.
    handover: AsyncMutex<()>,
    /// What is seen of the slot. A leaf: nothing is called while it is held.
    state: Mutex<State>,
    /// Registered and running tasks. The stopper waits for zero.
    n_present: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    is_running: bool,
    is_closed: bool,
    generation: u64,
}

/// What is seen of a slot from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotStatus {
    /// Whether a task drives the entity.
    pub running: bool,
    /// How many generations have registered.
    pub generation: u64,
    /// Registered and running tasks.
    pub count: usize,
}

/// A registration: counted until it is dropped. Dropping it unused takes the registration back.
pub struct Presence {
    slot: Slot,
    entered: bool,
}

impl Default for Slot {
    fn default() -> Self {
        let shared = Shared {
            handover: AsyncMutex::new(()),
            state: Mutex::new(State::default()),
            n_present: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Slot {
    /// Registers a generation: makes its token, unless the entity is closed, and counts it. Waits while another is being
    /// stopped.
    pub async fn register(&self) -> Presence {
        let exclusion = if crate::mutant!(M13) { None } else { Some(self.shared.handover.lock().await) };
        let mut state = self.shared.state.lock();
        if (!state.is_closed || crate::mutant!(M12)) && state.token.is_none() {
            state.token = Some(Token::new());
        }
        state.generation += 1;
        drop(state);
        self.shared.n_present.send_modify(|count| *count += 1);
        drop(exclusion);
        Presence { slot: self.clone(), entered: false }
    }

    /// The token of the current generation, or one that was cancelled already where there is none. Never makes one.
    pub fn token(&self) -> Token {
        let mut state = self.shared.state.lock();
        if crate::mutant!(M11) {
            return state.token.get_or_insert_with(Token::new).clone();
        }
        state.token.clone().unwrap_or_else(|| {
            let cancelled = Token::new();
            cancelled.cancel();
            cancelled
        })
    }

    /// Stops whoever drives the entity and waits until it is gone. May be called again, and by anyone but the task that
    /// is to be stopped: it would wait for itself.
    pub async fn stop(&self) {
        self.stop_then(|_| ()).await;
    }

    /// Stops, and looks while nobody can register.
    async fn stop_then<T>(&self, look: impl FnOnce(&Self) -> T) -> T {
        let exclusion = if crate::mutant!(M13) { None } else { Some(self.shared.handover.lock().await) };
        let token = {
            let mut state = self.shared.state.lock();
            // One signal for all generations: it was given to the first one.
            if crate::mutant!(M15) && state.generation > 1 { None } else { state.token.take() }
        };
        if let Some(token) = token {
            token.cancel();
        }
        self.wait_until_empty().await;
        crate::failpoint!("slot_is_empty");
        let seen = look(self);
        drop(exclusion);
        seen
    }

    async fn wait_until_empty(&self) {
        let mut n_present = self.shared.n_present.subscribe();
        // The sender lives as long as this slot.
        let _empty = if crate::mutant!(M02) {
            n_present.wait_for(|_| !self.shared.state.lock().is_running).await.map(|_| ())
        } else {
            n_present.wait_for(|count| *count == 0).await.map(|_| ())
        };
    }

    /// Marks the entity as closed, and cancels: later generations find a cancelled token.
    pub fn close(&self) {
        let token = {
            let mut state = self.shared.state.lock();
            state.is_closed = true;
            state.token.take()
        };
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Whether the entity is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().is_closed
    }

    /// What is seen from outside.
    pub fn status(&self) -> SlotStatus {
        let state = self.shared.state.lock();
        let count = *self.shared.n_present.borrow();
        SlotStatus { running: state.is_running, generation: state.generation, count }
    }

    /// Stops, and says how many were registered before anyone could come in between.
    #[cfg(feature = "mutation")]
    pub async fn stop_and_look(&self) -> usize {
        self.stop_then(|slot| slot.status().count).await
    }

    /// Adds a task that does not exist, until the returned presence is dropped: a stopper has to wait for it.
    #[cfg(feature = "mutation")]
    pub fn hold(&self) -> Presence {
        self.shared.n_present.send_modify(|count| *count += 1);
        Presence { slot: self.clone(), entered: false }
    }
}

impl Presence {
    /// Enters: from here on this task drives the entity. `false` where another does; the caller must then leave without
    /// touching what that one drives.
    #[must_use]
    pub fn enter(&mut self) -> bool {
        let mut state = self.slot.shared.state.lock();
        let enters = !state.is_running;
        if enters {
            state.is_running = true;
            self.entered = true;
        }
        enters
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.entered {
            self.slot.shared.state.lock().is_running = false;
        }
        // Last, and without the hand-over lock: the stopper holds that while it waits for this.
        self.slot.shared.n_present.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use interlock_sync::task;

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_until_the_driver_is_gone() {
        let slot = Slot::default();
        let mut presence = slot.register().await;
        assert!(presence.enter());
        let stopper = task::spawn({
            let slot = slot.clone();
            async move { slot.stop().await }
        });
        slot.token().cancelled().await;
        task::yield_now().await;
        assert!(!stopper.is_finished());
        drop(presence);
        stopper.await.expect("the stop returns");
        assert_eq!((slot.status().running, slot.status().count), (false, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_of_two_drivers_is_not_let_in() {
        let slot = Slot::default();
        let (mut first, mut second) = (slot.register().await, slot.register().await);
        assert!(first.enter());
        assert!(!second.enter());
        drop(second);
        assert!(slot.status().running);
    }

    #[tokio::test(start_paused = true)]
    async fn each_generation_has_a_token_of_its_own() {
        let slot = Slot::default();
        for _ in 0..3 {
            let presence = slot.register().await;
            let token = slot.token();
            assert!(!token.is_cancelled());
            drop(presence);
            slot.stop().await;
            assert!(token.is_cancelled());
            assert!(slot.token().is_cancelled());
        }
    }
}
