//! What the translations of a request into a chat share: the chat in the making, and the way back of its answer.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::value::{to_raw_value, RawValue};
use serde_json::Value;

use super::pieces::{Stream, Writer};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::params::sort::Rules;
use crate::wire::params::Param;
use crate::wire::{dialect, providers, Decode, Head, HttpCall, Operation, StreamDecode};

/// The words of the protocol that the caller speaks, for what comes back of the chat.
pub trait Words: Send + Sync + 'static {
    type Writer: Writer + 'static;

    /// The answer of a chat that is not streamed.
    fn answer(&self, chat: &[u8]) -> Result<Vec<u8>>;

    /// What writes the events of one stream.
    fn writer(&self) -> Self::Writer;
}

/// The call of a chat, answered in other words.
pub fn answered(call: HttpCall, words: impl Words) -> HttpCall {
    HttpCall { decode: Box::new(Bridge { chat: call.decode, words }), ..call }
}

struct Bridge<W> {
    chat: Box<dyn Decode>,
    words: W,
}

impl<W: Words> Decode for Bridge<W> {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        self.words.answer(&self.chat.answer(head, body)?)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.chat.error(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(Stream::new(self.chat.stream(head), self.words.writer()))
    }
}

/// The members of a chat request that were translated. What needs no translation stays the caller's own text.
#[derive(Default)]
pub struct Chat {
    own: IndexMap<String, Box<RawValue>>,
    pub messages: Vec<Value>,
}

impl Chat {
    pub fn set(&mut self, name: &str, value: &Value) -> Result<()> {
        let raw = to_raw_value(value).map_err(|error| Error::bad_request(format!("`{name}` cannot be written: {error}")))?;
        self.own.insert(name.to_owned(), raw);
        Ok(())
    }

    /// Asks the provider by a chat: `request` without the members `taken`, and with those that were made.
    pub fn prepare(mut self, route: &Route, request: &Request<'_>, taken: &[&str]) -> Result<HttpCall> {
        let messages = Value::from(std::mem::take(&mut self.messages));
        self.set("messages", &messages)?;
        if request.is_stream()? {
            // Both protocols tell the tokens of a stream unasked.
            self.set("stream_options", &serde_json::json!({ "include_usage": true }))?;
        }
        let mut chat = Request {
            fields: request.fields.clone(),
            settings: request.settings.clone(),
            attachments: request.attachments.clone(),
        };
        for name in taken {
            chat.fields.shift_remove(*name);
        }
        for (name, raw) in &self.own {
            chat.fields.insert(name.clone(), raw);
        }
        dialect(route).prepare(Operation::Completion, route, &chat)
    }
}

/// Does the provider's list for this model have the parameter?
pub fn lists(route: &Route, param: Param) -> bool {
    providers::find(&route.provider).is_some_and(|row| (row.chat)(&route.model).set().has(param))
}

/// What no chat has a word for: left out where the caller wants that, and refused where not.
pub fn refuse(rules: &Rules<'_>, route: &Route, name: &str, operation: Operation) -> Result<()> {
    if rules.drop || rules.without.contains(&Cow::Borrowed(name)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UnsupportedParams,
        format!(
            "{} has no {} of its own and is asked by a chat, which has no `{name}`. Leave it out, or pass drop_params=True (or set \
             drop_params) to have it left out for you",
            route.provider,
            operation.name()
        ),
    ))
}

/// What cannot be left out without changing what the messages say.
pub fn no_form(route: &Route, what: &str) -> Error {
    Error::bad_request(format!(
        "{what} has no form in a chat, by which {} is asked; leave it out or write it as text",
        route.provider
    ))
}

/// The parts of a message, as the text that they are where they are nothing else.
pub fn content(parts: Vec<Value>) -> Value {
    match parts.as_slice() {
        [only] if only["type"] == "text" && only.as_object().is_some_and(|part| part.len() == 2) => only["text"].clone(),
        _ => Value::Array(parts),
    }
}
