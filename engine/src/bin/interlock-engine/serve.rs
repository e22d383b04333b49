//! `serve`: one server.

use anyhow::Context;
use interlock_engine::net::config::Config;
use interlock_engine::net::server;
use interlock_sync::net::{AsyncReadExt, EndSignals};
use interlock_sync::select;
use interlock_sync::task;
use interlock_sync::token::Token;

use crate::args::ServeArgs;

/// How a shell calls a process that a signal ended at once.
const EXIT_INTERRUPTED: i32 = 130;

/// Runs until the process is asked to end. Asked again, it ends at once.
pub(crate) async fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let mut signals = EndSignals::take().context("failed to take signals")?;
    let quit = Token::new();
    let (asked, with_stdin) = (quit.clone(), args.end_with_stdin);
    // Ends with the process.
    drop(task::spawn(async move {
        select! {
            biased;
            () = signals.next() => {}
            () = end_of_stdin(with_stdin) => {}
        }
        asked.cancel();
        signals.next().await;
        tracing::warn!("asked to end twice: leaving at once");
        std::process::exit(EXIT_INTERRUPTED);
    }));
    server::serve(&config, quit).await.with_context(|| format!("server {} of {}", config.id(), config.cluster))
}

/// Waits for the end of stdin, or for ever.
async fn end_of_stdin(is_wanted: bool) {
    if !is_wanted {
        return std::future::pending().await;
    }
    let mut stdin = interlock_sync::net::stdin();
    let mut ignored = [0; 64];
    while stdin.read(&mut ignored).await.is_ok_and(|n_bytes| n_bytes > 0) {}
}
