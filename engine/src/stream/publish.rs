//! Changing a stream on behalf of a client: through the group's log, or alone.

use std::sync::Arc;

use interlock_sync::time::Duration;

use super::Stream;
use super::apply::Failure;
use crate::api::{MESSAGE_BYTES_MAX, MSG_ID_BYTES_MAX, PubAck, Publish, Response};
use crate::core::api_error::ApiError;
use crate::core::config::StreamConfig;
use crate::core::entry::{self, Origin, StreamEntry};
use crate::core::stream::Answer;
use crate::core::subject::refuse_subject;
use crate::failpoint;
use crate::raft::ProposeError;

/// How long a client waits for its entry to be applied.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What no stream can take: an entry of the log, a record of the store and a frame have room for the rest.
fn refuse(publish: &Publish) -> Option<ApiError> {
    let Publish { subject, headers, payload, msg_id, expect, .. } = publish;
    let mut ids = msg_id.iter().chain(&expect.last_msg_id);
    if subject.len() + headers.len() + payload.len() > MESSAGE_BYTES_MAX {
        Some(ApiError::MESSAGE_TOO_LARGE)
    } else if let Some(reason) = refuse_subject(subject) {
        Some(ApiError::invalid_config(reason))
    } else if ids.any(|id| id.len() > MSG_ID_BYTES_MAX) {
        Some(ApiError::invalid_config("a message id may have 65,535 bytes"))
    } else {
        None
    }
}

/// Why there is no answer to give.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoAnswer {
    /// Another server leads.
    NotLeader,
    /// It is not known what became of it.
    Unknown,
    /// It was not written: silence, or an error where the server is told to answer.
    NotWritten,
}

impl Stream {
    /// Stores a message.
    pub(crate) async fn publish(self: &Arc<Self>, publish: Publish) -> Result<Response, NoAnswer> {
        if publish.expect.stream.as_ref().is_some_and(|expected| *expected != self.name) {
            return Ok(Response::Error(ApiError::STREAM_NOT_MATCH));
        }
        if let Some(error) = refuse(&publish) {
            return Ok(Response::Error(error));
        }
        if publish.batch.is_some() {
            return self.publish_part(publish).await;
        }
        let time_ns = self.context.clock.now_ns();
        let entry_of = |origin| StreamEntry::Publish(entry_of(publish, origin, time_ns));
        let answer = self.change(entry_of).await?;
        Ok(self.response(answer))
    }

    /// Stores the messages of a restore. An answer, also where leadership is lost on the way: nobody repeats it.
    pub(crate) async fn fill(self: &Arc<Self>, messages: Vec<Publish>) -> Response {
        let failed = |reason: &str| Response::Error(ApiError::restore_failed(reason));
        for publish in messages {
            match self.publish(publish).await {
                Ok(Response::Published(_)) => {}
                Ok(refused) => return refused,
                Err(_) => return failed("a message was not stored"),
            }
        }
        failpoint!("restore_ends");
        let leads = self.member.leads();
        assert!(leads || !crate::mutant!(M20), "a restore ended on a server that does not lead");
        if leads { Response::Stream(Box::new(self.info())) } else { failed("the stream's leader has changed") }
    }

    pub(super) fn response(&self, answer: Answer) -> Response {
        match answer {
            Answer::Stored { seq, duplicate, batch } => Response::Published(PubAck {
                stream: self.name.clone(),
                seq,
                duplicate,
                batch_count: batch.map(|(_, n_messages)| u64::from(n_messages)),
            }),
            Answer::Removed { n_messages } => Response::Removed(n_messages),
            Answer::Refused(error) => Response::Error(error),
        }
    }

    /// Removes messages.
    pub(crate) async fn purge(self: &Arc<Self>, filter: Option<String>, keep: u64) -> Result<Response, NoAnswer> {
        let entry = |origin| StreamEntry::Purge { origin, filter, below_seq: None, keep };
        match self.change(entry).await {
            Ok(answer) => Ok(self.response(answer)),
            Err(NoAnswer::NotWritten) => Ok(Response::Error(ApiError::purge_failed(self.why_not_written()))),
            Err(no_answer) => Err(no_answer),
        }
    }

    /// Removes a message.
    pub(crate) async fn remove_message(self: &Arc<Self>, seq: u64) -> Result<Response, NoAnswer> {
        let answer = match self.change(|origin| StreamEntry::Remove { origin, seq }).await {
            Err(NoAnswer::NotWritten) => {
                return Ok(Response::Error(ApiError::delete_failed(self.why_not_written())));
            }
            answer => answer?,
        };
        Ok(match Self::removed(answer) {
            Ok(0) => Response::Error(ApiError::SEQUENCE_NOT_FOUND),
            Ok(_) => Response::Done,
            Err(error) => Response::Error(error),
        })
    }

    fn why_not_written(&self) -> String {
        self.member.write_error.get().map(|error| error.to_string()).unwrap_or_default()
    }

    /// Proposes a configuration; nobody waits for it.
    pub(crate) async fn propose_config(self: &Arc<Self>, config: StreamConfig) {
        self.propose_unawaited(StreamEntry::Configure(Box::new(config))).await;
    }

    /// Proposes an entry that nobody waits for, or applies it where the stream leads alone.
    pub(super) async fn propose_unawaited(self: &Arc<Self>, entry: StreamEntry) {
        match self.member.node() {
            // Who leads next proposes it again where it is still wanted. Its outcome is not waited for: the monitor
            // proposes too, and is the one that applies.
            Some(node) => {
                let proposed = node.propose(None, Self::encode(&entry)).await;
                #[cfg(feature = "mutation")]
                if let Ok(proposed) = &proposed
                    && crate::mutant!(M116)
                {
                    self.until_applied(proposed.index).await;
                }
                drop(proposed);
            }
            None => {
                if let Err(failure) = self.apply_alone([entry]) {
                    self.latch(&failure).await;
                }
            }
        }
    }

    /// Has an entry applied, and waits for what it leads to.
    async fn change(self: &Arc<Self>, entry: impl FnOnce(Origin) -> StreamEntry) -> Result<Answer, NoAnswer> {
        self.look_whether_it_writes()?;
        let call = self.answers.begin();
        let entry = entry(Origin { server: self.context.settings.id, proposal: call.number() });
        match self.member.node() {
            Some(node) => {
                let term = node.status().term;
                node.propose(Some(term), Self::encode(&entry)).await.map_err(|error| not_proposed(&error))?;
            }
            None => self.change_alone([entry]).await?,
        }
        call.wait(ANSWER_LIMIT).await.ok_or(NoAnswer::Unknown)
    }

    /// Has entries applied with nothing between them, and waits for what the last one leads to.
    pub(super) async fn change_in_a_row(
        self: &Arc<Self>,
        entries: impl FnOnce(Origin) -> Vec<StreamEntry>,
    ) -> Result<Answer, NoAnswer> {
        self.look_whether_it_writes()?;
        let call = self.answers.begin();
        let entries = entries(Origin { server: self.context.settings.id, proposal: call.number() });
        match self.member.node() {
            Some(node) => {
                let term = node.status().term;
                let encoded = entries.iter().map(Self::encode).collect();
                node.propose_all(Some(term), encoded).await.map_err(|error| not_proposed(&error))?;
            }
            None => self.change_alone(entries).await?,
        }
        call.wait(ANSWER_LIMIT).await.ok_or(NoAnswer::Unknown)
    }

    /// Whether this server leads the stream, and may write.
    pub(super) fn look_whether_it_writes(&self) -> Result<(), NoAnswer> {
        // Who has an error and does not lead knows nothing of those who do.
        if !self.member.leads() {
            Err(NoAnswer::NotLeader)
        } else if self.member.write_error.is_set() && !crate::mutant!(M61) {
            Err(NoAnswer::NotWritten)
        } else {
            Ok(())
        }
    }

    /// Applies and makes durable; only then is there an answer.
    async fn change_alone(self: &Arc<Self>, entries: impl IntoIterator<Item = StreamEntry>) -> Result<(), NoAnswer> {
        let (index, settled) = match self.apply_alone(entries) {
            Ok(applied) => applied,
            Err(failure) => {
                self.latch(&failure).await;
                return Err(if failure == Failure::Closed { NoAnswer::NotLeader } else { NoAnswer::NotWritten });
            }
        };
        if !self.until_durable(index).await {
            return Err(NoAnswer::NotWritten);
        }
        self.settle(settled);
        Ok(())
    }
}

pub(crate) fn not_proposed(error: &ProposeError) -> NoAnswer {
    match error {
        // Nothing was proposed, so it may be asked again.
        ProposeError::NotLeader { .. } | ProposeError::StaleTerm { .. } | ProposeError::Dropped => NoAnswer::NotLeader,
        ProposeError::TooLarge | ProposeError::Closed(_) => NoAnswer::Unknown,
    }
}

pub(super) fn entry_of(publish: Publish, origin: Origin, time_ns: u64) -> entry::Publish {
    entry::Publish {
        origin,
        subject: publish.subject.into(),
        headers: publish.headers.into(),
        payload: publish.payload.into(),
        time_ns,
        msg_id: publish.msg_id,
        expected_last_seq: publish.expect.last_seq,
        expected_last_subject_seq: publish.expect.last_subject_seq,
        expected_last_msg_id: publish.expect.last_msg_id,
        rollup: None,
        batch: publish.batch,
    }
}
