//! Named points of the program where a test may hold a task or act. In a production build there are none. Under a model
//! checker, which holds tasks wherever it likes, `failpoint!` is none.

/// Waits at a named point while a test holds it. Write `failpoint!("after_node_delete");` in an async body.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "mutation")]
        if !interlock_sync::IS_MODEL {
            $crate::failpoint::reach($name).await;
        }
    };
}

/// Calls the hook of what is named first, on the thread that comes here. Write `reach!(self, "before_lock");` where `self`
/// has a hook.
#[macro_export]
macro_rules! reach {
    ($hooked:expr, $name:literal) => {
        #[cfg(feature = "mutation")]
        $hooked.reach($name);
    };
}

/// Whether a bug is put back. In a production build this is `false`: the bug's branch is never taken.
#[macro_export]
macro_rules! mutant {
    ($id:ident) => {{
        #[cfg(feature = "mutation")]
        let active = $crate::mutation::is($crate::mutation::Mutation::$id);
        #[cfg(not(feature = "mutation"))]
        let active = false;
        active
    }};
}

#[cfg(feature = "mutation")]
mod points {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use interlock_sync::channel::watch;
    use interlock_sync::random::Random;
    use interlock_sync::time::{Duration, sleep};

    /// A point as a test sees it.
    struct Point {
        held: watch::Sender<bool>,
        arrived: watch::Sender<u64>,
    }

    impl Default for Point {
        fn default() -> Self {
            Self { held: watch::Sender::new(false), arrived: watch::Sender::new(0) }
        }
    }

    thread_local! {
        // One cluster runs per test thread, so the points are the thread's.
        static POINTS: RefCell<BTreeMap<&'static str, Point>> = const { RefCell::new(BTreeMap::new()) };
        static LINGER: RefCell<Option<(Random, Duration)>> = const { RefCell::new(None) };
    }

    fn with<T>(name: &'static str, act: impl FnOnce(&Point) -> T) -> T {
        POINTS.with_borrow_mut(|points| act(points.entry(name).or_default()))
    }

    /// The task has come to the point; it goes on once the point is not held.
    pub async fn reach(name: &'static str) {
        if let Some(pause) = pause() {
            sleep(pause).await;
        }
        let mut held = with(name, |point| {
            point.arrived.send_modify(|arrivals| *arrivals += 1);
            point.held.subscribe()
        });
        // An error means that the test is over and took its points along.
        let _ended = held.wait_for(|held| !*held).await;
    }

    /// Makes every second task that comes to any point pause there, for a time that is drawn and no longer than this.
    pub fn linger(draws: Option<(Random, Duration)>) {
        LINGER.set(draws);
    }

    fn pause() -> Option<Duration> {
        LINGER.with_borrow_mut(|linger| {
            let (random, longest) = linger.as_mut()?;
            let pause = Duration::from_millis(random.below(u64::try_from(longest.as_millis()).unwrap_or(0)));
            random.chance(50).then_some(pause)
        })
    }

    /// Holds every task that comes to the point from here on.
    pub fn hold(name: &'static str) {
        with(name, |point| point.held.send_replace(true));
    }

    /// Lets them all go.
    pub fn release(name: &'static str) {
        with(name, |point| point.held.send_replace(false));
    }

    /// How many tasks have come to the point so far.
    pub fn arrivals(name: &'static str) -> u64 {
        with(name, |point| *point.arrived.borrow())
    }

    /// Waits until one more task than `seen` has come.
    pub async fn arrival_after(name: &'static str, seen: u64) {
        let mut arrived = with(name, |point| point.arrived.subscribe());
        let _ended = arrived.wait_for(|arrivals| *arrivals > seen).await;
    }

    /// Forgets all points of this thread: a new cluster begins.
    pub fn clear() {
        POINTS.with_borrow_mut(BTreeMap::clear);
        LINGER.set(None);
    }
}

#[cfg(feature = "mutation")]
pub use points::{arrival_after, arrivals, clear, hold, linger, reach, release};
