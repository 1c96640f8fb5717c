//! Ollama's own protocol: chats, prompts and embeddings of a server at home.
//!
//! Source: Ollama's API reference (`docs/api.md` of its repository). litellm has two providers for it: `ollama_chat` speaks `/api/chat`;
//! `ollama` writes the conversation into one prompt for `/api/generate`. Only the former endpoint knows tools, so a call with tools goes
//! there from both.

mod answer;
mod image;
mod prompt;
mod request;
mod stream;
mod think;

use bytes::Bytes;

use self::answer::Reader;
use super::errors::Origin;
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

pub struct Ollama;

impl Dialect for Ollama {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        request::prepare(super::openai::row(&route.provider)?, operation, route, request)
    }
}

/// What a call is made of, which decides how its answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Chat,
    Generate,
    Embed,
}

impl Endpoint {
    fn path(self) -> &'static str {
        match self {
            Endpoint::Chat => "api/chat",
            Endpoint::Generate => "api/generate",
            Endpoint::Embed => "api/embed",
        }
    }

    const ALL: [Endpoint; 3] = [Endpoint::Chat, Endpoint::Generate, Endpoint::Embed];
}

struct Decoder {
    origin: Origin,
    endpoint: Endpoint,
    include_usage: bool,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let reader = Reader { origin: &self.origin, status: head.status };
        match self.endpoint {
            Endpoint::Chat => reader.chat(&body),
            Endpoint::Generate => reader.generate(&body),
            Endpoint::Embed => reader.embed(&body),
        }
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        Box::new(stream::Decoder::new(self.origin.clone(), self.endpoint, self.include_usage))
    }
}
