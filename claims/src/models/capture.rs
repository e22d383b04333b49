//! What a process printed, in bounded memory: its start, its end, how much there was, and its first panic.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes kept from the words that announce a panic.
const PANIC_BYTES: usize = 4 * 1024;
const PANIC_WORDS: &str = "panicked at ";

/// What a process printed to one stream.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    n_bytes: u64,
    /// What follows the first announcement of a panic.
    panic: Option<Vec<u8>>,
    /// The end of the last chunk: the words may be cut in two.
    carried: Vec<u8>,
    /// Bytes kept of the start, and of the end.
    kept_bytes: usize,
}

impl Capture {
    fn keeping(kept_bytes: usize) -> Capture {
        Capture { kept_bytes, ..Capture::default() }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.n_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let n_head = chunk.len().min(self.kept_bytes - self.head.len());
        self.head.extend_from_slice(&chunk[..n_head]);
        self.tail.extend(&chunk[chunk.len().saturating_sub(self.kept_bytes).max(n_head)..]);
        let n_surplus = self.tail.len().saturating_sub(self.kept_bytes);
        self.tail.drain(..n_surplus);
        self.look_for_panic(chunk);
    }

    fn look_for_panic(&mut self, chunk: &[u8]) {
        if let Some(panic) = &mut self.panic {
            let n_wanted = PANIC_BYTES.saturating_sub(panic.len()).min(chunk.len());
            panic.extend_from_slice(&chunk[..n_wanted]);
            return;
        }
        let mut seen = std::mem::take(&mut self.carried);
        seen.extend_from_slice(chunk);
        // A search of text is several times as fast as one of bytes, and there may be gigabytes.
        let after = String::from_utf8_lossy(&seen).split_once(PANIC_WORDS).map(|(_, after)| after.as_bytes().to_vec());
        match after {
            Some(mut after) => {
                after.truncate(PANIC_BYTES);
                self.panic = Some(after);
            }
            None => self.carried = seen.split_off(seen.len().saturating_sub(PANIC_WORDS.len() - 1)),
        }
    }

    /// How many bytes there were.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The start and the end, with what was left out between them.
    pub(crate) fn text(&self) -> String {
        let (head, tail) = (String::from_utf8_lossy(&self.head), self.tail());
        let kept = u64::try_from(self.head.len() + self.tail.len()).unwrap_or(u64::MAX);
        match self.n_bytes - kept {
            0 => format!("{head}{tail}"),
            n_left_out => format!("{head}\n[{n_left_out} bytes left out]\n{tail}"),
        }
    }

    fn tail(&self) -> String {
        String::from_utf8_lossy(&self.tail.iter().copied().collect::<Vec<u8>>()).into_owned()
    }

    /// The first panic: its message, and where it was.
    pub(crate) fn first_panic(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.panic.as_ref()?);
        let (place, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let place = place.trim().trim_end_matches(':');
        let is_message = |line: &&str| !line.starts_with("note: ") && !line.starts_with("stack backtrace:");
        let message: Vec<&str> = rest.lines().take_while(is_message).take(4).map(str::trim).collect();
        let message = message.join(" ").trim().to_owned();
        Some(if message.is_empty() { format!("panic at {place}") } else { format!("{message} ({place})") })
    }
}

/// Reads a stream to its end in a thread of its own, so that a process that prints is never kept waiting.
pub(crate) fn captured(mut stream: impl Read + Send + 'static, kept_bytes: usize) -> Arc<Mutex<Capture>> {
    let capture = Arc::new(Mutex::new(Capture::keeping(kept_bytes)));
    let filled = Arc::clone(&capture);
    // interlock: allow(dropped-task-handle): a grandchild may hold the stream open for longer than anyone wants to wait
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            filled.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..n]);
        }
    });
    capture
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT_BYTES: usize = 16 * 1024;

    fn capture(chunks: &[&[u8]]) -> Capture {
        let mut capture = Capture::keeping(KEPT_BYTES);
        for chunk in chunks {
            capture.push(chunk);
        }
        capture
    }

    #[test]
    fn a_short_text_is_kept_whole() {
        assert_eq!(capture(&[b"ab", b"c", b""]).text(), "abc");
    }

    #[test]
    fn a_long_text_keeps_its_ends_in_bounded_memory() {
        let mut capture = Capture::keeping(KEPT_BYTES);
        capture.push(b"start");
        for _ in 0..100 {
            capture.push(&[b'x'; 50_000]);
        }
        capture.push(b"end");
        let text = capture.text();
        assert!(text.starts_with("start") && text.ends_with("end"), "{} bytes", text.len());
        assert_eq!(capture.n_bytes(), 5_000_008);
        assert!(text.contains(&format!("[{} bytes left out]", 5_000_008 - 2 * KEPT_BYTES)));
        assert!(capture.head.capacity() + capture.tail.capacity() < 300_000);
    }

    #[test]
    fn the_ends_meet_without_loss_or_doubling() {
        for n_bytes in [KEPT_BYTES - 1, KEPT_BYTES, KEPT_BYTES + 1, 2 * KEPT_BYTES] {
            let text: Vec<u8> = (0..n_bytes).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
            for size in [1000, KEPT_BYTES, n_bytes] {
                let chunks: Vec<&[u8]> = text.chunks(size).collect();
                assert_eq!(capture(&chunks).text().as_bytes(), text);
            }
        }
    }

    #[test]
    fn the_first_panic_is_found_in_the_middle_and_across_chunks() {
        let noise = [b'x'; 100_000];
        let found = capture(&[
            &noise,
            b"\nthread 'a' (7) panick",
            b"ed at src/lib.rs:3:5:\ndeadlock; ",
            b"threads\nnote: run with\n",
            &noise,
            b"panicked at later.rs:1:1:\nsecond",
        ]);
        assert_eq!(found.first_panic().as_deref(), Some("deadlock; threads (src/lib.rs:3:5)"));
        assert_eq!(capture(&[&noise]).first_panic(), None);
    }
}
