//! Requests and responses: the frequent ones by hand, the others in postcard.

use std::time::Duration;

use super::body::{put_bytes, put_number, put_text, put_value};
use super::frame::append;
use super::{Body, Frame, WireError};
use crate::api::{AckKind, Delivery, Expectations, Fetch, FetchEnd, Message, PubAck, Publish, Request, Response};
use crate::core::entry::BatchPart;

const PUBLISH: u8 = 0x10;
const FETCH: u8 = 0x11;
const ACK: u8 = 0x12;
const OTHER_REQUEST: u8 = 0x1f;
const PUBLISHED: u8 = 0x20;
const FETCHED: u8 = 0x21;
const MESSAGE: u8 = 0x22;
const DONE: u8 = 0x23;
const OTHER_RESPONSE: u8 = 0x2f;

/// Bits of a publication's first byte: which of the optional parts follow, in this order.
const HAS_MSG_ID: u8 = 1;
const EXPECTS_STREAM: u8 = 1 << 1;
const EXPECTS_LAST_SEQ: u8 = 1 << 2;
const EXPECTS_LAST_SUBJECT_SEQ: u8 = 1 << 3;
const EXPECTS_LAST_MSG_ID: u8 = 1 << 4;
const IN_BATCH: u8 = 1 << 5;
const COMMITS_BATCH: u8 = 1 << 6;

/// Bits of a publication's answer.
const IS_DUPLICATE: u8 = 1;
const HAS_BATCH_COUNT: u8 = 1 << 1;

/// Ends of a fetch by their numbers.
const FETCH_ENDS: [FetchEnd; 8] = [
    FetchEnd::Full,
    FetchEnd::NoMessages,
    FetchEnd::Timeout,
    FetchEnd::TooManyWaiting,
    FetchEnd::ConsumerDeleted,
    FetchEnd::LeadershipChange,
    FetchEnd::ServerShutdown,
    FetchEnd::MaxBytes,
];

/// Appends a request as a frame of this number.
pub fn put_request(buffer: &mut Vec<u8>, number: u64, request: &Request) {
    match request {
        Request::Publish(publish) => append(buffer, PUBLISH, number, |body| put_publish(body, publish)),
        Request::Fetch { stream, consumer, fetch } => append(buffer, FETCH, number, |body| {
            put_text(body, stream);
            put_text(body, consumer);
            put_number(body, u64::from(fetch.batch));
            put_duration(body, fetch.expires);
        }),
        Request::Ack { stream, consumer, seq, kind } => append(buffer, ACK, number, |body| {
            put_text(body, stream);
            put_text(body, consumer);
            put_number(body, *seq);
            put_ack_kind(body, *kind);
        }),
        other => append(buffer, OTHER_REQUEST, number, |body| put_value(body, other)),
    }
}

/// Appends a response as a frame of this number.
pub fn put_response(buffer: &mut Vec<u8>, number: u64, response: &Response) {
    match response {
        Response::Published(ack) => append(buffer, PUBLISHED, number, |body| put_pub_ack(body, ack)),
        Response::Fetched(deliveries, end) => append(buffer, FETCHED, number, |body| {
            let end = FETCH_ENDS.iter().position(|known| known == end).expect("the list has all of them");
            body.push(end as u8);
            put_number(body, deliveries.len() as u64);
            for delivery in deliveries {
                put_delivery(body, delivery);
            }
        }),
        Response::Message(message) => append(buffer, MESSAGE, number, |body| put_message(body, message)),
        Response::Done => append(buffer, DONE, number, |_| {}),
        other => append(buffer, OTHER_RESPONSE, number, |body| put_value(body, other)),
    }
}

/// The request that a frame is, or nothing where it is another kind of frame.
///
/// # Errors
/// Its body cannot be read.
pub fn request_of(frame: &Frame) -> Result<Option<Request>, WireError> {
    let mut body = Body::new(frame.kind, frame.body.clone());
    let request = match frame.kind {
        PUBLISH => Request::Publish(publish_of(&mut body)?),
        FETCH => Request::Fetch {
            stream: body.text("stream")?,
            consumer: body.text("consumer")?,
            fetch: Fetch { batch: body.short_number("batch")?, expires: duration_of(&mut body)? },
        },
        ACK => Request::Ack {
            stream: body.text("stream")?,
            consumer: body.text("consumer")?,
            seq: body.number("sequence")?,
            kind: ack_kind_of(&mut body)?,
        },
        OTHER_REQUEST => body.value("request")?,
        _ => return Ok(None),
    };
    body.end()?;
    Ok(Some(request))
}

/// The response that a frame is, or nothing where it is another kind of frame.
///
/// # Errors
/// Its body cannot be read.
pub fn response_of(frame: &Frame) -> Result<Option<Response>, WireError> {
    let mut body = Body::new(frame.kind, frame.body.clone());
    let response = match frame.kind {
        PUBLISHED => Response::Published(pub_ack_of(&mut body)?),
        FETCHED => fetched_of(&mut body)?,
        MESSAGE => Response::Message(message_of(&mut body)?),
        DONE => Response::Done,
        OTHER_RESPONSE => body.value("response")?,
        _ => return Ok(None),
    };
    body.end()?;
    Ok(Some(response))
}

/// In nanoseconds; more than 584 years are 584 years.
fn put_duration(body: &mut Vec<u8>, duration: Duration) {
    put_number(body, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

fn duration_of(body: &mut Body) -> Result<Duration, WireError> {
    Ok(Duration::from_nanos(body.number("duration")?))
}

fn flag(is_set: bool, bit: u8) -> u8 {
    if is_set { bit } else { 0 }
}

fn put_optional_text(body: &mut Vec<u8>, text: Option<&String>) {
    if let Some(text) = text {
        put_text(body, text);
    }
}

fn put_publish(body: &mut Vec<u8>, publish: &Publish) {
    let (expect, batch) = (&publish.expect, publish.batch.as_ref());
    body.push(
        flag(publish.msg_id.is_some(), HAS_MSG_ID)
            | flag(expect.stream.is_some(), EXPECTS_STREAM)
            | flag(expect.last_seq.is_some(), EXPECTS_LAST_SEQ)
            | flag(expect.last_subject_seq.is_some(), EXPECTS_LAST_SUBJECT_SEQ)
            | flag(expect.last_msg_id.is_some(), EXPECTS_LAST_MSG_ID)
            | flag(batch.is_some(), IN_BATCH)
            | flag(batch.is_some_and(|batch| batch.commit), COMMITS_BATCH),
    );
    put_text(body, &publish.subject);
    put_bytes(body, &publish.headers);
    put_bytes(body, &publish.payload);
    put_optional_text(body, publish.msg_id.as_ref());
    put_optional_text(body, expect.stream.as_ref());
    expect.last_seq.into_iter().for_each(|seq| put_number(body, seq));
    expect.last_subject_seq.into_iter().for_each(|seq| put_number(body, seq));
    put_optional_text(body, expect.last_msg_id.as_ref());
    if let Some(batch) = batch {
        put_text(body, &batch.id);
        put_number(body, u64::from(batch.seq));
    }
}

fn publish_of(body: &mut Body) -> Result<Publish, WireError> {
    let flags = body.byte("flags")?;
    let has = |bit: u8| flags & bit != 0;
    if has(1 << 7) || (has(COMMITS_BATCH) && !has(IN_BATCH)) {
        return Err(body.unreadable("flags"));
    }
    let (subject, headers, payload) = (body.text("subject")?, body.bytes("headers")?, body.bytes("payload")?);
    let msg_id = body.optional_text(has(HAS_MSG_ID), "message id")?;
    let expect = Expectations {
        stream: body.optional_text(has(EXPECTS_STREAM), "expected stream")?,
        last_seq: body.optional_number(has(EXPECTS_LAST_SEQ), "expected sequence")?,
        last_subject_seq: body.optional_number(has(EXPECTS_LAST_SUBJECT_SEQ), "expected sequence of the subject")?,
        last_msg_id: body.optional_text(has(EXPECTS_LAST_MSG_ID), "expected message id")?,
    };
    let batch = if has(IN_BATCH) {
        Some(BatchPart {
            id: body.text("batch")?,
            seq: body.short_number("place in the batch")?,
            commit: has(COMMITS_BATCH),
        })
    } else {
        None
    };
    Ok(Publish { subject, headers: headers.into(), payload: payload.into(), msg_id, expect, batch })
}

fn put_ack_kind(body: &mut Vec<u8>, kind: AckKind) {
    match kind {
        AckKind::Ack => body.push(0),
        AckKind::Nak(delay) => {
            body.push(1);
            put_duration(body, delay);
        }
        AckKind::Progress => body.push(2),
        AckKind::Term => body.push(3),
    }
}

fn ack_kind_of(body: &mut Body) -> Result<AckKind, WireError> {
    Ok(match body.byte("kind of acknowledgement")? {
        0 => AckKind::Ack,
        1 => AckKind::Nak(duration_of(body)?),
        2 => AckKind::Progress,
        3 => AckKind::Term,
        _ => return Err(body.unreadable("kind of acknowledgement")),
    })
}

fn put_pub_ack(body: &mut Vec<u8>, ack: &PubAck) {
    body.push(flag(ack.duplicate, IS_DUPLICATE) | flag(ack.batch_count.is_some(), HAS_BATCH_COUNT));
    put_text(body, &ack.stream);
    put_number(body, ack.seq);
    ack.batch_count.into_iter().for_each(|count| put_number(body, count));
}

fn pub_ack_of(body: &mut Body) -> Result<PubAck, WireError> {
    let flags = body.byte("flags")?;
    if flags & !(IS_DUPLICATE | HAS_BATCH_COUNT) != 0 {
        return Err(body.unreadable("flags"));
    }
    let (stream, seq) = (body.text("stream")?, body.number("sequence")?);
    let batch_count = if flags & HAS_BATCH_COUNT == 0 { None } else { Some(body.number("messages of the batch")?) };
    Ok(PubAck { stream, seq, duplicate: flags & IS_DUPLICATE != 0, batch_count })
}

fn put_message(body: &mut Vec<u8>, message: &Message) {
    put_number(body, message.seq);
    put_number(body, message.time_ns);
    put_text(body, &message.subject);
    put_bytes(body, &message.headers);
    put_bytes(body, &message.payload);
}

fn message_of(body: &mut Body) -> Result<Message, WireError> {
    Ok(Message {
        seq: body.number("sequence")?,
        time_ns: body.number("time")?,
        subject: body.text("subject")?,
        headers: body.bytes("headers")?.into(),
        payload: body.bytes("payload")?.into(),
    })
}

fn put_delivery(body: &mut Vec<u8>, delivery: &Delivery) {
    put_message(body, &delivery.message);
    put_number(body, delivery.consumer_seq);
    put_number(body, delivery.n_deliveries);
    put_number(body, delivery.n_pending);
}

fn delivery_of(body: &mut Body) -> Result<Delivery, WireError> {
    Ok(Delivery {
        message: message_of(body)?,
        consumer_seq: body.number("sequence of the delivery")?,
        n_deliveries: body.number("deliveries")?,
        n_pending: body.number("messages behind")?,
    })
}

fn fetched_of(body: &mut Body) -> Result<Response, WireError> {
    let end = usize::from(body.byte("end")?);
    let end = *FETCH_ENDS.get(end).ok_or_else(|| body.unreadable("end"))?;
    let n_deliveries = body.count("number of messages")?;
    // Grows as they are read: a made-up count reserves nothing.
    let deliveries = (0..n_deliveries).map(|_| delivery_of(body)).collect::<Result<_, _>>()?;
    Ok(Response::Fetched(deliveries, end))
}

#[cfg(test)]
mod tests;
