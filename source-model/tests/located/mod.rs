//! Acquisitions and held guards as lines of text, with the file and line that they are told at.

use interlock_source::{PointKind, Workspace};

/// `function file:line class` of each acquisition, and `function: locks` of what is held at each `at()`.
pub(crate) fn facts(workspace: &Workspace) -> Vec<String> {
    let mut facts = Vec::new();
    for body in workspace.bodies() {
        for point in &body.points {
            let file = &workspace.file(point.span.file).path;
            match &point.kind {
                PointKind::Acquire(acquisition) => {
                    let line = point.span.range.start.line;
                    facts.push(format!("{} {file}:{line} {}", body.item, acquisition.lock.class));
                }
                PointKind::Call(call) if call.name == "at" => {
                    let held = point.held.iter().map(|held| {
                        let temporary =
                            if held.extended_by.is_some() { "a temporary that is kept" } else { "a temporary" };
                        let name = held.variable.map_or(temporary.to_owned(), |name| name.to_string());
                        format!("{name}: {}", held.acquisition.lock.class)
                    });
                    facts.push(format!("{} holds {}", body.item, held.collect::<Vec<_>>().join(", ")));
                }
                _ => {}
            }
        }
    }
    facts
}
