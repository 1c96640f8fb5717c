//! Servers that give tokens: what they answer is read within a cap, and their refusals are told from their failures, which may pass.

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::Value;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::{retry, transport};

/// A token and what is said of it are a few KiB.
pub const MAX_ANSWER: usize = 1 << 20;

/// Asks for a token; the answer is JSON. `who` gives the tokens, for errors, and what they write must not hold a secret of the request: the
/// caller sees to that.
pub async fn ask(who: &str, request: reqwest::RequestBuilder) -> Result<Value> {
    let failed = |kind, what: &str| Error::new(kind, format!("{who} gave no token: {what}"));
    let unreached = |error: Error| failed(error.kind, &error.message);
    let (http, request) = request.build_split();
    let request = request.map_err(|error| failed(ErrorKind::Authentication, &error.without_url().to_string()))?;
    let answer = transport::send(&http, &request).await.map_err(unreached)?;
    let head = transport::head(&answer);
    let body = read(answer).await.map_err(|error| unreached(transport::connection_error(&error)))?;
    let told = body.as_ref().map(|body| serde_json::from_slice(body).unwrap_or_default()).unwrap_or(Value::Null);
    if !(200..300).contains(&head.status) {
        let why = ["errorMessage", "error_description", "error"].iter().find_map(|name| told[*name].as_str());
        let mut error = match head.status {
            // The request holds credentials, which are not carried to wherever this points.
            300..=399 => failed(ErrorKind::Authentication, &format!("status {}, a redirect, which is not followed", head.status)),
            status => failed(kind_of(status), &why.map_or_else(|| format!("status {status}"), str::to_owned)),
        };
        error.http_status = Some(head.status);
        error.code = told["error"].as_str().map(str::to_owned);
        error.retry_after = retry::retry_after(|name| head.header(name), SystemTime::now());
        return Err(error);
    }
    match body {
        Some(_) => Ok(told),
        None => Err(too_long(who)),
    }
}

/// The whole body; None where it is longer than any answer about a token.
async fn read(mut answer: reqwest::Response) -> std::result::Result<Option<Bytes>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.into()))
}

/// The body of an answer that should hold credentials, of whatever form. `who` answers, for errors.
pub async fn read_answer(answer: reqwest::Response, who: &str) -> Result<Bytes> {
    read(answer).await.map_err(|error| unreached(who, error))?.ok_or_else(|| too_long(who))
}

/// The error of an answer, or of a program's output, beyond [`MAX_ANSWER`].
pub fn too_long(who: &str) -> Error {
    Error::new(
        ErrorKind::ApiResponseValidation,
        format!("{who} gave no credentials: the answer is larger than {} MiB", MAX_ANSWER >> 20),
    )
}

/// The error of a server of credentials that cannot be reached, or breaks off.
pub fn unreached(who: &str, error: reqwest::Error) -> Error {
    let error = transport::connection_error(&error.without_url());
    Error::new(error.kind, format!("{who} gave no credentials: {}", error.message))
}

/// The error of a server of credentials that answered with `status`: whether to wait or to correct the credentials depends on it.
pub fn refused(status: u16, message: impl Into<String>) -> Error {
    let mut error = Error::new(kind_of(status), message);
    error.http_status = Some(status);
    error
}

/// What a status of a token server means: 408, 429 and from 500 on may pass, the rest are the credentials' fault.
fn kind_of(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::RateLimit,
        408 | 500.. => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Authentication,
    }
}
