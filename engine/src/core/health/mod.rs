//! Health: what is wrong with a server, from facts that were gathered before, in the order of `docs/engine/health.md`.
//!
//! Gathering takes the engine's lock to copy the assignments, releases it, and then asks each entity: no lock is held
//! over another here, because none is held here.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use super::names::GroupName;

/// A consumer that is not there yet is tolerated for so long after its creation.
pub const CONSUMER_GRACE: Duration = Duration::from_secs(5);

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Stop after "the engine is enabled".
    pub enabled_only: bool,
    /// Stop after "connections are taken".
    pub server_only: bool,
    /// Stop after the meta layer.
    pub meta_only: bool,
    /// The account of the asset.
    pub account: Option<String>,
    /// Only this stream.
    pub stream: Option<String>,
    /// Only this consumer of it.
    pub consumer: Option<String>,
}

/// A raft node, as the engine or an entity knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its group.
    pub group: GroupName,
    /// Another number is another node, also of the same group.
    pub incarnation: u64,
    /// Its write error.
    pub write_error: Option<String>,
    /// It has a leader, and is not far behind.
    pub is_healthy: bool,
}

/// A stream or consumer that runs here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityFacts {
    /// The node that it uses.
    pub node: Option<NodeFacts>,
    /// Its write error.
    pub write_error: Option<String>,
    /// A task drives it.
    pub is_monitored: bool,
    /// It is being brought up to a snapshot.
    pub is_catching_up: bool,
}

/// A stream or consumer that is assigned to this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFacts {
    /// The stream.
    pub stream: String,
    /// The consumer, where it is one.
    pub consumer: Option<String>,
    /// Its peers.
    pub n_replicas: usize,
    /// How long ago it was created.
    pub age: Duration,
    /// What went wrong when its assignment was processed.
    pub assignment_error: Option<String>,
    /// The node of its group in the engine's table.
    pub node: Option<NodeFacts>,
    /// The entity; `None` where it does not run here.
    pub entity: Option<EntityFacts>,
}

/// The meta layer on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetaFacts {
    /// The write error of its node or its state.
    pub write_error: Option<String>,
    /// Why an entry could not be applied.
    pub apply_error: Option<String>,
    /// Its node is closed.
    pub is_closed: bool,
    /// It has not read its whole log yet.
    pub is_recovering: bool,
    /// It knows a leader.
    pub has_leader: bool,
    /// It has applied what the leader had committed a moment ago.
    pub is_current: bool,
}

/// The engine on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineFacts {
    /// It was shut down: for this error, where there was one.
    Disabled(Option<String>),
    /// Without a cluster: one asset for each stream folder and each consumer.
    Standalone(Vec<AssetFacts>),
    /// In a cluster: the assets assigned to this server.
    Clustered(MetaFacts, Vec<AssetFacts>),
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// It takes connections.
    pub is_ready: bool,
    /// Its engine.
    pub engine: EngineFacts,
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The request.
    Request,
    /// The client listener.
    Connection,
    /// The engine.
    Engine,
    /// The meta layer.
    Meta,
    /// A stream.
    Stream,
    /// A consumer.
    Consumer,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "BAD_REQUEST",
            Self::Connection => "CONNECTION",
            Self::Engine | Self::Meta => "JETSTREAM",
            Self::Stream => "STREAM",
            Self::Consumer => "CONSUMER",
        })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What with.
    pub subject: Subject,
    /// The stream.
    pub stream: Option<String>,
    /// The consumer.
    pub consumer: Option<String>,
    /// What.
    pub error: String,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The HTTP status.
    pub http_status: u16,
    /// What is wrong, in the order of the evaluation.
    pub problems: Vec<Problem>,
}

impl Report {
    fn healthy() -> Self {
        Self { http_status: 200, problems: Vec::new() }
    }

    fn of(http_status: u16, subject: Subject, error: impl Into<String>) -> Self {
        let problem = Problem { subject, stream: None, consumer: None, error: error.into() };
        Self { http_status, problems: vec![problem] }
    }

    /// The word for the status.
    pub fn word(&self) -> &'static str {
        match self.http_status {
            200 => "ok",
            404 | 503 => "unavailable",
            _ => "error",
        }
    }
}

/// Evaluates a server's health.
pub fn evaluate(facts: &ServerFacts, options: &Options) -> Report {
    if options.stream.is_some() && options.account.is_none() {
        return Report::of(400, Subject::Request, "account must be set when checking for a stream");
    }
    if options.consumer.is_some() && options.stream.is_none() {
        return Report::of(400, Subject::Request, "stream must be set when checking for a consumer");
    }
    if !facts.is_ready {
        return Report::of(500, Subject::Connection, "not ready for connections");
    }
    if options.server_only {
        return Report::healthy();
    }
    match &facts.engine {
        EngineFacts::Disabled(reason) => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Report::of(503, Subject::Engine, format!("the stream engine is not enabled{reason}"))
        }
        EngineFacts::Standalone(_) | EngineFacts::Clustered(..) if options.enabled_only => Report::healthy(),
        EngineFacts::Standalone(_) if options.meta_only => Report::healthy(),
        EngineFacts::Standalone(assets) => of_assets(assets, options),
        EngineFacts::Clustered(meta, assets) => match problem_of_meta(meta) {
            Some(error) => Report::of(503, Subject::Meta, error),
            None if options.meta_only => Report::healthy(),
            None => of_assets(assets, options),
        },
    }
}

fn problem_of_meta(meta: &MetaFacts) -> Option<String> {
    if let Some(error) = &meta.write_error {
        Some(format!("meta layer write error: {error}"))
    } else if let Some(error) = &meta.apply_error {
        Some(format!("meta layer apply error: {error}"))
    } else if meta.is_closed {
        Some("the meta layer is closed".to_owned())
    } else if meta.is_recovering {
        Some("the meta layer is still recovering".to_owned())
    } else if !meta.has_leader {
        Some("no contact with the meta leader".to_owned())
    } else if !meta.is_current {
        Some("the meta layer is not current".to_owned())
    } else {
        None
    }
}

fn of_assets(assets: &[AssetFacts], options: &Options) -> Report {
    let is_asked = |asset: &&AssetFacts| {
        let is_of_stream = options.stream.as_ref().is_none_or(|stream| asset.stream == *stream);
        is_of_stream && (options.consumer.is_none() || asset.consumer == options.consumer)
    };
    let asked: Vec<&AssetFacts> = assets.iter().filter(is_asked).collect();
    if let (Some(stream), true) = (&options.stream, asked.is_empty()) {
        let (subject, name) = match &options.consumer {
            Some(consumer) => (Subject::Consumer, format!("consumer '{stream} > {consumer}'")),
            None => (Subject::Stream, format!("stream '{stream}'")),
        };
        return Report::of(404, subject, format!("{name} not found"));
    }
    let problems: Vec<Problem> = asked.into_iter().filter_map(problem_of_asset).collect();
    Report { http_status: if problems.is_empty() { 200 } else { 503 }, problems }
}

fn problem_of_asset(asset: &AssetFacts) -> Option<Problem> {
    let error = error_of_asset(asset)?;
    let subject = if asset.consumer.is_some() { Subject::Consumer } else { Subject::Stream };
    Some(Problem { subject, stream: Some(asset.stream.clone()), consumer: asset.consumer.clone(), error })
}

fn error_of_asset(asset: &AssetFacts) -> Option<String> {
    if let Some(error) = &asset.assignment_error {
        return Some(format!("assignment error: {error}"));
    }
    let Some(entity) = &asset.entity else {
        let is_tolerated = asset.consumer.is_some() && asset.age < CONSUMER_GRACE;
        return (!is_tolerated).then(|| "not found".to_owned());
    };
    // One replica has no node, and still has a disk (G-11).
    if asset.n_replicas <= 1 && crate::mutant!(M62) {
        return None;
    }
    let not_running = || (!entity.is_monitored).then(|| "monitor not running".to_owned());
    if asset.n_replicas <= 1 {
        return error_of_write(entity).or_else(not_running);
    }
    let Some(group_node) = &asset.node else { return Some("group node missing".to_owned()) };
    let Some(node) = &entity.node else { return Some("has no node".to_owned()) };
    if group_node.group != node.group || group_node.incarnation != node.incarnation {
        return Some(format!("node skew: runs on {}, assigned to {}", node.group, group_node.group));
    }
    let error_of_node = node.write_error.as_ref().map(|error| format!("node write error: {error}"));
    let catching_up = || entity.is_catching_up.then(|| "catching up".to_owned());
    let unhealthy = || (!node.is_healthy).then(|| "group node unhealthy".to_owned());
    error_of_node.or_else(|| error_of_write(entity)).or_else(not_running).or_else(catching_up).or_else(unhealthy)
}

fn error_of_write(entity: &EntityFacts) -> Option<String> {
    entity.write_error.as_ref().map(|error| format!("write error: {error}"))
}
