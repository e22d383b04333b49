//! Frames between servers come back as they were, and no bytes make their reader panic.

use bytes::Bytes;
use interlock_sync::random::Random;
use raft::eraftpb::{Entry, Message, MessageType};

use super::{peer_frame_of, put_peer_frame, weight};
use crate::api::{Publish, Request, Response};
use crate::core::names::GroupName;
use crate::peer::PeerFrame;
use crate::wire::{Frame, FrameReader, Limit, WireError};

fn group() -> GroupName {
    GroupName::new("S-R3F-abc")
}

fn append_message() -> Message {
    let entry = Entry { term: 3, index: 8, data: Bytes::from_static(b"an entry"), ..Entry::default() };
    let mut message = Message { to: 2, from: 1, term: 3, log_term: 2, index: 7, commit: 6, ..Message::default() };
    message.set_msg_type(MessageType::MsgAppend);
    message.set_entries(vec![entry.clone(), Entry { index: 9, ..entry }].into());
    message
}

fn peer_frames() -> Vec<PeerFrame> {
    let publish = Publish { subject: "a".to_owned(), payload: vec![1; 50], ..Publish::default() };
    vec![
        PeerFrame::Raft { group: group(), message: Box::new(append_message()) },
        PeerFrame::Raft { group: group(), message: Box::default() },
        PeerFrame::Proposal { group: group(), data: Bytes::from_static(b"entry") },
        PeerFrame::Proposal { group: group(), data: Bytes::new() },
        PeerFrame::Request { id: 9, request: Box::new(Request::Publish(publish)) },
        PeerFrame::Request { id: u64::MAX, request: Box::new(Request::StreamNames) },
        PeerFrame::Response { id: 9, response: Box::new(Response::Done) },
        PeerFrame::CatchupRequest { id: 1, stream: "S".to_owned(), created_ns: 2, index: 7, first_seq: 3, last_seq: 4 },
        PeerFrame::CatchupMessages { id: 1, messages: vec![Bytes::from_static(b"m"), Bytes::new()], next_seq: 5 },
        PeerFrame::CatchupRefused { id: 1, reason: "not the leader".to_owned() },
        PeerFrame::Whole { stream: "S".to_owned(), group: group(), applied: 7 },
        PeerFrame::Heartbeat { partitions: vec![("topic".to_owned(), 0), (String::new(), u32::MAX)] },
    ]
}

fn bytes_of(peer_frame: &PeerFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_peer_frame(&mut bytes, peer_frame);
    bytes
}

fn frame_of(peer_frame: &PeerFrame) -> Frame {
    let mut reader = FrameReader::new(Limit::PEER);
    reader.room().extend_from_slice(&bytes_of(peer_frame));
    reader.next_frame().unwrap().unwrap()
}

#[test]
fn frames_come_back_wherever_the_bytes_are_split() {
    let bytes: Vec<u8> = peer_frames().iter().flat_map(bytes_of).collect();
    for split in 0..=bytes.len() {
        let mut reader = FrameReader::new(Limit::PEER);
        let mut found = Vec::new();
        for part in [&bytes[..split], &bytes[split..]] {
            reader.room().extend_from_slice(part);
            while let Some(frame) = reader.next_frame().unwrap() {
                found.push(peer_frame_of(&frame).unwrap());
            }
        }
        assert_eq!(found, peer_frames(), "split at {split}");
    }
}

#[test]
fn a_cut_body_is_refused_or_is_a_shorter_proposal() {
    for peer_frame in peer_frames() {
        let frame = frame_of(&peer_frame);
        for cut in 0..frame.body.len() {
            let read = peer_frame_of(&Frame { body: frame.body.slice(..cut), ..frame.clone() });
            // The data of a proposal is all that is left: what it is, its own decoder says.
            let is_shorter = matches!(read, Ok(PeerFrame::Proposal { .. }));
            assert!(read.is_err() || is_shorter, "kind {:#04x} cut at {cut}", frame.kind);
        }
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let mut random = Random::from_seed(2);
    let frames: Vec<Frame> = peer_frames().iter().map(frame_of).collect();
    for _ in 0..20_000 {
        let frame = &frames[random.below(frames.len() as u64) as usize];
        let mut body = frame.body.to_vec();
        for _ in 0..random.below(4) {
            if !body.is_empty() {
                let at = random.below(body.len() as u64) as usize;
                body[at] = random.below(256) as u8;
            }
        }
        body.truncate(body.len() - random.below(3).min(body.len() as u64) as usize);
        let kind = if random.chance(10) { random.below(256) as u8 } else { frame.kind };
        let read = peer_frame_of(&Frame { kind, number: 1, body: body.into() });
        let is_an_answer = matches!(read, Ok(_) | Err(WireError::Body { .. } | WireError::Kind(_)));
        assert!(is_an_answer);
    }
}

#[test]
fn greetings_have_no_place_among_frames() {
    let frame = Frame { kind: super::super::hello::HELLO, number: 0, body: Bytes::new() };
    assert_eq!(peer_frame_of(&frame), Err(WireError::Kind(1)));
}

#[test]
fn a_frame_weighs_at_least_its_data() {
    for peer_frame in peer_frames() {
        assert!(weight(&peer_frame) >= frame_of(&peer_frame).body.len() / 2);
    }
}
