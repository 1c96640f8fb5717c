//! Server-sent events as the WHATWG HTML standard reads them (section 9.2, "event stream"), from bytes that come in any pieces.
//!
//! An event that lies whole within one piece and has one `data` line (nearly every event of nearly every provider) is handed out
//! as slices of that piece: nothing is copied or allocated. Only the unfinished tail of a piece is carried over.
//!
//! Where this differs from the standard, on purpose:
//! - Bytes that are not UTF-8 are an error. The standard puts U+FFFD in their place, which would change a model's answer unseen.
//! - An event that the end of the stream leaves without its blank line is handed out by [`Parser::finish`] and not dropped: some
//!   servers omit the last line break, and only the caller can tell whether its data is complete.
//! - An event whose data is the empty string is not handed out, be it without a `data` line (as in the standard) or with an empty
//!   one: providers send both to keep a connection alive.
//! - `id` and `retry` are read over: they serve reconnecting, and a request that may be billed is never sent again.

use memchr::memchr2;

/// The most that one event may hold. Audio and images come as single events of several MiB.
pub(crate) const MAX_EVENT: usize = 64 << 20;

/// A buffer above `SHRINK_ABOVE` is cut back to `KEEP` as soon as its content fits there; the gap keeps it from going to and fro.
const KEEP: usize = 16 << 10;
const SHRINK_ABOVE: usize = 64 << 10;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event, valid during the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's type; empty means the default, `message`.
    pub event: &'a str,
    /// The values of its `data` lines, joined by line feeds. Never empty.
    pub data: &'a str,
}

impl Event<'_> {
    /// Whether this is the end mark of OpenAI's protocol. Servers put spaces around it and text behind it, so the beginning decides.
    pub fn is_done(&self) -> bool {
        self.data.trim_start().starts_with("[DONE]")
    }
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    InvalidUtf8,
    /// A line, or the lines of one event together, exceed the cap (64 MiB).
    LineTooLong,
}

impl Flaw {
    pub fn message(self) -> &'static str {
        match self {
            Flaw::InvalidUtf8 => "the stream holds an event that is not valid UTF-8",
            Flaw::LineTooLong => "the stream holds an event of more than 64 MiB",
        }
    }
}

/// Reads one stream. The outcome does not depend on how the stream is cut into pieces.
pub struct Parser {
    /// What the unfinished event holds so far: its data, joined (`data_len` bytes), and then the raw bytes of the unfinished line.
    carry: Vec<u8>,
    data_len: usize,
    /// Tells an event with an empty `data` line from one without.
    has_data: bool,
    /// The unfinished event's type.
    name: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to the same line break.
    after_cr: bool,
    /// How much of a leading byte order mark has been seen; its full length also once there can be none any more.
    bom: usize,
    ended: bool,
    cap: usize,
}

/// What has been read of an event in the piece at hand, as slices of it.
#[derive(Default)]
struct Borrowed<'a> {
    data: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
}

enum Field<'a> {
    Data(&'a [u8]),
    Event(&'a [u8]),
    Other,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser with the usual cap of 64 MiB.
    pub fn new() -> Self {
        Self::with_cap(MAX_EVENT)
    }

    /// A parser that refuses an event of more than `cap` bytes: its type, its data so far and the line at hand.
    pub fn with_cap(cap: usize) -> Self {
        Parser { carry: Vec::new(), data_len: 0, has_data: false, name: Vec::new(), after_cr: false, bom: 0, ended: false, cap }
    }

    /// Calls `on_event` for each event that `bytes` completes.
    ///
    /// `Ok(true)`: the callback said stop, and the rest of the bytes was not looked at. After that, as after an error, everything
    /// else is ignored and the answer stays `Ok(true)`.
    pub fn feed<E: From<Flaw>>(
        &mut self,
        bytes: &[u8],
        on_event: &mut dyn FnMut(Event<'_>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.ended {
            return Ok(true);
        }
        let outcome = self.read(bytes, on_event);
        if !matches!(outcome, Ok(false)) {
            self.close();
        }
        outcome
    }

    /// The stream has ended: hands out the event that lacks its blank line, if there is one.
    ///
    /// Whether its data is complete is for the caller to judge. If the end cut a character in two, its first part is left out, so that
    /// the data shows as incomplete and not as broken.
    pub fn finish<E: From<Flaw>>(&mut self, on_event: &mut dyn FnMut(Event<'_>) -> Result<bool, E>) -> Result<bool, E> {
        if self.ended {
            return Ok(true);
        }
        self.end_carried_line();
        let outcome = match whole_characters(&self.carry) {
            Ok("") => Ok(false),
            Ok(data) => match whole_characters(&self.name) {
                Ok(event) => on_event(Event { event, data }),
                Err(flaw) => Err(flaw.into()),
            },
            Err(flaw) => Err(flaw.into()),
        };
        self.close();
        outcome
    }

    fn read<E: From<Flaw>>(&mut self, bytes: &[u8], on_event: &mut dyn FnMut(Event<'_>) -> Result<bool, E>) -> Result<bool, E> {
        let mut rest = self.skip_bom(bytes);
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        let mut borrowed = Borrowed::default();
        while let Some(end) = line_end(rest) {
            let line = &rest[..end];
            let cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.check_cap(&borrowed, line)?;
            if self.carry.len() > self.data_len {
                self.carry.extend_from_slice(line);
                self.end_carried_line();
            } else if line.is_empty() {
                if self.dispatch(std::mem::take(&mut borrowed), on_event)? {
                    return Ok(true);
                }
            } else {
                match field(line) {
                    Field::Data(value) if !self.has_data && borrowed.data.is_none() => borrowed.data = Some(value),
                    Field::Data(value) => {
                        self.keep_data(borrowed.data.take());
                        self.keep_data(Some(value));
                    }
                    Field::Event(value) => borrowed.name = Some(value),
                    Field::Other => {}
                }
            }
        }
        self.check_cap(&borrowed, rest)?;
        self.keep_data(borrowed.data);
        if let Some(name) = borrowed.name {
            replace(&mut self.name, name);
        }
        self.carry.extend_from_slice(rest);
        shrink(&mut self.carry);
        shrink(&mut self.name);
        Ok(false)
    }

    /// Strips the one byte order mark that may lead the stream; it may be cut too.
    fn skip_bom<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.bom < BOM.len() {
            let Some((&byte, rest)) = bytes.split_first() else { break };
            if byte != BOM[self.bom] {
                // It only began like one: these bytes are the beginning of the first line.
                self.carry.extend_from_slice(&BOM[..self.bom]);
                self.bom = BOM.len();
                break;
            }
            self.bom += 1;
            bytes = rest;
        }
        bytes
    }

    /// `line`: the line at hand, or as much of it as this piece brings. The sum is the same however the stream is cut.
    fn check_cap(&self, borrowed: &Borrowed<'_>, line: &[u8]) -> Result<(), Flaw> {
        let data = borrowed.data.map_or(self.carry.len(), <[u8]>::len);
        let name = borrowed.name.map_or(self.name.len(), <[u8]>::len);
        if data + name + line.len() > self.cap {
            return Err(Flaw::LineTooLong);
        }
        Ok(())
    }

    /// Adds the value of a `data` line to the carried data. Only called while no unfinished line is carried.
    fn keep_data(&mut self, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        if self.has_data {
            self.carry.push(b'\n');
        }
        self.carry.extend_from_slice(value);
        self.data_len = self.carry.len();
        self.has_data = true;
    }

    /// Takes the line that `carry` ends with as complete.
    fn end_carried_line(&mut self) {
        let line = &self.carry[self.data_len..];
        match field(line) {
            Field::Data(value) => {
                // The value moves down over its field's name, which is longer than the line feed that may take its place.
                let from = self.carry.len() - value.len();
                if self.has_data {
                    self.carry[self.data_len] = b'\n';
                    self.data_len += 1;
                }
                self.carry.copy_within(from.., self.data_len);
                self.data_len += self.carry.len() - from;
                self.has_data = true;
            }
            Field::Event(value) => replace(&mut self.name, value),
            Field::Other => {}
        }
        self.carry.truncate(self.data_len);
    }

    /// A blank line: the event is complete.
    fn dispatch<E: From<Flaw>>(
        &mut self,
        borrowed: Borrowed<'_>,
        on_event: &mut dyn FnMut(Event<'_>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let data = borrowed.data.unwrap_or(&self.carry);
        let stop = if data.is_empty() {
            false
        } else {
            let data = utf8(data)?;
            let event = utf8(borrowed.name.unwrap_or(&self.name))?;
            on_event(Event { event, data })?
        };
        self.carry.clear();
        self.data_len = 0;
        self.has_data = false;
        self.name.clear();
        Ok(stop)
    }

    /// Nothing will be read any more: gives the memory back.
    fn close(&mut self) {
        *self = Parser { ended: true, ..Parser::with_cap(self.cap) };
    }
}

/// Where the first line ends. Half of all lines are blank, and need no search.
fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first() {
        Some(b'\n' | b'\r') => Some(0),
        _ => memchr2(b'\n', b'\r', bytes),
    }
}

fn field(line: &[u8]) -> Field<'_> {
    if let Some(value) = value_of(line, b"data") {
        Field::Data(value)
    } else if let Some(value) = value_of(line, b"event") {
        Field::Event(value)
    } else {
        // A comment, `id`, `retry` or a field that nobody defined.
        Field::Other
    }
}

/// The line's value if it is of the field `name`: without colon an empty one, and behind the colon one space is no part of it.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

fn replace(name: &mut Vec<u8>, value: &[u8]) {
    name.clear();
    name.extend_from_slice(value);
}

/// Gives back what one huge event has taken.
fn shrink(buffer: &mut Vec<u8>) {
    if buffer.capacity() > SHRINK_ABOVE && buffer.len() <= KEEP {
        buffer.shrink_to(KEEP);
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Flaw> {
    std::str::from_utf8(bytes).map_err(|_| Flaw::InvalidUtf8)
}

/// The text up to a character that the end has cut.
fn whole_characters(bytes: &[u8]) -> Result<&str, Flaw> {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => utf8(&bytes[..error.valid_up_to()]),
        outcome => outcome.map_err(|_| Flaw::InvalidUtf8),
    }
}

#[cfg(test)]
mod tests;
