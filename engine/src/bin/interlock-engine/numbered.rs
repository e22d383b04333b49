//! Messages whose payload says which one it is, so that a reader can tell a missing, doubled or swapped one.

/// The payload of the message of this number, from 1: the number in 20 digits, then filling.
pub(crate) fn payload(number: u64, n_bytes: usize) -> Vec<u8> {
    let mut bytes = format!("{number:020}").into_bytes();
    // The filling differs from message to message: bytes of another one would be noticed.
    let filling = b'a' + u8::try_from(number % 26).unwrap_or(0);
    bytes.resize(n_bytes.max(bytes.len()), filling);
    bytes
}

/// The number that a payload has, or nothing where it is not such a payload.
pub(crate) fn number_of(found: &[u8]) -> Option<u64> {
    let digits = found.get(..20).and_then(|digits| std::str::from_utf8(digits).ok())?;
    let number = digits.parse().ok()?;
    (payload(number, found.len()) == found).then_some(number)
}

/// Checks numbered messages one by one.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    n_checked: u64,
}

impl Checker {
    /// Takes the next message.
    ///
    /// # Errors
    /// It is not the next number.
    pub(crate) fn check(&mut self, seq: u64, found: &[u8]) -> anyhow::Result<()> {
        let expected = self.n_checked + 1;
        match number_of(found) {
            Some(number) if number == expected => {
                self.n_checked = expected;
                Ok(())
            }
            Some(number) => anyhow::bail!("sequence {seq} holds message {number}, where {expected} should be"),
            None => anyhow::bail!("sequence {seq} holds no numbered message, where {expected} should be"),
        }
    }

    pub(crate) fn n_checked(&self) -> u64 {
        self.n_checked
    }
}

#[cfg(test)]
mod tests {
    use super::{Checker, number_of, payload};

    #[test]
    fn a_payload_says_its_number() {
        for number in [1, 27, 100_000, u64::MAX] {
            assert_eq!(number_of(&payload(number, 128)), Some(number));
        }
        assert_eq!(payload(7, 0).len(), 20);
        assert_eq!(payload(7, 1024).len(), 1024);
    }

    #[test]
    fn other_bytes_have_no_number() {
        let mut torn = payload(7, 128);
        torn[127] = b'z';
        assert_eq!(number_of(&torn), None);
        assert_eq!(number_of(b"hello"), None);
    }

    #[test]
    fn a_gap_and_a_double_are_noticed() {
        let mut checker = Checker::default();
        checker.check(1, &payload(1, 64)).unwrap();
        let gap = checker.check(2, &payload(3, 64)).unwrap_err();
        assert_eq!(gap.to_string(), "sequence 2 holds message 3, where 2 should be");
        assert!(checker.check(2, &payload(1, 64)).is_err());
        assert_eq!(checker.n_checked(), 1);
    }
}
