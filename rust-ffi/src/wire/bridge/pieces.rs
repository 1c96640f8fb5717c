//! A chat's stream read piece by piece, for the protocols that tell the same in events of their own.

use serde_json::Value;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::{StreamDecode, StreamEvent};

/// What one event of a chat's stream says of its first choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    Reasoning(String),
    /// What Claude signs its thinking with, which has to come back with it.
    Signature(String),
    Refusal(String),
    /// A call of a tool begins.
    Call {
        slot: i64,
        id: String,
        name: String,
    },
    Arguments {
        slot: i64,
        text: String,
    },
    Finish(String),
    Usage(Value),
}

/// Writes a stream of another protocol.
pub trait Writer: Send {
    /// The chat has begun; its id and its model.
    fn begin(&mut self, id: &str, model: &str, out: &mut Vec<StreamEvent>);

    fn piece(&mut self, piece: Piece, out: &mut Vec<StreamEvent>) -> Result<()>;

    /// The chat is complete.
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()>;
}

/// A chat's stream, written by a [`Writer`].
pub struct Stream<W> {
    chat: Box<dyn StreamDecode>,
    pieces: Pieces<W>,
}

impl<W: Writer> Stream<W> {
    pub fn new(chat: Box<dyn StreamDecode>, writer: W) -> Self {
        Stream { chat, pieces: Pieces::new(writer) }
    }
}

impl<W: Writer> StreamDecode for Stream<W> {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        let mut events = Vec::new();
        let ended = self.chat.feed(bytes, &mut events);
        self.pieces.write(&events, out)?;
        let ended = ended?;
        if ended {
            self.pieces.end(out)?;
        }
        Ok(ended)
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let mut events = Vec::new();
        let ended = self.chat.end(&mut events);
        self.pieces.write(&events, out)?;
        ended?;
        self.pieces.end(out)
    }
}

/// Takes a chat's events apart.
pub struct Pieces<W> {
    writer: W,
    begun: bool,
    ended: bool,
}

impl<W: Writer> Pieces<W> {
    pub fn new(writer: W) -> Self {
        Pieces { writer, begun: false, ended: false }
    }

    pub fn write(&mut self, events: &[StreamEvent], out: &mut Vec<StreamEvent>) -> Result<()> {
        for event in events {
            match event {
                StreamEvent::Chunk { json, .. } => self.chunk(json, out)?,
                StreamEvent::Content { index: 0, text, .. } => self.writer.piece(Piece::Text(text.clone()), out)?,
                StreamEvent::Reasoning { index: 0, text, .. } => self.writer.piece(Piece::Reasoning(text.clone()), out)?,
                StreamEvent::Arguments { index: 0, slot, text, .. } => {
                    self.writer.piece(Piece::Arguments { slot: i64::from(*slot), text: text.clone() }, out)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        self.writer.end(out)
    }

    fn chunk(&mut self, json: &[u8], out: &mut Vec<StreamEvent>) -> Result<()> {
        let chunk: Value = serde_json::from_slice(json)
            .map_err(|_| Error::new(ErrorKind::ApiResponseValidation, "a chunk of the chat behind this call is none"))?;
        if !std::mem::replace(&mut self.begun, true) {
            let word = |name: &str| chunk[name].as_str().unwrap_or_default();
            self.writer.begin(word("id"), word("model"), out);
        }
        for choice in
            chunk["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"].as_i64().unwrap_or(0) == 0)
        {
            for piece in pieces_of(&choice["delta"]) {
                self.writer.piece(piece, out)?;
            }
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.writer.piece(Piece::Finish(reason.to_owned()), out)?;
            }
        }
        if chunk["usage"].is_object() {
            self.writer.piece(Piece::Usage(chunk["usage"].clone()), out)?;
        }
        Ok(())
    }
}

/// The pieces of a delta, or of a whole message, in the order in which they are to be told.
pub fn pieces_of(delta: &Value) -> Vec<Piece> {
    let text = |name: &str| delta[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mut out: Vec<Piece> = text("reasoning_content").map(Piece::Reasoning).into_iter().collect();
    for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
        out.extend(block["signature"].as_str().filter(|text| !text.is_empty()).map(|text| Piece::Signature(text.to_owned())));
    }
    out.extend(text("content").map(Piece::Text));
    out.extend(text("refusal").map(Piece::Refusal));
    for (at, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let slot = call["index"].as_i64().unwrap_or(at as i64);
        let word = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (id, name) = (word(&call["id"]), word(&call["function"]["name"]));
        if id.is_some() || name.is_some() {
            out.push(Piece::Call { slot, id: id.unwrap_or_default(), name: name.unwrap_or_default() });
        }
        out.extend(word(&call["function"]["arguments"]).map(|text| Piece::Arguments { slot, text }));
    }
    out
}

/// An event of the protocol that is written.
pub fn event(json: &Value, text: &str) -> StreamEvent {
    StreamEvent::Chunk { json: json.to_string().into_bytes(), index: 0, text: text.to_owned() }
}
