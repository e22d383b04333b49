//! Folders, ports and configurations of a cluster's nodes.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// How far the ports of peers and pages are above those of clients.
const PEERS_ABOVE: u16 = 100;
const HTTP_ABOVE: u16 = 200;
/// Elections in well under a second: fit for processes on one machine.
const QUICK: &str = "\n[timing]\ntick_ms = 25\nheartbeat_ms = 100\nelection_min_ms = 400\nelection_max_ms = 900\n";

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its server number.
    pub(crate) number: u16,
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// Where clients connect.
    pub(crate) clients: String,
    /// Where servers connect.
    pub(crate) peers: String,
    /// Where its pages are.
    pub(crate) http: String,
}

/// Makes the folders, and writes the configurations: anew each time, since they say where this cluster listens.
pub(crate) fn lay_out(n_nodes: u16, folder: &Path, port: u16, is_quick: bool) -> anyhow::Result<Vec<Node>> {
    let nodes: Vec<Node> = (1..=n_nodes).map(|number| node(number, folder, port)).collect();
    for node in &nodes {
        let parent = node.config.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
        let text = configuration(node, &nodes, is_quick);
        std::fs::write(&node.config, text).with_context(|| format!("failed to write {}", node.config.display()))?;
    }
    Ok(nodes)
}

fn node(number: u16, folder: &Path, port: u16) -> Node {
    let at = |above: u16| format!("127.0.0.1:{}", port + above + number - 1);
    Node {
        number,
        config: folder.join(format!("s{number}")).join("engine.toml"),
        clients: at(0),
        peers: at(PEERS_ABOVE),
        http: at(HTTP_ABOVE),
    }
}

fn configuration(node: &Node, nodes: &[Node], is_quick: bool) -> String {
    let mut text = format!("server = {}\ncluster = \"local\"\ndata = \"data\"\n\n[listen]\n", node.number);
    for (key, address) in [("clients", &node.clients), ("peers", &node.peers), ("http", &node.http)] {
        let _infallible = writeln!(text, "{key} = \"{address}\"");
    }
    if nodes.len() > 1 {
        text.push_str("\n[peers]\n");
        for peer in nodes {
            let _infallible = writeln!(text, "{} = \"{}\"", peer.number, peer.peers);
        }
    }
    if is_quick {
        text.push_str(QUICK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{configuration, node};
    use interlock_engine::net::config::Config;
    use std::path::Path;

    #[test]
    fn the_configurations_are_valid_and_differ() {
        for is_quick in [false, true] {
            let nodes: Vec<_> = (1..=3).map(|number| node(number, Path::new("dir"), 7401)).collect();
            for node in &nodes {
                let config = Config::parse(&configuration(node, &nodes, is_quick), &node.config).unwrap();
                assert_eq!(config.server, u64::from(node.number));
                assert_eq!(config.servers().len(), 3);
                assert_eq!(config.data, Path::new("dir").join(format!("s{}", node.number)).join("data"));
            }
            assert_eq!(nodes[2].http, "127.0.0.1:7603");
        }
        let alone = [node(1, Path::new("dir"), 7401)];
        let config = Config::parse(&configuration(&alone[0], &alone, false), &alone[0].config).unwrap();
        assert!(config.others().is_empty());
    }
}
