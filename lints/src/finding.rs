//! What a lint reports: a finding, its level, its certainty and its steps.

use std::fmt;

use interlock_source::{ChainStep, Held, LockClass, Span};

use crate::Lint;

/// How loud a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Off.
    Allow,
    /// Worth knowing.
    Note,
    /// Probably wrong.
    Warn,
    /// Wrong.
    Deny,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Allow => "allow",
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Deny => "deny",
        })
    }
}

impl Level {
    /// The next louder level of what is not off.
    pub(crate) fn raised(self) -> Level {
        match self {
            Level::Allow => Level::Allow,
            Level::Note => Level::Warn,
            Level::Warn | Level::Deny => Level::Deny,
        }
    }
}

/// How sure a finding is: computed, never typed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// A model or test ran shipped code and reproduced it.
    Proven,
    /// It follows from resolved facts.
    Derived,
    /// It rests on the named assumption.
    Assumed(String),
}

impl Certainty {
    /// `proven`, `derived` or `assumed`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Certainty::Proven => "proven",
            Certainty::Derived => "derived",
            Certainty::Assumed(_) => "assumed",
        }
    }
}

/// A place in source: a span and the item that contains it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The range.
    pub span: Span,
    /// Path of the enclosing function, as `crate_name::module::Type::function`.
    pub item: String,
}

/// A step of a finding's argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// What happens there, as a lower-case fragment.
    pub message: String,
}

/// What a lint reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint.
    pub lint: &'static Lint,
    /// Set by the runner from the lint's level, the certainty and the configuration.
    pub level: Level,
    /// How sure it is.
    pub certainty: Certainty,
    /// The place that a developer would edit.
    pub primary: Place,
    /// A lower-case fragment without full stop.
    pub message: String,
    /// The argument in order; every acquisition involved is one of them.
    pub steps: Vec<Step>,
    /// The step that raises the level, if there is one: it stands among the steps and is no part of the identity.
    pub raised_by: Option<Step>,
    /// What to do.
    pub help: Option<String>,
    /// The lock classes involved, as text, sorted.
    pub locks: Vec<String>,
    /// Identity between versions: lint, lock classes, items and the primary statement's tokens; never a line number.
    /// Set by the runner.
    pub fingerprint: String,
}

impl Finding {
    /// A finding at its primary place. Steps, help and locks are added by the methods below.
    #[must_use]
    pub fn new(lint: &'static Lint, certainty: Certainty, primary: Place, message: impl Into<String>) -> Finding {
        Finding {
            lint,
            level: Level::Deny,
            certainty,
            primary,
            message: message.into(),
            steps: Vec::new(),
            raised_by: None,
            help: None,
            locks: Vec::new(),
            fingerprint: String::new(),
        }
    }

    /// Adds a step of the argument.
    #[must_use]
    pub fn because(mut self, place: Place, message: impl Into<String>) -> Finding {
        self.steps.push(Step { place, message: message.into() });
        self
    }

    /// Adds the calls between two places, one step each.
    #[must_use]
    pub fn through(mut self, chain: &[ChainStep]) -> Finding {
        for step in chain {
            let place = Place { span: step.span, item: step.item.to_string() };
            self = self.because(place, format!("calls `{}`", step.callee));
        }
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Names the locks involved.
    #[must_use]
    pub fn about<'a>(mut self, locks: impl IntoIterator<Item = &'a LockClass>) -> Finding {
        self.locks = locks.into_iter().map(ToString::to_string).collect();
        self.locks.sort();
        self.locks.dedup();
        self
    }

    /// Lowers the level: this instance of the pattern matters less.
    #[must_use]
    pub fn at_most(mut self, level: Level) -> Finding {
        self.level = self.level.min(level);
        self
    }

    /// Raises the lint's own level by one and says why, as a step: this instance of the pattern matters more.
    /// A level that the user has set stays, and an assumption is never `deny`.
    #[must_use]
    pub fn raised_because(mut self, place: Place, message: impl Into<String>) -> Finding {
        self = self.because(place, message);
        self.raised_by = self.steps.last().cloned();
        self
    }
}

impl Finding {
    /// Adds the calls that a held guard came out of.
    #[must_use]
    pub(crate) fn through_held(self, held: &Held) -> Finding {
        self.through(&held.chain)
    }
}

/// A place by its span and item.
pub(crate) fn place(span: Span, item: &str) -> Place {
    Place { span, item: item.to_owned() }
}
