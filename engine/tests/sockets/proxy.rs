//! A line between two sockets that a test can cut, or let swallow everything while it stays open.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Carries everything.
    Good,
    /// Takes what comes, and passes nothing on: half-open.
    Swallows,
    /// Ends its connections, and refuses new ones.
    Cut,
}

/// A line.
pub(crate) struct Proxy {
    pub(crate) address: String,
    line: watch::Sender<Line>,
}

impl Proxy {
    /// A good line to this address.
    pub(crate) async fn to(target: String) -> Arc<Self> {
        let (listener, address) = crate::listener().await;
        let proxy = Arc::new(Self { address, line: watch::Sender::new(Line::Good) });
        tokio::spawn(accept(listener, target, proxy.line.clone()));
        proxy
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn accept(listener: TcpListener, target: String, line: watch::Sender<Line>) {
    while let Ok((inner, _)) = listener.accept().await {
        if *line.borrow() == Line::Cut {
            continue;
        }
        let Ok(outer) = TcpStream::connect(&target).await else { continue };
        let (inner_read, inner_write) = inner.into_split();
        let (outer_read, outer_write) = outer.into_split();
        tokio::spawn(carry(inner_read, outer_write, line.subscribe()));
        tokio::spawn(carry(outer_read, inner_write, line.subscribe()));
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; 4096];
    loop {
        let n_bytes = tokio::select! {
            biased;
            _cut = line.wait_for(|line| *line == Line::Cut) => return,
            read = from.read(&mut buffer) => read.unwrap_or(0),
        };
        let passes = *line.borrow() == Line::Good;
        if n_bytes == 0 || (passes && to.write_all(&buffer[..n_bytes]).await.is_err()) {
            return;
        }
    }
}
