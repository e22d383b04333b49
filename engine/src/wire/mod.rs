//! The bytes on a socket: frames with a length and a checksum, and what stands in them.
//!
//! `docs/engine/protocol.md` describes them to the byte. What is sent often (publishing, fetching, acknowledging, raft)
//! is written by hand; the rest is postcard. Bytes that make no sense are an error, never a panic: they come from others.

mod body;
mod frame;
mod hello;
mod peers;
mod requests;

use thiserror::Error;

pub use body::{Body, put_bytes, put_number, put_text};
pub use frame::{Frame, FrameReader, HEADER_BYTES, Limit, append};
pub use hello::{Greeting, Hello, Role, greeting_of, put_greeting, put_hello};
pub use peers::{peer_frame_of, put_peer_frame, weight};
pub use requests::{put_request, put_response, request_of, response_of};

/// The version of the protocol: of every frame, and of the first one of a connection.
pub const VERSION: u8 = 1;

/// Why bytes of a socket are refused. The connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A frame announces more than is taken, or less than its own header.
    #[error("a frame of {length} bytes, where {min} to {max} are taken")]
    Length {
        /// What it announces.
        length: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// The checksum is not that of the bytes.
    #[error("a frame's checksum is {found:#010x}, that of its bytes {expected:#010x}")]
    Checksum {
        /// What the frame says.
        found: u32,
        /// What its bytes give.
        expected: u32,
    },
    /// Another protocol version.
    #[error("protocol version {0}, where {VERSION} is spoken")]
    Version(u8),
    /// A kind of frame that has no place here.
    #[error("a frame of kind {0:#04x}, which has no place here")]
    Kind(u8),
    /// A body that ends too early, goes on too long, or holds a value that there is not.
    #[error("a frame of kind {kind:#04x} whose {what} cannot be read")]
    Body {
        /// The kind of frame.
        kind: u8,
        /// What was to be read.
        what: &'static str,
    },
}
