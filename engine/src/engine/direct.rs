//! Consumers that a server makes for itself: no assignment names them, and no other server knows of them.
//!
//! They live on one server, end with its engine, and are deleted there when nobody uses them.

use std::sync::Arc;

use super::Engine;
use crate::consumer::Consumer;
use crate::core::api_error::ApiError;
use crate::core::assignment::{Asker, ConsumerAssignment, RaftGroup};
use crate::core::config::ConsumerConfig;
use crate::core::names::GroupName;

impl Engine {
    /// Makes a consumer of this server. Its name is drawn: one that no client can give.
    ///
    /// # Errors
    /// The stream does not run here.
    pub async fn add_direct_consumer(
        self: &Arc<Self>,
        stream: &str,
        config: ConsumerConfig,
    ) -> Result<Arc<Consumer>, ApiError> {
        let _one_at_a_time = self.placing.lock().await;
        if self.is_stopping() {
            return Err(ApiError::UNAVAILABLE);
        }
        let of_stream = self.stream(stream).ok_or(ApiError::STREAM_NOT_FOUND)?;
        let mut created_ns = self.context.clock.now_ns();
        let name = |at_ns: u64| format!("direct.{at_ns:x}");
        while of_stream.consumer(&name(created_ns)).is_some() {
            created_ns += 1;
        }
        let config = ConsumerConfig { name: name(created_ns), durable: false, replicas: 1, direct: true, ..config };
        let group = RaftGroup::fresh(GroupName::new(config.name.clone()), vec![self.me()]);
        let asker = Asker { server: Some(self.me()), request: 0 };
        let assignment =
            ConsumerAssignment { stream: stream.to_owned(), config, created_ns, group, asker, revision: 0 };
        let consumer = Consumer::new(self, &of_stream, &assignment);
        of_stream.add_consumer(consumer.clone());
        self.lead_consumer_alone(consumer.clone()).await;
        Ok(consumer)
    }
}
