//! Providers' protocols ("dialects") over HTTP: one folder or file a protocol, lossless both ways.
//!
//! A dialect turns a [`Request`] into one [`HttpCall`] before any network, on the caller's thread and straight from the caller's
//! buffer, and brings a [`Decode`] that reads what comes back. It knows nothing of sockets, retries or C.

pub mod anthropic;
pub mod as_chat;
pub mod aws;
pub mod azure;
pub mod bedrock;
pub mod body;
pub mod bridge;
pub mod chat;
pub mod cohere;
pub mod credentials;
pub mod errors;
pub mod events;
mod file;
pub mod gemini;
pub mod http;
mod issuer;
pub mod job;
mod multipart;
mod ndjson;
mod oauth;
pub mod ollama;
pub mod openai;
pub mod operation;
pub mod params;
pub mod providers;
pub mod remote;
mod replicate;
mod rerank;
pub mod rewrite;
pub mod sse;
pub mod watsonx;

use bytes::Bytes;
use reqwest::Method;

pub use self::credentials::{Attempt, Credentials};
pub use self::operation::Operation;

use self::job::Job;
use self::remote::Remotes;
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

/// One HTTP request, ready to be sent any number of times.
pub struct HttpCall {
    pub method: Method,
    /// Absolute address with its query. Never holds a secret.
    pub url: String,
    /// Lower-case names; values are checked (no CR, LF, NUL) when the transport takes them over.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The answer is read as a stream of events, or of bytes.
    pub stream: bool,
    /// Credentials that are made anew for each attempt (signatures, tokens that expire). None where `headers` hold them already.
    pub credentials: Option<Box<dyn Credentials>>,
    /// Files to be read before the first attempt; the body holds their tokens. Mostly none.
    pub remotes: Remotes,
    /// Bodies of further requests to the same address, for a provider that takes one input at a time. `decode` then gets the list of all answers,
    /// in their order. Mostly none.
    pub more: Vec<Bytes>,
    /// What comes back names a job whose end is the answer. Mostly none.
    pub job: Option<Box<dyn Job>>,
    pub decode: Box<dyn Decode>,
}

impl HttpCall {
    /// A POST that is not streamed, still without headers.
    pub fn post(url: String, body: impl Into<Bytes>, decode: Box<dyn Decode>) -> Self {
        let (method, body) = (Method::POST, body.into());
        let (headers, remotes, more) = (Vec::new(), Remotes::default(), Vec::new());
        HttpCall { method, url, headers, body, stream: false, credentials: None, remotes, more, job: None, decode }
    }
}

/// A provider's status line, headers and request id.
pub struct Head {
    pub status: u16,
    /// Lower-case names; repeated ones joined by ", ".
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The provider's id of the request, under whatever name it comes.
    pub fn request_id(&self) -> Option<&str> {
        ["x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-amzn-requestid", "cf-ray"]
            .iter()
            .find_map(|n| self.header(n))
    }
}

/// Reads a provider's answers.
pub trait Decode: Send + Sync {
    /// The normalised answer (JSON) of a call that is not streamed, from a 2xx body. An error inside a 200, HTML or an empty body is an
    /// error.
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>>;

    /// The error of a non-2xx answer.
    fn error(&self, head: &Head, body: &[u8]) -> Error;

    /// A reader for one stream; only called for streamed calls, after a 2xx. Many answers are never streamed.
    fn stream(&self, _head: &Head) -> Box<dyn StreamDecode> {
        Box::new(NoStream)
    }
}

/// Reads one streamed answer.
pub trait StreamDecode: Send {
    /// Takes the next bytes and appends what they complete. `Ok(true)`: the stream has reached its end mark.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool>;

    /// The connection ended without the end mark: Ok when every choice had its finish reason, else an error (the terminal rule).
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()>;
}

/// Of an answer that is never streamed.
struct NoStream;

impl StreamDecode for NoStream {
    fn feed(&mut self, _: &[u8], _: &mut Vec<StreamEvent>) -> Result<bool> {
        Ok(true)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        Ok(())
    }
}

/// What a stream hands on; the kinds of `eq_event` that carry content.
///
/// `pad` is the chunk's `obfuscation` (OpenAI pads its chunks to hide their lengths), empty where there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A whole chunk as JSON; `text` is the content of its delta where it has one choice.
    Chunk {
        json: Vec<u8>,
        index: i32,
        text: String,
    },
    /// Equals the last `Chunk` but for a delta of just this content.
    Content {
        index: i32,
        text: String,
        pad: String,
    },
    Reasoning {
        index: i32,
        text: String,
        pad: String,
    },
    Arguments {
        index: i32,
        slot: i32,
        text: String,
        pad: String,
    },
    /// Binary output (speech), in pieces of any size.
    Bytes(Vec<u8>),
}

/// A protocol.
pub trait Dialect: Send + Sync {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall>;
}

/// Makes the HTTP call of a checked request, by whatever way the provider has to the operation.
pub fn prepare(operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let row = providers::find(&route.provider);
    let has = |operation| row.is_some_and(|row| row.does(operation));
    let claude = || row.is_some_and(|row| anthropic::hosts::serves(row, &route.model));
    match operation {
        Operation::Rerank if row.is_some_and(|row| row.protocol == providers::Protocol::Bedrock) => {
            bedrock::Bedrock.prepare(operation, route, request)
        }
        Operation::Rerank => rerank::prepare(route, request),
        Operation::TextCompletion if !has(operation) => bridge::text_over_chat(route, request),
        Operation::Responses if !has(operation) => bridge::responses_over_chat(route, request),
        Operation::GenerateContent if !gemini::speaks(row, &route.model) => bridge::content_over_chat(route, request),
        Operation::AnthropicMessages if !claude() => bridge::messages_over_chat(route, request),
        Operation::Completion if has(Operation::TextCompletion) && !has(operation) => bridge::chat_over_text(route, request),
        _ => dialect(route).prepare(operation, route, request),
    }
}

/// The route that an operation takes. litellm has a name of its own for OpenAI's models that continue texts, and takes every model of
/// OpenAI's for one that is not known to chat.
pub fn reroute(operation: Operation, route: Route) -> Route {
    let texts = operation == Operation::TextCompletion
        && route.provider == "openai"
        && providers::model_owner(&route.model) != Some("openai");
    if texts {
        Route { provider: "text-completion-openai".to_owned(), ..route }
    } else {
        route
    }
}

/// The dialect of a route's provider.
pub fn dialect(route: &Route) -> &'static dyn Dialect {
    let row = providers::find(&route.provider);
    let claude = row.is_some_and(|row| anthropic::hosts::serves(row, &route.model));
    match row.map(|row| row.protocol) {
        Some(providers::Protocol::Anthropic) => &anthropic::Anthropic,
        Some(providers::Protocol::Vertex) if claude => &anthropic::hosts::Vertex,
        Some(_) if claude => &anthropic::hosts::Foundry,
        Some(providers::Protocol::Azure) => &azure::Azure,
        Some(providers::Protocol::Cohere) => &cohere::Cohere,
        Some(providers::Protocol::Bedrock) => &bedrock::Bedrock,
        Some(providers::Protocol::Ollama) => &ollama::Ollama,
        Some(providers::Protocol::Gemini) => &gemini::AiStudio,
        Some(providers::Protocol::Vertex) => &gemini::Vertex,
        Some(providers::Protocol::Watsonx) => &watsonx::Watsonx,
        Some(providers::Protocol::Replicate) => &replicate::Replicate,
        _ => &openai::OpenAi,
    }
}
