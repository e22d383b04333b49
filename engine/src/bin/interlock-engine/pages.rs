//! The pages of a server, read over HTTP: one request a connection.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use interlock_sync::net::{AsyncReadExt, AsyncWriteExt, TcpStream};
use interlock_sync::time::timeout;

/// Time for one page.
const LIMIT: Duration = Duration::from_secs(2);

/// The body of a page, whatever its status.
pub(crate) async fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let answer = timeout(LIMIT, exchange(address, path)).await.context("no answer in time")??;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.with_context(|| format!("{address} does not speak HTTP"))
}

async fn exchange(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The metrics of a server that have no labels, by their names.
pub(crate) async fn metrics(address: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    Ok(parse(&get(address, "/metrics").await?))
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn plain_metrics_are_read() {
        let text = "# TYPE a counter\na_total 7\nb 1.5\nc{x=\"y\"} 2\n# EOF\n";
        let found = parse(text);
        assert_eq!(found.get("a_total"), Some(&7.0));
        assert_eq!(found.get("b"), Some(&1.5));
    }
}
