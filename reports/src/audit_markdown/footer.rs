//! How the verdicts came about, what was not analysed, how to reproduce them.

use interlock_claims::{Audit, Confidence, ControlMode};

use super::{Provenance, flat};
use crate::coverage_text::coverage_lines;
use crate::markdown_text::{code, fenced};

const VERDICT_RULES: &str = "\
| verdict | when |
| --- | --- |
| REFUTED | a check fails |
| INCONCLUSIVE | a check looked at nothing or rests on something unresolved, no control made a proof of absence fail, \
or a control went unnoticed, did not apply or was not run |
| NOT RUN | nothing of the above, and a check was not run |
| VERIFIED | every check passes at one site or more, and every control was noticed |
| STALE | the verdict is a recorded one, and a function that it rests on has changed since |
";

pub(crate) fn push_methodology(text: &mut String, audit: &Audit) {
    text.push_str("\n## Verification methodology\n\n");
    text.push_str("1. **Reading**: the source is parsed and its types, guards and calls are resolved. ");
    text.push_str("The target is neither built nor run, and nothing in it is written.\n");
    text.push_str("2. **Checks**: each one looks at every site within its scope and lists what it looked at. ");
    text.push_str("A check that could not have failed does not pass.\n");
    text.push_str(&format!("3. **Controls**: {}\n", controls(audit.control_mode)));
    text.push_str("4. **Verdicts**: computed; the first row that applies decides.\n");
    text.push_str("5. **Confidence**: computed for a VERIFIED: ");
    text.push_str(&format!("{}. Comments and names are never evidence.\n\n", Confidence::RULE));
    text.push_str(VERDICT_RULES);
}

fn controls(mode: ControlMode) -> &'static str {
    match mode {
        ControlMode::Run => {
            "each one puts the bug back by an edit of a named function, in memory, and runs the checks again: \
             they must fail."
        }
        ControlMode::Skip => "not run in this audit.",
    }
}

pub(crate) fn push_not_analysed(text: &mut String, audit: &Audit) {
    text.push_str("\n## What was not analysed\n\nRead and not read:\n\n");
    push_list(text, coverage_lines(&audit.coverage).iter());
    if !audit.blind_spots.is_empty() {
        text.push_str("\nBlind spots:\n\n");
        push_list(text, audit.blind_spots.iter());
    }
    text.push_str("\nA REFUTED can be a false alarm where no execution takes the path that its steps show. ");
    text.push_str("A VERIFIED can miss a fault that lies in a blind spot. ");
    text.push_str("Neither says anything beyond the statement of its claim.\n");
}

fn push_list<'a>(text: &mut String, lines: impl Iterator<Item = &'a String>) {
    for line in lines {
        text.push_str(&format!("- {}\n", flat(line)));
    }
}

pub(crate) fn push_reproduction(text: &mut String, audit: &Audit, provenance: Provenance<'_>) {
    let commit = provenance.commit.map_or(String::new(), |commit| format!(" at commit {}", code(commit)));
    let (manifest, digest) = (code(&audit.manifest_file), code(&audit.config_digest));
    text.push_str("\n## How to reproduce\n\nWith cargo-interlock ");
    text.push_str(&format!("{}, the target{commit} and {manifest} (SHA-256 {digest}):\n\n", audit.tool_version));
    text.push_str(&fenced("sh", provenance.command));
    text.push_str("\nThe same input gives the same bytes.\n");
}
