//! The sweep of the heartbeat table on loom: the locks of a map's shard, two threads and an iteration.

mod bodies;

use bodies::slot::put_back;

interlock_models::model! {
    /// Does a sweep end that frames race with, and forget only whom it may?
    mod loom_sweep_races_frames = Model {
        property: "nobody waits for itself, who was heard of is watched, and who was silent is not",
        search: Search::Loom { preemptions: None },
        twins: &[
            Twin { bug: "M-102", symptom: "deadlock", found_within: 0 },
            Twin { bug: "M-104", symptom: "heard of, and not watched", found_within: 2 },
        ],
        pinned: Some(39),
        arm: Some(put_back),
    };
    fn body() {
        bodies::heartbeats::one_sweep();
    }
}
