//! The requests by name, each with the answer that it has.

use interlock_sync::time::Duration;

use super::{Answer, Answered, Client, ClientError};
use crate::api::{
    AckKind, ConsumerInfo, Delivery, Fetch, FetchEnd, Message, MessageAt, PubAck, Publish, Request, Response,
    StreamInfo,
};
use crate::core::config::{ConsumerConfig, StreamConfig};
use crate::core::names::ServerId;

/// Takes the answer apart, or says why it is not the one that was asked for.
macro_rules! expect {
    ($answered:expr, $pattern:pat => $value:expr) => {
        match $answered? {
            $pattern => Ok($value),
            Response::Error(error) => Err(ClientError::Refused(error)),
            _ => Err(ClientError::Unexpected),
        }
    };
}

impl Answer {
    /// Waits for the answer of a publication.
    ///
    /// # Errors
    /// It is not known to be stored.
    pub async fn published(self) -> Result<PubAck, ClientError> {
        expect!(self.wait().await, Response::Published(ack) => ack)
    }

    /// Waits for the answer of a request that has nothing to tell.
    ///
    /// # Errors
    /// It is not known to be done.
    pub async fn done(self) -> Result<(), ClientError> {
        done(self.wait().await)
    }
}

impl Client {
    /// Creates a stream.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn create_stream(&self, config: StreamConfig) -> Result<StreamInfo, ClientError> {
        stream(self.request(Request::StreamCreate(config)).await)
    }

    /// Changes a stream.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn update_stream(&self, config: StreamConfig) -> Result<StreamInfo, ClientError> {
        stream(self.request(Request::StreamUpdate(config)).await)
    }

    /// A stream's state.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn stream_info(&self, name: &str) -> Result<StreamInfo, ClientError> {
        stream(self.request(Request::StreamInfo(name.to_owned())).await)
    }

    /// All streams.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn stream_names(&self) -> Result<Vec<String>, ClientError> {
        expect!(self.request(Request::StreamNames).await, Response::Names(names) => names)
    }

    /// Deletes a stream.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn delete_stream(&self, name: &str) -> Result<(), ClientError> {
        done(self.request(Request::StreamDelete(name.to_owned())).await)
    }

    /// Removes messages: how many.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn purge_stream(&self, name: &str, filter: Option<String>, keep: u64) -> Result<u64, ClientError> {
        let request = Request::StreamPurge { stream: name.to_owned(), filter, keep };
        expect!(self.request(request).await, Response::Removed(n_messages) => n_messages)
    }

    /// Moves a stream to these servers: its state as the move begins.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn move_stream(&self, name: &str, peers: Vec<ServerId>) -> Result<StreamInfo, ClientError> {
        stream(self.request(Request::StreamMove { stream: name.to_owned(), peers }).await)
    }

    /// Makes another member lead a stream.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn step_down_stream(&self, name: &str, preferred: Option<ServerId>) -> Result<(), ClientError> {
        done(self.request(Request::StreamStepDown { stream: name.to_owned(), preferred }).await)
    }

    /// Stores a message.
    ///
    /// # Errors
    /// It is not known to be stored.
    pub async fn publish(&self, publish: Publish) -> Result<PubAck, ClientError> {
        self.begin(Request::Publish(publish)).await?.published().await
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn message(&self, stream: &str, at: MessageAt) -> Result<Message, ClientError> {
        let request = Request::MessageGet { stream: stream.to_owned(), at };
        expect!(self.request(request).await, Response::Message(message) => message)
    }

    /// Reads a message from the replica that is asked, which may be behind the others.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn message_direct(&self, stream: &str, at: MessageAt) -> Result<Message, ClientError> {
        let request = Request::MessageGetDirect { stream: stream.to_owned(), at };
        expect!(self.request(request).await, Response::Message(message) => message)
    }

    /// Creates a consumer.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn create_consumer(&self, stream: &str, config: ConsumerConfig) -> Result<ConsumerInfo, ClientError> {
        let request = Request::ConsumerCreate { stream: stream.to_owned(), config };
        expect!(self.request(request).await, Response::Consumer(info) => *info)
    }

    /// Deletes a consumer.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn delete_consumer(&self, stream: &str, consumer: &str) -> Result<(), ClientError> {
        let request = Request::ConsumerDelete { stream: stream.to_owned(), consumer: consumer.to_owned() };
        done(self.request(request).await)
    }

    /// Asks for messages.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn fetch(
        &self,
        stream: &str,
        consumer: &str,
        batch: u32,
        expires: Duration,
    ) -> Result<(Vec<Delivery>, FetchEnd), ClientError> {
        let fetch = Fetch { batch, expires };
        let request = Request::Fetch { stream: stream.to_owned(), consumer: consumer.to_owned(), fetch };
        expect!(self.request(request).await, Response::Fetched(deliveries, end) => (deliveries, end))
    }

    /// Acknowledges a delivery, and waits until that is durable.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub async fn ack(&self, stream: &str, consumer: &str, seq: u64, kind: AckKind) -> Result<(), ClientError> {
        let request = Request::Ack { stream: stream.to_owned(), consumer: consumer.to_owned(), seq, kind };
        done(self.request(request).await)
    }
}

fn stream(answered: Answered) -> Result<StreamInfo, ClientError> {
    expect!(answered, Response::Stream(info) => *info)
}

fn done(answered: Answered) -> Result<(), ClientError> {
    expect!(answered, Response::Done => ())
}
