//! What a model is: its question, its property, how it is searched, and the twins that show it can fail.

/// One model. The macro [`model!`](crate::model!) fills in what the source says by itself: name, question and places.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// The name of the model's module.
    pub name: &'static str,
    /// What the model answers: the text of its doc comment.
    pub question: &'static str,
    /// The module's path, its crate first.
    pub module: &'static str,
    /// The file that the model stands in.
    pub file: &'static str,
    /// The folder of the package that the model belongs to.
    pub package: &'static str,
    /// What holds in every execution, said so that a failure of it can be recognised.
    pub property: &'static str,
    /// How the model is searched, at the size that each run of the tests can pay.
    pub search: Search,
    /// How it is searched where there is more time; `None` is the same search.
    pub full: Option<Search>,
    /// The bugs that the model must find.
    pub twins: &'static [Twin],
    /// How many executions the search at the small size takes. A model that explores less than it did is noticed.
    pub pinned: Option<u64>,
    /// Puts a twin's bug back, once before the search begins; [`armed`](crate::armed) answers with or without it.
    pub arm: Option<fn(&str)>,
    /// Where a search ends that would not end by itself.
    pub limits: Limits,
}

impl Model {
    /// A model of nothing, for the fields that a model does not name.
    pub const DEFAULT: Model = Model {
        name: "",
        question: "",
        module: "",
        file: "",
        package: "",
        property: "",
        search: Search::Bounded { preemptions: 2 },
        full: None,
        twins: &[],
        pinned: None,
        arm: None,
        limits: Limits::DEFAULT,
    };

    /// The twin that puts this bug back.
    pub fn twin(&self, bug: &str) -> Option<&'static Twin> {
        self.twins.iter().find(|twin| twin.bug == bug)
    }
}

/// How a model is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every schedule with at most this many preemptions, on shuttle; bounds 0, 1, 2, .. in turn.
    Bounded {
        /// The last bound.
        preemptions: u32,
    },
    /// Every schedule with at most this many delays, on shuttle; bounds 0, 1, 2, .. in turn. For models of so many tasks
    /// that the free choice of who follows one that blocks is too much: one order is set for all of it, and each
    /// task that is passed over where its turn has come is a delay.
    Delays {
        /// The last bound.
        delays: u32,
    },
    /// Sampled schedules on shuttle: random, PCT of depth 1 to 4 and uniform random walk in turn. Then the bounded
    /// search, for as many executions again at most.
    Portfolio {
        /// How many schedules are sampled.
        schedules: u64,
    },
    /// Loom: every order, and every value that the memory model lets a thread read; bounds 0, 1, 2, .. in turn.
    Loom {
        /// The last bound; `None` is one search without any.
        preemptions: Option<u32>,
    },
}

/// A bug put back, which the model must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The bug's name: what [`Model::arm`] and [`armed`](crate::armed) are told.
    pub bug: &'static str,
    /// What the failure's text contains.
    pub symptom: &'static str,
    /// Within what it must be found: preemptions or delays, as the search counts, and for a portfolio sampled schedules.
    pub found_within: u32,
}

/// Where a search ends that would not end by itself. Each limit that is reached is said in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Scheduling steps of one execution (loom: branches). A longer one ends the search as cut off.
    pub steps: u32,
    /// Executions of the whole search.
    pub executions: u64,
    /// How often a task that could run may be passed over by tasks that yield, before it runs.
    pub passed_over: u32,
    /// Schedules that are run twice before the search, to see whether the model depends on its schedule alone.
    pub checked_twice: u64,
    /// The stack of each task. What is not touched costs no memory.
    pub stack_bytes: usize,
    /// How long the search may take where nobody asks for another time.
    pub budget_ms: u64,
}

impl Limits {
    /// Limits that a model of a few tasks does not reach.
    pub const DEFAULT: Limits = Limits {
        steps: 20_000,
        executions: 5_000_000,
        passed_over: 8,
        checked_twice: 50,
        stack_bytes: 0x80000,
        budget_ms: 60_000,
    };
}
