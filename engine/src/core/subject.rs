//! Subjects: tokens between dots; a filter may have `*` for one token and a last `>` for the rest.

/// Whether a subject fits a filter.
pub fn fits(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for part in filter.split('.') {
        match (part, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (literal, Some(token)) if literal == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Whether a filter names one subject only.
pub fn is_literal(filter: &str) -> bool {
    filter.split('.').all(|part| part != "*" && part != ">")
}

/// Bytes of a subject.
const BYTES_MAX: usize = 4096;

/// Why a message cannot have this subject, or nothing.
pub fn refuse_subject(subject: &str) -> Option<&'static str> {
    if subject.len() > BYTES_MAX {
        Some("a subject may have 4,096 bytes")
    } else if subject.split('.').any(str::is_empty) {
        Some("a subject has no empty tokens")
    } else if !is_literal(subject) {
        Some("the subject of a message has no wildcards")
    } else {
        None
    }
}

/// Why this is no filter, or nothing.
pub fn refuse_filter(filter: &str) -> Option<&'static str> {
    let is_open = |part: &str| part == ">";
    if filter.len() > BYTES_MAX {
        Some("a subject may have 4,096 bytes")
    } else if filter.split('.').any(str::is_empty) {
        Some("a subject has no empty tokens")
    } else if filter.split('.').rev().skip(1).any(is_open) {
        Some("`>` is the last token of a subject")
    } else {
        None
    }
}

/// Whether some subject fits both filters.
pub fn overlap(left: &str, right: &str) -> bool {
    let (mut lefts, mut rights) = (left.split('.'), right.split('.'));
    loop {
        match (lefts.next(), rights.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fits, overlap, refuse_filter, refuse_subject};

    #[test]
    fn filters_fit_token_by_token() {
        let cases = [
            ("a", "a", true),
            ("a", "b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("*.b", "a.b", true),
        ];
        for (filter, subject, expected) in cases {
            assert_eq!(fits(filter, subject), expected, "{filter} {subject}");
        }
    }

    #[test]
    fn the_subject_of_a_message_names_one() {
        assert_eq!(refuse_subject("a.b"), None);
        for refused in ["", "a..b", ".a", "a.", "a.*", ">", &"a".repeat(5000)] {
            assert!(refuse_subject(refused).is_some(), "{refused}");
        }
        for (filter, is_refused) in [("a.*.>", false), (">", false), ("a..*", true), ("a.>.b", true), ("", true)] {
            assert_eq!(refuse_filter(filter).is_some(), is_refused, "{filter}");
        }
    }

    #[test]
    fn filters_overlap_where_a_subject_fits_both() {
        let cases = [("a.*", "*.b", true), ("a.>", "a.b.c", true), ("a.>", "a", false), ("a.b", "a.c", false)];
        for (left, right, expected) in cases {
            assert_eq!(overlap(left, right), expected, "{left} {right}");
            assert_eq!(overlap(right, left), expected, "{right} {left}");
        }
    }
}
