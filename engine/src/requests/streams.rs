//! Creating, changing and deleting streams: on the meta layer's leader.

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep};

use crate::api::{Request, Response};
use crate::core::admission::streams_overlap;
use crate::core::api_error::ApiError;
use crate::core::assignment::{Asker, RaftGroup, StreamAssignment};
use crate::core::config::StreamConfig;
use crate::core::meta::{MetaChange, Refused};
use crate::core::names::{ServerId, refuse_name};
use crate::core::subject::refuse_filter;
use crate::engine::{ChangeError, Engine};

/// How long a new asset's leader is waited for before the client is answered.
const START_LIMIT: Duration = Duration::from_secs(10);
const START_PAUSE: Duration = Duration::from_millis(20);

/// What a failed change means to a client.
pub(super) fn refusal(error: ChangeError) -> Response {
    Response::Error(match error {
        ChangeError::Refused(Refused::StreamExists) => ApiError::STREAM_NAME_EXISTS,
        ChangeError::Refused(Refused::StreamsOverlap) => ApiError::SUBJECT_OVERLAP,
        ChangeError::Refused(Refused::ConsumersOverlap) => ApiError::WORK_QUEUE_FILTERS_OVERLAP,
        ChangeError::Refused(Refused::NoStream) => ApiError::STREAM_NOT_FOUND,
        ChangeError::Refused(Refused::NoConsumer) => ApiError::CONSUMER_NOT_FOUND,
        // Asked again: another server leads, or somebody else changed the asset first.
        ChangeError::NotLeader(_) | ChangeError::Refused(Refused::Outdated) => ApiError::NOT_LEADER,
        ChangeError::Unknown => ApiError::OUTCOME_UNKNOWN,
        ChangeError::Unavailable(_) => ApiError::UNAVAILABLE,
    })
}

impl Engine {
    /// Whether this server decides about assets.
    pub(super) fn leads_meta(&self) -> bool {
        !self.context().settings.is_clustered() || self.meta().is_some_and(|meta| meta.status().is_leader())
    }

    pub(super) async fn create_stream(self: &Arc<Self>, mut config: StreamConfig) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        if config.subjects.is_empty() {
            config.subjects = vec![config.name.clone()];
        }
        if let Some(existing) = self.stream_assignment(&config.name) {
            return if existing.config == config {
                self.info_once_it_runs(&config.name).await
            } else {
                Response::Error(ApiError::STREAM_NAME_EXISTS)
            };
        }
        if let Some(error) = self.refuse_stream(&config) {
            return Response::Error(error);
        }
        let Some(servers) = self.choose_servers(usize::from(config.replicas), &[]) else {
            return Response::Error(ApiError::NO_SUITABLE_PEERS);
        };
        let name = config.name.clone();
        let assignment = StreamAssignment {
            group: RaftGroup::fresh(self.new_group_name("S", &name), servers),
            created_ns: self.context().clock.now_ns(),
            config,
            asker: Asker { server: Some(self.me()), request: 0 },
            revision: 0,
        };
        match self.change(MetaChange::AssignStream(assignment)).await {
            Ok(()) => self.info_once_it_runs(&name).await,
            Err(error) => refusal(error),
        }
    }

    fn refuse_stream(&self, config: &StreamConfig) -> Option<ApiError> {
        if let Some(reason) = refuse_name(&config.name) {
            return Some(ApiError::invalid_config(reason));
        }
        if config.replicas == 0 || config.replicas > 5 {
            return Some(ApiError::invalid_config("a stream has 1 to 5 replicas"));
        }
        if config.replicas > 1 && !self.context().settings.is_clustered() {
            return Some(ApiError::REPLICAS_NOT_SUPPORTED);
        }
        if let Some(reason) = config.subjects.iter().find_map(|subject| refuse_filter(subject)) {
            return Some(ApiError::invalid_config(reason));
        }
        let overlaps = |other: &StreamAssignment| streams_overlap(config, &other.config).then_some(());
        self.find_assigned(overlaps).map(|()| ApiError::SUBJECT_OVERLAP)
    }

    /// A new asset's leader answers for it, once it runs.
    async fn info_once_it_runs(self: &Arc<Self>, name: &str) -> Response {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let response = Box::pin(self.handle(Request::StreamInfo(name.to_owned()))).await;
            let is_early = matches!(response, Response::Error(_)) && self.stream_assignment(name).is_some();
            if !is_early || Instant::now() >= deadline || self.is_stopping() {
                return response;
            }
            sleep(START_PAUSE).await;
        }
    }

    pub(super) async fn update_stream(self: &Arc<Self>, mut config: StreamConfig) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        if config.subjects.is_empty() {
            config.subjects = vec![config.name.clone()];
        }
        let Some(old) = self.stream_assignment(&config.name) else {
            return Response::Error(ApiError::STREAM_NOT_FOUND);
        };
        if let Some(error) = self.refuse_stream(&config) {
            return Response::Error(error);
        }
        if config.retention != old.config.retention {
            return Response::Error(ApiError::invalid_config("the retention of a stream cannot change"));
        }
        let mut keep = old.group.target.clone().unwrap_or_else(|| old.group.peers.clone());
        // Who leads is kept: it has everything that was acknowledged.
        if let Some(leader) = self.leader_of_stream(&config.name).await {
            keep.sort_by_key(|server| *server != leader);
        }
        let Some(servers) = self.choose_servers(usize::from(config.replicas), &keep) else {
            return Response::Error(ApiError::NO_SUITABLE_PEERS);
        };
        let is_moved = servers.len() != old.group.peers.len();
        let group = if is_moved {
            self.moved_group(&old.group, servers.clone(), self.new_group_name("S", &config.name))
        } else {
            old.group.clone()
        };
        let name = config.name.clone();
        let changed = self.change(MetaChange::UpdateStream(StreamAssignment { config, group, ..old })).await;
        if let Err(error) = changed {
            return refusal(error);
        }
        if is_moved {
            crate::failpoint!("stream_moved");
            self.move_consumers(&name).await;
        }
        self.info_once_it_runs(&name).await
    }

    async fn leader_of_stream(self: &Arc<Self>, name: &str) -> Option<ServerId> {
        if let Some(leader) = self.stream(name).and_then(|stream| stream.member().leader(self.me())) {
            return Some(leader);
        }
        match Box::pin(self.handle(Request::StreamInfo(name.to_owned()))).await {
            Response::Stream(info) => info.cluster.leader,
            _ => None,
        }
    }

    pub(super) async fn move_stream(self: &Arc<Self>, name: &str, peers: Vec<ServerId>) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let Some(old) = self.stream_assignment(name) else {
            return Response::Error(ApiError::STREAM_NOT_FOUND);
        };
        let known = &self.context().settings.servers;
        let are_known = peers.iter().all(|peer| known.contains(peer));
        if peers.len() != usize::from(old.config.replicas) || !are_known {
            return Response::Error(ApiError::NO_SUITABLE_PEERS);
        }
        let group = self.moved_group(&old.group, peers.clone(), self.new_group_name("S", name));
        match self.change(MetaChange::UpdateStream(StreamAssignment { group, ..old })).await {
            Ok(()) => {
                self.move_consumers(name).await;
                self.info_once_it_runs(name).await
            }
            Err(error) => refusal(error),
        }
    }

    pub(super) async fn delete_stream(self: &Arc<Self>, name: &str) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let Some(old) = self.stream_assignment(name) else {
            return Response::Error(ApiError::STREAM_NOT_FOUND);
        };
        let removal = MetaChange::RemoveStream { name: name.to_owned(), created_ns: old.created_ns };
        match self.change(removal).await {
            Ok(()) => Response::Done,
            Err(error) => refusal(error),
        }
    }

    pub(super) fn stream_names(&self) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let assignments = self.assignments();
        Response::Names(assignments.streams().map(|stream| stream.assignment.config.name.clone()).collect())
    }

    pub(super) async fn meta_step_down(&self) -> Response {
        match self.meta() {
            Some(meta) if meta.status().is_leader() => match meta.step_down(None).await {
                Ok(()) => Response::Done,
                Err(_) => Response::Error(ApiError::NOT_LEADER),
            },
            _ => Response::Error(ApiError::NOT_LEADER),
        }
    }
}
