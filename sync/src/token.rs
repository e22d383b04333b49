//! Tokens: a signal that is given once, is never lost, and can be waited for.

pub use tokio_util::sync::CancellationToken as Token;
