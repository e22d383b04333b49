//! The monitor slot (`engine/src/slot.rs`): who replaces a monitor waits until it is gone, and then runs.

mod bodies;

use bodies::slot::put_back;

interlock_models::model! {
    /// Does the successor of each monitor that was stopped run, and alone?
    mod hand_off_one_remap = Model {
        property: "one monitor at a time, each generation runs, and each stop ends",
        search: Search::Bounded { preemptions: 3 },
        twins: &[
            Twin { bug: "M-02", symptom: "unmonitored", found_within: 1 },
            Twin { bug: "M-11", symptom: "deadlock", found_within: 1 },
            Twin { bug: "M-15", symptom: "deadlock", found_within: 0 },
        ],
        pinned: Some(480),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::one_remap();
    }
}

interlock_models::model! {
    /// The same where two changes follow each other.
    mod hand_off_two_remaps = Model {
        property: "one monitor at a time, each generation runs, and each stop ends",
        search: Search::Bounded { preemptions: 3 },
        twins: &[
            Twin { bug: "M-02", symptom: "unmonitored", found_within: 1 },
            Twin { bug: "M-11", symptom: "deadlock", found_within: 1 },
            Twin { bug: "M-15", symptom: "deadlock", found_within: 0 },
        ],
        pinned: Some(1_263),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::two_remaps();
    }
}

interlock_models::model! {
    /// The same where five changes follow each other, searched by delays.
    mod hand_off_five_remaps = Model {
        property: "one monitor at a time, each generation runs, and each stop ends",
        search: Search::Delays { delays: 3 },
        full: Some(Search::Delays { delays: 4 }),
        twins: &[
            Twin { bug: "M-02", symptom: "unmonitored", found_within: 1 },
            Twin { bug: "M-11", symptom: "deadlock", found_within: 0 },
            Twin { bug: "M-15", symptom: "deadlock", found_within: 0 },
        ],
        pinned: Some(7_292),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::remaps(5);
    }
}

interlock_models::model! {
    /// May somebody start a monitor while another one is being stopped?
    mod start_races_stop = Model {
        property: "who stops sees the slot empty, waits for no later generation, and that one is not stopped with it",
        search: Search::Bounded { preemptions: 3 },
        twins: &[Twin { bug: "M-13", symptom: "deadlock", found_within: 1 }],
        pinned: Some(32_021),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::start_races_stop();
    }
}

interlock_models::model! {
    /// Does a monitor that is started while its entity is closed end?
    mod start_races_close = Model {
        property: "whoever starts on a closed entity finds a cancelled token",
        search: Search::Bounded { preemptions: 3 },
        twins: &[
            Twin { bug: "M-12", symptom: "deadlock", found_within: 1 },
        ],
        pinned: Some(49),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::start_races_close();
    }
}

interlock_models::model! {
    /// Does the monitor that a remap starts end where the entity is deleted meanwhile?
    mod deletion_meets_remap = Model {
        property: "both monitors end, whoever comes first, and nobody is left",
        search: Search::Bounded { preemptions: 3 },
        twins: &[
            Twin { bug: "M-02", symptom: "unmonitored", found_within: 2 },
            Twin { bug: "M-12", symptom: "deadlock", found_within: 1 },
        ],
        pinned: Some(10_837),
        arm: Some(put_back),
    };
    fn body() {
        bodies::slot::deletion_meets_remap();
    }
}
