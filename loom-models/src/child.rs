//! The child's side of the protocol: one model, one request, lines to a file.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::lines::{Lines, end_value, model_value};
use crate::model::{Model, Search};
use crate::outcome::Outcome;
use crate::plan::{Body, Plan};
use crate::request::{Asked, Request};
use crate::token::{Engine, Origin, Token};
use crate::{armed, session, source};

/// Answers a request. What is wrong with it is a panic: the harness then fails, and prints why.
pub(crate) fn answer(model: &Model, body: Body, out: &Path, request: &str) {
    let request = Request::read(request).unwrap_or_else(|error| panic!("{error}"));
    let twin = request
        .twin
        .as_deref()
        .map(|bug| model.twin(bug).unwrap_or_else(|| panic!("the model {} has no twin `{bug}`", model.name)));
    let search = request.search(model, twin);
    let engine = engine(search);
    let source = source::digest(Path::new(model.package));
    let origin = Origin::new(engine, model, request.twin.as_deref(), &source);
    let lines = Lines::open(out, origin.clone()).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
    // Who replays a failure wants to see all of it.
    session::open(lines, request.asked == Asked::Run);
    session::write(&model_value(model, request.search(model, None), engine, &source));
    if request.asked == Asked::Describe {
        return;
    }
    if let Some(twin) = twin {
        armed::arm(twin.bug);
        if let Some(arm) = model.arm {
            arm(twin.bug);
        }
    }
    let budget = request.budget.unwrap_or(Duration::from_millis(model.limits.budget_ms));
    let plan = Plan { name: model.name.to_owned(), search, limits: model.limits, shard: request.shard, budget };
    match request.asked {
        Asked::Replay => replay(&plan, &origin, request.token.as_deref().unwrap_or_default(), &body),
        Asked::Run | Asked::Describe => run(&plan, body),
    }
}

/// What runs a search.
pub(crate) fn engine(search: Search) -> Engine {
    match search {
        Search::Bounded { .. } | Search::Delays { .. } | Search::Portfolio { .. } => Engine::Shuttle,
        Search::Loom { .. } => Engine::Loom,
    }
}

fn run(plan: &Plan, body: Body) {
    let outcome = plan.run_body(body);
    end(plan, &outcome);
}

fn end(plan: &Plan, outcome: &Outcome) {
    // The hook has written the failure when it came; here it is with its steps.
    if let Some(failure) = outcome.failure.as_ref().filter(|failure| !failure.steps.is_empty()) {
        session::write_failure(failure);
    }
    session::write(&end_value(outcome, plan.shard));
}

/// Replays a token, or refuses it: a line `refused` with the reason, no `end`, and a test that fails.
fn replay(plan: &Plan, origin: &Origin, token: &str, body: &Body) {
    let token = Token::read(token);
    let refusal = match &token {
        Err(error) => Some(error.clone()),
        Ok(token) => token.refusal(origin),
    };
    match (token, refusal) {
        (Ok(token), None) => end(plan, &plan.replay(&token.way, &token.scheduler, body)),
        (_, refusal) => {
            session::write(&json!({"line": "refused", "reason": refusal}));
            panic!("the token is refused: {}", refusal.unwrap_or_default());
        }
    }
}
