//! `consume`: messages through a consumer, acknowledged.

use std::time::Duration;

use interlock_engine::api::{AckKind, Delivery, FetchEnd, Request};
use interlock_engine::client::{Client, ClientError};
use interlock_engine::core::config::ConsumerConfig;

use crate::args::ConsumeArgs;
use crate::get;
use crate::numbered::Checker;

/// How long a request waits for messages. What is stored is there long before.
const WAIT: Duration = Duration::from_secs(2);

/// Consumes.
pub(crate) async fn run(args: &ConsumeArgs) -> anyhow::Result<()> {
    let client = args.client.client();
    let config = ConsumerConfig {
        name: args.consumer.clone().unwrap_or_default(),
        durable: args.consumer.is_some(),
        filter: args.filter.clone(),
        max_ack_pending: u64::from(args.batch).max(1000),
        inactive_threshold: if args.consumer.is_some() { Duration::ZERO } else { Duration::from_secs(60) },
        ..ConsumerConfig::default()
    };
    let name = client.create_consumer(&args.stream, config).await?.config.name;
    let mut checker = args.verify.map(|_| Checker::default());
    let outcome = read(&client, args, &name, checker.as_mut()).await;
    if args.consumer.is_none() {
        // It would expire by itself: a failure here costs a minute of its memory.
        let _expires = client.delete_consumer(&args.stream, &name).await;
    }
    let n_read = outcome?;
    match args.verify {
        Some(count) if n_read < count => anyhow::bail!("{n_read} messages came, where {count} should have"),
        Some(_) => println!("{n_read} messages came, in order, each once"),
        None => {}
    }
    Ok(())
}

/// Reads until the wanted number is there, or nothing more comes: how many came.
async fn read(
    client: &Client,
    args: &ConsumeArgs,
    consumer: &str,
    mut checker: Option<&mut Checker>,
) -> anyhow::Result<u64> {
    let wanted = args.verify.or(args.count).unwrap_or(u64::MAX);
    let mut n_read = 0;
    while n_read < wanted {
        let batch = u32::try_from(wanted - n_read).unwrap_or(u32::MAX).min(args.batch);
        let (deliveries, end) = client.fetch(&args.stream, consumer, batch, WAIT).await?;
        for delivery in &deliveries {
            match &mut checker {
                // A second delivery of what was checked is what at least once means.
                Some(checker) if delivery.n_deliveries > 1 && delivery.message.seq <= checker.n_checked() => continue,
                Some(checker) => checker.check(delivery.message.seq, &delivery.message.payload)?,
                None => get::print(&delivery.message),
            }
            n_read += 1;
        }
        ack_all(client, args, consumer, &deliveries).await?;
        let may_go_on = matches!(end, FetchEnd::Full | FetchEnd::MaxBytes | FetchEnd::LeadershipChange);
        if deliveries.is_empty() && !may_go_on {
            break;
        }
    }
    Ok(n_read)
}

async fn ack_all(
    client: &Client,
    args: &ConsumeArgs,
    consumer: &str,
    deliveries: &[Delivery],
) -> Result<(), ClientError> {
    let mut answers = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let (stream, consumer, seq) = (args.stream.clone(), consumer.to_owned(), delivery.message.seq);
        answers.push(client.begin(Request::Ack { stream, consumer, seq, kind: AckKind::Ack }).await?);
    }
    for answer in answers {
        answer.done().await?;
    }
    Ok(())
}
