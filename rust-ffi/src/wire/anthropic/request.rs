//! A request of Anthropic's protocol, made ready to be sent: body, headers, address.

use serde_json::{json, Value};

use super::blocks::Surface;
use super::clean::Cleaned;
use super::models::Claude;
use super::tools::{self, Tools};
use super::{betas, format, messages, thinking, Decoder, MAX_NAME};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::chat::schema::of_format;
use crate::wire::credentials::Credentials;
use crate::wire::errors::Origin;
use crate::wire::http::{headers, with_query};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::remote::Remotes;
use crate::wire::{HttpCall, Operation};

/// Where a request goes and in which form: what the hosts of Claude differ in.
pub struct Target<'t> {
    /// The address of a whole answer, or of a stream.
    pub url: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub credentials: Option<Box<dyn Credentials>>,
    /// The model that decides on the rules, where the route's is a deployment's name.
    pub family: &'t str,
    /// `anthropic_version` of the body: hosts that name the model in the address want it there, and no `model`.
    pub version: Option<&'static str>,
    /// The body says `stream`; other hosts tell a stream by its address.
    pub says_stream: bool,
    pub betas: Betas,
    /// Previews that the credentials need.
    pub previews: &'static [&'static str],
    /// The host fetches images and documents from addresses.
    pub fetches: bool,
    /// The host takes `output_format` for every model that has it at Anthropic's.
    pub holds_to_schemas: bool,
}

/// Where a host takes the names of previews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Betas {
    InHeader,
    /// As `anthropic_beta` of the body.
    InBody,
    /// In the header, as far as Vertex AI knows them.
    OfVertex,
}

/// Makes the call of a completion.
pub fn prepare(row: &'static Provider, route: &Route, request: &Request<'_>, target: Target<'_>) -> Result<HttpCall> {
    let rules = Rules::of(request)?;
    let mut decoder = Decoder::new(Origin::new(row, Operation::Completion, &route.model, route.api_key.clone()));
    let stream = request.is_stream()?;
    let (mut body, messages, remotes) = body(row, route, request, &target, &rules, &mut decoder)?;
    let mut betas = target.previews.to_vec();
    betas.extend(betas::of(&body, target.family, messages));
    let mut headers = headers(row, request, target.headers, stream)?;
    match target.betas {
        Betas::InHeader => betas::add(&mut headers, &betas),
        Betas::OfVertex => betas::add(&mut headers, &betas::of_vertex(&betas, &body)),
        Betas::InBody => in_body(&mut body, &mut headers, &betas),
    }
    let url = with_query(target.url, request)?;
    let credentials = target.credentials;
    Ok(HttpCall { headers, stream, credentials, remotes, ..HttpCall::post(url, body.write(), Box::new(decoder)) })
}

/// Betas as a member of the body, those of the caller's header among them.
pub fn in_body(body: &mut Body<'_>, headers: &mut Vec<(String, String)>, betas: &[&'static str]) {
    betas::add(headers, betas);
    let Some(at) = headers.iter().position(|(name, _)| name == betas::HEADER) else { return };
    let (_, value) = headers.remove(at);
    let list: Vec<Value> = value.split(',').map(|beta| beta.trim().into()).collect();
    body.set("anthropic_beta", Value::from(list).into());
}

fn body<'r>(
    row: &'static Provider,
    route: &Route,
    request: &'r Request<'_>,
    target: &Target<'_>,
    rules: &Rules<'_>,
    decoder: &mut Decoder,
) -> Result<(Body<'r>, betas::Messages, Remotes)> {
    let model = target.family;
    let mut body = sort::chat(row, &route.model, model, request, rules)?;
    decoder.include_usage = request.includes_usage()?;
    body.remove("stream_options");
    if !request.is_stream()? || !target.says_stream {
        body.remove("stream");
    }
    if let Some(version) = target.version {
        body.remove("model");
        body.set("anthropic_version", Value::from(version).into());
    }
    limit(&mut body)?;
    stop(&mut body, rules)?;
    sampling(&mut body, model, rules)?;
    let mut tools = Tools::default();
    // A tool cannot stand for a schema where none can be forced.
    let native = Claude::of(model).has_output_format() && (target.holds_to_schemas || !Claude::of(model).can_be_forced());
    let json_tool = response_format(&mut body, native, &mut tools)?;
    let forced = add_tools(&mut body, model, &mut tools, json_tool, rules)?;
    thinking::apply(&mut body, model, rules)?;
    user(&mut body, request)?;
    context_management(&mut body)?;
    if body.has("speed") && !(Claude::of(model).takes_speed() && row.name == "anthropic") {
        rules.refuse(&mut body, "speed", || format!("{model} has one speed only"))?;
    }

    let mut names = Cleaned::new(MAX_NAME, tools.custom_names());
    // It stands first.
    decoder.json_tool = json_tool.then(|| names.free(tools::JSON_TOOL, tools.names().skip(1)));
    let surface = Surface { name: row.name, fetches: target.fetches, remotes: Remotes::default() };
    let mut prompt = messages::read(request, surface, Claude::of(model).takes_late_system(), &mut names)?;
    if tools.list.is_empty() && prompt.has_tool_calls {
        tools.list.push(tools::placeholder());
    }
    if prompt.has_container_files && !tools.has("code_execution") {
        tools.list.push(json!({"type": "code_execution_20250522", "name": "code_execution"}));
    }
    if body.has("thinking") && prompt.last_calls_lack_thinking && !prompt.has_thinking {
        // The API refuses calls without the thinking before them, where thinking is on.
        if request.setting_bool("modify_params")? == Some(true) {
            body.remove("thinking");
        }
    }
    rename(&mut tools, &mut body, &mut names, decoder.json_tool.as_deref(), forced);
    decoder.names = names.originals();
    for (name, list) in [("tools", tools.list), ("mcp_servers", tools.mcp_servers)] {
        if !list.is_empty() {
            body.set(name, Value::from(list).into());
        }
    }
    if let Some(system) = prompt.write_system() {
        body.set("system", Json::Own(system));
    }
    body.set("messages", Json::Own(prompt.write()));
    decoder.prefix = prefix(request)?;
    if !body.has("max_tokens") {
        body.set("max_tokens", Json::Own(Claude::of(model).limit().to_string()));
    }
    sort::finish(&mut body, row, Operation::Completion, request, rules)?;
    let messages = betas::Messages { files: prompt.has_files, signed_compaction: prompt.has_signed_compaction };
    Ok((body, messages, std::mem::take(&mut prompt.remotes)))
}

/// OpenAI's two names of the limit.
fn limit(body: &mut Body<'_>) -> Result<()> {
    if let Some(newer) = body.remove("max_completion_tokens") {
        body.set("max_tokens", newer);
    }
    let Some(value) = body.get("max_tokens").filter(|value| value.read::<u64>().is_none()) else { return Ok(()) };
    match value.read::<f64>().filter(|number| number.is_finite() && *number >= 0.0) {
        Some(number) => {
            body.set("max_tokens", Json::Own((number.round().max(1.0) as u64).to_string()));
            Ok(())
        }
        None => Err(Error::bad_request(format!("`max_tokens` is {}; it must be a number, 1 or more", value.text()))),
    }
}

fn stop(body: &mut Body<'_>, rules: &Rules<'_>) -> Result<()> {
    let Some(stop) = body.remove("stop") else { return Ok(()) };
    let list = match stop.read::<Value>() {
        Some(Value::String(one)) => vec![Value::String(one)],
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => list,
        _ => return Err(Error::bad_request("`stop` must be a string or a list of strings")),
    };
    // The API refuses sequences of white space.
    let keep = |text: &Value| !rules.drop || text.as_str().is_some_and(|text| !text.trim().is_empty());
    let list: Vec<Value> = list.into_iter().filter(keep).collect();
    if !list.is_empty() {
        body.set("stop_sequences", Value::from(list).into());
    }
    Ok(())
}

fn sampling(body: &mut Body<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    if Claude::of(model).takes_sampling() {
        return Ok(());
    }
    for name in ["temperature", "top_p", "top_k"] {
        let Some(value) = body.get(name) else { continue };
        if name == "temperature" && value.read::<f64>() == Some(1.0) {
            continue;
        }
        let given = value.text().to_owned();
        rules.refuse(body, name, || format!("{model} does not take {name}={given}: its sampling cannot be set"))?;
    }
    Ok(())
}

/// `native`: the host holds answers to schemas itself. True when a tool stands for the format.
fn response_format(body: &mut Body<'_>, native: bool, tools: &mut Tools) -> Result<bool> {
    let Some(given) = body.remove("response_format").and_then(|format| format.read::<Value>()) else { return Ok(false) };
    let Some(schema) = of_format(&given)? else {
        if given["type"] == "json_object" {
            log::record(log::Level::Info, || {
                ("Claude has no JSON mode without a schema: the prompt must ask for JSON".to_owned(), "{}".to_owned())
            });
        }
        return Ok(false);
    };
    if native {
        body.set("output_format", format::output_format(schema)?.into());
        return Ok(false);
    }
    tools.list.push(format::tool(schema));
    Ok(true)
}

/// True when the tool that stands for a format is the one that has to be called.
fn add_tools(body: &mut Body<'_>, model: &str, tools: &mut Tools, json_tool: bool, rules: &Rules<'_>) -> Result<bool> {
    if let Some(given) = body.remove("tools").and_then(|tools| tools.read::<Value>()) {
        tools.add(&given)?;
    }
    if let Some(options) = body.remove("web_search_options").and_then(|options| options.read::<Value>()) {
        tools.list.push(tools::web_search(&options));
    }
    if let Some(Json::Raw(own)) = body.get("mcp_servers") {
        let own: Vec<Value> = json::read(own).ok_or_else(|| wrong_type("mcp_servers", "a list of servers", own))?;
        tools.mcp_servers.splice(0..0, own);
    }
    let given = body.remove("tool_choice").and_then(|choice| choice.read::<Value>());
    let parallel = match body.remove("parallel_tool_calls") {
        None => None,
        Some(flag) => {
            let wrong = || Error::bad_request("`parallel_tool_calls` must be true or false");
            Some(flag.read::<bool>().ok_or_else(wrong)?)
        }
    };
    // An answer in a tool's arguments comes from that tool only; a model that thinks first, or cannot be forced, is trusted to call it.
    let forced = json_tool && given.is_none() && !thinking::is_on(body) && Claude::of(model).can_be_forced();
    let given = if forced { Some(json!({"type": "tool", "name": tools::JSON_TOOL})) } else { given };
    if let Some(choice) = tools::choice(given.as_ref(), parallel, model, rules)? {
        body.set("tool_choice", choice.into());
    }
    Ok(forced)
}

/// Sends tools under names that the API takes. `json_tool` is that of the tool that stands for a format, which is the first; `forced`: it is
/// the one that is chosen.
fn rename(tools: &mut Tools, body: &mut Body<'_>, names: &mut Cleaned, json_tool: Option<&str>, forced: bool) {
    if let (Some(name), Some(first)) = (json_tool, tools.list.first_mut()) {
        first["name"] = name.into();
    }
    for tool in tools.list.iter_mut().filter(|tool| tool["type"] == "custom") {
        if let Some(name) = tool["name"].as_str() {
            tool["name"] = names.get(name).into_owned().into();
        }
    }
    let Some(mut choice) = body.get("tool_choice").and_then(Json::read::<Value>) else { return };
    if let Some(name) = choice["name"].as_str() {
        let sent = json_tool.filter(|_| forced).map_or_else(|| names.get(name).into_owned(), str::to_owned);
        choice["name"] = sent.into();
        body.set("tool_choice", choice.into());
    }
}

/// The user's id, which is all that the API's `metadata` takes.
fn user(body: &mut Body<'_>, request: &Request<'_>) -> Result<()> {
    let given =
        body.remove("user").map(|user| user.read::<String>().ok_or_else(|| Error::bad_request("`user` must be a string")));
    let mut id = given.transpose()?;
    if let Some(metadata) = request.raw("metadata").and_then(json::read::<Value>) {
        id = metadata["user_id"].as_str().map(str::to_owned).or(id);
    }
    match id {
        Some(id) if names_a_person(&id) => log::record(log::Level::Warning, || {
            (
                "the user's id is not sent: it is an address or a telephone number, which Anthropic refuses".to_owned(),
                "{}".to_owned(),
            )
        }),
        Some(id) => body.set("metadata", json!({ "user_id": id }).into()),
        None => {}
    }
    Ok(())
}

/// An e-mail address or a telephone number.
fn names_a_person(id: &str) -> bool {
    let address = id.split_once('@').is_some_and(|(name, host)| {
        let word =
            |text: &str, more: &[u8]| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
        let ending = host
            .rsplit_once('.')
            .is_some_and(|(host, end)| word(host, b".-") && end.len() >= 2 && end.bytes().all(|b| b.is_ascii_alphabetic()));
        word(name, b"._%+-") && ending
    });
    let digits = id.strip_prefix('+').unwrap_or(id);
    let telephone =
        digits.len() >= 7 && digits.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '(' | ')' | '-'));
    address || telephone
}

/// OpenAI's list of `{"type": "compaction", …}`, or Anthropic's own `{"edits": […]}`.
fn context_management(body: &mut Body<'_>) -> Result<()> {
    let Some(given) = body.get("context_management") else { return Ok(()) };
    let list = match given.read::<Value>() {
        Some(Value::Array(list)) => list,
        Some(Value::Object(own)) if own.contains_key("edits") => return Ok(()),
        _ => {
            return Err(Error::bad_request(
                "`context_management` must be {\"edits\": […]} or a list, as in [{\"type\": \"compaction\", \"compact_threshold\": 200000}]",
            ))
        }
    };
    let mut edits = Vec::new();
    for entry in &list {
        if entry["type"] != "compaction" {
            let message = format!(
                "Anthropic knows no context_management of the type {}; write its own form, {{\"edits\": […]}}, for others than \"compaction\"",
                entry["type"]
            );
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
        let mut edit = json!({"type": "compact_20260112"});
        for (name, value) in entry.as_object().into_iter().flatten().filter(|(name, _)| *name != "type") {
            match (name.as_str(), value.as_f64()) {
                ("compact_threshold", Some(tokens)) => {
                    edit["trigger"] = json!({"type": "input_tokens", "value": tokens as u64});
                }
                _ => edit[name.as_str()] = value.clone(),
            }
        }
        edits.push(edit);
    }
    body.set("context_management", json!({ "edits": edits }).into());
    Ok(())
}

/// The beginning of the answer that the caller wrote and wants to see as part of it (`"prefix": true`).
fn prefix(request: &Request<'_>) -> Result<Option<String>> {
    let list = crate::wire::chat::messages::read(request)?;
    match list.last() {
        Some(last) if last.value("prefix") == Some(Value::Bool(true)) => Ok(Some(last.text()?).filter(|text| !text.is_empty())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
