//! `stream`: streams of a cluster.

use std::time::Duration;

use interlock_engine::api::StreamInfo;
use interlock_engine::core::config::{Discard, StreamConfig};
use interlock_engine::core::names::ServerId;

use crate::args::{self, StreamArgs, StreamCommand, StreamConfigArgs};

/// Runs one of its commands.
pub(crate) async fn run(args: StreamArgs) -> anyhow::Result<()> {
    let client = args.client.client();
    match args.command {
        StreamCommand::Add(config) => {
            let created = StreamConfig { name: config.name.clone(), ..StreamConfig::default() };
            print(&client.create_stream(changed(created, &config)).await?);
        }
        StreamCommand::Update(config) => {
            let before = client.stream_info(&config.name).await?.config;
            print(&client.update_stream(changed(before, &config)).await?);
        }
        StreamCommand::Info { name } => print(&client.stream_info(&name).await?),
        StreamCommand::Rm { name } => {
            client.delete_stream(&name).await?;
            println!("stream {name} is removed");
        }
        StreamCommand::Ls => {
            for name in client.stream_names().await? {
                println!("{name}");
            }
        }
        StreamCommand::Purge { name, filter, keep } => {
            println!("{} messages removed", client.purge_stream(&name, filter, keep).await?);
        }
        StreamCommand::Move { name, to } => {
            print(&client.move_stream(&name, to.into_iter().map(ServerId).collect()).await?);
        }
        StreamCommand::StepDown { name, preferred } => {
            client.step_down_stream(&name, preferred.map(ServerId)).await?;
            println!("stream {name} gets another leader");
        }
    }
    Ok(())
}

/// The configuration with what was given.
fn changed(before: StreamConfig, args: &StreamConfigArgs) -> StreamConfig {
    let discard = args.discard.map(|discard| match discard {
        args::Discard::Old => Discard::Old,
        args::Discard::New => Discard::New,
    });
    StreamConfig {
        subjects: if args.subjects.is_empty() { before.subjects } else { args.subjects.clone() },
        replicas: args.replicas.unwrap_or(before.replicas),
        max_msgs: args.max_msgs.or(before.max_msgs),
        max_bytes: args.max_bytes.or(before.max_bytes),
        max_age: args.max_age.map(Duration::from_secs).or(before.max_age),
        max_msgs_per_subject: args.max_msgs_per_subject.or(before.max_msgs_per_subject),
        discard: discard.unwrap_or(before.discard),
        duplicate_window: args.duplicate_window.map_or(before.duplicate_window, Duration::from_secs),
        allow_atomic: before.allow_atomic || args.allow_atomic,
        ..before
    }
}

fn print(info: &StreamInfo) {
    let (config, totals, cluster) = (&info.config, &info.totals, &info.cluster);
    let subjects = if config.subjects.is_empty() { config.name.clone() } else { config.subjects.join(" ") };
    println!("stream      {}", config.name);
    println!("subjects    {subjects}");
    println!("replicas    {}", config.replicas);
    println!("messages    {} ({} bytes)", totals.messages, totals.bytes);
    println!("sequences   {}..={}", totals.first_seq, totals.last_seq);
    println!("consumers   {}", totals.consumers);
    if !cluster.group.is_empty() {
        println!("group       {}", cluster.group);
    }
    println!("leader      {}", cluster.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()));
    for (server, is_current) in &cluster.replicas {
        println!("replica     {server}{}", if *is_current { "" } else { ", behind" });
    }
}

#[cfg(test)]
mod tests {
    use super::changed;
    use crate::args::{Cli, Command, StreamCommand};
    use clap::Parser;
    use interlock_engine::core::config::StreamConfig;

    #[test]
    fn an_update_keeps_what_is_not_given() {
        let cli = Cli::parse_from(["interlock-engine", "stream", "update", "S", "--max-msgs", "5"]);
        let Command::Stream(args) = cli.command else { panic!("another command") };
        let StreamCommand::Update(config) = args.command else { panic!("another command") };
        let before = StreamConfig { replicas: 3, subjects: vec!["a.>".to_owned()], ..StreamConfig::default() };
        let expected = StreamConfig { max_msgs: Some(5), ..before.clone() };
        assert_eq!(changed(before, &config), expected);
    }
}
