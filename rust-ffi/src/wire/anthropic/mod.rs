//! Anthropic's Messages API: Claude at Anthropic itself, and at the hosts that speak its protocol at other addresses.
//!
//! Source: Anthropic's API reference and its SDKs' types.

mod answer;
pub mod betas;
mod blocks;
mod clean;
mod format;
pub mod hosts;
mod messages;
pub mod models;
mod passing;
pub mod request;
mod stop;
pub mod stream;
mod thinking;
mod tools;
mod usage;

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use self::request::{Betas, Target};
use super::errors::Origin;
use super::events;
use super::http::{bearer, join};
use super::{Decode, Dialect, Head, HttpCall, Operation, StreamDecode};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::openai::row;
use crate::wire::providers::Provider;

/// The version of the protocol.
const VERSION: &str = "2023-06-01";

/// Letters of a tool's name.
const MAX_NAME: usize = 128;

/// Keys with this beginning are tokens of people's subscriptions, which go into another header.
const OAUTH_TOKEN: &str = "sk-ant-oat";

/// Set by programs that put an address of their own, whole, into `api_base`.
const WHOLE_ADDRESS: &str = "LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX";

/// The dialect of the row `anthropic`.
pub struct Anthropic;

impl Dialect for Anthropic {
    fn prepare(&self, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
        let row = row(&route.provider)?;
        if !speaks(operation) {
            return Err(operation.unavailable(row.name));
        }
        let (headers, previews) = credentials(route, request);
        let target = Target {
            url: address(&route.api_base),
            headers,
            credentials: None,
            family: &route.model,
            version: None,
            says_stream: true,
            betas: Betas::InHeader,
            previews,
            fetches: true,
            holds_to_schemas: true,
        };
        send(operation, row, route, request, target)
    }
}

/// The operations that hosts of Claude have: chats, and the Messages API in its own words.
fn speaks(operation: Operation) -> bool {
    matches!(operation, Operation::Completion | Operation::AnthropicMessages)
}

/// Makes the call of one of these operations.
fn send(
    operation: Operation,
    row: &'static Provider,
    route: &Route,
    request: &Request<'_>,
    target: Target<'_>,
) -> Result<HttpCall> {
    if operation == Operation::AnthropicMessages {
        passing::prepare(row, route, request, target)
    } else {
        request::prepare(row, route, request, target)
    }
}

fn address(api_base: &str) -> String {
    if std::env::var(WHOLE_ADDRESS).is_ok_and(|flag| flag.eq_ignore_ascii_case("true")) {
        return api_base.to_owned();
    }
    // People write the base with and without the version.
    let (base, query) = api_base.split_once('?').map_or((api_base, ""), |(base, query)| (base, query));
    let base = base.trim_end_matches('/').trim_end_matches("/v1");
    let base = if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") };
    join(&base, "v1/messages")
}

/// The key in its header, and the previews that it needs: keys of the console have a header of their own, tokens are bearers.
fn credentials(route: &Route, request: &Request<'_>) -> (Vec<(String, String)>, &'static [&'static str]) {
    let Some(key) = &route.api_key else { return (Vec::new(), &[]) };
    let key = key.expose();
    if key.starts_with(OAUTH_TOKEN) {
        let browser = ("anthropic-dangerous-direct-browser-access".to_owned(), "true".to_owned());
        return (vec![bearer(key), browser], &[betas::OAUTH]);
    }
    let is = |name: &str| std::env::var(name).is_ok_and(|value| value == key);
    if !request.has("api_key") && is("ANTHROPIC_AUTH_TOKEN") && !is("ANTHROPIC_API_KEY") {
        return (vec![bearer(key)], &[]);
    }
    (vec![("x-api-key".to_owned(), key.to_owned())], &[])
}

/// Parameters of litellm's list that are Anthropic's own, each with the one that it stands behind.
const OWN_PARAMETERS: &[(&str, &str)] = &[("web_search_options", "speed"), ("context_management", "cache_control")];

/// What litellm's `get_supported_openai_params` shows: OpenAI's names and, between them, Anthropic's own.
pub fn supported(names: Vec<&'static str>) -> Vec<&'static str> {
    let own = |name: &str| OWN_PARAMETERS.iter().find(|(before, _)| *before == name).map(|(_, own)| *own);
    names.into_iter().flat_map(|name| std::iter::once(name).chain(own(name))).collect()
}

/// What reads answers and events of the Messages API as a chat's, whoever sent them.
pub fn reader(model: &str) -> Result<Box<dyn Decode>> {
    let origin = Origin::new(super::openai::row("anthropic")?, Operation::Completion, model, None);
    Ok(Box::new(Decoder { include_usage: true, ..Decoder::new(origin) }))
}

/// Reads what comes back.
pub struct Decoder {
    origin: Origin,
    include_usage: bool,
    /// The name of the tool that stands for a format: its arguments are the answer.
    json_tool: Option<String>,
    /// The callers' names of tools that were sent under others.
    names: HashMap<String, String>,
    /// The beginning of the answer, which the caller wrote.
    prefix: Option<String>,
}

impl Decoder {
    fn new(origin: Origin) -> Self {
        Decoder { origin, include_usage: false, json_tool: None, names: HashMap::new(), prefix: None }
    }
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        answer::read(self, head.status, &body)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        let (origin, foreign) = (self.origin.clone(), self.origin.clone());
        Box::new(events::Decoder::new(stream::Stream::new(stream::Settings {
            model: self.origin.model.clone(),
            include_usage: self.include_usage,
            json_tool: self.json_tool.clone(),
            names: self.names.clone(),
            error: Box::new(move |raw: &RawValue| origin.from_error_object(raw)),
            foreign_body: Box::new(move |body: &[u8]| not_a_stream(&foreign, body)),
        })))
    }
}

/// A 200 without one event: a whole answer's error object, a page of HTML (S14).
fn not_a_stream(origin: &Origin, body: &[u8]) -> Error {
    match answer::error_object(origin, body) {
        Some(error) => error,
        None => origin.unreadable(200, body, "the answer is not the stream that was asked for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_once() {
        for (base, url) in [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
            ("http://h:1/x/v1/messages", "http://h:1/x/v1/messages"),
            ("http://h/claude?a=b", "http://h/claude/v1/messages?a=b"),
        ] {
            assert_eq!(address(base), url, "{base}");
        }
    }

    #[test]
    fn the_list_of_parameters_is_litellms() {
        let names = supported(vec!["stop", "web_search_options", "context_management", "thinking"]);
        assert_eq!(names, ["stop", "web_search_options", "speed", "context_management", "cache_control", "thinking"]);
    }
}
