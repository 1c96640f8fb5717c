//! Cohere's protocol, version 2: chats and embeddings.
//!
//! Source: Cohere's API reference (v2 `chat`, `chat` streamed, `embed`). Messages and tools are OpenAI's; answers and events are Cohere's.

mod answer;
mod request;
mod stream;

use bytes::Bytes;

use self::answer::Reader;
pub use self::request::check_kinds;
use super::errors::Origin;
use super::events;
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

pub struct Cohere;

impl Dialect for Cohere {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        request::prepare(super::openai::row(&route.provider)?, operation, route, request)
    }
}

/// The vectors of an answer in the form that Cohere's models have wherever they are served. `counted` are the tokens of the texts, where the
/// answer does not tell them.
pub fn vectors(origin: &Origin, status: u16, body: &[u8], counted: Option<u64>) -> Result<Vec<u8>> {
    Reader { origin, status }.embedding(body, counted)
}

struct Decoder {
    origin: Origin,
    operation: Operation,
    include_usage: bool,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let reader = Reader { origin: &self.origin, status: head.status };
        match self.operation {
            Operation::Embedding => reader.embedding(&body, None),
            _ => reader.chat(&body),
        }
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        Box::new(events::Decoder::new(stream::Stream::new(self.origin.clone(), self.include_usage)))
    }
}
