//! AWS's event streams (`application/vnd.amazon.eventstream`): frames with two checksums.
//!
//! A frame is `total length: u32, length of the headers: u32, CRC32 of these eight bytes, headers, payload, CRC32 of all before`, in network
//! order. Source: the Smithy specification of the Amazon event stream.

use crate::engine::error::{Error, ErrorKind, Result};

/// The media type of such a stream.
pub const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";
const PRELUDE: usize = 12;
const TRAILER: usize = 4;
/// AWS's own limit. A length above it is no frame.
const LONGEST: usize = 16 << 20;

/// A value of a header. All ten types are read; text is what Bedrock sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Byte(i8),
    Short(i16),
    Integer(i32),
    Long(i64),
    Bytes(Vec<u8>),
    Text(String),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid([u8; 16]),
}

/// One frame.
#[derive(Debug, PartialEq)]
pub struct Frame<'f> {
    pub headers: Vec<(String, Value)>,
    pub payload: &'f [u8],
}

impl Frame<'_> {
    /// A header's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(known, value)| match value {
            Value::Text(text) if known == name => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// The beginning of the buffer that was handed out.
    done: usize,
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8]) {
        if self.done > 0 {
            self.buffer.drain(..self.done);
            self.done = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>> {
        let rest = &self.buffer[self.done..];
        if rest.len() < PRELUDE {
            return Ok(None);
        }
        let (total, headers) = (number(&rest[..4]) as usize, number(&rest[4..8]) as usize);
        if crc32fast::hash(&rest[..8]) != number(&rest[8..12]) {
            return Err(broken("the checksum of a frame's beginning is wrong"));
        }
        if total > LONGEST || total < PRELUDE + TRAILER + headers {
            return Err(broken(&format!("a frame of {total} bytes with {headers} bytes of headers is none")));
        }
        if rest.len() < total {
            return Ok(None);
        }
        let at = self.done;
        self.done += total;
        let frame = &self.buffer[at..at + total];
        let (checked, checksum) = frame.split_at(total - TRAILER);
        if crc32fast::hash(checked) != number(checksum) {
            return Err(broken("the checksum of a frame is wrong"));
        }
        let (head, payload) = checked[PRELUDE..].split_at(headers);
        let headers = read_headers(head).ok_or_else(|| broken("the headers of a frame cannot be read"))?;
        Ok(Some(Frame { headers, payload }))
    }

    /// What is left of a frame that was cut.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.done..]
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::ApiResponseValidation, format!("the event stream is damaged: {what}"))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn read_headers(mut rest: &[u8]) -> Option<Vec<(String, Value)>> {
    fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
        let (taken, left) = rest.split_at_checked(length)?;
        *rest = left;
        Some(taken)
    }
    fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
        take(rest, N)?.try_into().ok()
    }
    let mut out = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(array::<1>(&mut rest)?[0]);
        let name = std::str::from_utf8(take(&mut rest, length)?).ok()?.to_owned();
        let value = match array::<1>(&mut rest)?[0] {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(array(&mut rest)?)),
            3 => Value::Short(i16::from_be_bytes(array(&mut rest)?)),
            4 => Value::Integer(i32::from_be_bytes(array(&mut rest)?)),
            5 => Value::Long(i64::from_be_bytes(array(&mut rest)?)),
            kind @ (6 | 7) => {
                let length = usize::from(u16::from_be_bytes(array(&mut rest)?));
                let bytes = take(&mut rest, length)?.to_vec();
                if kind == 6 {
                    Value::Bytes(bytes)
                } else {
                    Value::Text(String::from_utf8(bytes).ok()?)
                }
            }
            8 => Value::Timestamp(i64::from_be_bytes(array(&mut rest)?)),
            9 => Value::Uuid(array(&mut rest)?),
            _ => return None,
        };
        out.push((name, value));
    }
    Some(out)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut out = ((PRELUDE + headers.len() + payload.len() + TRAILER) as u32).to_be_bytes().to_vec();
        out.extend((headers.len() as u32).to_be_bytes());
        out.extend(crc32fast::hash(&out).to_be_bytes());
        out.extend(headers);
        out.extend(payload);
        out.extend(crc32fast::hash(&out).to_be_bytes());
        out
    }

    /// A frame with an event of Bedrock's.
    pub fn event(kind: &str, payload: &serde_json::Value) -> Vec<u8> {
        let mut headers = Vec::new();
        for (name, value) in [(":message-type", "event"), (":event-type", kind)] {
            headers.push(name.len() as u8);
            headers.extend(name.bytes());
            headers.push(7);
            headers.extend((value.len() as u16).to_be_bytes());
            headers.extend(value.bytes());
        }
        frame(&headers, payload.to_string().as_bytes())
    }

    #[test]
    fn b1_all_ten_types_of_headers_are_read() {
        let mut headers = Vec::new();
        let mut add = |kind: u8, value: &[u8]| {
            headers.extend([1, b'a' + kind, kind]);
            headers.extend(value);
        };
        add(0, &[]);
        add(1, &[]);
        add(2, &[0xFF]);
        add(3, &(-2i16).to_be_bytes());
        add(4, &(-3i32).to_be_bytes());
        add(5, &(-4i64).to_be_bytes());
        add(6, &[0, 2, 7, 8]);
        add(7, &[0, 2, 0xC3, 0xA9]);
        add(8, &5i64.to_be_bytes());
        add(9, &[9; 16]);
        let mut frames = Frames::default();
        frames.push(&frame(&headers, b"{}"));
        let read = frames.next().unwrap().unwrap();
        let values: Vec<Value> = read.headers.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(
            values,
            [
                Value::Bool(true),
                Value::Bool(false),
                Value::Byte(-1),
                Value::Short(-2),
                Value::Integer(-3),
                Value::Long(-4),
                Value::Bytes(vec![7, 8]),
                Value::Text("é".into()),
                Value::Timestamp(5),
                Value::Uuid([9; 16]),
            ]
        );
        assert_eq!((read.text("h"), read.text("c"), read.payload), (Some("é"), None, &b"{}"[..]));
        assert!(frames.next().unwrap().is_none() && frames.rest().is_empty());
    }

    #[test]
    fn b1_every_damaged_byte_is_found() {
        let good = frame(&[1, b'h', 7, 0, 1, b'v'], b"payload");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let mut frames = Frames::default();
            frames.push(&bad);
            let read = frames.next();
            assert!(read.is_err(), "byte {at}: {read:?}");
        }
    }

    #[test]
    fn b1_lengths_have_a_limit() {
        for (total, headers) in [(17u32 << 20, 0u32), (15, 0), (20, 100), (u32::MAX, u32::MAX)] {
            let mut bytes = total.to_be_bytes().to_vec();
            bytes.extend(headers.to_be_bytes());
            bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
            let mut frames = Frames::default();
            frames.push(&bytes);
            assert!(frames.next().is_err(), "{total} {headers}");
        }
        // Headers that go beyond their part, and a type that is not known.
        for headers in [&[5u8, b'h'][..], &[1, b'h', 7, 0, 9, b'v'], &[1, b'h', 10]] {
            let mut frames = Frames::default();
            frames.push(&frame(headers, b""));
            assert!(frames.next().is_err(), "{headers:?}");
        }
    }
}
