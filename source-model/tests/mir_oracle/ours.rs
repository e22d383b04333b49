//! Our answers for the same fixtures.

use std::collections::BTreeMap;

use interlock_source::{Edition, Held, Point, PointKind, Projection, Sources, Workspace};

use crate::Answers;
use crate::walk::Answer;

pub(crate) fn answers(text: &str, edition: Edition) -> Answers {
    let workspace = Workspace::analyse(Sources::of_text("example", edition, text));
    let unparsed = &workspace.coverage().unparsed;
    assert!(unparsed.is_empty(), "the fixtures do not parse: {unparsed:?}");
    let mut answers = Answers::new();
    for body in workspace.bodies() {
        let item = body.item.rsplit("::").next().unwrap_or_default();
        for point in &body.points {
            let Some(marker) = marker(text, point) else { continue };
            answers.entry(item.to_owned()).or_default().insert(marker, answer(&point.held));
        }
    }
    answers
}

/// `at::<3>()` where it is called, `wait::<3>()` where it is awaited.
fn marker(text: &str, point: &Point) -> Option<u32> {
    let name = match &point.kind {
        PointKind::Call(call) if call.name == "at" => "at::<",
        PointKind::Await { .. } => "wait::<",
        _ => return None,
    };
    let line = text.lines().nth(point.span.range.start.line as usize - 1)?;
    let column = line.char_indices().nth(point.span.range.start.column as usize - 1)?.0;
    line[column..].strip_prefix(name)?.split('>').next()?.parse().ok()
}

fn answer(held: &[Held]) -> Answer {
    let mut answer: Answer = BTreeMap::new();
    for held in held {
        *answer.entry(lock(held)).or_insert(false) |= held.must;
    }
    answer
}

/// The field that the lock is.
fn lock(held: &Held) -> String {
    let path = held.acquisition.lock.path.as_ref();
    match path.and_then(|path| path.projections.last()) {
        Some(Projection::Field(name)) => name.to_string(),
        _ => "?".to_owned(),
    }
}
