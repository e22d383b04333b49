//! Why a node refused what it was asked for.

use thiserror::Error;

use crate::core::names::ServerId;
use crate::core::write_error::WriteError;

/// The node is closed: stopped, deleted, or ended by its own write error.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("the node is closed{}", .cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default())]
pub struct Closed {
    /// The write error that ended it, if one did.
    pub cause: Option<WriteError>,
}

/// A proposal that was not taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ProposeError {
    /// Another server leads, or none. It is never forwarded.
    #[error("not the leader")]
    NotLeader {
        /// Who leads, as far as this one knows.
        leader: Option<ServerId>,
    },
    /// It was made for another term of this leader.
    #[error("made for another term than {term}")]
    StaleTerm {
        /// The term of the node.
        term: u64,
    },
    /// There is too much on its way, or leadership is.
    #[error("dropped: too much is on its way")]
    Dropped,
    /// It is larger than an entry may be.
    #[error("larger than an entry may be")]
    TooLarge,
    /// The node is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// A change of members that was not taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ChangeError {
    /// Another server leads, or none.
    #[error("not the leader")]
    NotLeader {
        /// Who leads, as far as this one knows.
        leader: Option<ServerId>,
    },
    /// Another change is not applied yet, the change is impossible, or leadership is on its way elsewhere.
    #[error("refused: another change is under way, or it is impossible")]
    Refused,
    /// The node is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// A read index that there is none for.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ReadIndexError {
    /// The node is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
}
