//! `get`: messages by their sequences.

use std::collections::VecDeque;

use anyhow::Context;
use interlock_engine::api::{Message, MessageAt, Request, Response};
use interlock_engine::client::Client;
use interlock_sync::time::Instant;

use crate::args::GetArgs;
use crate::numbered::Checker;

/// Reads that are on their way at the same time.
const IN_FLIGHT: usize = 256;

/// Reads.
pub(crate) async fn run(args: &GetArgs) -> anyhow::Result<()> {
    let client = args.client.client();
    let at = match (args.seq, &args.last_of, args.verify) {
        (_, _, Some(count)) => return verify(&client, &args.stream, count).await,
        (_, Some(subject), _) => MessageAt::LastOf(subject.clone()),
        (seq, None, None) => MessageAt::Sequence(seq.unwrap_or(0)),
    };
    let message = if args.direct {
        client.message_direct(&args.stream, at).await?
    } else {
        client.message(&args.stream, at).await?
    };
    print(&message);
    Ok(())
}

/// Prints a message: where it is on one line, its payload on the next.
pub(crate) fn print(message: &Message) {
    println!("{} {} {}", message.seq, message.subject, message.time_ns);
    println!("{}", String::from_utf8_lossy(&message.payload));
}

async fn verify(client: &Client, stream: &str, count: u64) -> anyhow::Result<()> {
    let totals = client.stream_info(stream).await?.totals;
    let mut checker = Checker::default();
    let mut next = totals.first_seq;
    let mut waiting = VecDeque::new();
    let begun = Instant::now();
    while checker.n_checked() < count {
        while waiting.len() < IN_FLIGHT && next < totals.first_seq.saturating_add(count) {
            let at = MessageAt::Sequence(next);
            let request = Request::MessageGet { stream: stream.to_owned(), at };
            waiting.push_back((next, client.begin(request).await?));
            next += 1;
        }
        let Some((seq, answer)) = waiting.pop_front() else { break };
        match answer.wait().await.with_context(|| format!("sequence {seq}"))? {
            Response::Message(message) => checker.check(seq, &message.payload)?,
            Response::Error(error) => anyhow::bail!("sequence {seq}: {error}"),
            _ => anyhow::bail!("sequence {seq}: the server answered with something else"),
        }
    }
    let (n, seconds) = (checker.n_checked(), begun.elapsed().as_secs_f64());
    let beyond = totals.messages.saturating_sub(n);
    println!("{n} messages are there, in order, each once ({seconds:.2} s); {beyond} more in the stream");
    Ok(())
}
