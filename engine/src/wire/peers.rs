//! Frames between servers.

use super::body::{put_bytes, put_number, put_text};
use super::frame::append;
use super::{Body, Frame, WireError, put_request, put_response, request_of, response_of};
use crate::core::names::GroupName;
use crate::peer::PeerFrame;
use crate::raft::codec;

const RAFT: u8 = 0x30;
const PROPOSAL: u8 = 0x31;
const CATCHUP_REQUEST: u8 = 0x32;
const CATCHUP_MESSAGES: u8 = 0x33;
const CATCHUP_REFUSED: u8 = 0x34;
const HEARTBEAT: u8 = 0x35;
const WHOLE: u8 = 0x36;

/// Appends a frame between servers. A client's request that is passed on looks as it does on the client's connection.
pub fn put_peer_frame(buffer: &mut Vec<u8>, frame: &PeerFrame) {
    match frame {
        PeerFrame::Raft { group, message } => append(buffer, RAFT, 0, |body| {
            put_text(body, group.as_str());
            body.extend_from_slice(&codec::encode(message));
        }),
        PeerFrame::Proposal { group, data } => append(buffer, PROPOSAL, 0, |body| {
            put_text(body, group.as_str());
            body.extend_from_slice(data);
        }),
        PeerFrame::Request { id, request } => put_request(buffer, *id, request),
        PeerFrame::Response { id, response } => put_response(buffer, *id, response),
        PeerFrame::CatchupRequest { id, stream, created_ns, index, first_seq, last_seq } => {
            append(buffer, CATCHUP_REQUEST, *id, |body| {
                put_text(body, stream);
                put_number(body, *created_ns);
                put_number(body, *index);
                put_number(body, *first_seq);
                put_number(body, *last_seq);
            });
        }
        PeerFrame::CatchupMessages { id, messages, next_seq } => append(buffer, CATCHUP_MESSAGES, *id, |body| {
            put_number(body, *next_seq);
            put_number(body, messages.len() as u64);
            for message in messages {
                put_bytes(body, message);
            }
        }),
        PeerFrame::CatchupRefused { id, reason } => append(buffer, CATCHUP_REFUSED, *id, |body| put_text(body, reason)),
        PeerFrame::Whole { stream, group, applied } => append(buffer, WHOLE, 0, |body| {
            put_text(body, stream);
            put_text(body, group.as_str());
            put_number(body, *applied);
        }),
        PeerFrame::Heartbeat { partitions } => append(buffer, HEARTBEAT, 0, |body| {
            put_number(body, partitions.len() as u64);
            for (topic, partition) in partitions {
                put_text(body, topic);
                put_number(body, u64::from(*partition));
            }
        }),
    }
}

/// The frame between servers that a frame is.
///
/// # Errors
/// It is of another kind, or its body cannot be read.
pub fn peer_frame_of(frame: &Frame) -> Result<PeerFrame, WireError> {
    if let Some(request) = request_of(frame)? {
        return Ok(PeerFrame::Request { id: frame.number, request: Box::new(request) });
    }
    if let Some(response) = response_of(frame)? {
        return Ok(PeerFrame::Response { id: frame.number, response: Box::new(response) });
    }
    let mut body = Body::new(frame.kind, frame.body.clone());
    let peer_frame = match frame.kind {
        RAFT => raft_of(&mut body)?,
        PROPOSAL => PeerFrame::Proposal { group: group_of(&mut body)?, data: body.remainder() },
        CATCHUP_REQUEST => PeerFrame::CatchupRequest {
            id: frame.number,
            stream: body.text("stream")?,
            created_ns: body.number("creation time")?,
            index: body.number("index")?,
            first_seq: body.number("first sequence")?,
            last_seq: body.number("last sequence")?,
        },
        CATCHUP_MESSAGES => catchup_messages_of(frame.number, &mut body)?,
        CATCHUP_REFUSED => PeerFrame::CatchupRefused { id: frame.number, reason: body.text("reason")? },
        HEARTBEAT => heartbeat_of(&mut body)?,
        WHOLE => PeerFrame::Whole {
            stream: body.text("stream")?,
            group: group_of(&mut body)?,
            applied: body.number("applied index")?,
        },
        kind => return Err(WireError::Kind(kind)),
    };
    body.end()?;
    Ok(peer_frame)
}

/// About how many bytes a frame keeps in memory while it waits to be sent.
pub fn weight(frame: &PeerFrame) -> usize {
    const FIXED: usize = 128;
    let data = match frame {
        PeerFrame::Raft { message, .. } => {
            message.get_entries().iter().map(|entry| entry.get_data().len() + 32).sum::<usize>()
                + message.get_snapshot().get_data().len()
        }
        PeerFrame::Proposal { data, .. } => data.len(),
        PeerFrame::CatchupMessages { messages, .. } => messages.iter().map(|message| message.len() + 32).sum(),
        PeerFrame::Request { request, .. } => match request.as_ref() {
            crate::api::Request::Publish(publish) => publish.headers.len() + publish.payload.len(),
            _ => 0,
        },
        PeerFrame::Response { response, .. } => match response.as_ref() {
            crate::api::Response::Fetched(deliveries, _) => {
                deliveries.iter().map(|delivery| delivery.message.payload.len() + FIXED).sum()
            }
            crate::api::Response::Message(message) => message.payload.len(),
            _ => 0,
        },
        PeerFrame::Heartbeat { partitions } => partitions.iter().map(|(topic, _)| topic.len() + 32).sum(),
        PeerFrame::CatchupRequest { .. } | PeerFrame::CatchupRefused { .. } | PeerFrame::Whole { .. } => 0,
    };
    FIXED + data
}

fn group_of(body: &mut Body) -> Result<GroupName, WireError> {
    Ok(GroupName::new(body.text("group")?))
}

fn raft_of(body: &mut Body) -> Result<PeerFrame, WireError> {
    let group = group_of(body)?;
    let message = codec::decode(&body.remainder()).map_err(|_| body.unreadable("raft message"))?;
    Ok(PeerFrame::Raft { group, message: Box::new(message) })
}

fn catchup_messages_of(id: u64, body: &mut Body) -> Result<PeerFrame, WireError> {
    let next_seq = body.number("next sequence")?;
    let n_messages = body.count("number of messages")?;
    let messages = (0..n_messages).map(|_| body.bytes("message")).collect::<Result<_, _>>()?;
    Ok(PeerFrame::CatchupMessages { id, messages, next_seq })
}

fn heartbeat_of(body: &mut Body) -> Result<PeerFrame, WireError> {
    let n_partitions = body.count("number of partitions")?;
    let partitions = (0..n_partitions).map(|_| Ok((body.text("topic")?, body.short_number("partition")?)));
    let partitions = partitions.collect::<Result<_, WireError>>()?;
    Ok(PeerFrame::Heartbeat { partitions })
}

#[cfg(test)]
mod tests;
