//! A socket as frames: what both ends of every connection share.

use std::io;

use interlock_sync::net::{AsyncReadExt, AsyncWriteExt, OwnedReadHalf, OwnedWriteHalf, TcpStream};
use interlock_sync::time::{Duration, timeout};
use thiserror::Error;

use crate::wire::{Frame, FrameReader, Greeting, Hello, Limit, WireError, greeting_of, put_greeting, put_hello};

/// Why a connection ends.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The system's reason.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other end sent what cannot be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The other end does not want it.
    #[error("refused: {0}")]
    Refused(String),
    /// It was closed within a frame.
    #[error("closed in the middle of a frame")]
    Cut,
    /// It was closed.
    #[error("closed")]
    Closed,
    /// Nothing came for too long.
    #[error("silent for {} ms", .0.as_millis())]
    Silent(Duration),
}

/// Frames as they come in.
pub struct FrameSource {
    half: OwnedReadHalf,
    reader: FrameReader,
}

impl FrameSource {
    /// The frames of a socket, none with a longer body than the limit.
    pub fn new(half: OwnedReadHalf, limit: Limit) -> Self {
        Self { half, reader: FrameReader::new(limit) }
    }

    /// Takes longer frames from here on.
    pub fn set_limit(&mut self, limit: Limit) {
        self.reader.set_limit(limit);
    }

    /// The next frame, or nothing where the other end is done. May be dropped and asked again: nothing is lost.
    ///
    /// # Errors
    /// The connection is broken, or what came is no frame.
    pub async fn next(&mut self) -> Result<Option<Frame>, ConnectionError> {
        loop {
            if let Some(frame) = self.reader.next_frame()? {
                return Ok(Some(frame));
            }
            if self.half.read_buf(self.reader.room()).await? == 0 {
                return if self.reader.n_left() == 0 { Ok(None) } else { Err(ConnectionError::Cut) };
            }
        }
    }

    /// The next frame, which must be there within this time.
    ///
    /// # Errors
    /// As [`Self::next`], or nothing came.
    pub async fn next_within(&mut self, limit: Duration) -> Result<Frame, ConnectionError> {
        let frame = timeout(limit, self.next()).await.map_err(|_| ConnectionError::Silent(limit))?;
        frame?.ok_or(ConnectionError::Closed)
    }
}

/// Connects, says hello and waits to be welcome: the greeting's cluster and server with the socket's halves.
///
/// # Errors
/// Nobody is there, nobody answers in time, or the answer is a refusal.
pub(crate) async fn open(
    address: &str,
    hello: &Hello,
    limit: Duration,
) -> Result<(Greeting, FrameSource, OwnedWriteHalf), ConnectionError> {
    let connecting = timeout(limit, TcpStream::connect(address)).await;
    let stream = connecting.map_err(|_| ConnectionError::Silent(limit))??;
    stream.set_nodelay(true)?;
    let (read_half, mut write_half) = stream.into_split();
    let mut bytes = Vec::new();
    put_hello(&mut bytes, hello);
    write_within(&mut write_half, &bytes, limit).await?;
    let mut source = FrameSource::new(read_half, Limit::GREETING);
    let frame = source.next_within(limit).await?;
    match greeting_of(&frame)? {
        Some(Greeting::Refused(reason)) => Err(ConnectionError::Refused(reason)),
        Some(greeting @ Greeting::Welcome { .. }) => Ok((greeting, source, write_half)),
        _ => Err(WireError::Kind(frame.kind).into()),
    }
}

/// Writes everything, or gives up when the other end takes nothing for so long.
///
/// # Errors
/// The connection is broken, or the other end takes nothing.
pub(crate) async fn write_within(
    half: &mut OwnedWriteHalf,
    bytes: &[u8],
    limit: Duration,
) -> Result<(), ConnectionError> {
    let written = timeout(limit, half.write_all(bytes)).await;
    Ok(written.map_err(|_| ConnectionError::Silent(limit))??)
}

/// Sends one greeting.
///
/// # Errors
/// As [`write_within`].
pub(crate) async fn greet(
    half: &mut OwnedWriteHalf,
    greeting: &Greeting,
    limit: Duration,
) -> Result<(), ConnectionError> {
    let mut bytes = Vec::new();
    put_greeting(&mut bytes, greeting);
    write_within(half, &bytes, limit).await
}
