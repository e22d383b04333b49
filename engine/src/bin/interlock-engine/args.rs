//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use interlock_engine::client::{Client, ClientOptions};

/// The reference stream/raft engine: servers, a cluster on one machine, and a client.
#[derive(Debug, Parser)]
#[command(name = "interlock-engine", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What is logged to stderr: a level, or `module=level,..`
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one server
    Serve(ServeArgs),
    /// Run a cluster of child processes on this machine
    Cluster(ClusterArgs),
    /// Measure this machine's disk, and streams of one and three replicas over loopback
    Bench(BenchArgs),
    /// Make, change, look at and remove streams
    Stream(StreamArgs),
    /// Store messages
    Publish(PublishArgs),
    /// Read and acknowledge messages through a consumer
    Consume(ConsumeArgs),
    /// Read messages by their sequences
    Get(GetArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The configuration: `engine.example.toml` shows all of it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Shut down when stdin ends: a server whose parent process is gone ends too
    #[arg(long, hide = true)]
    pub(crate) end_with_stdin: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterArgs {
    /// Number of servers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Folder of all data and configurations; what is there is gone on with
    #[arg(long, default_value = "interlock-data")]
    pub(crate) dir: PathBuf,
    /// First port for clients; those of peers are 100 and those of pages 200 above
    #[arg(long, default_value_t = 7401, value_parser = clap::value_parser!(u16).range(1024..=60000))]
    pub(crate) port: u16,
    /// Start a server again a second after it has ended
    #[arg(long)]
    pub(crate) restart: bool,
    /// Elections within a second instead of within nine
    #[arg(long)]
    pub(crate) quick: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct BenchArgs {
    /// Seconds of each row
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Folder on the disk that is measured
    #[arg(long, default_value = "interlock-bench")]
    pub(crate) dir: PathBuf,
    /// First port of the servers that are measured
    #[arg(long, default_value_t = 17401, value_parser = clap::value_parser!(u16).range(1024..=60000))]
    pub(crate) port: u16,
    /// Only rows whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

/// Which cluster is asked.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClientArgs {
    /// Servers, tried in turn
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:7401,127.0.0.1:7402,127.0.0.1:7403"
    )]
    pub(crate) servers: Vec<String>,
    /// The cluster's name; any where it is left out
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub(crate) cluster: String,
    /// Seconds that a request may take
    #[arg(long, global = true, default_value_t = 10)]
    pub(crate) timeout: u64,
}

impl ClientArgs {
    pub(crate) fn client(&self) -> Client {
        let timeout = Duration::from_secs(self.timeout.max(1));
        Client::new(ClientOptions { addresses: self.servers.clone(), cluster: self.cluster.clone(), timeout })
    }
}

#[derive(Args, Debug)]
pub(crate) struct StreamArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: StreamCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// Create a stream; the same again is no error
    Add(StreamConfigArgs),
    /// Change a stream: what is not given stays
    Update(StreamConfigArgs),
    /// Show a stream
    Info {
        /// The stream
        name: String,
    },
    /// Remove a stream with all its messages
    Rm {
        /// The stream
        name: String,
    },
    /// List the streams
    Ls,
    /// Remove messages
    Purge {
        /// The stream
        name: String,
        /// Only of subjects that fit
        #[arg(long)]
        filter: Option<String>,
        /// Keep the last so many
        #[arg(long, default_value_t = 0)]
        keep: u64,
    },
    /// Move the replicas to other servers
    Move {
        /// The stream
        name: String,
        /// Numbers of the servers
        #[arg(long, value_delimiter = ',', required = true)]
        to: Vec<u64>,
    },
    /// Make another server lead the stream
    StepDown {
        /// The stream
        name: String,
        /// The server that should lead
        #[arg(long)]
        preferred: Option<u64>,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct StreamConfigArgs {
    /// The stream
    pub(crate) name: String,
    /// Subjects that it takes; its own name where there are none
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// Number of replicas
    #[arg(long)]
    pub(crate) replicas: Option<u8>,
    /// Messages at most
    #[arg(long)]
    pub(crate) max_msgs: Option<u64>,
    /// Bytes at most
    #[arg(long)]
    pub(crate) max_bytes: Option<u64>,
    /// Seconds that a message stays at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_age: Option<u64>,
    /// Messages of one subject at most
    #[arg(long)]
    pub(crate) max_msgs_per_subject: Option<u64>,
    /// What happens at a limit
    #[arg(long, value_enum)]
    pub(crate) discard: Option<Discard>,
    /// Seconds that a message id is remembered
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duplicate_window: Option<u64>,
    /// Take atomic batches
    #[arg(long)]
    pub(crate) allow_atomic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Discard {
    /// The oldest message goes
    Old,
    /// The new one is refused
    New,
}

#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The subject; with `--count`, of a stream that takes it and has its name
    pub(crate) subject: String,
    /// The payload of one message
    #[arg(required_unless_present = "count", conflicts_with = "count")]
    pub(crate) payload: Option<String>,
    /// Store it once, however often it is sent under this id
    #[arg(long, conflicts_with = "count")]
    pub(crate) msg_id: Option<String>,
    /// Publish so many numbered messages, in order, each exactly once; nobody else may publish to the stream meanwhile
    #[arg(long)]
    pub(crate) count: Option<u64>,
    /// The stream, where its name is not the subject
    #[arg(long, requires = "count")]
    pub(crate) stream: Option<String>,
    /// Bytes of a numbered message
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(20..=8_000_000))]
    pub(crate) size: u32,
    /// Numbered messages that wait for their acknowledgement at most
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) in_flight: u32,
    /// Seconds without any progress after which numbered publishing gives up
    #[arg(long, default_value_t = 60)]
    pub(crate) patience: u64,
}

#[derive(Args, Debug)]
pub(crate) struct ConsumeArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The stream
    pub(crate) stream: String,
    /// The durable consumer's name; created where it is not there. An ephemeral one where it is left out
    #[arg(long)]
    pub(crate) consumer: Option<String>,
    /// Only messages of subjects that fit
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Messages to read; all that are there where it is left out
    #[arg(long)]
    pub(crate) count: Option<u64>,
    /// Messages that are asked for at once
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch: u32,
    /// Check that so many numbered messages come exactly in order, instead of printing them
    #[arg(long, value_name = "N", conflicts_with = "count")]
    pub(crate) verify: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The stream
    pub(crate) stream: String,
    /// The message of this sequence
    #[arg(long, group = "which", required_unless_present_any = ["last_of", "verify"])]
    pub(crate) seq: Option<u64>,
    /// The last message of this subject
    #[arg(long, group = "which", value_name = "SUBJECT")]
    pub(crate) last_of: Option<String>,
    /// Check that so many numbered messages are there exactly in order, from the first one on
    #[arg(long, group = "which", value_name = "N")]
    pub(crate) verify: Option<u64>,
    /// From the replica that is asked, also where nobody leads; it may be behind the others
    #[arg(long, conflicts_with = "verify")]
    pub(crate) direct: bool,
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::{CommandFactory, Parser};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cluster_has_three_nodes_unless_told_otherwise() {
        let Command::Cluster(args) = parse("interlock-engine cluster").unwrap().command else {
            panic!("another command")
        };
        assert_eq!((args.nodes, args.port, args.restart), (3, 7401, false));
        assert!(parse("interlock-engine cluster --nodes 0").is_err());
    }

    #[test]
    fn publishing_takes_one_payload_or_a_count() {
        assert!(parse("interlock-engine publish a hello").is_ok());
        assert!(parse("interlock-engine publish a --count 10 --size 1024 --in-flight 64").is_ok());
        assert!(parse("interlock-engine publish a").is_err());
        assert!(parse("interlock-engine publish a hello --count 10").is_err());
        assert!(parse("interlock-engine publish a --count 10 --size 8").is_err());
    }

    #[test]
    fn reading_names_one_way_to_find_the_message() {
        assert!(parse("interlock-engine get S --verify 100000").is_ok());
        assert!(parse("interlock-engine get S --seq 1 --servers 10.0.0.1:7401,10.0.0.2:7401").is_ok());
        assert!(parse("interlock-engine get S").is_err());
        assert!(parse("interlock-engine get S --seq 1 --verify 2").is_err());
    }

    #[test]
    fn every_subcommand_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
