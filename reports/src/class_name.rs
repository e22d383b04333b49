//! Short names of lock classes, for drawings.

use interlock_lockgraph::LockGraph;
use interlock_source::LockClass;

/// A name for each node: short where that is unique in the graph, else the full path.
pub(crate) fn node_names(graph: &LockGraph) -> Vec<String> {
    let short: Vec<_> = graph.nodes.iter().map(|node| short_name(&node.class)).collect();
    let mut sorted: Vec<_> = short.iter().collect();
    sorted.sort_unstable();
    let is_unique = |name: &String| {
        let first = sorted.partition_point(|other| *other < name);
        sorted.get(first + 1).is_none_or(|next| *next != name)
    };
    graph
        .nodes
        .iter()
        .zip(&short)
        .map(|(node, name)| if is_unique(name) { name.clone() } else { node.class.to_string() })
        .collect()
}

/// The declaration without the modules around it.
fn short_name(class: &LockClass) -> String {
    match class {
        LockClass::Field { owner, field } => format!("{}::{field}", last_segment(owner)),
        LockClass::Static(path) => last_segment(path).to_owned(),
        LockClass::Local { function, name } | LockClass::Param { function, name } => {
            format!("{}::{name}", last_segment(function))
        }
        LockClass::Element(of) => format!("{}[]", short_name(of)),
        LockClass::Accessor(function) => format!("{}()", last_segment(function)),
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[track_caller]
    fn check(class: &LockClass, expected: &str) {
        assert_eq!(short_name(class), expected);
    }

    #[test]
    fn a_short_name_drops_the_modules() {
        let field = LockClass::Field { owner: "a::b::Store".into(), field: "log".into() };
        check(&field, "Store::log");
        check(&LockClass::Element(Arc::new(field)), "Store::log[]");
        check(&LockClass::Static("a::b::CACHE".into()), "CACHE");
        check(&LockClass::Accessor("a::Store::shard".into()), "shard()");
    }
}
