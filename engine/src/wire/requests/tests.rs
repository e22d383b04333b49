//! Requests and responses come back as they were, and no bytes make their readers panic.

use std::time::Duration;

use interlock_sync::random::Random;

use super::{put_request, put_response, request_of, response_of};
use crate::api::{
    AckKind, Delivery, Expectations, Fetch, FetchEnd, Message, MessageAt, PubAck, Publish, Request, Response,
};
use crate::core::api_error::ApiError;
use crate::core::config::{ConsumerConfig, StreamConfig};
use crate::core::entry::BatchPart;
use crate::core::names::ServerId;
use crate::wire::{Frame, FrameReader, Limit};

fn frame_of(bytes: &[u8]) -> Frame {
    let mut reader = FrameReader::new(Limit::CLIENT);
    reader.room().extend_from_slice(bytes);
    let frame = reader.next_frame().unwrap().unwrap();
    assert_eq!(reader.n_left(), 0);
    frame
}

fn publications() -> Vec<Publish> {
    let plain = Publish { subject: "orders.1".to_owned(), payload: vec![7; 300], ..Publish::default() };
    let expect = Expectations {
        stream: Some("ORDERS".to_owned()),
        last_seq: Some(0),
        last_subject_seq: Some(u64::MAX),
        last_msg_id: Some(String::new()),
    };
    let full = Publish {
        headers: b"NATS/1.0\r\n\r\n".to_vec(),
        msg_id: Some("id".to_owned()),
        expect,
        batch: Some(BatchPart { id: "b".to_owned(), seq: 3, commit: true }),
        ..plain.clone()
    };
    let open_batch = Publish { batch: Some(BatchPart { id: "b".to_owned(), seq: 1, commit: false }), ..plain.clone() };
    vec![Publish::default(), plain, full, open_batch]
}

fn requests() -> Vec<Request> {
    let names = || ("ORDERS".to_owned(), "D".to_owned());
    let config =
        StreamConfig { name: "ORDERS".to_owned(), max_age: Some(Duration::from_millis(1500)), ..Default::default() };
    let ack = |kind| Request::Ack { stream: names().0, consumer: names().1, seq: 300, kind };
    let fetch = Fetch { batch: 500, expires: Duration::from_secs(30) };
    let mut requests: Vec<Request> = publications().into_iter().map(Request::Publish).collect();
    requests.extend([AckKind::Ack, AckKind::Nak(Duration::from_nanos(1)), AckKind::Progress, AckKind::Term].map(ack));
    requests.extend([
        Request::Fetch { stream: names().0, consumer: names().1, fetch },
        Request::StreamCreate(config.clone()),
        Request::StreamUpdate(config),
        Request::StreamNames,
        Request::StreamMove { stream: names().0, peers: vec![ServerId(1), ServerId(u64::MAX)] },
        Request::StreamPurge { stream: names().0, filter: Some("a.>".to_owned()), keep: 1 },
        Request::MessageGet { stream: names().0, at: MessageAt::Next { from: 9, filter: None } },
        Request::MessageGetDirect { stream: names().0, at: MessageAt::LastOf("a".to_owned()) },
        Request::ConsumerCreate { stream: names().0, config: ConsumerConfig::default() },
    ]);
    requests
}

fn responses() -> Vec<Response> {
    let message = Message { seq: 1, time_ns: 2, subject: "s".to_owned(), headers: vec![1], payload: vec![2; 200] };
    let delivery = Delivery { message: message.clone(), consumer_seq: 3, n_deliveries: 4, n_pending: 5 };
    let ack = PubAck { stream: "ORDERS".to_owned(), seq: 77, ..PubAck::default() };
    vec![
        Response::Done,
        Response::Published(ack.clone()),
        Response::Published(PubAck { duplicate: true, batch_count: Some(12), ..ack }),
        Response::Message(message),
        Response::Fetched(vec![], FetchEnd::ServerShutdown),
        Response::Fetched(vec![delivery.clone(), delivery], FetchEnd::Full),
        Response::Removed(4),
        Response::Names(vec!["a".to_owned(), String::new()]),
        Response::Error(ApiError::wrong_last_sequence(9)),
    ]
}

fn frames() -> Vec<Frame> {
    let of_requests = requests().into_iter().map(|request| {
        let mut bytes = Vec::new();
        put_request(&mut bytes, 42, &request);
        frame_of(&bytes)
    });
    let of_responses = responses().into_iter().map(|response| {
        let mut bytes = Vec::new();
        put_response(&mut bytes, 42, &response);
        frame_of(&bytes)
    });
    of_requests.chain(of_responses).collect()
}

#[test]
fn requests_come_back() {
    for request in requests() {
        let mut bytes = Vec::new();
        put_request(&mut bytes, u64::MAX, &request);
        let frame = frame_of(&bytes);
        assert_eq!(frame.number, u64::MAX);
        assert_eq!(request_of(&frame), Ok(Some(request)));
        assert_eq!(response_of(&frame), Ok(None));
    }
}

#[test]
fn responses_come_back() {
    for response in responses() {
        let mut bytes = Vec::new();
        put_response(&mut bytes, 1, &response);
        let frame = frame_of(&bytes);
        assert_eq!(response_of(&frame), Ok(Some(response)));
        assert_eq!(request_of(&frame), Ok(None));
    }
}

#[test]
fn a_body_that_is_cut_or_goes_on_is_refused() {
    for frame in frames() {
        let read = |body: bytes::Bytes| {
            let changed = Frame { body, ..frame.clone() };
            request_of(&changed).is_err() || response_of(&changed).is_err()
        };
        for cut in 0..frame.body.len() {
            assert!(read(frame.body.slice(..cut)), "kind {:#04x} cut at {cut}", frame.kind);
        }
        assert!(read([&frame.body[..], &[0]].concat().into()), "kind {:#04x} goes on", frame.kind);
    }
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let mut random = Random::from_seed(1);
    let frames = frames();
    for round in 0..20_000_u64 {
        let (kind, mut body) = match round % 2 {
            0 => {
                let n_bytes = random.below(64);
                let body: Vec<u8> = (0..n_bytes).map(|_| random.below(256) as u8).collect();
                (random.below(64) as u8, body)
            }
            _ => {
                let frame = &frames[random.below(frames.len() as u64) as usize];
                (frame.kind, frame.body.to_vec())
            }
        };
        if !body.is_empty() {
            let at = random.below(body.len() as u64) as usize;
            body[at] = random.below(256) as u8;
        }
        let frame = Frame { kind, number: round, body: body.into() };
        let (request, response) = (request_of(&frame), response_of(&frame));
        assert!(!matches!((request, response), (Ok(Some(_)), Ok(Some(_)))), "one kind is one thing");
    }
}

#[test]
fn unknown_flags_are_refused() {
    let mut bytes = Vec::new();
    put_request(&mut bytes, 1, &Request::Publish(Publish::default()));
    let frame = frame_of(&bytes);
    for flags in [1 << 7, 1 << 6] {
        let body = [&[flags], &frame.body[1..]].concat().into();
        assert!(request_of(&Frame { body, ..frame.clone() }).is_err(), "flags {flags:#x}");
    }
}

/// The bytes that the protocol's page shows: the hexadecimal columns of its first block.
#[test]
fn the_page_shows_the_bytes_of_a_publication() {
    let page = include_str!("../../../../docs/engine/protocol.md");
    let block = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let columns = block.lines().map(|line| line.split("  ").next().unwrap_or_default());
    let shown: Vec<u8> =
        columns.flat_map(str::split_whitespace).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let publish = Publish { subject: "a".to_owned(), payload: b"hello".to_vec(), ..Publish::default() };
    let mut bytes = Vec::new();
    put_request(&mut bytes, 1, &Request::Publish(publish));
    assert_eq!(shown, bytes);
}
