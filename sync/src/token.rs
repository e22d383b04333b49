//! Tokens: a signal that is given once, is never lost, and can be waited for.

#[cfg(any(feature = "model-loom", feature = "model-shuttle"))]
pub use crate::model::token::Token;
#[cfg(not(any(feature = "model-loom", feature = "model-shuttle")))]
pub use tokio_util::sync::CancellationToken as Token;
