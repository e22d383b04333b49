//! One child process: started, watched, started again, ended.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use interlock_sync::net::{AsyncBufReadExt, BufReader, Child, ChildStdin, Command};
use interlock_sync::select;
use interlock_sync::task;
use interlock_sync::time::{sleep, timeout};
use interlock_sync::token::Token;

use super::Node;

/// How long a child may take to shut down.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(40);
/// Wait before a child that ended is started again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// How children are supervised.
#[derive(Clone, Debug)]
pub(crate) struct Supervision {
    /// What they log.
    pub(crate) log: String,
    /// Whether one that ended is started again.
    pub(crate) restarts: bool,
    /// Whether starts and ends are printed.
    pub(crate) is_told: bool,
}

impl Supervision {
    fn tell(&self, text: &str) {
        if self.is_told {
            println!("{text}");
        }
    }
}

/// Keeps a node's process, until the token is cancelled.
pub(crate) async fn supervise(node: Node, supervision: Supervision, quit: Token) {
    loop {
        let (mut child, stdin) = match start(&node, &supervision) {
            Ok(started) => started,
            Err(error) => {
                supervision.tell(&format!("s{} does not start: {error:#}", node.number));
                quit.cancelled().await;
                return;
            }
        };
        let ended = select! {
            biased;
            () = quit.cancelled() => return end(child, stdin, &node, &supervision).await,
            status = child.wait() => status,
        };
        let how = ended.map_or_else(|error| error.to_string(), |status| how_it_ended(&status));
        supervision.tell(&format!("s{} {how}", node.number));
        if !supervision.restarts {
            quit.cancelled().await;
            return;
        }
        select! {
            biased;
            () = quit.cancelled() => return,
            () = sleep(RESTART_AFTER) => {}
        }
    }
}

fn start(node: &Node, supervision: &Supervision) -> anyhow::Result<(Child, Option<ChildStdin>)> {
    let program = std::env::current_exe().context("this program's own path is not known")?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&node.config).arg("--end-with-stdin").arg("--log").arg(&supervision.log);
    // A group of its own: a terminal's interrupt reaches this process only, which then ends its children in order.
    command.process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("failed to start a process")?;
    let pid = child.id().unwrap_or(0);
    supervision.tell(&format!("s{} runs as process {pid}", node.number));
    if let Some(stderr) = child.stderr.take() {
        let number = node.number;
        // Ends with the process.
        drop(task::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("s{number} | {line}");
            }
        }));
    }
    let stdin = child.stdin.take();
    Ok((child, stdin))
}

/// Ends a child by closing its stdin; one that hangs is killed.
async fn end(mut child: Child, stdin: Option<ChildStdin>, node: &Node, supervision: &Supervision) {
    drop(stdin);
    match timeout(SHUTDOWN_LIMIT, child.wait()).await {
        Ok(Ok(status)) => supervision.tell(&format!("s{} {}", node.number, how_it_ended(&status))),
        Ok(Err(error)) => supervision.tell(&format!("s{}: {error}", node.number)),
        Err(_) => {
            supervision.tell(&format!("s{} hangs: it is killed", node.number));
            if let Err(error) = child.kill().await {
                supervision.tell(&format!("s{} cannot be killed: {error}", node.number));
            }
        }
    }
}

fn how_it_ended(status: &ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(0), _) => "has ended".to_owned(),
        (Some(code), _) => format!("has ended with exit code {code}"),
        (None, Some(9)) => "was killed (signal 9)".to_owned(),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "has ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::how_it_ended;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(how_it_ended(&ExitStatus::from_raw(0)), "has ended");
        assert_eq!(how_it_ended(&ExitStatus::from_raw(1 << 8)), "has ended with exit code 1");
        assert_eq!(how_it_ended(&ExitStatus::from_raw(9)), "was killed (signal 9)");
        assert_eq!(how_it_ended(&ExitStatus::from_raw(15)), "was ended by signal 15");
    }
}
