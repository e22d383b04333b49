//! How deep a text nests, before anything recurses over it.

use crate::tokens::{TokenKind, code_tokens};

/// Bracket nesting that is still read.
const MAX_DEPTH: usize = 512;

/// Tokens between two separators that are still read: operators and method chains nest without brackets.
const MAX_RUN: usize = 2_048;

/// Operators in front of one operand that are still read.
const MAX_PREFIXES: usize = 256;

/// Why the text nests too deep to be read within the stack.
pub(crate) fn too_deep(text: &str) -> Option<String> {
    let mut runs = vec![0_usize];
    let mut closed_brace = false;
    let mut n_prefixes = 0_usize;
    for token in code_tokens(text) {
        let written = &text[token.bytes()];
        let run = runs.last_mut()?;
        // `}` ends an item or statement unless the expression goes on.
        let is_separator = matches!(written, "," | ";") || closed_brace && !matches!(written, "else" | "." | "?");
        *run = if is_separator { 0 } else { *run + 1 };
        if *run > MAX_RUN {
            return Some(format!("more than {MAX_RUN} tokens in one expression"));
        }
        n_prefixes = if matches!(written, "&" | "*" | "!" | "-") { n_prefixes + 1 } else { 0 };
        if n_prefixes > MAX_PREFIXES {
            return Some(format!("more than {MAX_PREFIXES} operators in a row"));
        }
        closed_brace = written == "}";
        match token.kind {
            TokenKind::Open => runs.push(0),
            TokenKind::Close if runs.len() > 1 => drop(runs.pop()),
            _ => {}
        }
        if runs.len() > MAX_DEPTH {
            return Some(format!("brackets nested deeper than {MAX_DEPTH}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    fn check(text: String, expected: bool) {
        assert_eq!(too_deep(&text).is_some(), expected);
    }

    #[test]
    fn brackets_and_operators_have_limits() {
        check("(".repeat(600) + &")".repeat(600), true);
        check("!".repeat(20_000), true);
        check("if a {} else ".repeat(5_000), true);
    }

    #[test]
    fn long_flat_code_is_read() {
        check("fn a() { b(); }".repeat(20_000), false);
        check(format!("[{}]", "1, ".repeat(20_000)), false);
        check("/* ( */ \"(\" '(' ".repeat(1_000), false);
    }
}
