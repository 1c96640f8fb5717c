//! Providers' protocols ("dialects") over HTTP: one folder or file a protocol, lossless both ways.
//!
//! A dialect turns a [`Request`] into one [`HttpCall`] before any network, on the caller's thread and straight from the caller's
//! buffer, and brings a [`Decode`] that reads what comes back. It knows nothing of sockets, retries or C.

pub mod openai;
pub mod providers;
pub mod sse;

use bytes::Bytes;

use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;

/// What a call asks for, by litellm's function name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Completion,
    Embedding,
}

impl Operation {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "completion" => Some(Operation::Completion),
            "embedding" => Some(Operation::Embedding),
            _ => None,
        }
    }
}

/// One HTTP request, ready to be sent any number of times.
pub struct HttpCall {
    /// Absolute address with its query. Never holds a secret.
    pub url: String,
    /// Lower-case names; values are checked (no CR, LF, NUL) when the transport takes them over.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    pub stream: bool,
    pub decode: Box<dyn Decode>,
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
        ["x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "cf-ray"].iter().find_map(|n| self.header(n))
    }
}

/// Reads a provider's answers.
pub trait Decode: Send + Sync {
    /// The normalised answer (JSON) of a call that is not streamed, from a 2xx body. An error inside a 200, HTML or an empty body is an
    /// error.
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>>;

    /// The error of a non-2xx answer.
    fn error(&self, head: &Head, body: &[u8]) -> Error;

    /// A reader for one stream; only called for streamed calls, after a 2xx.
    fn stream(&self) -> Box<dyn StreamDecode>;
}

/// Reads one streamed answer.
pub trait StreamDecode: Send {
    /// Takes the next bytes and appends what they complete. `Ok(true)`: the stream has reached its end mark.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool>;

    /// The connection ended without the end mark: Ok when every choice had its finish reason, else an error (the terminal rule).
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()>;
}

/// What a stream hands on; the kinds of `eq_event` that carry content.
///
/// `pad` is the chunk's `obfuscation` (OpenAI pads its chunks to hide their lengths), empty where there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A whole chunk as JSON; `text` is the content of its delta where it has one choice.
    Chunk { json: Vec<u8>, index: i32, text: String },
    /// Equals the last `Chunk` but for a delta of just this content.
    Content { index: i32, text: String, pad: String },
    Reasoning { index: i32, text: String, pad: String },
    Arguments { index: i32, slot: i32, text: String, pad: String },
}

/// A protocol.
pub trait Dialect: Send + Sync {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall>;
}
pub fn dialect(_r: &Route) -> &'static dyn Dialect { &Stub }
struct Stub;
impl Dialect for Stub {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let mut body = format!("{{\"model\":\"{}\"", route.model).into_bytes();
        for (n, r) in &request.fields {
            if ["model","api_base","api_key","timeout","num_retries","max_retries"].contains(&n.as_str()) { continue; }
            body.extend_from_slice(format!(",\"{n}\":").as_bytes());
            body.extend_from_slice(r.get().as_bytes());
        }
        body.push(b'}');
        let path = if operation == Operation::Completion { "chat/completions" } else { "embeddings" };
        let headers = vec![("content-type".into(), "application/json".into()), ("authorization".into(), format!("Bearer {}", route.api_key.as_ref().map_or("", |k| k.expose())))];
        let usage = request.raw("stream_options").is_some_and(|r| r.get().contains("true"));
        Ok(HttpCall { url: format!("{}/{path}", route.api_base), headers, body: body.into(), stream: request.is_stream()?, decode: Box::new(D(route.model.clone(), usage)) })
    }
}
struct D(String, bool);
impl Decode for D {
    fn answer(&self, _h: &Head, body: Bytes) -> Result<Vec<u8>> { Ok(body.to_vec()) }
    fn error(&self, h: &Head, body: &[u8]) -> Error { let k = if h.status == 429 { crate::engine::error::ErrorKind::RateLimit } else { crate::engine::error::ErrorKind::InternalServer }; let mut e = Error::new(k, String::from_utf8_lossy(body)); e.status_code = h.status; e }
    fn stream(&self) -> Box<dyn StreamDecode> { openai::stream::decoder(openai::stream::Settings { model: Some(self.0.clone()), include_usage: self.1, error: Box::new(|r| Error::new(crate::engine::error::ErrorKind::Api, r.get())), foreign_body: Box::new(|b| Error::new(crate::engine::error::ErrorKind::ApiResponseValidation, String::from_utf8_lossy(b))) }) }
}
