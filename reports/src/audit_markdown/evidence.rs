//! Evidence and sites: each place by symbol, the argument as numbered steps.

use interlock_claims::{Evidence, Place, Site};
use interlock_lints::Certainty;

use super::flat;
use super::link::Links;
use crate::coverage_text::counted;
use crate::markdown_text::code;

/// Longest list of sites, symbols or digests.
pub(crate) const N_LISTED_MAX: usize = 20;

/// The number of sites and the first of them.
pub(crate) fn push_sites(text: &mut String, links: &Links, sites: &[Site]) {
    if sites.is_empty() {
        text.push_str("\nIt examined no site.\n");
        return;
    }
    text.push_str(&format!("\nIt examined {}:\n\n", counted(sites.len(), "site")));
    for site in sites.iter().take(N_LISTED_MAX) {
        text.push_str(&format!("- {}: {}{}\n", links.place(&site.place), flat(&site.what), line_of(&site.place)));
    }
    push_more(text, sites.len(), N_LISTED_MAX);
}

/// The list item that says how many items are left out.
pub(crate) fn push_more(text: &mut String, n_items: usize, n_listed_max: usize) {
    if n_items > n_listed_max {
        text.push_str(&format!("- and {} more, not listed\n", n_items - n_listed_max));
    }
}

/// At most `n_max` pieces of evidence, numbered, each under `label`.
pub(crate) fn push_evidence(text: &mut String, links: &Links, label: &str, evidence: &[Evidence], n_max: usize) {
    for (position, evidence) in (1..).zip(evidence).take(n_max) {
        push_one(text, links, &format!("{label} {position}"), evidence);
    }
    if evidence.len() > n_max {
        text.push_str(&format!("\nAnd {} more, not shown.\n", evidence.len() - n_max));
    }
}

fn push_one(text: &mut String, links: &Links, label: &str, evidence: &Evidence) {
    let (message, place) = (flat(&evidence.message), links.place(&evidence.primary));
    let is_a_step = evidence.steps.iter().any(|step| step.place == evidence.primary);
    let line = if is_a_step { String::new() } else { line_of(&evidence.primary) };
    let certainty = certainty(&evidence.certainty);
    text.push_str(&format!("\n**{label}** ({certainty}): {message}, at {place}{line}\n"));
    if !evidence.steps.is_empty() {
        text.push('\n');
    }
    for (position, step) in (1..).zip(&evidence.steps) {
        let (place, message) = (links.place(&step.place), flat(&step.message));
        text.push_str(&format!("{position}. {place}: {message}{}\n", line_of(&step.place)));
    }
}

/// The source line of a place, after what is said of it.
fn line_of(place: &Place) -> String {
    if place.line_text.is_empty() { String::new() } else { format!(": {}", code(&place.line_text)) }
}

fn certainty(certainty: &Certainty) -> String {
    match certainty {
        Certainty::Proven | Certainty::Derived => certainty.word().to_owned(),
        Certainty::Assumed(what) => format!("assumed: {}", flat(what)),
    }
}
