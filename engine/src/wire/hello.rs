//! The first frames of a connection: who speaks, to whom, and whether that is welcome.

use super::body::{put_number, put_text};
use super::frame::append;
use super::{Body, Frame, VERSION, WireError};
use crate::core::names::ServerId;

pub(super) const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x02;
const REFUSED: u8 = 0x03;
const PING: u8 = 0x04;
const PONG: u8 = 0x05;

/// As what a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server that sends frames to another one.
    Server {
        /// Who sends.
        me: ServerId,
        /// Who is meant.
        you: ServerId,
    },
    /// A client.
    Client,
}

/// The first frame, of the one who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The newest protocol version that it speaks.
    pub version: u8,
    /// Its cluster; a client may leave it empty, which fits any.
    pub cluster: String,
    /// As what it connects.
    pub role: Role,
}

impl Hello {
    /// The hello of this build.
    pub fn new(cluster: impl Into<String>, role: Role) -> Self {
        Self { version: VERSION, cluster: cluster.into(), role }
    }

    /// Why a server of this cluster refuses it, or nothing. `wants_server`: on the listener for servers.
    pub fn refusal(&self, cluster: &str, me: ServerId, wants_server: bool) -> Option<String> {
        if self.version != VERSION {
            return Some(format!("protocol version {VERSION} is spoken here, not {}", self.version));
        }
        match self.role {
            Role::Client if wants_server => Some("this is the port for servers".to_owned()),
            Role::Server { .. } if !wants_server => Some("this is the port for clients".to_owned()),
            Role::Client if self.cluster.is_empty() => None,
            _ if self.cluster != cluster => Some(format!("this is cluster `{cluster}`, not `{}`", self.cluster)),
            Role::Server { you, .. } if you != me => Some(format!("this is server {me}, not {you}")),
            Role::Server { me: other, .. } if other == me => Some(format!("two servers call themselves {me}")),
            _ => None,
        }
    }
}

/// What follows a hello, and what keeps a quiet connection alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Go on.
    Welcome {
        /// The server's cluster.
        cluster: String,
        /// The server.
        server: ServerId,
    },
    /// The connection ends, for this reason.
    Refused(String),
    /// Is anybody there?
    Ping,
    /// Yes.
    Pong,
}

/// Appends a hello.
pub fn put_hello(buffer: &mut Vec<u8>, hello: &Hello) {
    append(buffer, HELLO, 0, |body| {
        body.push(hello.version);
        put_text(body, &hello.cluster);
        match hello.role {
            Role::Client => body.push(0),
            Role::Server { me, you } => {
                body.push(1);
                put_number(body, me.0);
                put_number(body, you.0);
            }
        }
    });
}

/// Appends a greeting.
pub fn put_greeting(buffer: &mut Vec<u8>, greeting: &Greeting) {
    match greeting {
        Greeting::Welcome { cluster, server } => append(buffer, WELCOME, 0, |body| {
            put_text(body, cluster);
            put_number(body, server.0);
        }),
        Greeting::Refused(reason) => append(buffer, REFUSED, 0, |body| put_text(body, reason)),
        Greeting::Ping => append(buffer, PING, 0, |_| {}),
        Greeting::Pong => append(buffer, PONG, 0, |_| {}),
    }
}

impl TryFrom<Frame> for Hello {
    type Error = WireError;

    fn try_from(frame: Frame) -> Result<Self, WireError> {
        if frame.kind != HELLO {
            return Err(WireError::Kind(frame.kind));
        }
        let mut body = Body::new(frame.kind, frame.body);
        let version = body.byte("version")?;
        let cluster = body.text("cluster")?;
        let role = match body.byte("role")? {
            0 => Role::Client,
            1 => Role::Server { me: ServerId(body.number("sender")?), you: ServerId(body.number("receiver")?) },
            _ => return Err(body.unreadable("role")),
        };
        // What a later version says behind this is none of this one's business: it is refused by its version.
        if version == VERSION {
            body.end()?;
        }
        Ok(Self { version, cluster, role })
    }
}

/// The greeting that a frame is, or nothing where it is another kind of frame.
///
/// # Errors
/// Its body cannot be read.
pub fn greeting_of(frame: &Frame) -> Result<Option<Greeting>, WireError> {
    let mut body = Body::new(frame.kind, frame.body.clone());
    let greeting = match frame.kind {
        WELCOME => Greeting::Welcome { cluster: body.text("cluster")?, server: ServerId(body.number("server")?) },
        REFUSED => Greeting::Refused(body.text("reason")?),
        PING => Greeting::Ping,
        PONG => Greeting::Pong,
        _ => return Ok(None),
    };
    body.end()?;
    Ok(Some(greeting))
}

#[cfg(test)]
mod tests {
    use super::{Greeting, Hello, Role, greeting_of, put_greeting, put_hello};
    use crate::core::names::ServerId;
    use crate::wire::{Frame, FrameReader, Limit};

    fn frame_of(put: impl FnOnce(&mut Vec<u8>)) -> Frame {
        let mut bytes = Vec::new();
        put(&mut bytes);
        let mut reader = FrameReader::new(Limit::GREETING);
        reader.room().extend_from_slice(&bytes);
        reader.next_frame().unwrap().unwrap()
    }

    fn server(cluster: &str, me: u64, you: u64) -> Hello {
        Hello::new(cluster, Role::Server { me: ServerId(me), you: ServerId(you) })
    }

    #[test]
    fn greetings_come_back() {
        for hello in [server("c", 1, 2), Hello::new("", Role::Client)] {
            assert_eq!(Hello::try_from(frame_of(|bytes| put_hello(bytes, &hello))), Ok(hello));
        }
        let welcome = Greeting::Welcome { cluster: "c".to_owned(), server: ServerId(3) };
        for greeting in [welcome, Greeting::Refused("no".to_owned()), Greeting::Ping, Greeting::Pong] {
            let frame = frame_of(|bytes| put_greeting(bytes, &greeting));
            assert_eq!(greeting_of(&frame), Ok(Some(greeting)));
        }
    }

    #[test]
    fn a_server_of_another_cluster_name_or_port_is_refused_with_the_reason() {
        let refusal = |hello: &Hello, wants_server| hello.refusal("c", ServerId(2), wants_server).unwrap_or_default();
        assert_eq!(refusal(&server("c", 1, 2), true), "");
        assert_eq!(refusal(&server("d", 1, 2), true), "this is cluster `c`, not `d`");
        assert_eq!(refusal(&server("c", 1, 3), true), "this is server s2, not s3");
        assert_eq!(refusal(&server("c", 2, 2), true), "two servers call themselves s2");
        assert_eq!(refusal(&server("c", 1, 2), false), "this is the port for clients");
        assert_eq!(refusal(&Hello::new("", Role::Client), true), "this is the port for servers");
        assert_eq!(refusal(&Hello::new("", Role::Client), false), "");
        assert_eq!(refusal(&Hello::new("d", Role::Client), false), "this is cluster `c`, not `d`");
        let newer = Hello { version: 2, ..server("c", 1, 2) };
        assert_eq!(refusal(&newer, true), "protocol version 1 is spoken here, not 2");
    }
}
