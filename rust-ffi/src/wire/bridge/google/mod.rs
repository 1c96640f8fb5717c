//! Google's `generateContent` of providers that have another protocol: the request is a chat, and what comes back is in Google's words again.

mod answer;
mod request;
#[cfg(test)]
mod tests;

pub use self::answer::{of_chat as content_of_chat, Events as ContentEvents};
use super::over_chat::{answered, Words};
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::HttpCall;

/// The chat that stands for a request of `generateContent`.
pub fn content_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let call = request::read(route, request)?.prepare(route, request, request::TAKEN)?;
    Ok(answered(call, Own { model: route.model.clone() }))
}

/// Google's words.
struct Own {
    model: String,
}

impl Words for Own {
    type Writer = ContentEvents;

    fn answer(&self, chat: &[u8]) -> Result<Vec<u8>> {
        content_of_chat(chat)
    }

    fn writer(&self) -> ContentEvents {
        ContentEvents::new(&self.model)
    }
}
