//! Publishers that know what they were promised, and the comparison of a stream with it.

use std::collections::{BTreeMap, VecDeque};

use interlock_engine::api::{MessageAt, Publish, Request, Response};
use interlock_engine::client::{Client, ClientError};

/// Messages that are read at once.
const IN_FLIGHT: usize = 256;

/// Numbered messages, one after the other. One that is not acknowledged is sent again under its id.
pub(crate) struct Publisher {
    client: Client,
    stream: String,
    name: String,
    payload_bytes: usize,
    /// The sequences that were promised, by the numbers of the messages.
    pub(crate) acknowledged: Vec<u64>,
}

impl Publisher {
    /// A publisher of this name to a stream.
    pub(crate) fn new(client: Client, stream: &str, name: &str, payload_bytes: usize) -> Self {
        let (stream, name) = (stream.to_owned(), name.to_owned());
        Self { client, stream, name, payload_bytes, acknowledged: Vec::new() }
    }

    fn payload(&self, number: usize) -> Vec<u8> {
        let mut payload = format!("{} {number} ", self.name).into_bytes();
        payload.resize(self.payload_bytes.max(payload.len()), b'.');
        payload
    }

    /// Sends the next message, once.
    pub(crate) async fn publish(&mut self) -> Result<u64, ClientError> {
        let number = self.acknowledged.len();
        let publish = Publish {
            subject: format!("{}.{}", self.stream, self.name),
            payload: self.payload(number),
            msg_id: Some(format!("{}-{number}", self.name)),
            ..Publish::default()
        };
        let seq = self.client.publish(publish).await?.seq;
        self.acknowledged.push(seq);
        Ok(seq)
    }

    /// Publishes until so many are acknowledged, whatever breaks in between.
    pub(crate) async fn publish_up_to(&mut self, n_messages: usize) {
        let deadline = tokio::time::Instant::now() + crate::LIMIT * 2;
        while self.acknowledged.len() < n_messages {
            if let Err(error) = self.publish().await {
                assert!(tokio::time::Instant::now() < deadline, "{} of {n_messages}: {error}", self.acknowledged.len());
                tokio::time::sleep(crate::LOOK).await;
            }
        }
    }

    /// Publishes until the stream declines, which it must.
    pub(crate) async fn publish_until_refused(&mut self) -> ClientError {
        const N_MAX: usize = 100_000;
        for _ in 0..N_MAX {
            if let Err(error) = self.publish().await {
                return error;
            }
        }
        panic!("{N_MAX} messages, and the disk does not fail");
    }

    /// Whether the last message that was promised is there.
    pub(crate) async fn last_is_there(&self) -> Result<bool, ClientError> {
        let Some(seq) = self.acknowledged.last() else { return Ok(true) };
        let message = self.client.message(&self.stream, MessageAt::Sequence(*seq)).await?;
        Ok(message.payload == self.payload(self.acknowledged.len() - 1))
    }
}

/// What a stream has of what its publishers were promised.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Messages that were acknowledged, and are there where they should be.
    pub(crate) n_kept: usize,
    /// Messages that were stored, and whose acknowledgement did not arrive.
    pub(crate) n_unacknowledged: usize,
}

/// Reads a stream from its beginning: what was acknowledged is there once, at its sequence, and each publisher's
/// messages are in order.
#[track_caller]
pub(crate) fn compare(payloads: &[Vec<u8>], publishers: &[&Publisher]) -> Compared {
    let mut next: BTreeMap<&str, usize> = publishers.iter().map(|publisher| (publisher.name.as_str(), 0)).collect();
    let mut compared = Compared::default();
    for (seq, payload) in (1..).zip(payloads) {
        let publisher = publishers.iter().find(|publisher| {
            let number = next[publisher.name.as_str()];
            *payload == publisher.payload(number)
        });
        let start = String::from_utf8_lossy(&payload[..payload.len().min(24)]);
        let publisher = publisher.unwrap_or_else(|| panic!("{seq} is nobody's next message: {start}; {next:?}"));
        let number = next.get_mut(publisher.name.as_str()).unwrap();
        match publisher.acknowledged.get(*number) {
            Some(promised) => {
                assert_eq!(*promised, seq, "{} {number} stands somewhere else", publisher.name);
                compared.n_kept += 1;
            }
            None => compared.n_unacknowledged += 1,
        }
        *number += 1;
    }
    let n_promised: usize = publishers.iter().map(|publisher| publisher.acknowledged.len()).sum();
    assert_eq!(compared.n_kept, n_promised, "acknowledged messages are lost: {next:?}");
    // Each has one message at a time on its way.
    assert!(compared.n_unacknowledged <= publishers.len(), "{compared:?}");
    compared
}

/// The payloads of a stream, in order; none of them was removed.
pub(crate) async fn read(client: &Client, stream: &str) -> Vec<Vec<u8>> {
    let last = client.stream_info(stream).await.unwrap().totals.last_seq;
    let (mut answers, mut payloads) = (VecDeque::new(), Vec::new());
    for seq in 1..=last {
        let request = Request::MessageGet { stream: stream.to_owned(), at: MessageAt::Sequence(seq) };
        answers.push_back(client.begin(request).await.unwrap());
        if answers.len() == IN_FLIGHT || seq == last {
            for answer in answers.drain(..) {
                match answer.wait().await.unwrap() {
                    Response::Message(message) => payloads.push(message.payload),
                    other => panic!("{} of {last} is not there: {other:?}", payloads.len() + 1),
                }
            }
        }
    }
    payloads
}

/// Reads a stream and compares it.
pub(crate) async fn check(client: &Client, publishers: &[&Publisher]) -> Compared {
    compare(&read(client, &publishers[0].stream).await, publishers)
}

#[cfg(test)]
mod tests {
    use interlock_engine::client::{Client, ClientOptions};

    use super::{Compared, Publisher, compare};

    /// Two publishers, one of which was promised 1 and 3, and the other one 2.
    fn promised() -> [Publisher; 2] {
        let publisher = |name: &str, acknowledged: &[u64]| {
            let client = Client::new(ClientOptions::new(Vec::new()));
            Publisher { acknowledged: acknowledged.to_vec(), ..Publisher::new(client, "T", name, 0) }
        };
        [publisher("a", &[1, 3]), publisher("b", &[2])]
    }

    fn compared(stream: &[&str]) -> Compared {
        let [a, b] = promised();
        let payloads: Vec<Vec<u8>> = stream.iter().map(|payload| format!("{payload} ").into_bytes()).collect();
        compare(&payloads, &[&a, &b])
    }

    #[tokio::test]
    async fn one_message_more_may_be_there_of_each_publisher() {
        let all = ["a 0", "b 0", "a 1", "b 1", "a 2"];
        assert_eq!(compared(&all[..3]), Compared { n_kept: 3, n_unacknowledged: 0 });
        assert_eq!(compared(&all), Compared { n_kept: 3, n_unacknowledged: 2 });
    }

    #[tokio::test]
    #[should_panic(expected = "acknowledged messages are lost")]
    async fn a_loss_at_the_end_is_seen() {
        compared(&["a 0", "b 0"]);
    }

    #[tokio::test]
    #[should_panic(expected = "a 1 stands somewhere else")]
    async fn a_loss_in_between_is_seen() {
        compared(&["a 0", "a 1"]);
    }

    #[tokio::test]
    #[should_panic(expected = "3 is nobody's next message: b 0")]
    async fn a_second_time_is_seen() {
        compared(&["a 0", "b 0", "b 0", "a 1"]);
    }

    #[tokio::test]
    #[should_panic(expected = "1 is nobody's next message: a 1")]
    async fn another_order_is_seen() {
        compared(&["a 1", "b 0", "a 0"]);
    }
}
