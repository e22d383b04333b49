//! The monitor slot on loom: the same programs, with every value that the memory model lets a thread read.

mod bodies;

use bodies::slot::put_back;

interlock_models::model! {
    /// Does the successor of a monitor that was stopped run, and alone?
    mod loom_hand_off_one_remap = Model {
        property: "one monitor at a time, each generation runs, and each stop ends",
        search: Search::Loom { preemptions: None },
        twins: &[
            Twin { bug: "M-02", symptom: "unmonitored", found_within: 1 },
            Twin { bug: "M-15", symptom: "deadlock", found_within: 1 },
        ],
        pinned: Some(16_848),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::one_remap();
    }
}

interlock_models::model! {
    /// The same where two changes follow each other.
    mod loom_hand_off_two_remaps = Model {
        property: "one monitor at a time, each generation runs, and each stop ends",
        search: Search::Loom { preemptions: Some(3) },
        twins: &[Twin { bug: "M-02", symptom: "unmonitored", found_within: 1 }],
        pinned: Some(885),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::two_remaps();
    }
}

interlock_models::model! {
    /// Does a monitor that is started while its entity is closed end?
    mod loom_start_races_close = Model {
        property: "whoever starts on a closed entity finds a cancelled token",
        search: Search::Loom { preemptions: None },
        twins: &[Twin { bug: "M-12", symptom: "deadlock", found_within: 1 }],
        pinned: Some(21),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::start_races_close();
    }
}

interlock_models::model! {
    /// May somebody start a monitor while another one is being stopped?
    mod loom_start_races_stop = Model {
        property: "who stops sees the slot empty, waits for no later generation, and that one is not stopped with it",
        search: Search::Loom { preemptions: Some(2) },
        twins: &[Twin { bug: "M-13", symptom: "deadlock", found_within: 1 }],
        pinned: Some(2_107),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::start_races_stop();
    }
}
