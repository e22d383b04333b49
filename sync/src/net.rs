//! Sockets, the process's signals and child processes, as servers and their clients use them.

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, stdin};
pub use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
pub use tokio::net::{TcpListener, TcpStream};
pub use tokio::process::{Child, ChildStdin, Command};

/// The signals that ask a process to end: a terminal's interrupt, and termination.
pub struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl EndSignals {
    /// Takes both from here on: neither ends the process by itself any more.
    ///
    /// # Errors
    /// The system refuses to tell of signals.
    pub fn take() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            biased;
            _signal = self.terminate.recv() => {}
            _signal = self.interrupt.recv() => {}
        }
    }
}

/// Runs a future on a runtime of its own, with as many threads as the machine has cores. What still runs when it ends is
/// left behind: a disk that hangs must not keep the process.
///
/// # Errors
/// The system refuses threads or event queues.
pub fn run<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}
