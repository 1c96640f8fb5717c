//! Bedrock: its Converse API, which all of its chat models speak, and the models that make vectors.
//!
//! Sources: AWS's API references of the Bedrock runtime (Converse, ConverseStream, InvokeModel) and litellm 1.106's contract for what a caller
//! writes.

mod answer;
pub mod embedding;
mod frames;
mod ids;
mod media;
mod messages;
pub mod models;
mod request;
mod rerank;
mod stream;
mod tools;

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;

use self::models::Name;
use self::tools::Names;
use super::aws::{self, Region};
use super::chat::answer::Answer;
use super::errors::Origin;
use super::http::{bearer, headers, join, with_query, UNRESERVED};
use super::openai::row;
use super::providers::Provider;
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::engine::route::{self, Route};

pub struct Bedrock;

impl Dialect for Bedrock {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        let name = Name::of(&route.model)?;
        let asked = Asked { row, route, request, id: name.id, region: Region::of(request, name.region)? };
        let origin = Origin::new(row, operation, &route.model, route.api_key.clone());
        match operation {
            Operation::Completion => {
                let stream = request.is_stream()?;
                let prepared = request::prepare(row, &route.model, request)?;
                let path = if stream && !prepared.whole { "converse-stream" } else { "converse" };
                let decoder = Decoder {
                    origin,
                    shown: name.shown.to_owned(),
                    names: Arc::new(prepared.names),
                    json_tool: prepared.json_tool,
                    whole: prepared.whole,
                    include_usage: request.includes_usage()?,
                };
                let call = asked.call(path, prepared.body.into(), Box::new(decoder))?;
                Ok(HttpCall { stream, remotes: prepared.remotes, ..call })
            }
            Operation::Embedding => {
                let (mut bodies, decoder) = embedding::prepare(row, &route.model, name.shown, origin, request)?;
                let more = bodies.split_off(1);
                let body = bodies.pop().unwrap_or_default();
                let call = asked.call("invoke", body, Box::new(decoder))?;
                Ok(HttpCall { more, ..call })
            }
            Operation::Rerank => rerank::prepare(row, route, request),
            _ => Err(operation.unavailable(row.name)),
        }
    }
}

/// A request to the runtime for one model.
struct Asked<'a, 'r> {
    row: &'static Provider,
    route: &'a Route,
    request: &'a Request<'r>,
    id: &'a str,
    region: Region,
}

impl Asked<'_, '_> {
    /// The call of one of the runtime's methods, with what proves who calls.
    fn call(self, method: &str, body: Bytes, decode: Box<dyn Decode>) -> Result<HttpCall> {
        let Asked { row, route, request, id, region } = self;
        let given = request.str("model_id")?.filter(|id| !id.is_empty());
        let path = format!("model/{}/{method}", encoded(given.as_deref().unwrap_or(id))?);
        let url = with_query(join(&address(route, request, &region)?, &path), request)?;
        let credentials = route.api_key.iter().map(|key| bearer(key.expose())).collect();
        let headers = headers(row, request, credentials, false)?;
        // The caller's own authorization stands; a key is a bearer's, and everything else is signed.
        let signs = !headers.iter().any(|(name, value)| name == "authorization" && !value.starts_with("AWS4-"));
        let credentials = if signs { Some(aws::signer(request, region, "bedrock", &url)?) } else { None };
        Ok(HttpCall { headers, credentials, ..HttpCall::post(url, body, decode) })
    }
}

/// An id is one segment of the path, whatever it holds: ARNs hold colons and slashes (B3, H14).
fn encoded(id: &str) -> Result<String> {
    match id {
        "" | "." | ".." => Err(Error::bad_request(
            "the model's id is missing; write it as in model=\"bedrock/anthropic.claude-sonnet-4-20250514-v1:0\"",
        )),
        id => Ok(utf8_percent_encode(id, UNRESERVED).to_string()),
    }
}

/// Where Bedrock is reached: the caller's endpoint, or the region's.
fn address(route: &Route, request: &Request<'_>, region: &Region) -> Result<String> {
    match request.str("aws_bedrock_runtime_endpoint")?.filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => {
            route::check_address("aws_bedrock_runtime_endpoint", &endpoint)?;
            Ok(endpoint.trim_end_matches('/').to_owned())
        }
        None if !route.api_base.is_empty() => Ok(route.api_base.clone()),
        None => Ok(format!("https://bedrock-runtime.{}.{}", region.name(), region.dns_suffix())),
    }
}

/// Reads what comes back.
#[derive(Clone)]
pub struct Decoder {
    origin: Origin,
    /// The model that answers show.
    shown: String,
    names: Arc<Names>,
    /// The name of the tool that stands for a schema: its arguments are the answer.
    json_tool: Option<String>,
    whole: bool,
    include_usage: bool,
}

impl Decoder {
    fn read(&self, status: u16, body: &[u8]) -> Result<Answer> {
        if let Some(answer) = answer::read(body, &self.shown, &self.names, self.json_tool.as_deref()) {
            return Ok(answer);
        }
        match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(value) if value.is_object() => {
                if let Some(kind) = value["__type"].as_str().or_else(|| value["Output"]["__type"].as_str()) {
                    return Err(self.exception(kind, body));
                }
                let mut error = self.origin.incomplete(body, "the answer holds no `output.message`");
                error.kind = ErrorKind::ApiConnection;
                Err(error)
            }
            _ => Err(self.origin.unreadable(status, body, "the answer is not what Converse answers")),
        }
    }

    /// An error inside a 200.
    fn exception(&self, kind: &str, body: &[u8]) -> Error {
        let kind = plain_kind(kind);
        let original = serde_json::from_slice::<serde_json::Value>(body).ok();
        // A model's own failure carries the status that the model gave.
        let original =
            original.and_then(|value| value["originalStatusCode"].as_u64()).and_then(|status| u16::try_from(status).ok());
        let status = original.filter(|status| (400..600).contains(status)).unwrap_or_else(|| status_of(kind));
        self.origin.exception(status, kind, body)
    }

    fn not_a_stream(&self, body: &[u8]) -> Error {
        match self.read(200, body) {
            Err(error) => error,
            Ok(_) => self.origin.unreadable(200, body, "the answer is a whole one, not the stream that was asked for"),
        }
    }
}

/// The error of an answer that is none.
fn refusal(origin: &Origin, head: &Head, body: &[u8]) -> Error {
    let told = head.header("x-amzn-errortype").map(str::to_owned);
    let in_body = || {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        value["__type"].as_str().or_else(|| value["code"].as_str()).map(str::to_owned)
    };
    let kind = told.or_else(in_body);
    origin.refusal_as(head, kind.as_deref().map(plain_kind), body)
}

/// `com.amazon.coral.service#ThrottlingException:http://…` is a ThrottlingException.
fn plain_kind(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or(kind);
    kind.rsplit('#').next().unwrap_or(kind)
}

/// The status that Bedrock's model gives to an exception. Source: the service description of the Bedrock runtime.
fn status_of(kind: &str) -> u16 {
    let lower = kind.to_ascii_lowercase();
    match lower.strip_suffix("exception").unwrap_or(&lower) {
        "validation" => 400,
        "accessdenied" => 403,
        "resourcenotfound" => 404,
        "modeltimeout" => 408,
        "modelstreamerror" | "modelerror" => 424,
        "throttling" | "modelnotready" => 429,
        "serviceunavailable" => 503,
        _ => 500,
    }
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        Ok(self.read(head.status, &body)?.write())
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        refusal(&self.origin, head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        let framed = head.header("content-type").is_some_and(|kind| kind.starts_with(frames::MEDIA_TYPE));
        match self.whole {
            true => Box::new(stream::Whole::new(self.clone())),
            false => Box::new(stream::Stream::new(self.clone(), framed)),
        }
    }
}
