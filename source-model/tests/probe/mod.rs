//! Expectations drawn under source: `//^^ text` says what holds at the code above its first caret.

use std::collections::{BTreeMap, BTreeSet};

use interlock_source::{Edition, LineCol, Sources, Workspace};

/// Facts by the place that they are about.
type Facts = BTreeMap<LineCol, BTreeSet<String>>;

/// Analyses the text in an edition, and compares what `facts` finds with what is drawn: no fact may be missing on
/// either side. A drawn `absent` stands for no fact at all.
#[track_caller]
pub(crate) fn compare(
    text: &str,
    edition: Edition,
    absent: &str,
    facts: impl Fn(&Workspace) -> Vec<(LineCol, String)>,
) {
    compare_in("example", text, edition, absent, facts);
}

/// The same for the text of a crate of that name.
#[track_caller]
pub(crate) fn compare_in(
    krate: &str,
    text: &str,
    edition: Edition,
    absent: &str,
    facts: impl Fn(&Workspace) -> Vec<(LineCol, String)>,
) {
    let workspace = Workspace::analyse(Sources::of_text(krate, edition, text));
    let unparsed = &workspace.coverage().unparsed;
    assert!(unparsed.is_empty(), "the source does not parse: {unparsed:?}");
    let drawn = drawn(text, edition);
    assert!(!drawn.is_empty(), "nothing is drawn under the source");
    let expected = gathered(drawn.into_iter().filter(|(_, fact)| fact != absent));
    let found = gathered(facts(&workspace));
    assert!(found == expected, "edition {}:\n{}", year(edition), difference(text, &expected, &found));
}

fn gathered(facts: impl IntoIterator<Item = (LineCol, String)>) -> Facts {
    let mut gathered = Facts::new();
    for (place, fact) in facts {
        gathered.entry(place).or_default().insert(fact);
    }
    gathered
}

fn year(edition: Edition) -> &'static str {
    match edition {
        Edition::E2024 => "2024",
        _ => "2021",
    }
}

/// The expectations: each is about the closest line above that is not one itself.
fn drawn(text: &str, edition: Edition) -> Vec<(LineCol, String)> {
    let mut drawn = Vec::new();
    let mut source_line = 0;
    for (line, number) in text.lines().zip(1..) {
        let Some(carets) = line.trim_start().strip_prefix("//^") else {
            source_line = number;
            continue;
        };
        let column = line.chars().position(|letter| letter == '^').unwrap_or_default() + 1;
        let column = u32::try_from(column).expect("lines are short");
        let fact = in_edition(carets.trim_start_matches('^').trim(), edition);
        drawn.push((LineCol { line: source_line, column }, fact.to_owned()));
    }
    drawn
}

/// `2021: a, 2024: b` is `a` or `b`; any other text holds in every edition.
fn in_edition(fact: &str, edition: Edition) -> &str {
    let both = fact.strip_prefix("2021: ").and_then(|rest| rest.split_once(", 2024: "));
    both.map_or(fact, |(before, since)| if year(edition) == "2024" { since } else { before })
}

fn difference(text: &str, expected: &Facts, found: &Facts) -> String {
    let mut lines = Vec::new();
    let places: BTreeSet<&LineCol> = expected.keys().chain(found.keys()).collect();
    for place in places.into_iter().filter(|place| expected.get(place) != found.get(place)) {
        let source = text.lines().nth(place.line as usize - 1).unwrap_or_default();
        lines.push(format!("{}:{}: {}", place.line, place.column, source.trim()));
        lines.push(format!("    drawn {:?}, found {:?}", expected.get(place), found.get(place)));
    }
    lines.join("\n")
}
