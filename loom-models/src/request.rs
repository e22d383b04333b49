//! What the parent asks of a child: the request in the environment (`docs/model-protocol.md`).

use std::time::Duration;

use serde_json::Value;

use crate::lines::PROTOCOL;
use crate::model::{Model, Search, Twin};
use crate::shard::Shard;

/// The file that lines go to.
pub(crate) const OUT: &str = "INTERLOCK_MODEL_OUT";
/// The request.
pub(crate) const REQUEST: &str = "INTERLOCK_MODEL_REQUEST";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Describe,
    Run,
    Replay,
}

/// A request, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    pub(crate) twin: Option<String>,
    pub(crate) budget: Option<Duration>,
    pub(crate) shard: Shard,
    pub(crate) is_full: bool,
    pub(crate) token: Option<String>,
}

impl Request {
    /// Reads the JSON. What is missing has its default; what is unknown is not looked at.
    pub(crate) fn read(text: &str) -> Result<Request, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("{REQUEST} is not JSON: {error}"))?;
        if value["protocol"] != PROTOCOL {
            return Err(format!("protocol {} is asked for, and this model speaks {PROTOCOL}", value["protocol"]));
        }
        let asked = match value["ask"].as_str() {
            Some("describe") => Asked::Describe,
            Some("run") => Asked::Run,
            Some("replay") => Asked::Replay,
            _ => return Err(format!("`ask` is {}: it is describe, run or replay", value["ask"])),
        };
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Ok(Request {
            asked,
            twin: text("twin"),
            budget: value["budget_ms"].as_u64().map(Duration::from_millis),
            shard: shard(&value["shard"])?,
            is_full: value["scale"] == "full",
            token: text("token"),
        })
    }

    /// How the model is searched for this request. A twin is searched as far as it must be found.
    pub(crate) fn search(&self, model: &Model, twin: Option<&Twin>) -> Search {
        let search = if self.is_full { model.full.unwrap_or(model.search) } else { model.search };
        match (twin, search) {
            (None, search) => search,
            (Some(twin), Search::Bounded { .. }) => Search::Bounded { preemptions: twin.found_within },
            (Some(twin), Search::Delays { .. }) => Search::Delays { delays: twin.found_within },
            (Some(twin), Search::Portfolio { .. }) => Search::Portfolio { schedules: u64::from(twin.found_within) },
            (Some(twin), Search::Loom { .. }) => Search::Loom { preemptions: Some(twin.found_within) },
        }
    }
}

fn shard(value: &Value) -> Result<Shard, String> {
    let part = |at: usize| value[at].as_u64().and_then(|part| u32::try_from(part).ok());
    match (part(0), part(1)) {
        (Some(index), Some(count)) if index < count => Ok(Shard { index, count }),
        _ if value.is_null() => Ok(Shard::WHOLE),
        _ => Err(format!("`shard` is {value}: it is [i, n] with i below n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let text = r#"{"protocol":1,"ask":"run","twin":"M-02","budget_ms":500,"shard":[1,4],"scale":"full","new":[]}"#;
        let request = Request::read(text).expect("it is a request");
        assert_eq!((request.asked, request.twin.as_deref()), (Asked::Run, Some("M-02")));
        assert_eq!((request.shard, request.is_full), (Shard { index: 1, count: 4 }, true));
        assert_eq!(request.budget, Some(Duration::from_millis(500)));
        let short = Request::read(r#"{"protocol":1,"ask":"describe"}"#).expect("it is a request too");
        assert_eq!((short.shard, short.twin, short.budget), (Shard::WHOLE, None, None));
    }

    #[test]
    fn a_wrong_request_says_what_is_wrong() {
        let wrong = |text: &str, says: &str| {
            let error = Request::read(text).expect_err("it is wrong");
            assert!(error.contains(says), "{error}");
        };
        wrong("{", "not JSON");
        wrong(r#"{"protocol":2,"ask":"run"}"#, "protocol 2");
        wrong(r#"{"protocol":1,"ask":"walk"}"#, "describe, run or replay");
        wrong(r#"{"protocol":1,"ask":"run","shard":[4,4]}"#, "i below n");
    }

    #[test]
    fn a_twin_is_searched_as_far_as_it_must_be_found() {
        static TWINS: [Twin; 1] = [Twin { bug: "b", symptom: "s", found_within: 1 }];
        let request = Request::read(r#"{"protocol":1,"ask":"run"}"#).expect("it is a request");
        let model = Model { search: Search::Bounded { preemptions: 3 }, twins: &TWINS, ..Model::DEFAULT };
        assert_eq!(request.search(&model, None), Search::Bounded { preemptions: 3 });
        assert_eq!(request.search(&model, model.twin("b")), Search::Bounded { preemptions: 1 });
    }
}
