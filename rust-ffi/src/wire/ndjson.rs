//! Newline-delimited JSON (application/x-ndjson): one value a line, from bytes that come in any pieces.

use super::sse::MAX_EVENT;
use crate::engine::error::{Error, ErrorKind, Result};

/// Cuts a stream into lines. The outcome does not depend on how the stream is cut into pieces.
#[derive(Default)]
pub struct Lines {
    /// The unfinished line.
    carry: Vec<u8>,
}

impl Lines {
    /// Calls `on_line` for each line that `bytes` completes; blank ones are left out. `Ok(true)` when it said stop: the rest of the bytes
    /// was not looked at.
    pub fn feed(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str) -> Result<bool>) -> Result<bool> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let ended = if self.carry.is_empty() {
                line(&rest[..end], on_line)?
            } else {
                self.keep(&rest[..end])?;
                line(&std::mem::take(&mut self.carry), on_line)?
            };
            if ended {
                return Ok(true);
            }
            rest = &rest[end + 1..];
        }
        self.keep(rest)?;
        Ok(false)
    }

    /// The stream has ended: its last line may have no line break.
    pub fn finish(&mut self, on_line: &mut dyn FnMut(&str) -> Result<bool>) -> Result<bool> {
        line(&std::mem::take(&mut self.carry), on_line)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        if self.carry.len() + bytes.len() > MAX_EVENT {
            return Err(Error::new(ErrorKind::ApiResponseValidation, "the stream holds a line of more than 64 MiB"));
        }
        self.carry.extend_from_slice(bytes);
        Ok(())
    }
}

fn line(bytes: &[u8], on_line: &mut dyn FnMut(&str) -> Result<bool>) -> Result<bool> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::ApiResponseValidation, "the stream holds a line that is not valid UTF-8"))?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(false);
    }
    on_line(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        let mut take = |line: &str| {
            seen.push(line.to_owned());
            Ok(line == "stop")
        };
        for piece in pieces {
            if lines.feed(piece, &mut take)? {
                return Ok(seen);
            }
        }
        lines.finish(&mut take)?;
        Ok(seen)
    }

    #[test]
    fn l1_lines_are_the_same_however_they_come() {
        let text = "{\"a\":\"é😀\"}\r\n\n{\"b\":1}\n  \nlast".as_bytes();
        let whole = read(&[text]).unwrap();
        assert_eq!(whole, ["{\"a\":\"é😀\"}", "{\"b\":1}", "last"]);
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            assert_eq!(read(&[first, second]).unwrap(), whole, "cut at {cut}");
        }
        assert_eq!(read(&[b"a\nstop\nb\n"]).unwrap(), ["a", "stop"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        assert_eq!(read(&[b"\xff\xfe\n"]).unwrap_err().kind, ErrorKind::ApiResponseValidation);
        assert_eq!(read(&[b"\xc3"]).unwrap_err().kind, ErrorKind::ApiResponseValidation);
    }

    #[test]
    fn a_line_has_an_end() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 16 << 20];
        let fed: Result<Vec<_>> = (0..5).map(|_| lines.feed(&piece, &mut |_| Ok(false))).collect();
        assert!(fed.unwrap_err().message.contains("64 MiB"));
    }
}
