//! Google's `generateContent` of providers that have another protocol: the request is a chat, and what comes back is in Google's words again.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::answer::{of_chat as content_of_chat, Events as ContentEvents};
use super::pieces::Stream;
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::{Decode, Head, HttpCall, StreamDecode};

/// The chat that stands for a request of `generateContent`.
pub fn content_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let call = request::read(route, request)?.prepare(route, request, request::TAKEN)?;
    Ok(HttpCall { decode: Box::new(Bridge { chat: call.decode, model: route.model.clone() }), ..call })
}

struct Bridge {
    chat: Box<dyn Decode>,
    model: String,
}

impl Decode for Bridge {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        content_of_chat(&self.chat.answer(head, body)?)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.chat.error(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(Stream::new(self.chat.stream(head), ContentEvents::new(&self.model)))
    }
}
