//! `publish`: one message, or many numbered ones in order, each exactly once, whatever breaks in between.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use interlock_engine::api::{Expectations, Publish, Request};
use interlock_engine::client::{Answer, Client, ClientError};
use interlock_sync::time::{Instant, sleep};

use crate::args::PublishArgs;
use crate::numbered;

/// Wait before publishing is taken up again after an error.
const RESUME_AFTER: Duration = Duration::from_millis(200);

/// Publishes.
pub(crate) async fn run(args: &PublishArgs) -> anyhow::Result<()> {
    let client = args.client.client();
    match (args.count, &args.payload) {
        (Some(count), _) => many(&client, args, count).await,
        (None, payload) => {
            let payload = payload.clone().unwrap_or_default().into_bytes();
            let (subject, msg_id) = (args.subject.clone(), args.msg_id.clone());
            let ack = client.publish(Publish { subject, payload, msg_id, ..Publish::default() }).await?;
            let note = if ack.duplicate { ", stored before" } else { "" };
            println!("{} {}{note}", ack.stream, ack.seq);
            Ok(())
        }
    }
}

async fn many(client: &Client, args: &PublishArgs, count: u64) -> anyhow::Result<()> {
    let stream = args.stream.clone().unwrap_or_else(|| args.subject.clone());
    let first = client.stream_info(&stream).await.with_context(|| format!("stream {stream}"))?.totals.last_seq;
    let mut run = Numbered { client, args, before: first, count, acked: 0, n_interruptions: 0 };
    let begun = Instant::now();
    let outcome = run.publish_all(&stream).await;
    let seconds = begun.elapsed().as_secs_f64();
    let rate = run.acked as f64 / seconds.max(1e-9);
    println!(
        "{} of {count} acknowledged in {seconds:.2} s: {rate:.0}/s, {} interruptions",
        run.acked, run.n_interruptions
    );
    outcome
}

/// Numbered messages on their way: message `n` has sequence `before + n`, which each one demands of the stream. So
/// none can be doubled or overtaken, and what is missing after an error is what is behind the stream's last sequence.
struct Numbered<'a> {
    client: &'a Client,
    args: &'a PublishArgs,
    before: u64,
    count: u64,
    /// All messages up to this number are acknowledged, or seen in the stream after an error.
    acked: u64,
    n_interruptions: u64,
}

impl Numbered<'_> {
    async fn publish_all(&mut self, stream: &str) -> anyhow::Result<()> {
        let patience = Duration::from_secs(self.args.patience.max(1));
        let mut progress = (self.acked, Instant::now());
        while self.acked < self.count {
            let Err(error) = self.publish_until_error().await else { continue };
            self.n_interruptions += 1;
            tracing::info!("at message {}: {error}", self.acked);
            if self.acked > progress.0 {
                progress = (self.acked, Instant::now());
            } else if progress.1.elapsed() > patience {
                return Err(error).with_context(|| format!("no progress for {} s", patience.as_secs()));
            }
            sleep(RESUME_AFTER).await;
            self.look_what_is_stored(stream).await;
        }
        Ok(())
    }

    /// Where the stream is: what lies beyond the last acknowledgement was stored and its answer lost.
    async fn look_what_is_stored(&mut self, stream: &str) {
        match self.client.stream_info(stream).await {
            Ok(info) => {
                let stored = info.totals.last_seq.saturating_sub(self.before).min(self.count);
                // An answer of a server that is behind does not take anything back.
                self.acked = self.acked.max(stored);
            }
            Err(error) => tracing::debug!("stream {stream}: {error}"),
        }
    }

    async fn publish_until_error(&mut self) -> Result<(), ClientError> {
        let mut waiting: VecDeque<Answer> = VecDeque::new();
        let mut next = self.acked + 1;
        let mut first_error = None;
        loop {
            while first_error.is_none() && next <= self.count && waiting.len() < self.args.in_flight as usize {
                waiting.push_back(self.client.begin(self.request(next)).await?);
                next += 1;
            }
            let Some(answer) = waiting.pop_front() else { break };
            match answer.published().await {
                Ok(ack) if first_error.is_none() => self.acked = ack.seq.saturating_sub(self.before),
                Ok(_) => {}
                // The others that are on their way end first: only then is it clear what is stored.
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn request(&self, number: u64) -> Request {
        let expect = Expectations { last_seq: Some(self.before + number - 1), ..Expectations::default() };
        let payload = numbered::payload(number, self.args.size as usize);
        Request::Publish(Publish { subject: self.args.subject.clone(), payload, expect, ..Publish::default() })
    }
}
