//! Google's protocol of `generateContent`, which the Gemini API (AI Studio) and Vertex AI speak.

mod address;
mod answer;
mod calls;
mod config;
mod content;
mod credentials;
mod embedding;
mod exchange;
mod media;
mod messages;
pub mod models;
mod own;
mod partners;
mod passing;
mod request;
mod schema;
mod signatures;
mod stream;
mod tools;
pub mod usage;

pub use self::request::{partner, Destination};

use bytes::Bytes;

use self::address::Door;
use self::answer::Embedded;
use super::errors::Origin;
use super::events;
use super::providers::{Protocol, Provider};
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

/// `gemini/`: the Gemini API, with a key.
pub struct AiStudio;

/// `vertex_ai/`: Gemini's models on Vertex AI, and those of other companies there, with an access token.
pub struct Vertex;

impl Dialect for AiStudio {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        prepare(Door::AiStudio, operation, route, request)
    }
}

impl Dialect for Vertex {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        prepare(Door::Vertex, operation, route, request)
    }
}

/// Does this provider serve this model by Google's protocol?
pub fn speaks(row: Option<&Provider>, model: &str) -> bool {
    match row.map(|row| row.protocol) {
        Some(Protocol::Gemini) => true,
        Some(Protocol::Vertex) => partners::Partner::of(model).is_none() && !model.contains("claude"),
        _ => false,
    }
}

fn prepare(door: Door, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let row = super::openai::row(&route.provider)?;
    match operation {
        Operation::Completion if door == Door::Vertex => match partners::Partner::of(&route.model) {
            Some(partner) => partners::prepare(partner, row, route, request),
            None => request::prepare(door, row, route, request),
        },
        Operation::Completion => request::prepare(door, row, route, request),
        Operation::Embedding => embedding::prepare(door, row, route, request),
        Operation::GenerateContent => passing::prepare(door, row, route, request),
        _ => Err(operation.unavailable(row.name)),
    }
}

/// What reads answers and events of `generateContent` as a chat's, whoever sent them.
pub fn reader(model: &str) -> Result<Box<dyn Decode>> {
    let origin = Origin::new(super::openai::row("gemini")?, Operation::Completion, model, None);
    Ok(Box::new(Decoder { origin, include_usage: true, embedded: None }))
}

/// Reads what comes back.
struct Decoder {
    origin: Origin,
    include_usage: bool,
    /// Of a call that embeds.
    embedded: Option<Embedded>,
}

impl Decoder {
    fn new(row: &'static Provider, operation: Operation, route: &Route) -> Self {
        let origin = Origin::new(row, operation, &route.model, route.api_key.clone());
        Decoder { origin, include_usage: false, embedded: None }
    }
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        match &self.embedded {
            Some(embedded) => answer::embedding(&self.origin, head, body, embedded),
            None => answer::completion(&self.origin, head, body),
        }
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(events::Decoder::new(stream::Stream::new(&self.origin, head, self.include_usage)))
    }
}
