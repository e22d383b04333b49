//! Requests of clients: who answers them, and passing them on to that server.

mod consumers;
mod placing;
mod restore;
mod streams;

use std::sync::Arc;

use interlock_sync::time::{Duration, Instant, sleep};

use crate::api::{AckKind, MessageAt, Request, Response};
use crate::core::api_error::ApiError;
use crate::core::names::{ConsumerKey, ServerId};
use crate::engine::Engine;
use crate::peer::PeerFrame;
use crate::stream::{NoAnswer, Stream};

/// How long a leader is looked for.
const LEADER_LIMIT: Duration = Duration::from_secs(4);
/// The pause between two looks.
const LEADER_PAUSE: Duration = Duration::from_millis(50);
/// The same, until what another server has decided is known here.
const KNOWN_PAUSE: Duration = Duration::from_millis(5);
/// How long another server's answer is waited for, besides what the request itself may wait.
const PEER_LIMIT: Duration = Duration::from_secs(12);

/// How long a restore may take besides.
const RESTORE_LIMIT: Duration = Duration::from_secs(300);

/// Who can answer a request.
enum Route {
    /// The leader of the meta layer.
    MetaLeader,
    /// The leader of a stream.
    Stream(String),
    /// A server that has a stream.
    Replica(String),
    /// The leader of a consumer.
    Consumer(ConsumerKey),
    /// Nobody.
    Nobody(ApiError),
}

impl Engine {
    /// Answers a client: here, or through the server that can.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Response {
        let deadline = Instant::now() + LEADER_LIMIT;
        loop {
            let response = self.try_once(&request).await;
            let has_no_leader = match &response {
                Response::Error(error) => *error == ApiError::NOT_LEADER,
                _ => false,
            };
            if !has_no_leader {
                return response;
            }
            if Instant::now() >= deadline || self.is_stopping() {
                return Response::Error(ApiError::UNAVAILABLE);
            }
            sleep(LEADER_PAUSE).await;
        }
    }

    async fn try_once(self: &Arc<Self>, request: &Request) -> Response {
        let route = match self.route(request) {
            // Who has not read all assignments does not know that there is none.
            Route::Nobody(_) if !self.knows_assignments().await => return Response::Error(ApiError::NOT_LEADER),
            Route::Nobody(_) => self.route(request),
            route => route,
        };
        let candidates = match route {
            Route::Nobody(error) => return Response::Error(error),
            route => self.candidates(&route),
        };
        let mut response = Response::Error(ApiError::NOT_LEADER);
        for server in candidates {
            response = self.ask(server, request).await;
            if response != Response::Error(ApiError::NOT_LEADER) {
                return response;
            }
        }
        response
    }

    async fn ask(self: &Arc<Self>, server: ServerId, request: &Request) -> Response {
        if server == self.me() {
            return self.handle_here(request.clone()).await;
        }
        let call = self.context().requests.begin_to(server);
        let frame = PeerFrame::Request { id: call.number(), request: Box::new(request.clone()) };
        let network = &self.context().network;
        if !network.is_reachable(server) || !network.try_send(server, frame) {
            // Nothing was asked: another attempt does no harm, and by then another server may lead.
            return Response::Error(ApiError::NOT_LEADER);
        }
        let own_wait = match request {
            Request::Fetch { fetch, .. } => fetch.expires,
            Request::StreamRestore { .. } | Request::StreamFill { .. } => RESTORE_LIMIT,
            _ => Duration::ZERO,
        };
        let response = match call.wait(PEER_LIMIT + own_wait).await {
            // Its engine is shut down, so nothing was done: another server will lead.
            Some(Response::Error(error)) if error == ApiError::NOT_ENABLED => Response::Error(ApiError::NOT_LEADER),
            Some(response) => response,
            // Asked again, of who leads then.
            None if may_be_repeated(request) => Response::Error(ApiError::NOT_LEADER),
            None => Response::Error(ApiError::OUTCOME_UNKNOWN),
        };
        self.until_known_here(request, &response).await;
        response
    }

    /// What another server has created is known here before its creator hears of it, who may ask for it next. Gives up
    /// after a while: this server may be cut off from the others' decisions.
    async fn until_known_here(&self, request: &Request, response: &Response) {
        let deadline = Instant::now() + LEADER_LIMIT;
        let is_known = || match (request, response) {
            (Request::StreamCreate(_), Response::Stream(info)) => self.stream_assignment(&info.config.name).is_some(),
            (Request::ConsumerCreate { stream, .. }, Response::Consumer(info)) => {
                let key = ConsumerKey { stream: stream.clone(), name: info.config.name.clone() };
                self.consumer_assignment(&key).is_some()
            }
            _ => true,
        };
        while !is_known() && Instant::now() < deadline && !self.is_stopping() {
            sleep(KNOWN_PAUSE).await;
        }
    }

    fn route(&self, request: &Request) -> Route {
        match request {
            Request::StreamCreate(_)
            | Request::StreamUpdate(_)
            | Request::StreamRestore { .. }
            | Request::StreamDelete(_)
            | Request::StreamMove { .. }
            | Request::StreamNames
            | Request::ConsumerCreate { .. }
            | Request::ConsumerDelete { .. }
            | Request::ConsumerRemap { .. }
            | Request::ConsumerNames(_)
            | Request::MetaStepDown => Route::MetaLeader,
            Request::Publish(publish) => match self.stream_of(&publish.subject) {
                Some(stream) => Route::Stream(stream),
                None => Route::Nobody(ApiError::STREAM_NOT_FOUND),
            },
            Request::StreamInfo(stream)
            | Request::StreamFill { stream, .. }
            | Request::StreamPurge { stream, .. }
            | Request::StreamStepDown { stream, .. }
            | Request::MessageGet { stream, .. }
            | Request::MessageDelete { stream, .. } => match self.stream_assignment(stream) {
                Some(_) => Route::Stream(stream.clone()),
                None => Route::Nobody(ApiError::STREAM_NOT_FOUND),
            },
            Request::MessageGetDirect { stream, .. } => match self.stream_assignment(stream) {
                Some(_) => Route::Replica(stream.clone()),
                None => Route::Nobody(ApiError::STREAM_NOT_FOUND),
            },
            Request::ConsumerInfo { stream, consumer }
            | Request::ConsumerStepDown { stream, consumer }
            | Request::Fetch { stream, consumer, .. }
            | Request::Ack { stream, consumer, .. } => {
                let key = ConsumerKey { stream: stream.clone(), name: consumer.clone() };
                let runs_here = self.consumer(&key).is_some();
                match self.consumer_assignment(&key) {
                    Some(_) => Route::Consumer(key),
                    None if runs_here => Route::Consumer(key),
                    None => Route::Nobody(ApiError::CONSUMER_NOT_FOUND),
                }
            }
        }
    }

    /// The stream that takes a subject.
    fn stream_of(&self, subject: &str) -> Option<String> {
        self.with_assignments(|assignments| assignments.stream_of(subject).map(str::to_owned))
    }

    /// Servers that may lead, the likeliest first.
    fn candidates(&self, route: &Route) -> Vec<ServerId> {
        if let Route::Replica(name) = route {
            let peers = self.stream_assignment(name).map(|assignment| assignment.group.peers).unwrap_or_default();
            // This one first, where it is one. Where it lacks messages it says so, and the others are asked.
            let here = peers.iter().copied().filter(|peer| *peer == self.me());
            return here.chain(peers.iter().copied().filter(|peer| *peer != self.me())).collect();
        }
        let (leader, peers) = match route {
            Route::MetaLeader if !self.context().settings.is_clustered() => (Some(self.me()), vec![]),
            Route::MetaLeader => (self.meta().and_then(|meta| meta.status().leader), vec![]),
            Route::Stream(name) => {
                let leader = self.stream(name).and_then(|stream| stream.member().leader(self.me()));
                let peers = self.stream_assignment(name).map(|assignment| assignment.group.peers);
                (leader, peers.unwrap_or_default())
            }
            Route::Consumer(key) => {
                let leader = self.consumer(key).and_then(|consumer| consumer.member().leader(self.me()));
                let peers = self.consumer_assignment(key).map(|assignment| assignment.group.peers);
                (leader, peers.unwrap_or_default())
            }
            Route::Replica(_) | Route::Nobody(_) => (None, vec![]),
        };
        match leader {
            Some(leader) => vec![leader],
            // A member knows better who leads; this server is none, or its member knows of no leader either.
            None => peers.into_iter().filter(|peer| *peer != self.me()).collect(),
        }
    }

    /// Answers what this server can answer; `NOT_LEADER` where it cannot.
    pub(crate) async fn handle_here(self: &Arc<Self>, request: Request) -> Response {
        match request {
            Request::StreamCreate(config) => self.create_stream(config).await,
            Request::StreamUpdate(config) => self.update_stream(config).await,
            Request::StreamRestore { config, messages } => self.restore_stream(config, messages).await,
            Request::StreamDelete(name) => self.delete_stream(&name).await,
            Request::StreamMove { stream, peers } => self.move_stream(&stream, peers).await,
            Request::StreamNames => self.stream_names(),
            Request::ConsumerCreate { stream, config } => self.create_consumer(&stream, config).await,
            Request::ConsumerDelete { stream, consumer } => {
                self.delete_consumer(ConsumerKey { stream, name: consumer }).await
            }
            Request::ConsumerRemap { stream, consumer } => {
                self.remap_consumer(ConsumerKey { stream, name: consumer }).await
            }
            Request::ConsumerNames(stream) => self.consumer_names(&stream),
            Request::MetaStepDown => self.meta_step_down().await,
            of_stream @ (Request::Publish(_)
            | Request::StreamFill { .. }
            | Request::StreamInfo(_)
            | Request::StreamPurge { .. }
            | Request::StreamStepDown { .. }
            | Request::MessageGet { .. }
            | Request::MessageGetDirect { .. }
            | Request::MessageDelete { .. }) => self.handle_for_stream(of_stream).await,
            of_consumer => self.handle_for_consumer(of_consumer).await,
        }
    }

    async fn handle_for_stream(self: &Arc<Self>, request: Request) -> Response {
        let name = match &request {
            Request::Publish(publish) => self.stream_of(&publish.subject),
            Request::StreamInfo(stream)
            | Request::StreamFill { stream, .. }
            | Request::StreamPurge { stream, .. }
            | Request::StreamStepDown { stream, .. }
            | Request::MessageGet { stream, .. }
            | Request::MessageGetDirect { stream, .. }
            | Request::MessageDelete { stream, .. } => Some(stream.clone()),
            _ => None,
        };
        let Some(stream) = name.and_then(|name| self.stream(&name)) else {
            return Response::Error(ApiError::NOT_LEADER);
        };
        let answered = match request {
            Request::Publish(publish) => stream.publish(publish).await,
            Request::StreamInfo(_) => stream.until_current().await.map(|()| Response::Stream(Box::new(stream.info()))),
            Request::StreamFill { messages, .. } => Ok(stream.fill(messages).await),
            Request::StreamPurge { filter, keep, .. } => stream.purge(filter, keep).await,
            Request::StreamStepDown { preferred, .. } => step_down(&stream, preferred).await,
            Request::MessageGet { at, .. } => stream.until_current().await.map(|()| read(&stream, &at)),
            Request::MessageGetDirect { at, .. } if stream.is_whole() => Ok(read(&stream, &at)),
            Request::MessageDelete { seq, .. } => stream.remove_message(seq).await,
            _ => Err(NoAnswer::NotLeader),
        };
        answered.unwrap_or_else(|no_answer| self.without_answer(&no_answer))
    }

    async fn handle_for_consumer(self: &Arc<Self>, request: Request) -> Response {
        let key = match &request {
            Request::ConsumerInfo { stream, consumer }
            | Request::ConsumerStepDown { stream, consumer }
            | Request::Fetch { stream, consumer, .. }
            | Request::Ack { stream, consumer, .. } => ConsumerKey { stream: stream.clone(), name: consumer.clone() },
            _ => return Response::Error(ApiError::NOT_LEADER),
        };
        let Some(consumer) = self.consumer(&key).filter(|consumer| consumer.member().leads()) else {
            return Response::Error(ApiError::NOT_LEADER);
        };
        let answered = match request {
            Request::ConsumerInfo { .. } => match consumer.begin().await {
                // What cannot be written can still be looked at.
                Ok(()) | Err(NoAnswer::NotWritten) => {
                    let mut info = consumer.info();
                    info.n_pending = consumer.n_pending().unwrap_or(info.n_pending);
                    Ok(Response::Consumer(Box::new(info)))
                }
                Err(no_answer) => Err(no_answer),
            },
            Request::ConsumerStepDown { .. } => {
                if let Some(node) = consumer.member().node() {
                    // It is closed where it fails: then it does not lead.
                    let _closed = node.step_down(None).await;
                }
                Ok(Response::Done)
            }
            Request::Fetch { fetch, .. } => consumer.fetch(&fetch).await,
            Request::Ack { seq, kind, .. } => consumer.acknowledge(seq, kind).await,
            _ => Err(NoAnswer::NotLeader),
        };
        answered.unwrap_or_else(|no_answer| self.without_answer(&no_answer))
    }

    fn without_answer(&self, no_answer: &NoAnswer) -> Response {
        match no_answer {
            NoAnswer::NotLeader => Response::Error(ApiError::NOT_LEADER),
            NoAnswer::Unknown => Response::Error(ApiError::OUTCOME_UNKNOWN),
            NoAnswer::NotWritten if self.context().settings.answers_failed_writes => {
                Response::Error(ApiError::STORE_FAILED)
            }
            // No acknowledgement, and no rejection that replicas would have to agree on (W9).
            NoAnswer::NotWritten => Response::Silence,
        }
    }
}

/// Whether it makes no difference that a request may have been done already.
fn may_be_repeated(request: &Request) -> bool {
    match request {
        Request::StreamInfo(_)
        | Request::StreamNames
        | Request::MessageGet { .. }
        | Request::MessageGetDirect { .. }
        | Request::ConsumerInfo { .. }
        | Request::ConsumerNames(_) => true,
        Request::Ack { kind, .. } => matches!(kind, AckKind::Ack | AckKind::Term),
        _ => false,
    }
}

fn read(stream: &Stream, at: &MessageAt) -> Response {
    stream.message(at).map_or_else(Response::Error, Response::Message)
}

async fn step_down(stream: &Arc<Stream>, preferred: Option<ServerId>) -> Result<Response, NoAnswer> {
    match stream.member().node() {
        Some(node) if node.status().is_leader() => {
            node.step_down(preferred).await.map_err(|_| NoAnswer::NotLeader)?;
            Ok(Response::Done)
        }
        Some(_) => Err(NoAnswer::NotLeader),
        None => Ok(Response::Done),
    }
}
