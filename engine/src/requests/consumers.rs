//! Creating, changing and deleting consumers: on the meta layer's leader.

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep};

use super::placing::{n_replicas_in, servers_of_consumer};
use super::streams::refusal;
use crate::api::{Request, Response};
use crate::core::admission::{refuse_change, refuse_config, refuse_consumer};
use crate::core::api_error::ApiError;
use crate::core::assignment::{Asker, ConsumerAssignment, RaftGroup, StreamAssignment};
use crate::core::config::{ConsumerConfig, Retention};
use crate::core::meta::{Identity, MetaChange};
use crate::core::names::{ConsumerKey, refuse_name};
use crate::engine::Engine;

const START_LIMIT: Duration = Duration::from_secs(10);
const START_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    pub(super) async fn create_consumer(self: &Arc<Self>, stream: &str, mut config: ConsumerConfig) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let Some(of_stream) = self.stream_assignment(stream) else {
            return Response::Error(ApiError::STREAM_NOT_FOUND);
        };
        if config.name.is_empty() && !config.durable {
            config.name = format!("e{:x}", self.context().clock.now_ns());
        }
        if let Some(error) = refuse_config(&config) {
            return Response::Error(error);
        }
        if let Some(reason) = refuse_name(&config.name) {
            return Response::Error(ApiError::invalid_config(reason));
        }
        let key = ConsumerKey { stream: stream.to_owned(), name: config.name.clone() };
        if let Some(error) = self.refuse_beside_others(stream, &config) {
            return Response::Error(error);
        }
        let assignment = match self.consumer_assignment(&key) {
            Some(old) if old.config == config => return self.consumer_info_once_it_runs(&key).await,
            Some(old) => match self.changed_consumer(&of_stream, old, config) {
                Ok(assignment) => assignment,
                Err(error) => return Response::Error(error),
            },
            None => match self.new_consumer(&of_stream, config) {
                Ok(assignment) => assignment,
                Err(error) => return Response::Error(error),
            },
        };
        match self.change(MetaChange::AssignConsumer(assignment)).await {
            Ok(()) => self.consumer_info_once_it_runs(&key).await,
            Err(error) => refusal(error),
        }
    }

    fn refuse_beside_others(&self, stream: &str, config: &ConsumerConfig) -> Option<ApiError> {
        let assigned = self.assigned_stream(stream)?;
        refuse_consumer(&assigned.assignment.config, config, assigned.consumers.values().map(|other| &other.config))
    }

    /// A consumer with another configuration, and with that perhaps with another number of replicas.
    fn changed_consumer(
        &self,
        of_stream: &StreamAssignment,
        old: ConsumerAssignment,
        config: ConsumerConfig,
    ) -> Result<ConsumerAssignment, ApiError> {
        if let Some(error) = refuse_change(&of_stream.config, &old.config, &config) {
            return Err(error);
        }
        let peers = of_stream.group.target.as_ref().unwrap_or(&of_stream.group.peers);
        let n_replicas = n_replicas(&config, of_stream.config.retention, peers.len())?;
        let current = old.group.target.as_ref().unwrap_or(&old.group.peers);
        if n_replicas == current.len() {
            return Ok(ConsumerAssignment { config, ..old });
        }
        let wanted = servers_of_consumer(peers, current, n_replicas);
        let name = self.new_group_name("C", &format!("{}-{}", old.stream, config.name));
        Ok(ConsumerAssignment { group: self.moved_group(&old.group, wanted, name), config, ..old })
    }

    fn new_consumer(
        &self,
        of_stream: &StreamAssignment,
        config: ConsumerConfig,
    ) -> Result<ConsumerAssignment, ApiError> {
        let peers = of_stream.group.target.as_ref().unwrap_or(&of_stream.group.peers);
        let n_replicas = n_replicas(&config, of_stream.config.retention, peers.len())?;
        let created_ns = self.context().clock.now_ns();
        // Not always the first one: consumers of one replica spread over their stream's servers.
        let offset = usize::try_from(created_ns / 1000 % peers.len() as u64).unwrap_or(0);
        let servers = peers.iter().cycle().skip(offset).take(n_replicas).copied().collect();
        let stream = of_stream.config.name.clone();
        let group = RaftGroup::fresh(self.new_group_name("C", &format!("{stream}-{}", config.name)), servers);
        let asker = Asker { server: Some(self.me()), request: 0 };
        Ok(ConsumerAssignment { stream, config, created_ns, group, asker, revision: 0 })
    }

    async fn consumer_info_once_it_runs(self: &Arc<Self>, key: &ConsumerKey) -> Response {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let request = Request::ConsumerInfo { stream: key.stream.clone(), consumer: key.name.clone() };
            let response = Box::pin(self.handle(request)).await;
            let is_early = matches!(response, Response::Error(_)) && self.consumer_assignment(key).is_some();
            if !is_early || Instant::now() >= deadline || self.is_stopping() {
                return response;
            }
            sleep(START_PAUSE).await;
        }
    }

    pub(super) async fn delete_consumer(self: &Arc<Self>, key: ConsumerKey) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let Some(old) = self.consumer_assignment(&key) else {
            return Response::Error(ApiError::CONSUMER_NOT_FOUND);
        };
        match self.change(MetaChange::RemoveConsumer(Identity::of(&old))).await {
            Ok(()) => Response::Done,
            Err(error) => refusal(error),
        }
    }

    pub(super) async fn remap_consumer(self: &Arc<Self>, key: ConsumerKey) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let Some(old) = self.consumer_assignment(&key) else {
            return Response::Error(ApiError::CONSUMER_NOT_FOUND);
        };
        let name = self.new_group_name("C", &format!("{}-{}", key.stream, key.name));
        let group = self.moved_group(&old.group, old.group.peers.clone(), name);
        match self.change(MetaChange::AssignConsumer(ConsumerAssignment { group, ..old })).await {
            Ok(()) => self.consumer_info_once_it_runs(&key).await,
            Err(error) => refusal(error),
        }
    }

    pub(super) fn consumer_names(&self, stream: &str) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        match self.assignments().stream(stream) {
            Some(assigned) => Response::Names(assigned.consumers.keys().cloned().collect()),
            None => Response::Error(ApiError::STREAM_NOT_FOUND),
        }
    }
}

/// A consumer's replicas, unless it asks for a number that cannot be.
fn n_replicas(config: &ConsumerConfig, retention: Retention, of_stream: usize) -> Result<usize, ApiError> {
    let n_replicas = n_replicas_in(config, retention, of_stream);
    let is_asked_for = config.replicas == 0 || usize::from(config.replicas) == n_replicas;
    if is_asked_for { Ok(n_replicas) } else { Err(ApiError::CONSUMER_REPLICAS) }
}
