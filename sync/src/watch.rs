//! The latest value, as in `tokio::sync::watch`, but whoever waits is woken in the order of the waiting. Tokio's wakes
//! in an order drawn from a generator that cannot be seeded, after which no simulation replays.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::lock::RwLockReadGuard;
use crate::place::{self, Lock, Place};

/// Every sender is gone, and with them all further values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

struct State<T> {
    value: T,
    version: u64,
    is_closed: bool,
}

struct Shared<T> {
    state: Lock<State<T>>,
    changed: Notify,
}

/// Closes the channel with the last sender.
struct Open<T>(Arc<Shared<T>>);

impl<T> Drop for Open<T> {
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    fn drop(&mut self) {
        place::write(&self.0.state).is_closed = true;
        self.0.changed.notify_waiters();
    }
}

/// Changes the value.
pub struct Sender<T>(Arc<Open<T>>);

/// Sees the value, and waits for the next one.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value, which cannot change while this lives.
pub struct Ref<'a, T>(RwLockReadGuard<'a, State<T>>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// A channel and a first value, which counts as seen.
#[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = Receiver { shared: sender.0.0.clone(), seen: 0 };
    (sender, receiver)
}

impl<T> Sender<T> {
    /// A channel without receivers yet.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn new(value: T) -> Self {
        let state = State { value, version: 0, is_closed: false };
        Self(Arc::new(Open(Arc::new(Shared { state: place::lock(state), changed: Notify::new() }))))
    }

    /// Changes the value where the closure says that it did, and says so too.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let shared = &self.0.0;
        let is_modified = {
            let mut state = place::write(&shared.state);
            let is_modified = modify(&mut state.value);
            state.version += u64::from(is_modified);
            is_modified
        };
        if is_modified {
            shared.changed.notify_waiters();
        }
        is_modified
    }

    /// Changes the value.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Puts another value, and gives back the one before.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|current| std::mem::swap(current, &mut value));
        value
    }

    /// The value.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(place::read(&self.0.0.state, place::here()))
    }

    /// A receiver that has seen the value of now.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn subscribe(&self) -> Receiver<T> {
        let shared = self.0.0.clone();
        let seen = place::read(&shared.state, place::here()).version;
        Receiver { shared, seen }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Receiver<T> {
    /// The value. It is as seen as it was.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(place::read(&self.shared.state, place::here()))
    }

    /// The value, which counts as seen.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let state = place::read(&self.shared.state, place::here());
        self.seen = state.version;
        Ref(state)
    }

    /// Waits for a value that was not seen, and counts it as seen.
    ///
    /// # Errors
    /// Where every sender is gone and the last value was seen.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn changed(&mut self) -> impl Future<Output = Result<(), Closed>> {
        self.changed_at(place::here())
    }

    async fn changed_at(&mut self, place: Place) -> Result<(), Closed> {
        loop {
            // Made before the look: a change after the look wakes it.
            let changed = self.shared.changed.notified();
            {
                let state = place::read(&self.shared.state, place);
                if state.version != self.seen {
                    self.seen = state.version;
                    return Ok(());
                }
                if state.is_closed {
                    return Err(Closed);
                }
            }
            place::wait(&self.shared.state, "changed", place, changed).await;
        }
    }

    /// Waits until the value is as wanted, which it may be already, and counts it as seen.
    ///
    /// # Errors
    /// Where every sender is gone and the last value is not as wanted.
    #[cfg_attr(any(feature = "model-loom", feature = "model-shuttle"), track_caller)]
    pub fn wait_for(&mut self, is_wanted: impl FnMut(&T) -> bool) -> impl Future<Output = Result<Ref<'_, T>, Closed>> {
        self.wait_for_at(place::here(), is_wanted)
    }

    async fn wait_for_at(&mut self, place: Place, mut is_wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, Closed> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let state = place::read(&self.shared.state, place);
                self.seen = state.version;
                if is_wanted(&state.value) {
                    return Ok(Ref(state));
                }
                if state.is_closed {
                    return Err(Closed);
                }
            }
            place::wait(&self.shared.state, "wait_for", place, changed).await;
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), seen: self.seen }
    }
}

// Model builds have tests of their own, on the model's tasks.
#[cfg(all(test, not(any(feature = "model-loom", feature = "model-shuttle"))))]
mod tests {
    use std::sync::Arc;

    use super::channel;
    use crate::lock::Mutex;
    use crate::task;

    #[tokio::test]
    async fn waiters_wake_in_the_order_of_their_waiting() {
        for _ in 0..20 {
            let (sender, receiver) = channel(0);
            let woken = Arc::new(Mutex::new(Vec::new()));
            let mut waiting = task::JoinSet::new();
            for waiter in 0..16 {
                let (mut receiver, woken) = (receiver.clone(), woken.clone());
                waiting.spawn(async move {
                    receiver.changed().await.unwrap();
                    woken.lock().push(waiter);
                });
            }
            task::yield_now().await;
            sender.send_replace(1);
            waiting.join_all().await;
            assert_eq!(*woken.lock(), (0..16).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn a_change_between_two_looks_is_not_missed() {
        let (sender, mut receiver) = channel(0);
        sender.send_replace(1);
        receiver.changed().await.unwrap();
        assert_eq!(*receiver.borrow(), 1);
        assert!(!sender.send_if_modified(|_| false));
        sender.send_modify(|value| *value += 1);
        assert_eq!(*receiver.wait_for(|value| *value == 2).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn the_last_sender_closes_and_its_last_value_is_seen() {
        let (sender, mut receiver) = channel(0);
        let second = sender.clone();
        drop(sender);
        second.send_replace(1);
        drop(second);
        assert!(receiver.changed().await.is_ok());
        assert!(receiver.changed().await.is_err());
        assert!(receiver.wait_for(|value| *value == 1).await.is_ok());
        assert!(receiver.wait_for(|value| *value == 2).await.is_err());
    }
}
