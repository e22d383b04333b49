//! Which small programs hang on the real libraries, on real threads and with a watchdog. The rules that model builds
//! have for the same locks and the same map rest on these verdicts; there the same programs come to the same.
#![cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod programs;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use interlock_sync::map::ConcurrentMap;
use programs::{MapOfTwo, Stage, Verdict, programs};

/// Until one that is expected to hang is believed to, and until one that is not is.
const PATIENCE: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(60)];

/// So long does a thread have to come to its wait.
const WAY: Duration = Duration::from_millis(800);

struct Threads;

impl Stage for Threads {
    fn beside(work: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce()> {
        let (begins, begun) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            begins.send(()).unwrap();
            work();
        });
        begun.recv().unwrap();
        std::thread::sleep(WAY);
        Box::new(move || thread.join().unwrap())
    }

    fn map_of_two(share_a_shard: bool) -> MapOfTwo {
        let map = ConcurrentMap::with_hasher_and_shard_amount(std::hash::BuildHasherDefault::default(), 2);
        map.insert(0, 0);
        let held = map.get_mut(&0);
        let other = (1..).find(|key| map.try_get(key).is_locked() == share_a_shard).unwrap();
        drop(held);
        map.insert(other, 0);
        let keys: Vec<u32> = map.iter().map(|entry| *entry.key()).collect();
        (Arc::new(map), [keys[0], keys[1]])
    }
}

fn verdict(program: fn(), expected: Verdict) -> Verdict {
    let (done, watched) = mpsc::channel();
    // Where it hangs, it is left behind.
    let running = std::thread::spawn(move || {
        program();
        done.send(()).ok();
    });
    match watched.recv_timeout(PATIENCE[usize::from(expected == Verdict::Ends)]) {
        Ok(()) => Verdict::Ends,
        Err(RecvTimeoutError::Timeout) => Verdict::Hangs,
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(running.join().unwrap_err()),
    }
}

#[test]
fn the_real_locks_and_the_real_map_hang_where_the_rules_say_so() {
    let threads = programs::<Threads>()
        .map(|(name, expected, program)| std::thread::spawn(move || (name, expected, verdict(program, expected))));
    for thread in threads {
        let (name, expected, seen) = thread.join().unwrap();
        assert_eq!(seen, expected, "{name}");
    }
}
