//! Restoring a stream: created by the meta layer's leader, filled by its own, and removed again where that fails.

use std::sync::Arc;

use crate::api::{Publish, Request, Response};
use crate::core::api_error::ApiError;
use crate::core::config::StreamConfig;
use crate::engine::Engine;

impl Engine {
    pub(super) async fn restore_stream(self: &Arc<Self>, config: StreamConfig, messages: Vec<Publish>) -> Response {
        if !self.leads_meta() {
            return Response::Error(ApiError::NOT_LEADER);
        }
        let stream = config.name.clone();
        if self.stream_assignment(&stream).is_some() {
            return Response::Error(ApiError::STREAM_NAME_EXISTS);
        }
        let created = self.create_stream(config).await;
        if !matches!(created, Response::Stream(_)) {
            return created;
        }
        // Asked once: a second leader would be given what the first one has stored already.
        let filled = Box::pin(self.try_once(&Request::StreamFill { stream: stream.clone(), messages })).await;
        if matches!(filled, Response::Stream(_)) {
            return filled;
        }
        let removed = Box::pin(self.handle(Request::StreamDelete(stream.clone()))).await;
        if removed != Response::Done {
            tracing::warn!("half of stream {stream} stays: {removed:?}");
        }
        match filled {
            Response::Error(error) if error != ApiError::NOT_LEADER => Response::Error(error),
            _ => Response::Error(ApiError::restore_failed("the stream's leader has changed")),
        }
    }
}
