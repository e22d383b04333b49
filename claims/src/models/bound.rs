//! How far a search goes, and what is counted.

use serde::Deserialize;

/// How far a search goes. What one of them counts is not what the other does, and so neither answers for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// So many times a task that could go on is made to wait.
    Preemptions(u32),
    /// So many times a task is passed over whose turn has come.
    Delays(u32),
}

impl Bound {
    /// How many.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Bound::Preemptions(number) | Bound::Delays(number) => number,
        }
    }

    /// What is counted.
    #[must_use]
    pub fn counted(self) -> Counted {
        match self {
            Bound::Preemptions(_) => Counted::Preemptions,
            Bound::Delays(_) => Counted::Delays,
        }
    }

    /// The number as the two fields of JSON: preemptions, and delays.
    #[must_use]
    pub fn fields(self) -> (Option<u32>, Option<u32>) {
        match self {
            Bound::Preemptions(number) => (Some(number), None),
            Bound::Delays(number) => (None, Some(number)),
        }
    }

    /// The bound that these fields tell: exactly one of them.
    pub(crate) fn of_fields(preemptions: Option<u32>, delays: Option<u32>) -> Option<Bound> {
        match (preemptions, delays) {
            (Some(number), None) => Some(Bound::Preemptions(number)),
            (None, Some(number)) => Some(Bound::Delays(number)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.counted().words(u64::from(self.number())))
    }
}

/// What a bound is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Preemptions.
    #[default]
    Preemptions,
    /// Delays.
    Delays,
    /// Schedules that were drawn.
    Schedules,
}

impl Counted {
    /// So many of it, in words.
    #[must_use]
    pub fn words(self, n: u64) -> String {
        let one = match self {
            Counted::Preemptions => "preemption",
            Counted::Delays => "delay",
            Counted::Schedules => "schedule",
        };
        format!("{n} {one}{}", if n == 1 { "" } else { "s" })
    }
}

/// A bound that was searched to its end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "BoundFields")]
pub struct BoundDone {
    /// The bound.
    pub bound: Bound,
    /// Executions that count for it.
    pub executions: u64,
    /// Whether it kept anything out: where it did not, there is nothing beyond it.
    pub is_bounded: bool,
}

/// The same as it is written.
#[derive(Deserialize)]
struct BoundFields {
    preemptions: Option<u32>,
    delays: Option<u32>,
    executions: u64,
    #[serde(default = "yes")]
    bounded: bool,
}

/// A bound keeps something out unless it is said not to.
fn yes() -> bool {
    true
}

impl TryFrom<BoundFields> for BoundDone {
    type Error = &'static str;

    fn try_from(fields: BoundFields) -> Result<BoundDone, Self::Error> {
        let bound = Bound::of_fields(fields.preemptions, fields.delays).ok_or("a bound has one number")?;
        Ok(BoundDone { bound, executions: fields.executions, is_bounded: fields.bounded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_says_what_it_counts() {
        let read = |text: &str| serde_json::from_str::<BoundDone>(text).map(|done| (done.bound, done.is_bounded)).ok();
        assert_eq!(read(r#"{"preemptions":2,"executions":9}"#), Some((Bound::Preemptions(2), true)));
        assert_eq!(read(r#"{"delays":1,"executions":9,"bounded":false}"#), Some((Bound::Delays(1), false)));
        assert_eq!(read(r#"{"executions":9}"#), None);
        assert_eq!(read(r#"{"preemptions":2,"delays":1,"executions":9}"#), None);
        assert_eq!([Bound::Delays(1), Bound::Preemptions(2)].map(|b| b.to_string()), ["1 delay", "2 preemptions"]);
    }
}
