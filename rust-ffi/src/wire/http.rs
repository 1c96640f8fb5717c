//! Addresses and headers, as every dialect writes them.

use std::borrow::Cow;

use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value;

use super::providers::Provider;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};
use crate::engine::route;

/// Characters that stand for themselves in a path segment or a query.
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The provider's headers, then the program's, then the call's: the later wins.
pub fn headers(
    row: &Provider,
    request: &Request<'_>,
    credentials: Vec<(String, String)>,
    stream: bool,
) -> Result<Vec<(String, String)>> {
    let accept = if stream { "text/event-stream" } else { "application/json" };
    let mut out = vec![("content-type".to_owned(), "application/json".to_owned()), ("accept".to_owned(), accept.to_owned())];
    out.extend(credentials);
    for (name, sources, default) in row.headers {
        let value = route::value_of(sources, request)?.unwrap_or_else(|| (*default).to_owned());
        out.push(((*name).to_owned(), checked(name, &value)?.to_owned()));
    }
    for raw in
        [request.setting_raw("headers"), request.raw("default_headers"), request.raw("headers"), request.raw("extra_headers")]
            .into_iter()
            .flatten()
    {
        let given: Fields<'_> = json::read(raw).ok_or_else(|| wrong_type("extra_headers", "an object of strings", raw))?;
        for (name, raw) in given {
            if json::is_null(raw) {
                continue;
            }
            let value = string(&format!("extra_headers[{name:?}]"), raw)?;
            let name = header_name(&name)?;
            // What the transport writes itself: another value would cut the body, or end up beside the right one.
            if matches!(name.as_str(), "content-length" | "transfer-encoding" | "host") {
                return Err(Error::bad_request(format!(
                    "the header `{name}` is written by the connection itself; leave it out of extra_headers (for another host, set api_base)"
                )));
            }
            let value = checked(&name, &value)?.to_owned();
            match out.iter_mut().find(|(n, _)| *n == name) {
                Some((_, old)) => *old = value,
                None => out.push((name, value)),
            }
        }
    }
    Ok(out)
}

fn header_name(name: &str) -> Result<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(Error::bad_request(format!("{name:?} is not a header's name")));
    }
    Ok(name.to_ascii_lowercase())
}

fn checked<'v>(name: &str, value: &'v str) -> Result<&'v str> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Error::bad_request(format!(
            "the value of the header `{name}` holds a line break or another control character; remove it"
        )));
    }
    Ok(value)
}

/// A header with a key in it.
pub fn bearer(key: &str) -> (String, String) {
    ("authorization".to_owned(), format!("Bearer {key}"))
}

/// The address of an operation: `api_base` with `path` behind it, unless it ends in it already. A query of the base stays.
pub fn join(api_base: &str, path: &str) -> String {
    let (base, query) = api_base.split_once('?').map_or((api_base, ""), |(base, query)| (base, query));
    let base = base.trim_end_matches('/');
    let mut url = if base.ends_with(path) { base.to_owned() } else { format!("{base}/{path}") };
    if !query.is_empty() {
        url.push('?');
        url.push_str(query);
    }
    url
}

/// Appends `extra_query`, as OpenAI's SDK writes it: lists as `name[]=…`, objects as `name[member]=…`.
pub fn with_query(url: String, request: &Request<'_>) -> Result<String> {
    let Some(raw) = request.raw("extra_query") else { return Ok(url) };
    let query: serde_json::Map<String, Value> = json::read(raw).ok_or_else(|| wrong_type("extra_query", "an object", raw))?;
    Ok(with_pairs(url, &query))
}

/// Appends these to an address' query, in the same way.
pub fn with_pairs(mut url: String, pairs: &serde_json::Map<String, Value>) -> String {
    for (name, value) in pairs {
        append(&mut url, name, value);
    }
    url
}

fn append(url: &mut String, name: &str, value: &Value) {
    let text: Cow<'_, str> = match value {
        Value::Null => return,
        Value::Array(list) => return list.iter().for_each(|item| append(url, &format!("{name}[]"), item)),
        Value::Object(object) => return object.iter().for_each(|(member, item)| append(url, &format!("{name}[{member}]"), item)),
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    };
    url.push(if url.contains('?') { '&' } else { '?' });
    url.extend(utf8_percent_encode(name, UNRESERVED));
    url.push('=');
    url.extend(utf8_percent_encode(&text, UNRESERVED));
}

/// A caller's value for a header that names an account: `organization`, `project`.
pub fn account(request: &Request<'_>, name: &'static str, env: &'static [&'static str]) -> Result<Option<String>> {
    if let Some(value) = request.str(name)?.filter(|value| !value.is_empty()) {
        return Ok(Some(checked(name, &value)?.to_owned()));
    }
    if let Some(value) = request.setting_str(name)? {
        return Ok(Some(checked(name, &value)?.to_owned()));
    }
    let value = env.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    value.map(|value| checked(name, &value).map(str::to_owned)).transpose()
}
