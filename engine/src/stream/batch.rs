//! Atomic batches of a stream that is led here: staged until their last message comes, then proposed in a row. What a
//! replica does with them is `core::stream`'s.

use std::path::PathBuf;
use std::sync::Arc;

use interlock_sync::lock::{AsyncMutex, Mutex};
use interlock_sync::token::Token;

use super::Stream;
use super::publish::{NoAnswer, entry_of};
use crate::api::{Publish, Response};
use crate::batches::{Abandoned, Batches, Outcome};
use crate::core::api_error::ApiError;
use crate::core::entry::{self, Origin, StreamEntry};
use crate::core::write_error::WriteError;
use crate::events::Event;

/// The staged batches of the current leadership, once there was one.
#[derive(Default)]
pub(super) struct Stage {
    /// Held while a leadership's stage is made. Held over the disk.
    making: AsyncMutex<()>,
    /// A leaf lock: nothing is called while it is held.
    made: Mutex<Option<(Token, Arc<Batches>)>>,
}

impl Stage {
    fn batches(&self) -> Option<Arc<Batches>> {
        let made = self.made.lock();
        made.as_ref().filter(|(leadership, _)| !leadership.is_cancelled()).map(|(_, batches)| batches.clone())
    }
}

impl Stream {
    /// Batches that wait for their last message.
    pub fn n_staged_batches(&self) -> usize {
        let batches = self.stage.made.lock().as_ref().map(|(_, batches)| batches.clone());
        batches.map_or(0, |batches| batches.n_open())
    }

    /// Takes a message of a batch. With the last one all are proposed, and their fate is waited for.
    pub(super) async fn publish_part(self: &Arc<Self>, publish: Publish) -> Result<Response, NoAnswer> {
        self.look_whether_it_writes()?;
        if !self.config().allow_atomic {
            return Ok(Response::Error(ApiError::BATCH_DISABLED));
        }
        let batches = match self.batches().await? {
            Ok(batches) => batches,
            Err(error) => {
                tracing::error!("stream {}: no batch can be staged: {error}", self.name);
                return Ok(Response::Error(ApiError::BATCH_INCOMPLETE));
            }
        };
        match batches.message(entry_of(publish, Origin::NOBODY, self.context.clock.now_ns())).await {
            Outcome::Staged => Ok(Response::Done),
            Outcome::Refused(error) => Ok(Response::Error(error)),
            Outcome::Complete(parts) => {
                let answer = self.change_in_a_row(|origin| in_a_row(parts, origin)).await?;
                Ok(self.response(answer))
            }
        }
    }

    /// The stage of this leadership: made for its first batch.
    async fn batches(self: &Arc<Self>) -> Result<Result<Arc<Batches>, WriteError>, NoAnswer> {
        if let Some(batches) = self.stage.batches() {
            return Ok(Ok(batches));
        }
        let _one_at_a_time = self.stage.making.lock().await;
        if let Some(batches) = self.stage.batches() {
            return Ok(Ok(batches));
        }
        let leadership = self.member.leadership().ok_or(NoAnswer::NotLeader)?;
        let (context, stream) = (self.context.clone(), self.name.clone());
        let tell = Box::new(move |abandoned| context.events.tell(event(&stream, abandoned)));
        let disk = self.context.disk.clone();
        let opened = Batches::open(disk, self.staged_folder(), self.context.places.clone(), tell).await;
        let batches = match opened {
            Ok(batches) => Arc::new(batches),
            Err(error) => return Ok(Err(error)),
        };
        *self.stage.made.lock() = Some((leadership.clone(), batches.clone()));
        let watched = batches.clone();
        let watching = async move {
            watched.watch(leadership).await;
            watched.give_up().await;
        };
        // Refused where the server shuts down: what is staged goes with the next start.
        let _started = self.context.tasks.spawn(watching);
        Ok(Ok(batches))
    }

    fn staged_folder(&self) -> PathBuf {
        self.context.settings.folder.join("batches").join(format!("{}-{}", self.name, self.created_ns))
    }

    /// Removes what an earlier life of the stream has staged.
    pub(super) async fn remove_staged(&self) {
        let (folder, gone) = (self.staged_folder(), self.staged_folder());
        let removed = self
            .context
            .disk
            .run(&folder, move |vfs| if vfs.exists(&gone) { vfs.remove_folder(&gone) } else { Ok(()) });
        if let Err(error) = removed.await {
            tracing::warn!("stream {}: staged batches stay until the next start: {error}", self.name);
        }
    }
}

fn event(stream: &str, abandoned: Abandoned) -> Event {
    Event::BatchAbandoned {
        stream: stream.to_owned(),
        batch: abandoned.id,
        reason: abandoned.reason.word(),
        cause: abandoned.cause.map(|cause| cause.to_string()).unwrap_or_default(),
    }
}

/// The entries of a batch. Its client waits for the last one.
fn in_a_row(mut parts: Vec<entry::Publish>, origin: Origin) -> Vec<StreamEntry> {
    if let Some(last) = parts.last_mut() {
        last.origin = origin;
    }
    parts.into_iter().map(StreamEntry::Publish).collect()
}
