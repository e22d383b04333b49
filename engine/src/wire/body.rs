//! The parts of a body: numbers, texts, bytes, and values in postcard.

use bytes::{Buf, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::WireError;

/// Appends a number: 7 bits a byte, the low ones first, the top bit says that more follow.
pub fn put_number(buffer: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        buffer.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    buffer.push(rest as u8);
}

/// Appends bytes behind their number.
pub fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_number(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

/// Appends a text as its bytes.
pub fn put_text(buffer: &mut Vec<u8>, text: &str) {
    put_bytes(buffer, text.as_bytes());
}

/// Appends a value in postcard, to the end of the body.
pub(super) fn put_value(buffer: &mut Vec<u8>, value: &impl Serialize) {
    let bytes = postcard::to_allocvec(value).expect("these types have no map of unknown length and no failing impl");
    buffer.extend_from_slice(&bytes);
}

/// The unread rest of a frame's body.
pub struct Body {
    kind: u8,
    rest: Bytes,
}

impl Body {
    /// The body of a frame of this kind, which its errors name.
    pub fn new(kind: u8, bytes: Bytes) -> Self {
        Self { kind, rest: bytes }
    }

    /// The error that says what could not be read.
    pub fn unreadable(&self, what: &'static str) -> WireError {
        WireError::Body { kind: self.kind, what }
    }

    /// One byte.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        self.rest.try_get_u8().map_err(|_| self.unreadable(what))
    }

    /// A number.
    ///
    /// # Errors
    /// It is cut off, or has more than 64 bits.
    pub fn number(&mut self, what: &'static str) -> Result<u64, WireError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.unreadable(what))
    }

    /// A number of at most 32 bits.
    ///
    /// # Errors
    /// It is cut off, or larger.
    pub fn short_number(&mut self, what: &'static str) -> Result<u32, WireError> {
        u32::try_from(self.number(what)?).map_err(|_| self.unreadable(what))
    }

    /// Bytes behind their number, shared with the frame.
    ///
    /// # Errors
    /// Fewer are there.
    pub fn bytes(&mut self, what: &'static str) -> Result<Bytes, WireError> {
        let n_bytes = usize::try_from(self.number(what)?).unwrap_or(usize::MAX);
        if n_bytes > self.rest.len() {
            return Err(self.unreadable(what));
        }
        Ok(self.rest.split_to(n_bytes))
    }

    /// A text.
    ///
    /// # Errors
    /// Fewer bytes are there, or they are no UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<String, WireError> {
        let bytes = self.bytes(what)?;
        String::from_utf8(bytes.into()).map_err(|_| self.unreadable(what))
    }

    /// A text where there is one.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn optional_text(&mut self, is_there: bool, what: &'static str) -> Result<Option<String>, WireError> {
        is_there.then(|| self.text(what)).transpose()
    }

    /// A number where there is one.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn optional_number(&mut self, is_there: bool, what: &'static str) -> Result<Option<u64>, WireError> {
        is_there.then(|| self.number(what)).transpose()
    }

    /// All that is left.
    pub fn remainder(&mut self) -> Bytes {
        std::mem::take(&mut self.rest)
    }

    /// The rest as a value in postcard.
    ///
    /// # Errors
    /// It is none of this type, or something follows it.
    pub(super) fn value<T: DeserializeOwned>(&mut self, what: &'static str) -> Result<T, WireError> {
        match postcard::take_from_bytes(&self.remainder()) {
            Ok((value, [])) => Ok(value),
            _ => Err(self.unreadable(what)),
        }
    }

    /// How many of something follow, each of at least one byte: so that a made-up number reserves no memory.
    ///
    /// # Errors
    /// More than bytes are left.
    pub fn count(&mut self, what: &'static str) -> Result<usize, WireError> {
        let count = usize::try_from(self.number(what)?).unwrap_or(usize::MAX);
        if count > self.rest.len() { Err(self.unreadable(what)) } else { Ok(count) }
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.unreadable("end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, put_bytes, put_number};

    fn body(bytes: &[u8]) -> Body {
        Body::new(1, bytes.to_vec().into())
    }

    #[test]
    fn numbers_come_back_from_as_few_bytes_as_they_need() {
        for (number, n_bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(bytes.len(), n_bytes, "{number}");
            let mut body = body(&bytes);
            assert_eq!(body.number("it"), Ok(number));
            assert_eq!(body.end(), Ok(()));
            for cut in 0..n_bytes {
                assert!(super::tests::body(&bytes[..cut]).number("it").is_err(), "{number} cut at {cut}");
            }
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_refused() {
        assert!(body(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).number("it").is_err());
        assert!(body(&[0x80; 11]).number("it").is_err());
    }

    #[test]
    fn a_made_up_length_takes_nothing() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, u64::MAX);
        assert!(body(&bytes).bytes("it").is_err());
        assert!(body(&bytes).count("it").is_err());
        bytes.clear();
        put_bytes(&mut bytes, &[0xff, 0xfe]);
        assert_eq!(body(&bytes).text("it").unwrap_err().to_string(), "a frame of kind 0x01 whose it cannot be read");
    }
}
