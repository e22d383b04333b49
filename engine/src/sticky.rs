//! A value that is set once and stays: the first write error of a level.

use interlock_sync::lock::Mutex;

/// A cell whose first value stays until the process ends (O-18, W1, I-S7). Its lock is a leaf: nothing is called under it.
#[derive(Debug)]
pub struct Sticky<T>(Mutex<Option<T>>);

impl<T> Default for Sticky<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Sticky<T> {
    /// Keeps the value, unless there is one: the one that stays, and whether it is this one.
    pub fn set(&self, value: T) -> (T, bool) {
        let mut kept = self.0.lock();
        let is_first = kept.is_none();
        (kept.get_or_insert(value).clone(), is_first)
    }

    /// The value, once there is one.
    pub fn get(&self) -> Option<T> {
        self.0.lock().clone()
    }

    /// Whether there is a value.
    pub fn is_set(&self) -> bool {
        self.0.lock().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Sticky;

    #[test]
    fn the_first_value_stays() {
        let cell = Sticky::default();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.set(1), (1, true));
        assert_eq!(cell.set(2), (1, false));
        assert_eq!(cell.get(), Some(1));
        assert!(cell.is_set());
    }
}
