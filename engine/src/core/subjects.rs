//! Which stream takes a subject, without a look at each stream. No two streams take the same subject.

use std::collections::BTreeMap;

use super::config::StreamConfig;

/// The filters of all streams, token by token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    root: Node,
}

/// What filters have in common up to a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The stream whose filter ends here.
    ends: Option<String>,
    /// The stream whose filter goes on with `>`.
    takes_rest: Option<String>,
    /// By the next token, which may be `*`.
    next: BTreeMap<String, Node>,
}

impl Subjects {
    /// Takes the filters of a stream in.
    pub fn insert(&mut self, config: &StreamConfig) {
        for filter in &config.subjects {
            *self.root.place(filter) = Some(config.name.clone());
        }
    }

    /// Forgets the filters of a stream.
    pub fn remove(&mut self, config: &StreamConfig) {
        for filter in &config.subjects {
            self.root.forget(&mut filter.split('.'));
        }
    }

    /// The stream that takes a subject.
    pub fn stream_of(&self, subject: &str) -> Option<&str> {
        self.root.find(subject)
    }
}

impl Node {
    fn place(&mut self, filter: &str) -> &mut Option<String> {
        let mut node = self;
        for token in filter.split('.') {
            if token == ">" {
                return &mut node.takes_rest;
            }
            node = node.next.entry(token.to_owned()).or_default();
        }
        &mut node.ends
    }

    fn forget<'a>(&mut self, tokens: &mut impl Iterator<Item = &'a str>) {
        match tokens.next() {
            None => self.ends = None,
            Some(">") => self.takes_rest = None,
            Some(token) => {
                let Some(node) = self.next.get_mut(token) else { return };
                node.forget(tokens);
                if *node == Self::default() {
                    self.next.remove(token);
                }
            }
        }
    }

    /// `subject` is what is left of it.
    fn find(&self, subject: &str) -> Option<&str> {
        let (token, rest) = match subject.split_once('.') {
            Some((token, rest)) => (token, Some(rest)),
            None => (subject, None),
        };
        let mut candidates = [token, "*"].into_iter().filter_map(|candidate| self.next.get(candidate));
        let found = candidates.find_map(|node| rest.map_or(node.ends.as_deref(), |rest| node.find(rest)));
        found.or(self.takes_rest.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use interlock_sync::random::Random;

    use super::Subjects;
    use crate::core::config::StreamConfig;
    use crate::core::subject::{fits, overlap};

    fn stream(name: &str, subjects: &[&str]) -> StreamConfig {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        StreamConfig { name: name.to_owned(), subjects, ..StreamConfig::default() }
    }

    #[test]
    fn a_subject_is_found_by_literal_star_and_rest() {
        let mut subjects = Subjects::default();
        let all = [stream("A", &["a", "a.b.>"]), stream("B", &["a.*", "b.*.c"]), stream("C", &["b.x.d", "c.>"])];
        all.iter().for_each(|config| subjects.insert(config));
        let found = |subject: &str| subjects.stream_of(subject);
        assert_eq!((found("a"), found("a.b.c"), found("a.b")), (Some("A"), Some("A"), Some("B")));
        assert_eq!((found("b.x.c"), found("b.x.d"), found("b.x.e")), (Some("B"), Some("C"), None));
        assert_eq!((found("c.d.e"), found("c"), found("d")), (Some("C"), None, None));
    }

    #[test]
    fn it_says_what_a_look_at_each_stream_says() {
        let mut random = Random::split(1, "subjects");
        for _ in 0..300 {
            let mut draw =
                |choices: &[&'static str]| choices[usize::try_from(random.below(choices.len() as u64)).unwrap()];
            let (mut subjects, mut streams) = (Subjects::default(), Vec::<StreamConfig>::new());
            for name in ["A", "B", "C", "D", "E"] {
                let filter = [draw(&["a", "b", "*"]), draw(&[".a", ".b", ".*", ".>", ""])].concat();
                let is_free = streams.iter().all(|other| !overlap(&other.subjects[0], &filter));
                if is_free {
                    streams.push(stream(name, &[&filter]));
                    subjects.insert(&streams[streams.len() - 1]);
                }
            }
            if let Some(gone) = (streams.len() > 1).then(|| streams.remove(0)) {
                subjects.remove(&gone);
            }
            for subject in ["a", "b", "a.a", "a.b", "b.a", "b.b", "a.a.a", "c", "c.a", "c.c.c"] {
                let looked = streams.iter().find(|config| fits(&config.subjects[0], subject));
                assert_eq!(
                    subjects.stream_of(subject),
                    looked.map(|config| config.name.as_str()),
                    "{subject} {streams:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_left_of_a_stream_that_is_forgotten() {
        let mut subjects = Subjects::default();
        let config = stream("A", &["a.b.c", "a.>", "d.*.e"]);
        subjects.insert(&config);
        subjects.remove(&config);
        assert_eq!(subjects, Subjects::default());
    }
}
