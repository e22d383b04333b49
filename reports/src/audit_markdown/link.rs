//! Links to source: the symbol is named first, the lines say where it stands.

use interlock_claims::{Place, Target, TargetSource};
use interlock_source::TextRange;

use crate::markdown_text::code;

/// How places are linked.
pub(crate) struct Links {
    /// What stands before a path of the target; `None` for source that only existed in memory.
    base: Option<String>,
}

impl Links {
    /// Links that start at `source_base`; without one, at the target as its manifest names it.
    pub(crate) fn of(target: &Target, source_base: Option<&str>) -> Links {
        let base = source_base.map_or_else(|| named_base(target), str::to_owned);
        let is_open = base.is_empty() || base.ends_with('/');
        Links { base: Some(if is_open { base } else { base + "/" }) }
    }

    /// No links: the lines of an edited source are not those of the tree.
    pub(crate) fn none() -> Links {
        Links { base: None }
    }

    /// The symbol, as a link to its lines where there is one, then the lines.
    pub(crate) fn place(&self, place: &Place) -> String {
        let name = code(if place.item.is_empty() { &place.file } else { &place.item });
        let lines = lines(place.range);
        match &self.base {
            Some(base) => format!("[{name}]({}), {lines}", address(base, place)),
            None => format!("{name}, {lines}"),
        }
    }
}

fn address(base: &str, place: &Place) -> String {
    let (first, last) = first_and_last(place.range);
    let lines = if first == last { format!("#L{first}") } else { format!("#L{first}-L{last}") };
    let address = format!("{base}{}{lines}", place.file);
    let is_plain = !address.contains([' ', '(', ')', '<', '>']);
    if is_plain { address } else { format!("<{}>", address.replace('<', "%3C").replace('>', "%3E")) }
}

fn named_base(target: &Target) -> String {
    match &target.source {
        TargetSource::Path(path) => path.clone(),
        TargetSource::Commit { repository, commit } => {
            let page = repository.trim_end_matches('/');
            format!("{}/blob/{commit}", page.strip_suffix(".git").unwrap_or(page))
        }
    }
}

/// `line 3`, `lines 3-6`.
fn lines(range: TextRange) -> String {
    match first_and_last(range) {
        (first, last) if first == last => format!("line {first}"),
        (first, last) => format!("lines {first}-{last}"),
    }
}

/// The end of a range is exclusive: one that ends before a line's first character does not touch it.
fn first_and_last(range: TextRange) -> (u32, u32) {
    let first = range.start.line;
    let last = if range.end.column > 1 { range.end.line } else { range.end.line.saturating_sub(1) };
    (first, last.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::range;

    fn target(source: TargetSource) -> Target {
        Target { source, features: Vec::new() }
    }

    fn place(file: &str) -> Place {
        Place { file: file.to_owned(), range: range(3, 1, 6, 1), item: "a::f".to_owned(), line_text: String::new() }
    }

    #[test]
    fn a_path_target_is_linked_as_its_manifest_names_it() {
        let target = target(TargetSource::Path("../engine".to_owned()));
        let link = Links::of(&target, None).place(&place("src/a.rs"));
        assert_eq!(link, "[`a::f`](../engine/src/a.rs#L3-L5), lines 3-5");
    }

    #[test]
    fn a_commit_is_linked_in_its_repository() {
        let (repository, commit) = ("https://example.org/o/r.git".to_owned(), "abc".to_owned());
        let target = target(TargetSource::Commit { repository, commit });
        let link = Links::of(&target, None).place(&place("src/a.rs"));
        assert_eq!(link, "[`a::f`](https://example.org/o/r/blob/abc/src/a.rs#L3-L5), lines 3-5");
    }

    #[test]
    fn source_that_only_existed_in_memory_is_not_linked() {
        assert_eq!(Links::none().place(&place("src/a.rs")), "`a::f`, lines 3-5");
    }

    #[test]
    fn a_given_base_wins_and_odd_paths_are_quoted() {
        let target = target(TargetSource::Path("../engine".to_owned()));
        let link = Links::of(&target, Some("")).place(&place("src/a (1).rs"));
        assert_eq!(link, "[`a::f`](<src/a (1).rs#L3-L5>), lines 3-5");
    }
}
