//! A chat request, made ready to be sent: body, headers, address.

use serde_json::{json, Map, Value};

use super::address::{self, Door, Place};
use super::credentials::Google;
use super::tools::{self, Tools};
use super::{config, messages, Decoder};
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::http::{headers, with_query};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::remote::Remotes;
use crate::wire::{Credentials, HttpCall, Operation};

/// Members of Gemini's request that a caller may write as keyword arguments, in either spelling.
const OWN: &[&str] = &["safetySettings", "cachedContent", "toolConfig", "systemInstruction", "labels"];

/// Makes the call.
pub fn prepare(door: Door, row: &'static Provider, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let rules = Rules::of(request)?;
    let stream = request.is_stream()?;
    let mut decoder = Decoder::new(row, Operation::Completion, route);
    decoder.include_usage = request.includes_usage()?;
    let mut remotes = Remotes::default();
    let body = body(door, row, route, request, &rules, &mut remotes)?;
    let method = if stream { "streamGenerateContent" } else { "generateContent" };
    let destination = destination(door, route, request, method, stream, None)?;
    let headers = headers(row, request, destination.headers, stream)?;
    let call = HttpCall::post(with_query(destination.url, request)?, body.write(), Box::new(decoder));
    let credentials = destination.credentials.filter(|_| !headers.iter().any(|(name, _)| name == "authorization"));
    Ok(HttpCall { headers, stream, credentials, remotes, ..call })
}

/// Where a call goes and with which credentials.
pub struct Destination {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub credentials: Option<Box<dyn Credentials>>,
}

/// `version` is the Gemini API's where a method has one of its own.
pub fn destination(
    door: Door,
    route: &Route,
    request: &Request<'_>,
    method: &str,
    stream: bool,
    version: Option<&str>,
) -> Result<Destination> {
    match door {
        Door::AiStudio => {
            let key = route.api_key.as_ref().map(|key| ("x-goog-api-key".to_owned(), key.expose().to_owned()));
            let url = address::ai_studio(route, method, stream, version)?;
            Ok(Destination { url, headers: key.into_iter().collect(), credentials: None })
        }
        Door::Vertex => {
            let private = request.bool("use_psc_endpoint_format")?.unwrap_or(false);
            on_vertex(request, |place| address::vertex(route, place, method, stream, private))
        }
    }
}

/// Where a model of another publisher's is called on Vertex AI.
pub fn partner(route: &Route, request: &Request<'_>, publisher: &str, method: &str) -> Result<Destination> {
    on_vertex(request, |place| address::partner(route, place, "v1", publisher, method))
}

/// An address on Vertex AI, by its project and location, and the credentials for it.
pub fn on_vertex(request: &Request<'_>, url: impl FnOnce(&Place) -> Result<String>) -> Result<Destination> {
    let google = if brings_token(request) { None } else { Some(Google::of(request)?) };
    let place = Place::of(request, google.as_ref().and_then(|google| google.project.clone()))?;
    let url = url(&place)?;
    let credentials = google.map(|google| Box::new(google) as Box<dyn Credentials>);
    Ok(Destination { url, headers: Vec::new(), credentials })
}

/// The caller has a token of their own in a header.
fn brings_token(request: &Request<'_>) -> bool {
    let given = [request.raw("extra_headers"), request.raw("headers"), request.setting_raw("headers")];
    given.into_iter().flatten().any(|raw| {
        json::read::<Map<String, Value>>(raw)
            .is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")))
    })
}

fn body<'r>(
    door: Door,
    row: &Provider,
    route: &Route,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    remotes: &mut Remotes,
) -> Result<Body<'r>> {
    let model = route.model.as_str();
    let mut given = sort::chat(row, model, model, request, rules)?;
    for name in ["model", "messages", "stream", "stream_options", "use_psc_endpoint_format"] {
        given.remove(name);
    }
    // The one that OpenAI's newer models know counts, whichever comes first.
    if given.has("max_completion_tokens") {
        given.remove("max_tokens");
    }
    let conversation = messages::write(request, model, door == Door::Vertex, remotes)?;
    let server_side =
        flag(&mut given, "include_server_side_tool_invocations") | flag(&mut given, "includeServerSideToolInvocations");
    let (tools, mut tool_config) = tools(&mut given, server_side)?;
    let mut body = Body::default();
    body.set("contents", Json::Own(conversation.contents));
    if let Some(instruction) = conversation.system_instruction {
        body.set("system_instruction", instruction.into());
    }
    if !tools.is_empty() {
        body.set("tools", Value::from(tools).into());
    }
    let tier = given.remove("service_tier");
    let own = own_members(&mut given);
    // Gemini does not decide whether calls are made side by side.
    given.remove("parallel_tool_calls");
    let mut generation = config::take(&mut given, model)?;
    if let (true, Some(detail)) = (model.contains("gemini-2"), conversation.detail) {
        generation.set("mediaResolution", Value::from(detail.resolution()).into());
    }
    unknown(&given, row);

    for (name, value) in own {
        match name {
            "toolConfig" => merge(&mut tool_config, value.read().unwrap_or_default()),
            "safetySettings" | "cachedContent" => body.set(name, value),
            "systemInstruction" if !body.has("system_instruction") => body.set("system_instruction", value),
            _ => {}
        }
    }
    if let Some(settings) = request.setting_raw("vertex_ai_safety_settings").filter(|_| !body.has("safetySettings")) {
        body.set("safetySettings", Json::Raw(settings));
    }
    if !tool_config.is_empty() {
        body.set("toolConfig", Value::from(tool_config).into());
    }
    if generation.names().next().is_some() {
        body.set("generationConfig", Json::Own(text_of(&generation)));
    }
    if let Some(tier) = tier.as_ref().and_then(Json::read::<String>) {
        body.set("serviceTier", Value::from(service_tier(&tier)).into());
    }
    if let Some(labels) = labels(request).filter(|_| door == Door::Vertex) {
        body.set("labels", Value::from(labels).into());
    }
    if body.has("cachedContent") && request.setting_bool("modify_params")? == Some(true) {
        // The cache holds them already, and Vertex AI refuses them beside it. litellm leaves them out under this setting.
        for name in ["system_instruction", "tools", "toolConfig"] {
            body.remove(name);
        }
    }
    extra_body(&mut body, row, request, rules)?;
    for_maps(&mut body);
    Ok(body)
}

fn text_of(body: &Body<'_>) -> String {
    String::from_utf8(body.write()).unwrap_or_default()
}

/// Takes a switch out of the body.
fn flag(given: &mut Body<'_>, name: &str) -> bool {
    given.remove(name).is_some_and(|value| value.text() == "true")
}

/// Tools, and the configuration of them that OpenAI's parameters mean.
fn tools(given: &mut Body<'_>, server_side: bool) -> Result<(Vec<Value>, Map<String, Value>)> {
    let list = [given.remove("tools"), given.remove("functions")];
    let mut tools = Tools::default();
    for list in list.into_iter().flatten() {
        let read = Tools::read(&list.read::<Value>().unwrap_or_default())?;
        tools.list.extend(read.list);
        tools.retrieval = read.retrieval.or(tools.retrieval);
    }
    if given.remove("web_search_options").is_some() {
        tools.add_search();
    }
    if !server_side {
        tools.settle();
    }
    let mut config = Map::new();
    if let Some(choice) = given.remove("tool_choice") {
        merge(&mut config, tools::choice(&choice.read::<Value>().unwrap_or_default())?);
    }
    if let Some(retrieval) = tools.retrieval {
        config.insert("retrievalConfig".to_owned(), retrieval);
    }
    if server_side {
        config.insert("includeServerSideToolInvocations".to_owned(), true.into());
    }
    Ok((tools.list, config))
}

fn merge(into: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        into.extend(more);
    }
}

/// Takes Gemini's own members of a request out of the body, under the names that are sent.
fn own_members<'r>(given: &mut Body<'r>) -> Vec<(&'static str, Json<'r>)> {
    let names: Vec<String> = given.names().map(str::to_owned).collect();
    let own = |name: &str| OWN.iter().find(|own| **own == config::camel(name)).copied();
    names.iter().filter_map(|name| Some((own(name)?, given.remove(name)?))).collect()
}

/// Gemini refuses a request with a member that it does not know, so litellm leaves out what is neither OpenAI's nor Gemini's; `extra_body` sends
/// whatever it holds.
fn unknown(given: &Body<'_>, row: &Provider) {
    let names: Vec<&str> = given.names().collect();
    if !names.is_empty() {
        log::record(log::Level::Warning, || {
            let message = format!(
                "not sent, because Gemini's protocol does not know them: {}; extra_body sends them all the same",
                names.join(", ")
            );
            (message, json!({ "provider": row.name }).to_string())
        });
    }
}

/// litellm's "auto" is Gemini's highest tier, and OpenAI's "default" its "standard".
fn service_tier(tier: &str) -> String {
    match tier.to_ascii_lowercase().as_str() {
        "auto" => "priority".to_owned(),
        "default" => "standard".to_owned(),
        other => other.to_owned(),
    }
}

/// Labels for Google Cloud's bills: `labels`, or what litellm's metadata say of who asks.
fn labels(request: &Request<'_>) -> Option<Map<String, Value>> {
    let strings = |value: &Value| -> Option<Map<String, Value>> {
        let kept: Map<String, Value> = value
            .as_object()?
            .iter()
            .filter(|(_, value)| value.is_string())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        (!kept.is_empty()).then_some(kept)
    };
    let read = |name: &str| request.raw(name).and_then(json::read::<Value>);
    let own = read("labels").as_ref().and_then(strings);
    own.or_else(|| ["metadata", "litellm_metadata"].iter().find_map(|name| strings(&read(name)?["requester_metadata"])))
}

/// `extra_body`: objects are merged into ours, one level deep, as litellm does.
fn extra_body<'r>(body: &mut Body<'r>, row: &Provider, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<()> {
    let mut merged = Vec::new();
    if let Some(Value::Object(extra)) = request.raw("extra_body").and_then(json::read::<Value>) {
        for (name, more) in extra {
            let ours = body.get(&name).and_then(Json::read::<Value>);
            if let (Some(Value::Object(mut ours)), Value::Object(more)) = (ours, more) {
                ours.extend(more);
                merged.push((name, Value::from(ours)));
            }
        }
    }
    let ours: Vec<String> = body.names().map(str::to_owned).collect();
    sort::finish(body, row, Operation::Completion, request, rules)?;
    for (name, value) in merged {
        if body.has(&name) {
            body.set(name, value.into());
        }
    }
    // litellm's own words, which its users put there.
    for name in ["cache", "tags"] {
        if !ours.iter().any(|own| own == name) {
            body.remove(name);
        }
    }
    Ok(())
}

/// Gemini refuses `response_mime_type` beside Google Maps; `responseFormat` says the same and is taken.
fn for_maps(body: &mut Body<'_>) {
    let uses_maps = body
        .get("tools")
        .and_then(Json::read::<Vec<Value>>)
        .is_some_and(|list| list.iter().any(|t| t.get("googleMaps").is_some()));
    if !uses_maps {
        return;
    }
    let Some(Value::Object(mut generation)) = body.get("generationConfig").and_then(Json::read::<Value>) else { return };
    if generation.get("response_mime_type").is_none_or(|kind| kind != "application/json") {
        return;
    }
    generation.shift_remove("response_mime_type");
    let schema = [generation.shift_remove("response_json_schema"), generation.shift_remove("response_schema")];
    let mut text = json!({"mimeType": "APPLICATION_JSON"});
    if let Some(schema) = schema.into_iter().flatten().next() {
        text["schema"] = schema;
    }
    generation.insert("responseFormat".to_owned(), json!({ "text": text }));
    body.set("generationConfig", Value::from(generation).into());
}
