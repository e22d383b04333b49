//! Runs a scenario on a thread of its own, with virtual time, and compares its outcome with what was expected.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use interlock_engine::mutation::{self, Mutation};
use interlock_engine::raft::NodeHost;
use interlock_engine::sim::World;

/// What a scenario found: nothing, or the symptom in words.
pub(crate) type Outcome = Result<(), String>;

/// A scenario's body.
pub(crate) type Body = fn() -> Pin<Box<dyn Future<Output = Outcome>>>;

/// Virtual time after which a scenario counts as hanging.
const VIRTUAL_LIMIT: Duration = Duration::from_secs(3 * 3600);
/// How long its thread may do nothing at all without being blocked: neither have all tasks wait, nor use the processor.
const IDLE_LIMIT: Duration = Duration::from_secs(5);
/// How often its tasks may work for so long without a moment in which all of them wait.
const MAX_BUSY: u32 = 30;

/// Declares a scenario: name, id, the mutations that it catches with their symptoms, and the body.
///
/// The body is an async block that ends in an [`Outcome`].
macro_rules! scenario {
    ($name:ident, $id:literal, [$($mutation:ident => $symptom:literal),* $(,)?], $body:expr) => {
        #[allow(non_snake_case, reason = "the tests of twins carry the ids of their mutations")]
        mod $name {
            #[allow(unused_imports, reason = "not every body names something of its file")]
            use super::*;

            fn body() -> std::pin::Pin<Box<dyn Future<Output = $crate::harness::Outcome>>> {
                Box::pin($body)
            }

            #[test]
            fn shipped() {
                $crate::harness::holds($id, body);
            }

            $(
                #[test]
                fn $mutation() {
                    let mutation = interlock_engine::mutation::Mutation::$mutation;
                    $crate::harness::is_caught($id, mutation, $symptom, body);
                }
            )*
        }
    };
}

/// The symptom, unless the condition holds.
pub(crate) fn expect(holds: bool, symptom: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(symptom.into()) }
}

/// Asserts that a scenario holds as shipped: where it makes a cluster, with nodes that their drivers own, and with nodes
/// behind locks.
#[track_caller]
pub(crate) fn holds(id: &str, body: Body) {
    for host in [NodeHost::Actor, NodeHost::SharedLock] {
        let ran = run(None, host, body);
        if let Err(symptom) = ran.outcome {
            panic!("{id}, {host:?}: {symptom}");
        }
        if ran.n_worlds == 0 {
            return;
        }
    }
}

/// Asserts that a scenario fails with this symptom when the bug is put back.
#[track_caller]
pub(crate) fn is_caught(id: &str, bug: Mutation, symptom: &str, body: Body) {
    match run(Some(bug), NodeHost::Actor, body).outcome {
        Ok(()) => panic!("{id} does not catch {bug}: {}", bug.bug()),
        Err(found) => assert!(found.contains(symptom), "{id} fails under {bug} for another reason: {found}"),
    }
}

/// The variable that says which log lines are printed, as `RUST_LOG` does.
const LOG: &str = "INTERLOCK_LOG";

fn print_logs() {
    if let Ok(filter) = std::env::var(LOG) {
        let subscriber = tracing_subscriber::fmt().without_time().with_env_filter(filter).with_test_writer();
        // The first test of the process has set it.
        let _already = subscriber.try_init();
    }
}

/// What came of a run.
struct Ran {
    outcome: Outcome,
    /// Clusters that the scenario made.
    n_worlds: u64,
}

fn run(bug: Option<Mutation>, host: NodeHost, body: Body) -> Ran {
    print_logs();
    let (sender, receiver) = mpsc::channel();
    let signs = Arc::new(Signs::default());
    let signs_of_thread = signs.clone();
    let work = move || {
        signs_of_thread.note_thread();
        mutation::set(bug);
        World::host_by(host);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| in_virtual_time(body, signs_of_thread)));
        let outcome = outcome.unwrap_or_else(|panic| Err(format!("panic: {}", text_of(panic.as_ref()))));
        // Nobody listens to a thread that was left behind.
        let _late = sender.send(Ran { outcome, n_worlds: World::n_made() });
    };
    std::thread::Builder::new().stack_size(8 << 20).spawn(work).unwrap();
    wait_for(&receiver, &signs)
}

/// Waits for the thread; one that is blocked is left behind. How busy the machine is makes no difference: a thread that
/// waits for its turn has had some of the processor by then, and one that waits for a lock has had none.
fn wait_for(receiver: &Receiver<Ran>, signs: &Signs) -> Ran {
    let blocked = || Ran { outcome: Err("the thread is blocked".to_owned()), n_worlds: 0 };
    let (mut seen, mut n_busy) = (signs.look(), 0);
    loop {
        match receiver.recv_timeout(IDLE_LIMIT) {
            Ok(ran) => return ran,
            Err(RecvTimeoutError::Disconnected) => panic!("the thread ended without an outcome"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = signs.look();
        n_busy = if now.0 == seen.0 { n_busy + 1 } else { 0 };
        if now == seen || n_busy > MAX_BUSY {
            return blocked();
        }
        seen = now;
    }
}

/// Signs of life of a scenario's thread.
#[derive(Default)]
struct Signs {
    /// Moments in which all of its tasks waited.
    n_rests: AtomicU64,
    /// Its number, where the system says it.
    thread: AtomicU64,
}

impl Signs {
    /// Called by the thread itself.
    fn note_thread(&self) {
        let own = std::fs::read_link("/proc/thread-self").ok();
        let number = own.as_deref().and_then(|path| path.file_name()?.to_str()?.parse().ok());
        self.thread.store(number.unwrap_or(0), Ordering::Relaxed);
    }

    /// The rests, and the ticks of the processor that the thread has had.
    fn look(&self) -> (u64, u64) {
        let thread = self.thread.load(Ordering::Relaxed);
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        // Behind the name, which may have blanks: the state, ten others, and the ticks of its own and of the system.
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        (self.n_rests.load(Ordering::Relaxed), ticks)
    }
}

fn in_virtual_time(body: Body, signs: Arc<Signs>) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).on_thread_park(move || {
        signs.n_rests.fetch_add(1, Ordering::Relaxed);
    });
    runtime.build().unwrap().block_on(async {
        let ended = tokio::time::timeout(VIRTUAL_LIMIT, body()).await;
        ended.unwrap_or_else(|_| Err("the scenario hangs".to_owned()))
    })
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{expect, holds, is_caught};
    use interlock_engine::mutation::{self, Mutation};
    use interlock_engine::raft::NodeHost;
    use interlock_engine::sim::World;
    use std::sync::Mutex;

    fn claims_to_write() -> std::pin::Pin<Box<dyn Future<Output = super::Outcome>>> {
        Box::pin(async { expect(!mutation::is(Mutation::M61), "acknowledged a lost message") })
    }

    scenario!(a_declared_scenario_runs_with_its_bug_and_without, "S-47", [M61 => "lost message"], claims_to_write());

    static HOSTS: Mutex<Vec<NodeHost>> = Mutex::new(Vec::new());

    #[test]
    fn a_cluster_is_run_with_both_hosts() {
        holds("S-00", || {
            Box::pin(async {
                HOSTS.lock().unwrap().push(World::machines(3, 1).host);
                Ok(())
            })
        });
        assert_eq!(*HOSTS.lock().unwrap(), [NodeHost::Actor, NodeHost::SharedLock]);
    }

    #[test]
    #[should_panic(expected = "S-47 does not catch M-62")]
    fn a_bug_that_shows_no_symptom_is_reported() {
        is_caught("S-47", Mutation::M62, "lost message", claims_to_write);
    }

    #[test]
    #[should_panic(expected = "fails under M-61 for another reason")]
    fn another_symptom_than_the_named_one_is_reported() {
        is_caught("S-47", Mutation::M61, "hangs", claims_to_write);
    }

    #[test]
    #[should_panic(expected = "S-00, Actor: the thread is blocked")]
    fn a_lock_that_is_never_free_blocks_the_thread() {
        holds("S-00", || {
            Box::pin(async {
                let lock = interlock_sync::lock::Mutex::new(());
                std::mem::forget(lock.lock());
                drop(lock.lock());
                Ok(())
            })
        });
    }

    #[test]
    fn a_thread_that_works_is_not_blocked() {
        let signs = super::Signs::default();
        signs.note_thread();
        let before = signs.look();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(2);
        while std::time::Instant::now() < until {
            std::hint::black_box(signs.look());
        }
        let after = signs.look();
        assert!(after.1 > before.1 || !std::path::Path::new("/proc/self/task").exists(), "{before:?}, {after:?}");
    }

    #[test]
    #[should_panic(expected = "S-00, Actor: the scenario hangs")]
    fn a_hang_is_a_symptom() {
        holds("S-00", || Box::pin(std::future::pending()));
    }
}
