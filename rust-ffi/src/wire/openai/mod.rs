//! OpenAI's protocol, which most providers speak.

pub(super) mod address;
pub mod answer;
mod audio;
mod families;
pub mod finish_reason;
mod form;
mod images;
pub(super) mod kept;
pub mod messages;
mod moderation;
pub(super) mod quirks;
pub mod request;
mod responses;
pub mod stream;
mod template;
pub(super) mod text;

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use self::answer::Reader;
use self::request::Target;
use super::body::Body;
use super::errors::Origin;
use super::http::account;
use super::params::sort::Rules;
use super::providers::{self, Protocol, Provider, Quirk};
use super::{Credentials, Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

/// The dialect of every row whose protocol is [`Protocol::OpenAi`].
pub struct OpenAi;

impl Dialect for OpenAi {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        let has = row.operations.has(operation.keeper().unwrap_or(operation));
        let kept = if has { kept::path(operation, request)? } else { None };
        let path = kept.as_deref().or(path(operation)).filter(|_| has).ok_or_else(|| operation.unavailable(row.name))?;
        let mut place = address::of(row, operation, route, request, path)?;
        if let (Some(key), true) = (&route.api_key, row.has(Quirk::SarvamKey)) {
            place.credentials.push(("api-subscription-key".to_owned(), key.expose().to_owned()));
        }
        // Accounts of OpenAI's: another provider gets them only from the call itself.
        let own = row.name == "openai";
        for (header, name, env) in [
            ("openai-organization", "organization", &["OPENAI_ORGANIZATION", "OPENAI_ORG_ID"]),
            ("openai-project", "project", &["OPENAI_PROJECT", "OPENAI_PROJECT_ID"]),
        ] {
            if own || request.has(name) {
                place
                    .credentials
                    .extend(account(request, name, if own { env } else { &[] })?.map(|value| (header.to_owned(), value)));
            }
        }
        let moved;
        let route = match place.model {
            Cow::Owned(model) => {
                moved = Route { model, ..route.clone() };
                &moved
            }
            Cow::Borrowed(model) if model != route.model => {
                moved = Route { model: model.to_owned(), ..route.clone() };
                &moved
            }
            Cow::Borrowed(_) => route,
        };
        let adjust = |body: &mut Body<'_>, _: &Rules<'_>| {
            place.used.iter().for_each(|name| drop(body.remove(name)));
            Ok(None)
        };
        let target = Target { url: place.url, credentials: place.credentials, family: &route.model, adjust: &adjust };
        if kept.is_some() {
            return kept::prepare(row, operation, route, request, target);
        }
        let grant = place.grant.map(|grant| Box::new(grant) as Box<dyn Credentials>);
        Ok(HttpCall { credentials: grant, ..request::prepare(row, operation, route, request, target)? })
    }
}

/// Where an operation is found behind a server's address.
pub(super) fn path(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Completion => "chat/completions",
        Operation::Embedding => "embeddings",
        Operation::TextCompletion => "completions",
        Operation::Responses => "responses",
        Operation::ImageGeneration => "images/generations",
        Operation::ImageEdit => "images/edits",
        Operation::Transcription => "audio/transcriptions",
        Operation::Speech => "audio/speech",
        Operation::Moderation => "moderations",
        _ => return None,
    })
}

/// The row of a route that [`crate::engine::route::resolve`] made.
pub(super) fn row(provider: &str) -> Result<&'static Provider> {
    providers::find(provider)
        .ok_or_else(|| Error::new(ErrorKind::InternalServer, format!("{provider} is not in the table of providers")))
}

/// Reads what comes back.
pub struct Decoder {
    origin: Origin,
    operation: Operation,
    include_usage: bool,
    json_tool: Option<&'static str>,
    keep_base64: bool,
    qualified: bool,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let reader = Reader { origin: &self.origin, status: head.status, json_tool: self.json_tool, qualified: self.qualified };
        match self.operation {
            Operation::Completion => reader.completion(body),
            Operation::Embedding => reader.embedding(body, self.keep_base64),
            Operation::TextCompletion => reader.text_completion(body),
            Operation::Responses => reader.response(body),
            Operation::ImageGeneration | Operation::ImageEdit => reader.images(body),
            Operation::Transcription => reader.transcription(head, body),
            Operation::Moderation => reader.moderation(body),
            other => Err(other.unavailable(self.origin.row.name)),
        }
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        let (origin, foreign) = (self.origin.clone(), self.origin.clone());
        let error = Box::new(move |raw: &RawValue| origin.from_error_object(raw));
        let foreign_body = Box::new(move |body: &[u8]| not_a_stream(&foreign, body));
        match self.operation {
            Operation::Speech => return Box::new(audio::Sound::default()),
            Operation::TextCompletion => {
                return Box::new(crate::wire::events::Decoder::new(text::Stream::new(error, foreign_body)))
            }
            Operation::Responses => {
                return Box::new(crate::wire::events::Decoder::new(responses::Stream::new(error, foreign_body)))
            }
            _ => {}
        }
        stream::decoder(stream::Settings {
            // litellm shows the model that was asked for; Azure's deployments have names of their own, so there it is the provider's.
            model: (self.origin.row.protocol != Protocol::Azure).then(|| self.origin.model.clone()),
            include_usage: self.include_usage,
            error,
            foreign_body,
        })
    }
}

/// A 200 without one event: a whole answer's error object, a page of HTML (S14).
fn not_a_stream(origin: &Origin, body: &[u8]) -> Error {
    let reader = Reader { origin, status: 200, json_tool: None, qualified: false };
    match reader.top(&Bytes::copy_from_slice(body)) {
        Err(error) => error,
        Ok(_) => origin.unreadable(200, body, "the answer is a whole one, not the stream that was asked for"),
    }
}
