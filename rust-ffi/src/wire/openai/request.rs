//! A request of OpenAI's protocol, made ready to be sent: body, headers, address.

use serde_json::Value;

use super::messages::{self, Marks, Text, Treatment};
use super::{audio, families, images, moderation, quirks, responses, text, Decoder};
use crate::engine::error::{Error, Result};
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::errors::Origin;
use crate::wire::http::{headers, with_query};
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
    let (model, family) = (route.model.as_str(), target.family);
    let json = |(body, stream): (Body<'_>, bool)| (None, body.write(), stream);
    let form = |(content_type, body): (String, Vec<u8>)| (Some(content_type), body, false);
    let (content_type, body, stream) = match operation {
        Operation::Completion => json(chat(row, route, request, &target, &rules, &mut decoder)?),
        Operation::Embedding => json((embedding(row, route, request, &rules, &mut decoder)?, false)),
        Operation::TextCompletion => json(text::request(row, model, request, &rules)?),
        Operation::Responses => json(responses::request(row, model, family, request, &rules)?),
        Operation::ImageGeneration => {
            json((images::generation(row, model, family, request, &rules, target.url.contains("/deployments/"))?, false))
        }
        Operation::ImageEdit => form(images::edit(row, model, family, request, &rules)?),
        Operation::Transcription => form(audio::transcription(row, model, request, &rules)?),
        Operation::Speech => json((audio::speech(row, model, request, &rules)?, true)),
        Operation::Moderation => json((moderation::request(row, model, request, &rules)?, false)),
        _ => return Err(operation.unavailable(row.name)),
    };
    let mut headers = headers(row, request, target.credentials, stream && operation != Operation::Speech)?;
    if row.has(Quirk::NoContentType) {
        headers.retain(|(name, _)| name != "content-type");
    }
    if let Some(content_type) = content_type {
        // The form's boundary is in it: a caller's own would make the body unreadable.
        if let Some((_, value)) = headers.iter_mut().find(|(name, _)| name == "content-type") {
            *value = content_type;
        }
    }
    let url = with_query(target.url, request)?;
    Ok(HttpCall { headers, stream, ..HttpCall::post(url, body, Box::new(decoder)) })
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
        decoder.include_usage = request.includes_usage()?;
    } else {
        body.remove("stream");
        body.remove("stream_options");
    }
    if row.has(Quirk::OpenAiFamilies) {
        families::apply(&mut body, target.family, rules)?;
    }
    if let (true, Some(retries)) = (row.has(Quirk::SendsMaxRetries) && request.has("api_base"), request.raw("max_retries")) {
        body.set("max_retries", Json::Raw(retries));
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
    let mut messages = messages::write(raw, &treatment)?;
    if row.has(Quirk::DatabricksMessages) && !route.model.contains("claude") {
        quirks::databricks_messages(&mut messages);
    }
    body.set("messages", messages);
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
    if row.has(Quirk::VoyageVectors) {
        if let Some(dimensions) = body.remove("dimensions") {
            body.set("output_dimension", dimensions);
        }
    }
    if row.has(Quirk::JinaInput) {
        quirks::jina_input(&mut body);
    }
    decoder.keep_base64 = body.get("encoding_format").is_some_and(|format| format.text() == "\"base64\"");
    if !body.has("encoding_format") && row.has(Quirk::Base64Vectors) {
        // A quarter of the bytes; the answer is numbers again.
        body.set("encoding_format", Json::Own("\"base64\"".to_owned()));
    }
    sort::finish(&mut body, row, Operation::Embedding, request, rules)?;
    Ok(body)
}

#[cfg(test)]
mod tests;
