//! What runs on this server under an assignment, a stream or a consumer alike.

use std::sync::Arc;

use super::AssetKey;
use super::founding::Foundation;
use super::placement::Entity;
use crate::consumer::Consumer;
use crate::core::write_error::WriteError;
use crate::member::Member;
use crate::stream::Stream;

/// What runs here.
pub(super) enum Running {
    Stream(Arc<Stream>),
    Consumer(Arc<Consumer>),
}

impl Running {
    pub(super) fn member(&self) -> &Member {
        match self {
            Self::Stream(stream) => stream.member(),
            Self::Consumer(consumer) => consumer.member(),
        }
    }

    pub(super) fn asset(&self) -> AssetKey {
        match self {
            Self::Stream(stream) => AssetKey::Stream(stream.name().to_owned()),
            Self::Consumer(consumer) => AssetKey::Consumer(consumer.key().clone()),
        }
    }

    pub(super) fn is_unreadable(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.unreadable().is_some(),
            Self::Consumer(_) => false,
        }
    }

    /// The last entry of the group's log that has had its effect.
    pub(super) fn processed(&self) -> u64 {
        match self {
            Self::Stream(stream) => stream.digest().0,
            Self::Consumer(consumer) => consumer.applied(),
        }
    }

    /// Gives it its assignment: what is its own of it, and not its part's in the group.
    pub(super) fn link(&self, entity: &Entity) {
        match (entity, self) {
            (Entity::Stream { new: Some(new), .. }, Self::Stream(stream)) => stream.link(new),
            (Entity::Consumer { new: Some(new), .. }, Self::Consumer(consumer)) => consumer.link(new),
            _ => {}
        }
    }

    pub(super) async fn persist(&self) -> Result<(), WriteError> {
        match self {
            Self::Stream(stream) => stream.outlive_log().await,
            Self::Consumer(consumer) => consumer.persist().await,
        }
    }

    pub(super) async fn fail(&self, error: &WriteError) {
        match self {
            Self::Stream(stream) => stream.fail(error).await,
            Self::Consumer(consumer) => consumer.fail(error).await,
        }
    }

    pub(super) async fn foundation(&self) -> Result<Foundation, WriteError> {
        match self {
            Self::Stream(stream) => Ok(stream.foundation()),
            Self::Consumer(consumer) => consumer.foundation().await,
        }
    }
}
