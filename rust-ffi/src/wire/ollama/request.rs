//! Requests: OpenAI's parameters under Ollama's names, most of them in `options`.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{json, Value};

use super::image::{push_images, Image};
use super::prompt::{self, unknown_part};
use super::{Decoder, Endpoint};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::{wrong_type, Fields, Request};
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::chat::messages::{self, Content, Kind, Message, Role};
use crate::wire::errors::Origin;
use crate::wire::http::{bearer, headers, join, with_query};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::remote::Remotes;
use crate::wire::{HttpCall, Operation};

/// Members of a chat's body beside `model`, `messages`, `tools`, `options` and `stream`.
const CHAT_MEMBERS: &[&str] = &["format", "keep_alive", "think"];
/// Members of a prompt's body beside `model`, `prompt`, `images`, `options` and `stream`.
const GENERATE_MEMBERS: &[&str] = &["format", "keep_alive", "think", "system", "template", "raw", "suffix", "context"];
/// Those of them that a chat has no place for: Ollama would take them for options and read over them.
const OF_PROMPTS_ONLY: &[&str] = &["system", "template", "raw", "suffix", "context"];
const EMBED_MEMBERS: &[&str] = &["dimensions", "keep_alive", "truncate"];

pub fn prepare(row: &'static Provider, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let mut rules = Rules::of(request)?;
    let stream = operation == Operation::Completion && request.is_stream()?;
    let mut remotes = Remotes::default();
    let (endpoint, body) = match operation {
        Operation::Completion => {
            if row.name == "ollama" {
                // litellm's list for this provider has no tools, and it takes them all the same.
                rules.allowed.extend(["tools", "functions", "tool_choice"].map(Cow::Borrowed));
            }
            chat(row, route, request, &rules, stream, &mut remotes)?
        }
        Operation::Embedding => (Endpoint::Embed, embed(row, route, request, &rules)?),
        _ => return Err(operation.unavailable(row.name)),
    };
    let decoder = Decoder {
        origin: Origin::new(row, operation, &route.model, route.api_key.clone()),
        endpoint,
        // Without asking, usage is no part of the chunks, as everywhere.
        include_usage: request.includes_usage()?,
    };
    let credentials = route.api_key.iter().map(|key| bearer(key.expose())).collect();
    let mut headers = headers(row, request, credentials, stream)?;
    if operation == Operation::Completion {
        // Ollama reads every body as JSON, and litellm names no type for chats; proxies in front of it have never seen one.
        headers.retain(|(name, value)| name != "content-type" || value != "application/json");
    }
    let url = with_query(url(&route.api_base, endpoint), request)?;
    Ok(HttpCall { headers, stream, remotes, ..HttpCall::post(url, body.write(), Box::new(decoder)) })
}

/// The endpoint's address; a base that names another one of Ollama's is the same server.
fn url(api_base: &str, endpoint: Endpoint) -> String {
    let other = Endpoint::ALL.iter().find_map(|other| api_base.strip_suffix(other.path()).filter(|base| base.ends_with('/')));
    join(other.unwrap_or(api_base), endpoint.path())
}

fn chat<'r>(
    row: &'static Provider,
    route: &Route,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    stream: bool,
    remotes: &mut Remotes,
) -> Result<(Endpoint, Body<'r>)> {
    let messages = messages::read(request)?;
    let mut given = sort::chat(row, &route.model, &route.model, request, rules)?;
    let mut body = Body::default();
    body.set("model", Json::Own(Value::from(route.model.as_str()).to_string()));
    for name in ["model", "messages", "stream", "stream_options", "user"] {
        given.remove(name);
    }
    let tools = tools(&mut given)?;
    let endpoint = match (row.name, &tools) {
        ("ollama", None) => Endpoint::Generate,
        _ => Endpoint::Chat,
    };
    let members = if endpoint == Endpoint::Chat {
        for name in OF_PROMPTS_ONLY {
            if given.has(name) {
                rules.refuse(&mut given, name, || {
                    format!("Ollama's chats have no `{name}`, which belongs to a prompt; write it into `messages`, or call ollama/ without tools")
                })?;
            }
        }
        body.set("messages", Json::Own(write_messages(&messages, remotes)?));
        CHAT_MEMBERS
    } else {
        let prompt = prompt::write(&messages)?;
        body.set("prompt", Json::Own(Value::from(prompt.text).to_string()));
        let mut images = Vec::new();
        push_images(&mut images, &prompt.images, remotes)?;
        body.set("images", own(images));
        GENERATE_MEMBERS
    };
    format(&mut given)?;
    think(&mut given, &route.model);
    options(&mut body, given, members)?;
    body.set("stream", Json::Own(stream.to_string()));
    if let Some(tools) = tools {
        body.set("tools", tools);
    }
    sort::finish(&mut body, row, Operation::Completion, request, rules)?;
    Ok((endpoint, body))
}

/// The tools to offer. Ollama has no `tool_choice`: "none" is kept by offering none, and the rest cannot be asked for.
fn tools<'r>(given: &mut Body<'r>) -> Result<Option<Json<'r>>> {
    let choice = given.remove("tool_choice");
    let functions = given.remove("functions");
    let tools = match (given.remove("tools"), functions) {
        (Some(Json::Raw(raw)), _) if !raw.get().starts_with('[') => return Err(wrong_type("tools", "a list of tools", raw)),
        (Some(tools), _) => Some(tools),
        // OpenAI's older form.
        (None, Some(functions)) => {
            let Some(functions) = functions.read::<Vec<Value>>() else {
                return Err(Error::bad_request("`functions` must be a list of functions"));
            };
            Some(
                functions.into_iter().map(|function| json!({"type": "function", "function": function})).collect::<Value>().into(),
            )
        }
        (None, None) => None,
    };
    let tools = tools.filter(|tools| tools.text() != "[]");
    match choice.as_ref().map(Json::text) {
        Some("\"none\"") => Ok(None),
        Some(choice) if choice != "\"auto\"" && tools.is_some() => {
            log::record(log::Level::Warning, || {
                ("`tool_choice` is not sent: Ollama lets the model choose".to_owned(), json!({"provider": "ollama"}).to_string())
            });
            Ok(tools)
        }
        _ => Ok(tools),
    }
}

/// `response_format` is `format` here: the word "json", or the schema alone.
fn format(given: &mut Body<'_>) -> Result<()> {
    let Some(format) = given.remove("response_format").and_then(|format| format.read::<Value>()) else { return Ok(()) };
    match format["type"].as_str() {
        Some("json_object") => given.set("format", Value::from("json").into()),
        Some("json_schema") => match &format["json_schema"]["schema"] {
            Value::Null => {
                return Err(Error::bad_request(
                    "`response_format` has the type \"json_schema\" and no schema; give it as response_format[\"json_schema\"][\"schema\"]",
                ))
            }
            schema => given.set("format", schema.clone().into()),
        },
        _ => {}
    }
    Ok(())
}

/// Thinking is on or off; only gpt-oss knows how much.
fn think(given: &mut Body<'_>, model: &str) {
    let Some(effort) = given.remove("reasoning_effort") else { return };
    if model.starts_with("gpt-oss") {
        given.set("think", effort);
    } else {
        let on = !matches!(effort.text(), "\"none\"" | "\"minimal\"" | "\"disable\"");
        given.set("think", Value::from(on).into());
    }
}

/// Sets the members that stand at the top; everything else is an option of the model.
fn options<'r>(body: &mut Body<'r>, mut given: Body<'r>, members: &[&'static str]) -> Result<()> {
    let mut options = Body::default();
    // The caller's own object of options; what stands beside it wins.
    if let Some(Json::Raw(raw)) = given.remove("options") {
        let inner: Fields<'r> = json::read(raw).ok_or_else(|| wrong_type("options", "an object", raw))?;
        for (name, raw) in inner {
            options.set(name, Json::Raw(raw));
        }
    }
    let mut top = Vec::new();
    for (name, value) in given {
        match name.as_ref() {
            "max_tokens" | "max_completion_tokens" => options.set("num_predict", value),
            known if members.contains(&known) => top.push((name, value)),
            _ => options.set(name, value),
        }
    }
    body.set("options", own(options.write()));
    for (name, value) in top {
        body.set(name, value);
    }
    Ok(())
}

fn embed<'r>(row: &Provider, route: &Route, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing; give a text or a list of texts"))?;
    let mut given = sort::embedding(row, &route.model, request, rules)?;
    let mut body = Body::default();
    body.set("model", Json::Own(Value::from(route.model.as_str()).to_string()));
    body.set("input", texts(raw)?);
    given.remove("model");
    given.remove("input");
    let mut options_given = Body::default();
    for (name, value) in given {
        if EMBED_MEMBERS.contains(&name.as_ref()) {
            body.set(name, value);
        } else {
            options_given.set(name, value);
        }
    }
    if options_given.names().next().is_some() {
        options(&mut body, options_given, &[])?;
    }
    sort::finish(&mut body, row, Operation::Embedding, request, rules)?;
    Ok(body)
}

/// The texts as a list. Ollama takes no tokens.
fn texts<'r>(raw: &'r RawValue) -> Result<Json<'r>> {
    if raw.get().starts_with('"') {
        return Ok(Json::Own(format!("[{}]", raw.get())));
    }
    let list: Vec<&RawValue> = json::read(raw).ok_or_else(|| wrong_type("input", "a text or a list of texts", raw))?;
    match list.iter().position(|item| !item.get().starts_with('"')) {
        Some(at) => Err(wrong_type(&format!("input[{at}]"), "a text", list[at])),
        None => Ok(Json::Raw(raw)),
    }
}

fn write_messages(messages: &[Message<'_>], remotes: &mut Remotes) -> Result<String> {
    let mut out = vec![b'['];
    for (number, message) in messages.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_message(&mut out, message, remotes)?;
    }
    out.push(b']');
    Ok(text(out))
}

fn write_message(out: &mut Vec<u8>, message: &Message<'_>, remotes: &mut Remotes) -> Result<()> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    out.extend_from_slice(b"{\"role\":\"");
    out.extend_from_slice(role.as_bytes());
    out.extend_from_slice(b"\",\"content\":");
    let mut images: Vec<Image<'_>> = Vec::new();
    match message.content()? {
        Content::None => out.extend_from_slice(b"\"\""),
        Content::Text(content) => json::push_string(out, &content),
        Content::Parts(parts) => {
            let mut content = String::new();
            for (number, part) in parts.into_iter().enumerate() {
                match part.kind {
                    Kind::Text(piece) => content.push_str(&piece),
                    Kind::Image(image) => images.push(Image::of(message, number, image.url)),
                    // What a model thought, in Anthropic's form: `thinking` says it.
                    Kind::Other(kind) if message.role == Role::Assistant && kind.contains("thinking") => {}
                    other => return Err(unknown_part(message, &other)),
                }
            }
            json::push_string(out, &content);
        }
    }
    out.extend_from_slice(b",\"images\":");
    push_images(out, &images, remotes)?;
    if message.role == Role::Assistant {
        let thought = match message.str("reasoning_content")? {
            Some(thought) => Some(thought),
            None => message.str("reasoning")?,
        };
        if let Some(thought) = thought {
            out.extend_from_slice(b",\"thinking\":");
            json::push_string(out, &thought);
        }
        push_calls(out, message)?;
    }
    if let Some(id) = message.str("tool_call_id")? {
        out.extend_from_slice(b",\"tool_call_id\":");
        json::push_string(out, &id);
    }
    out.push(b'}');
    Ok(())
}

/// Arguments are an object here, and text with OpenAI.
fn push_calls(out: &mut Vec<u8>, message: &Message<'_>) -> Result<()> {
    let calls = message.tool_calls()?;
    if calls.is_empty() {
        return Ok(());
    }
    out.extend_from_slice(b",\"tool_calls\":[");
    for (number, call) in calls.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.trim() };
        if serde_json::from_str::<&RawValue>(arguments).is_err() || !arguments.starts_with('{') {
            return Err(Error::bad_request(format!(
                "`messages[{}].tool_calls[{number}].function.arguments` is not the text of a JSON object, which Ollama needs",
                message.at
            )));
        }
        out.extend_from_slice(b"{\"function\":{\"name\":");
        json::push_string(out, &call.name);
        out.extend_from_slice(b",\"arguments\":");
        out.extend_from_slice(arguments.as_bytes());
        out.extend_from_slice(b"}}");
    }
    out.push(b']');
    Ok(())
}

fn own<'r>(json: Vec<u8>) -> Json<'r> {
    Json::Own(text(json))
}

/// What was written here is made of str and of serde_json's output: it is UTF-8.
fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_default()
}

#[cfg(test)]
mod tests;
