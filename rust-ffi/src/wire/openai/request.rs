//! A request of OpenAI's protocol, made ready to be sent: body, headers, address.

use std::borrow::Cow;

use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use serde_json::Value;

use super::errors::Origin;
use super::messages::{self, Marks, Text, Treatment};
use super::{families, quirks, Decoder};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};
use crate::engine::route::{self, Route};
use crate::wire::body::{Body, Json};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::{is_o_series, Protocol, Provider, Quirk};
use crate::wire::{HttpCall, Operation};

/// Where a request goes and with which credentials: what the dialects of OpenAI's protocol differ in.
pub struct Target<'t> {
    pub url: String,
    /// Lower-case names.
    pub credentials: Vec<(String, String)>,
    /// The model that decides on the parameters' rules, where the route's is a deployment's name.
    pub family: &'t str,
    pub adjust: Adjust<'t>,
}

/// A dialect's own changes to a chat request; gives back the tool that stands for `response_format`, where one does.
pub type Adjust<'t> = &'t dyn Fn(&mut Body<'_>, &Rules<'_>) -> Result<Option<&'static str>>;

/// Characters that stand for themselves in a path segment or a query.
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Makes the call.
pub fn prepare(
    row: &'static Provider,
    operation: Operation,
    route: &Route,
    request: &Request<'_>,
    target: Target<'_>,
) -> Result<HttpCall> {
    let rules = Rules::of(request)?;
    let mut decoder = Decoder {
        origin: Origin::new(row, operation, &route.model, route.api_key.clone()),
        operation,
        include_usage: false,
        json_tool: None,
        keep_base64: false,
        // litellm serves Azure's o-series by its layer for OpenAI's protocol, and the model shows it.
        qualified: row.qualified || (row.protocol == Protocol::Azure && is_o_series(target.family)),
    };
    let (body, stream) = match operation {
        Operation::Completion => chat(row, route, request, &target, &rules, &mut decoder)?,
        Operation::Embedding => (embedding(row, route, request, &rules, &mut decoder)?, false),
    };
    let headers = headers(row, request, target.credentials, stream)?;
    let url = with_query(target.url, request)?;
    Ok(HttpCall { url, headers, body: body.write().into(), stream, decode: Box::new(decoder) })
}

fn chat<'r>(
    row: &'static Provider,
    route: &Route,
    request: &'r Request<'_>,
    target: &Target<'_>,
    rules: &Rules<'_>,
    decoder: &mut Decoder,
) -> Result<(Body<'r>, bool)> {
    let raw = request.raw("messages").ok_or_else(|| {
        Error::bad_request("`messages` is missing; give at least one, as in [{\"role\": \"user\", \"content\": \"Hello\"}]")
    })?;
    let mut body = sort::chat(row, &route.model, target.family, request, rules)?;
    let stream = request.is_stream()?;
    if stream {
        // Told by what was asked for: some providers send usage without being asked, and are asked where the caller did not.
        decoder.include_usage =
            request.raw("stream_options").and_then(json::read::<Value>).is_some_and(|o| o["include_usage"] == true);
    } else {
        body.remove("stream");
        body.remove("stream_options");
    }
    if row.has(Quirk::OpenAiFamilies) {
        families::apply(&mut body, target.family, rules)?;
    }
    tools(&mut body)?;
    decoder.json_tool = match (target.adjust)(&mut body, rules)? {
        None => quirks::apply(&mut body, row, &route.model, rules)?,
        tool => tool,
    };
    let treatment = treatment(row, route, target.family);
    if treatment.marks == Marks::TakenOut {
        if let Some(clean) = body.get("tools").and_then(|tools| match tools {
            Json::Raw(raw) => messages::unmarked(raw),
            Json::Own(_) => None,
        }) {
            body.set("tools", Json::Own(clean));
        }
    }
    body.set("messages", messages::write(raw, &treatment)?);
    sort::finish(&mut body, row, Operation::Completion, request, rules)?;
    if row.has(Quirk::GuidedChoice) {
        quirks::guided_choice(&mut body);
    }
    Ok((body, stream))
}

/// litellm's checks of `tools` and `tool_choice`.
fn tools(body: &mut Body<'_>) -> Result<()> {
    if let Some(Json::Raw(raw)) = body.get("tools") {
        if !raw.get().starts_with('[') {
            return Err(wrong_type("tools", "a list of tools", raw));
        }
    }
    let empty = |name: &str| body.get(name).is_none_or(|list| matches!(list.text(), "[]" | "null"));
    if empty("tools") && empty("functions") {
        // A choice without tools is refused by OpenAI; frameworks send it all the same.
        body.remove("tool_choice");
    }
    let Some(choice) = body.get("tool_choice").and_then(Json::read::<Value>) else { return Ok(()) };
    match &choice {
        Value::String(_) => Ok(()),
        Value::Object(object) => match (object.get("type").and_then(Value::as_str), object.get("function")) {
            // Other APIs' form of the same words.
            (Some(word @ ("auto" | "none" | "required")), None) => {
                let word = Value::from(word);
                body.set("tool_choice", word.into());
                Ok(())
            }
            (Some(_), Some(_)) | (Some("allowed_tools" | "custom"), None) => Ok(()),
            _ => Err(Error::bad_request(
                "`tool_choice` must be \"auto\", \"none\", \"required\" or {\"type\": \"function\", \"function\": {\"name\": …}}",
            )),
        },
        _ => Err(Error::bad_request("`tool_choice` must be a string or an object")),
    }
}

fn treatment(row: &Provider, route: &Route, family: &str) -> Treatment {
    // A server of the caller's own behind the `openai` provider may well be a gateway to a model that knows the marks.
    let own_server = row.name == "openai" && !is_openai_host(&route.api_base);
    let marks = if own_server || row.has(Quirk::CacheControl) {
        Marks::AsWritten
    } else if row.has(Quirk::CacheControlByModel) && knows_marks(&route.model) {
        Marks::OnParts
    } else {
        Marks::TakenOut
    };
    let text = if row.has(Quirk::TextContent) {
        Text::Everywhere
    } else if row.has(Quirk::TextToolContent) {
        Text::InToolMessages
    } else {
        Text::AsWritten
    };
    let without: &[&str] = if row.has(Quirk::NoReasoningContent) {
        &["reasoning_content", "thinking_blocks"]
    } else if row.has(Quirk::NoThinkingBlocks) {
        &["thinking_blocks"]
    } else if row.has(Quirk::PlainAssistant) {
        &["thinking_blocks", "provider_specific_fields"]
    } else {
        &[]
    };
    let names_on = if row.has(Quirk::NamesOnUsers) {
        Some("user")
    } else if row.has(Quirk::NamesOnTools) {
        Some("tool")
    } else {
        None
    };
    Treatment {
        developer: row.has(Quirk::OpenAiFamilies) && is_o_series(family),
        marks,
        text,
        without,
        names_on,
        no_empty_assistant: row.has(Quirk::NoEmptyAssistant),
    }
}

/// Models with a cache that is told what to keep. Source: OpenRouter's page on prompt caching.
fn knows_marks(model: &str) -> bool {
    ["claude", "gemini", "minimax", "glm", "z-ai"].iter().any(|family| model.contains(family))
}

fn is_openai_host(api_base: &str) -> bool {
    let host = api_base.split_once("://").map_or(api_base, |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
    host == "openai.com" || host.ends_with(".openai.com")
}

fn embedding<'r>(
    row: &'static Provider,
    route: &Route,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    decoder: &mut Decoder,
) -> Result<Body<'r>> {
    if !request.has("input") {
        return Err(Error::bad_request("`input` is missing; give a text or a list of texts"));
    }
    let mut body = sort::embedding(row, &route.model, request, rules)?;
    if route.model.contains("text-embedding-ada") && body.has("dimensions") && row.has(Quirk::OpenAiFamilies) {
        rules.refuse(&mut body, "dimensions", || format!("the vectors of {} have one length", route.model))?;
    }
    decoder.keep_base64 = body.get("encoding_format").is_some_and(|format| format.text() == "\"base64\"");
    if !body.has("encoding_format") && row.has(Quirk::Base64Vectors) {
        // A quarter of the bytes; the answer is numbers again.
        body.set("encoding_format", Json::Own("\"base64\"".to_owned()));
    }
    sort::finish(&mut body, row, Operation::Embedding, request, rules)?;
    Ok(body)
}

/// The provider's headers, then the program's, then the call's: the later wins.
fn headers(
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
fn with_query(mut url: String, request: &Request<'_>) -> Result<String> {
    let Some(raw) = request.raw("extra_query") else { return Ok(url) };
    let query: serde_json::Map<String, Value> = json::read(raw).ok_or_else(|| wrong_type("extra_query", "an object", raw))?;
    for (name, value) in &query {
        append(&mut url, name, value);
    }
    Ok(url)
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

#[cfg(test)]
mod tests;
