//! The programs of the conformance test on the rules of the model: they hang where the real libraries do.

use std::sync::Arc;

use interlock_sync::map::ConcurrentMap;
use interlock_sync::model::{Config, Shards, block_on, configure};
use interlock_sync::task::spawn;

use crate::programs::{MapOfTwo, Stage, Verdict, programs};
use crate::{every, is_deadlock};

struct Tasks;

impl Stage for Tasks {
    fn beside(work: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce()> {
        // Some schedule lets it come to its wait.
        let task = spawn(async { work() });
        Box::new(|| block_on(task).unwrap())
    }

    fn map_of_two(share_a_shard: bool) -> MapOfTwo {
        let shards = if share_a_shard { Shards::Together } else { Shards::Apart };
        configure(Config { shards, ..Config::default() });
        let map = ConcurrentMap::with_hasher_and_shard_amount(std::hash::BuildHasherDefault::default(), 2);
        map.insert(1, 0);
        map.insert(2, 0);
        (Arc::new(map), [1, 2])
    }
}

#[test]
fn the_rules_hang_where_the_real_ones_do() {
    for (name, expected, program) in programs::<Tasks>() {
        let result = every(program);
        let seen = if is_deadlock(&result) { Verdict::Hangs } else { Verdict::Ends };
        assert!(result.is_ok() || is_deadlock(&result), "{name}: {result:?}");
        assert_eq!(seen, expected, "{name}");
    }
}
