//! Requests: OpenAI's messages and tools, Cohere's names of the parameters.

use serde_json::value::RawValue;
use serde_json::{json, Value};

use super::Decoder;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::errors::Origin;
use crate::wire::http::{bearer, headers, join, with_query};
use crate::wire::openai::messages::{self, Treatment};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::{HttpCall, Operation};

/// What Cohere calls them. `k` and other names of its own pass as they are.
const NAMES: &[(&str, &str)] = &[("top_p", "p"), ("stop", "stop_sequences"), ("n", "num_generations")];

pub fn prepare(row: &'static Provider, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let rules = Rules::of(request)?;
    if route.model.starts_with("v1/") {
        return Err(Error::bad_request("Cohere's API of version 1 is not spoken here; name the model without \"v1/\""));
    }
    // litellm's way to say which version: the only one here.
    let model = route.model.strip_prefix("v2/").unwrap_or(&route.model);
    let stream = operation == Operation::Completion && request.is_stream()?;
    let (path, body) = match operation {
        Operation::Completion => ("chat", chat(row, model, request, &rules, stream)?),
        Operation::Embedding => ("embed", embed(row, model, request, &rules)?),
        _ => return Err(operation.unavailable(row.name)),
    };
    let decoder = Decoder {
        origin: Origin::new(row, operation, model, route.api_key.clone()),
        operation,
        include_usage: request.includes_usage()?,
    };
    let credentials = route.api_key.iter().map(|key| bearer(key.expose())).collect();
    let headers = headers(row, request, credentials, stream)?;
    let url = with_query(url(&route.api_base, path), request)?;
    Ok(HttpCall { headers, stream, ..HttpCall::post(url, body.write(), Box::new(decoder)) })
}

/// litellm takes a base as the whole address. One that names no operation is completed all the same: a host, a version, or the address of
/// another operation of Cohere's.
fn url(api_base: &str, path: &str) -> String {
    let (base, query) = api_base.split_once('?').map_or((api_base, None), |(base, query)| (base, Some(query)));
    let base = base.trim_end_matches('/');
    let host_only = base.split_once("://").is_none_or(|(_, rest)| !rest.contains('/'));
    let (head, last) = base.rsplit_once('/').unwrap_or((base, ""));
    let whole = match last {
        _ if host_only => join(base, &format!("v2/{path}")),
        "v1" | "v2" => join(base, path),
        "chat" | "embed" | "rerank" => join(head, path),
        _ => base.to_owned(),
    };
    match query {
        Some(query) => format!("{whole}?{query}"),
        None => whole,
    }
}

fn chat<'r>(row: &'static Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>, stream: bool) -> Result<Body<'r>> {
    let raw = request.raw("messages").ok_or_else(|| {
        Error::bad_request("`messages` is missing; give at least one, as in [{\"role\": \"user\", \"content\": \"Hello\"}]")
    })?;
    let mut body = sort::chat(row, model, model, request, rules)?;
    body.remove("stream_options");
    body.remove("user");
    if !stream {
        body.remove("stream");
    }
    let treatment = Treatment {
        // What other providers' answers leave in a conversation.
        without: &["reasoning_content", "thinking_blocks", "provider_specific_fields"],
        ..Treatment::default()
    };
    body.set("messages", messages::write(raw, &treatment)?);
    if let Some(limit) = body.remove("max_completion_tokens") {
        body.set("max_tokens", limit);
    }
    for (name, own) in NAMES {
        if let Some(value) = body.remove(name) {
            body.set(*own, value);
        }
    }
    tools(&mut body)?;
    format(&mut body);
    sort::finish(&mut body, row, Operation::Completion, request, rules)?;
    Ok(body)
}

/// `tool_choice` is one of two words here. A certain function is asked for by offering no other.
fn tools(body: &mut Body<'_>) -> Result<()> {
    if let Some(Json::Raw(raw)) = body.get("tools").filter(|tools| !tools.text().starts_with('[')) {
        return Err(wrong_type("tools", "a list of tools", raw));
    }
    let choice = body.remove("tool_choice").and_then(|choice| choice.read::<Value>());
    let Some(tools) = body.get("tools").filter(|tools| tools.text() != "[]") else { return Ok(()) };
    let word = match &choice {
        None => return Ok(()),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => return Ok(()),
            "none" => "NONE",
            "required" | "any" => "REQUIRED",
            _ => return Err(Error::bad_request("`tool_choice` must be \"auto\", \"none\", \"required\" or name a function")),
        },
        Some(choice) => {
            let name = &choice["function"]["name"];
            let all: Vec<Value> = tools.read().unwrap_or_default();
            let wanted: Vec<Value> =
                all.into_iter().filter(|tool| name.is_string() && tool["function"]["name"] == *name).collect();
            if wanted.is_empty() {
                return Err(Error::bad_request(format!("`tool_choice` names the function {name}, which is not among the tools")));
            }
            body.set("tools", Value::Array(wanted).into());
            "REQUIRED"
        }
    };
    body.set("tool_choice", Value::from(word).into());
    Ok(())
}

/// A schema stands beside the type. litellm lists no `response_format`, so it comes here through `allowed_openai_params` only.
fn format(body: &mut Body<'_>) {
    let Some(format) = body.get("response_format").and_then(Json::read::<Value>) else { return };
    if format["type"] == "json_schema" {
        let schema = &format["json_schema"]["schema"];
        body.set("response_format", json!({"type": "json_object", "schema": schema}).into());
    }
}

fn embed<'r>(row: &Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing; give a text or a list of texts"))?;
    let mut given = sort::embedding(row, model, request, rules)?;
    given.remove("input");
    let mut body = Body::default();
    let texts = texts(raw)?;
    body.set("model", Value::from(model).into());
    let images = check_kinds(texts.iter().map(|text| text.starts_with("data:image/")))?;
    let list = if raw.get().starts_with('"') { Json::Own(format!("[{}]", raw.get())) } else { Json::Raw(raw) };
    body.set(if images { "images" } else { "texts" }, list);
    body.set("input_type", Value::from(if images { "image" } else { "search_document" }).into());
    for (name, value) in given {
        match name.as_ref() {
            "dimensions" => body.set("output_dimension", value),
            "encoding_format" if value.text().starts_with('[') => body.set("embedding_types", value),
            "encoding_format" => {
                let types = format!("[{}]", value.text());
                body.set("embedding_types", Json::Own(types));
            }
            _ => body.set(name, value),
        }
    }
    sort::finish(&mut body, row, Operation::Embedding, request, rules)?;
    Ok(body)
}

/// Are the inputs images? `images` says of each whether it is one. Texts and images together are refused: in a list of texts the letters
/// of a picture's base64 are embedded as words.
pub fn check_kinds(images: impl Iterator<Item = bool>) -> Result<bool> {
    let images: Vec<bool> = images.collect();
    match images.iter().position(|image| *image) {
        None => Ok(false),
        Some(_) if images.iter().all(|image| *image) => Ok(true),
        Some(at) => Err(Error::bad_request(format!(
            "input[{at}] is an image, and others of `input` are texts, which Cohere takes in calls of their own; \
             embed the images in one call and the texts in another"
        ))),
    }
}

/// The beginnings of the texts, enough to tell images from words. Cohere takes no tokens.
fn texts(raw: &RawValue) -> Result<Vec<&str>> {
    let inner = |raw: &'_ RawValue| raw.get().starts_with('"');
    let list: Vec<&RawValue> = if inner(raw) {
        vec![raw]
    } else {
        json::read(raw).ok_or_else(|| wrong_type("input", "a text or a list of texts", raw))?
    };
    match list.iter().position(|item| !inner(item)) {
        Some(at) => Err(wrong_type(&format!("input[{at}]"), "a text", list[at])),
        None => Ok(list.into_iter().map(|item| &item.get()[1..]).collect()),
    }
}

#[cfg(test)]
mod tests;
