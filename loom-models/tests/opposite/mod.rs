//! Two tasks that take two locks of the facade in opposite orders, and what the table of their deadlock says.

use std::sync::Arc;

use interlock_models::{Plan, Search, Step, Verdict};
use interlock_sync::lock::Mutex;
use interlock_sync::model::{block_on, name_task};
use interlock_sync::task::spawn;

fn body() {
    let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let (other_a, other_b) = (a.clone(), b.clone());
    let other = spawn(async move {
        name_task("other");
        let _b = other_b.lock();
        let _a = other_a.lock();
    });
    {
        let _a = a.lock();
        let _b = b.lock();
    }
    block_on(other).expect("it is not aborted");
}

/// A line as a person reads it, without the numbers of lines.
fn line(step: &Step) -> String {
    let held = step.holders.iter().map(|holder| format!(", held by {}, {}", holder.task, holder.operation));
    format!("{} {} {}{}", step.task, step.what, step.object, held.collect::<String>())
}

/// Finds the deadlock with one preemption, and checks its table.
pub(crate) fn check(search: Search) {
    let outcome = Plan::new("opposite", search).run(body);
    assert_eq!(outcome.verdict, Verdict::Failed);
    let failure = outcome.failure.expect("it has failed");
    assert!(failure.message.contains("deadlock"), "{}", failure.message);
    assert_eq!(failure.preemptions, Some(1));
    assert_eq!(outcome.notes, Vec::<String>::new());
    let lines: Vec<String> = failure.steps.iter().map(line).collect();
    let of = |task: &str| lines.iter().filter(|line| line.starts_with(task)).map(String::as_str).collect::<Vec<_>>();
    let main = of("main");
    assert_eq!(main[..2], ["main takes lock Mutex 1", "main STUCK lock Mutex 2, held by other, lock"], "{lines:?}");
    assert_eq!(of("other"), ["other takes lock Mutex 2", "other STUCK lock Mutex 1, held by main, lock"], "{lines:?}");
    let step = &failure.steps[0];
    assert!(step.place.as_ref().is_some_and(|(file, _)| file.ends_with("tests/opposite/mod.rs")), "{step:?}");
    assert!(step.made.as_ref().is_some_and(|(file, _)| file.ends_with("tests/opposite/mod.rs")), "{step:?}");
}
