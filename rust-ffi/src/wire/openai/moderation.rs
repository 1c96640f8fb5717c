//! Moderation: whether a text breaks a provider's rules.
//!
//! Source: OpenAI's API reference ("Moderations").

use bytes::Bytes;

use super::answer::Reader;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::wire::body::Body;
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::Operation;

/// The body. Without a model of the caller's the provider takes its own.
pub fn request<'r>(row: &Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    if !request.has("input") {
        return Err(Error::bad_request("`input` is missing; give the text that shall be judged"));
    }
    let mut body = sort::plain(row, model, request, rules, &Known { unsent: &["user"], ..Known::default() })?;
    if !request.has("model") {
        body.remove("model");
    }
    sort::finish(&mut body, row, Operation::Moderation, request, rules)?;
    Ok(body)
}

impl Reader<'_> {
    /// `{"id", "model", "results": […]}`, as it came.
    pub fn moderation(&self, body: Bytes) -> Result<Vec<u8>> {
        let (_, top) = self.top(&body)?;
        if top.get("results").and_then(|raw| json::read::<Vec<Fields<'_>>>(raw)).is_none() {
            return Err(self.origin.incomplete(&body, "the answer has no list of `results`"));
        }
        Ok(body.into())
    }
}
