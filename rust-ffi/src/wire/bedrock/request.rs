//! The body of a Converse request.
//!
//! litellm's rule for what goes where: the five usual parameters into `inferenceConfig`, Converse's own members to the top, and whatever else
//! the caller writes into `additionalModelRequestFields`, which Bedrock hands to the model.

use serde_json::{json, Value};

use super::messages::{Block, Conversation, Reader};
use super::models::{Model, Reasoning};
use super::tools::{self, Names, Tools};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::{Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::chat::schema::of_format;
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::remote::Remotes;
use crate::wire::Operation;

/// Members of Converse's own, which stand at the top. Source: the API reference of Converse.
const AT_THE_TOP: &[&str] =
    &["guardrailConfig", "performanceConfig", "serviceTier", "promptVariables", "additionalModelResponseFieldPaths"];
/// Members of `inferenceConfig` under Bedrock's own names.
const INFERENCE: &[&str] = &["maxTokens", "stopSequences", "temperature", "topP"];
/// The least budget that Bedrock takes.
const LEAST_BUDGET: u64 = 1024;
/// litellm's room for the answer beside a budget, where the caller sets no limit.
const ANSWER_TOKENS: u64 = 4096;

/// A request, and what its answer has to be read with.
pub struct Prepared {
    pub body: Vec<u8>,
    pub remotes: Remotes,
    pub names: Names,
    /// The name on the wire of the tool that stands for `response_format`, where one does.
    pub json_tool: Option<String>,
    /// The answer comes whole although a stream was asked for.
    pub whole: bool,
}

pub fn prepare(row: &'static Provider, name: &str, request: &Request<'_>) -> Result<Prepared> {
    let rules = Rules::of(request)?;
    let model = Model::of(name);
    let mut params = sort::chat(row, name, name, request, &rules)?;
    sort::finish(&mut params, row, Operation::Completion, request, &rules)?;
    for own in ["model", "messages", "stream", "stream_options", "model_id", "parallel_tool_calls_config"] {
        params.remove(own);
    }
    let stream = request.is_stream()?;
    let mut names = Names::default();
    let mut config = Body::default();
    let mut extra = Extra { fields: Body::default() };
    let limit = limits(&mut params, &model, &mut config)?;
    sampling(&mut params, &model, &rules, &mut config, &mut extra)?;
    let thinking = reasoning(&mut params, &model, limit, &mut config, &mut extra)?;
    let mut tools = match params.remove("tools") {
        Some(raw) => tools::read(&raw, &model, &mut names)?,
        None => Tools::default(),
    };
    let given_tools = !tools.specs.is_empty() || !tools.anthropic.is_empty();
    if params.remove("web_search_options").is_some() {
        tools.specs.push(json!({"systemTool": {"name": "nova_grounding"}}));
    }
    let mut choice = tools::choice(&mut params, &model, &mut names, &rules)?;
    let mut top = Body::default();
    let json_tool = response_format(&mut params, &model, &mut names, &mut tools, &mut top)?;
    if let Some(name) = json_tool.as_ref().filter(|_| choice.is_none() && !thinking) {
        if model.takes_tool_choice() && model.takes_forced_tools() {
            choice = Some(json!({"tool": {"name": name}}));
        }
    }
    let choice = choice.map(|choice| if thinking { tools::without_force(choice, &model) } else { choice });
    parallel(&mut params, &model, choice.is_some(), &mut extra);
    betas(request, &model, &mut tools, &mut extra)?;
    service_tier(&mut params, &mut top);
    request_metadata(&mut params, &mut top)?;
    context_management(&mut params, &mut tools, &mut extra);
    for name in AT_THE_TOP {
        if let Some(value) = params.remove(name) {
            top.set(*name, value);
        }
    }
    for name in INFERENCE {
        if let Some(value) = params.remove(name) {
            config.set(*name, value);
        }
    }
    let guarded = top.has("guardrailConfig");
    let mut remotes = Remotes::default();
    let conversation = Reader { model: &model, names: &mut names, guarded, remotes: &mut remotes }.read(request)?;
    if !given_tools && calls_tools(&conversation) {
        return Err(Error::new(
            crate::engine::error::ErrorKind::UnsupportedParams,
            "`messages` holds calls of tools, and Bedrock takes such only beside the `tools` themselves; pass those that the calls were made with",
        ));
    }
    extra.rest(&mut params)?;
    extra.finish(&tools);
    if extra.fields.has("thinking") && !top.has("additionalModelResponseFieldPaths") {
        // Converse counts reasoning only here.
        top.set("additionalModelResponseFieldPaths", json!(["/usage/output_tokens_details"]).into());
    }
    let mut body = Body::default();
    body.set("messages", Json::Own(serialized(&conversation.turns)?));
    body.set("inferenceConfig", nested(&config));
    if extra.fields.names().next().is_some() {
        body.set("additionalModelRequestFields", nested(&extra.fields));
    }
    if !conversation.system.is_empty() {
        body.set("system", Json::Own(serialized(&conversation.system)?));
    }
    if !tools.specs.is_empty() {
        let mut tool_config = json!({ "tools": tools.specs });
        if let Some(choice) = choice {
            tool_config["toolChoice"] = choice;
        }
        body.set("toolConfig", tool_config.into());
    }
    let members: Vec<String> = top.names().map(str::to_owned).collect();
    for name in members {
        if let Some(value) = top.remove(&name) {
            body.set(name, value);
        }
    }
    let whole = stream && model.streams_without_tools() && !tools.specs.is_empty();
    Ok(Prepared { body: body.write(), remotes, names, json_tool, whole })
}

fn serialized(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::new(crate::engine::error::ErrorKind::InternalServer, format!("the messages cannot be written: {e}")))
}

fn nested<'r>(body: &Body<'_>) -> Json<'r> {
    // A body is written from texts that are JSON already.
    Json::Own(String::from_utf8(body.write()).unwrap_or_default())
}

/// `additionalModelRequestFields` in the making.
struct Extra<'r> {
    fields: Body<'r>,
}

impl<'r> Extra<'r> {
    /// What the caller writes and Converse does not know is for the model.
    fn rest(&mut self, params: &mut Body<'r>) -> Result<()> {
        let given = params.remove("additionalModelRequestFields");
        let rest: Vec<String> = params.names().map(str::to_owned).collect();
        for name in rest {
            if let Some(value) = params.remove(&name) {
                self.fields.set(name, value);
            }
        }
        if let Some(given) = given {
            let Some(members) = given.read::<serde_json::Map<String, Value>>() else {
                return Err(Error::bad_request("`additionalModelRequestFields` must be an object"));
            };
            for (name, value) in members {
                self.fields.set(name, value.into());
            }
        }
        Ok(())
    }

    fn finish(&mut self, tools: &Tools) {
        if !tools.anthropic.is_empty() {
            self.fields.set("tools", Value::from(tools.anthropic.clone()).into());
        }
        if !tools.betas.is_empty() {
            let mut betas: Vec<String> = self.fields.get("anthropic_beta").and_then(Json::read).unwrap_or_default();
            for beta in &tools.betas {
                if !betas.iter().any(|known| known == beta) {
                    betas.push((*beta).to_owned());
                }
            }
            self.fields.set("anthropic_beta", Value::from(betas).into());
        }
    }
}

/// `max_tokens` and `stop`; gives back the caller's limit.
fn limits<'r>(params: &mut Body<'r>, model: &Model<'_>, config: &mut Body<'r>) -> Result<Option<u64>> {
    let (older, newer) = (params.remove("max_tokens"), params.remove("max_completion_tokens"));
    let mut limit = None;
    if let Some(value) = newer.or(older) {
        limit = value.read::<u64>();
        match (limit, model.least_tokens()) {
            (Some(tokens), Some(least)) if tokens < least => config.set("maxTokens", Value::from(least).into()),
            _ => config.set("maxTokens", value),
        }
    }
    if let Some(value) = params.remove("stop") {
        match value.read::<Value>() {
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => config.set("stopSequences", json!([text]).into()),
            Some(Value::Array(_)) => config.set("stopSequences", value),
            _ => return Err(Error::bad_request("`stop` must be a string or a list of strings")),
        }
    }
    Ok(limit)
}

fn sampling<'r>(
    params: &mut Body<'r>,
    model: &Model<'_>,
    rules: &Rules<'_>,
    config: &mut Body<'r>,
    extra: &mut Extra<'r>,
) -> Result<()> {
    for name in ["temperature", "top_p", "top_k", "topK"] {
        if params.has(name) && !model.takes_sampling() {
            rules.refuse(params, name, || format!("{} does not know {name}", model.name))?;
            params.remove(name);
        }
    }
    for (name, own) in [("temperature", "temperature"), ("top_p", "topP")] {
        if let Some(value) = params.remove(name) {
            config.set(own, value);
        }
    }
    if let Some(value) = params.remove("top_k").or_else(|| params.remove("topK")) {
        if model.is_nova() {
            extra.fields.set("inferenceConfig", Json::Own(format!("{{\"topK\":{}}}", value.text())));
        } else {
            extra.fields.set("top_k", value);
        }
    }
    Ok(())
}

/// `thinking`, `reasoning_effort` and `output_config`; true when a budget for thinking is sent.
fn reasoning<'r>(
    params: &mut Body<'r>,
    model: &Model<'_>,
    limit: Option<u64>,
    config: &mut Body<'r>,
    extra: &mut Extra<'r>,
) -> Result<bool> {
    let way = model.reasoning();
    let effort = match params.remove("reasoning_effort") {
        None => None,
        Some(raw) => match raw.read::<Value>() {
            Some(Value::String(word)) => Some(word),
            Some(Value::Object(object)) => object.get("effort").and_then(Value::as_str).map(str::to_owned),
            _ => return Err(Error::bad_request("`reasoning_effort` must be a word, such as \"low\"")),
        },
    };
    let mut thinking: Option<Value> = params.remove("thinking").and_then(|raw| raw.read());
    let mut output: Option<Value> = params.remove("output_config").and_then(|raw| raw.read());
    if let Some(effort) = effort {
        match way {
            Reasoning::Effort => extra.fields.set("reasoning_effort", Value::from(effort).into()),
            Reasoning::Object => extra.fields.set("reasoning", json!({ "effort": effort }).into()),
            Reasoning::Nova if matches!(effort.as_str(), "low" | "medium" | "high") => {
                extra.fields.set("reasoningConfig", json!({"type": "enabled", "maxReasoningEffort": effort}).into());
            }
            Reasoning::Nova => {
                return Err(Error::bad_request(format!(
                    "`reasoning_effort` {effort:?} is none of {}'s; it knows low, medium and high",
                    model.name
                )))
            }
            _ if effort == "none" => {}
            Reasoning::Adaptive => {
                let word = match effort.as_str() {
                    "minimal" => "low",
                    word @ ("low" | "medium" | "high" | "xhigh" | "max") => word,
                    _ => return Err(unknown_effort(&effort)),
                };
                thinking.get_or_insert_with(|| json!({"type": "adaptive", "display": "summarized"}));
                let output = output.get_or_insert_with(|| json!({}));
                if output.get("effort").is_none() {
                    output["effort"] = word.into();
                }
            }
            Reasoning::None | Reasoning::Budget => {
                let budget = budget(&effort)?;
                thinking.get_or_insert_with(|| json!({"type": "enabled", "budget_tokens": budget}));
            }
        }
    }
    if matches!(way, Reasoning::None | Reasoning::Budget) && thinking.as_ref().is_some_and(|t| t["type"] == "adaptive") {
        // A model that wants a budget: a middle one, below the caller's limit; none where the limit has no room for it.
        thinking = match limit {
            Some(limit) if limit <= LEAST_BUDGET => None,
            limit => Some(json!({"type": "enabled", "budget_tokens": limit.map_or(2048, |limit| (limit - 1).min(2048))})),
        };
    }
    if let Some(given) =
        thinking.as_mut().filter(|t| way == Reasoning::Adaptive && !model.takes_budgets() && t["type"] == "enabled")
    {
        let word = match given["budget_tokens"].as_u64().unwrap_or(0) {
            8192.. if model.takes_xhigh() => "xhigh",
            4096.. => "high",
            2048.. => "medium",
            _ => "low",
        };
        let display = given["display"].clone();
        *given = json!({"type": "adaptive"});
        if display.is_string() {
            given["display"] = display;
        }
        let output = output.get_or_insert_with(|| json!({}));
        if output.get("effort").is_none() {
            output["effort"] = word.into();
        }
    }
    if thinking.as_ref().is_some_and(|t| t["type"] == "disabled") && model.always_thinks() {
        log::record(log::Level::Info, || {
            ("thinking is not sent: the model always thinks".to_owned(), json!({ "model": model.name }).to_string())
        });
        thinking = None;
    }
    if let Some(tokens) =
        thinking.as_mut().and_then(|t| t.get_mut("budget_tokens")).filter(|b| b.as_u64().is_some_and(|b| b < LEAST_BUDGET))
    {
        *tokens = LEAST_BUDGET.into();
    }
    if let Some(output) = &mut output {
        if let Some(word) = output["effort"].as_str() {
            output["effort"] = effort_below(word, model.effort_ceiling()).into();
        }
        extra.fields.set("output_config", output.clone().into());
    }
    let Some(thinking) = thinking else { return Ok(false) };
    let enabled = thinking["type"] == "enabled";
    if let Some(budget) = thinking["budget_tokens"].as_u64().filter(|_| enabled && !config.has("maxTokens")) {
        // The limit has to be above the budget.
        config.set("maxTokens", Value::from(budget + ANSWER_TOKENS).into());
    }
    extra.fields.set("thinking", thinking.into());
    Ok(enabled)
}

/// litellm's budgets for OpenAI's words.
fn budget(effort: &str) -> Result<u64> {
    Ok(match effort {
        "minimal" | "low" => 1024,
        "medium" => 2048,
        "high" => 4096,
        "xhigh" => 8192,
        "max" => 16384,
        _ => return Err(unknown_effort(effort)),
    })
}

fn unknown_effort(effort: &str) -> Error {
    Error::bad_request(format!("`reasoning_effort` {effort:?} is not one of minimal, low, medium, high, xhigh, max and none"))
}

fn effort_below<'w>(word: &'w str, ceiling: &'w str) -> &'w str {
    const ORDER: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
    let place = |word: &str| ORDER.iter().position(|known| *known == word);
    match (place(word), place(ceiling)) {
        (Some(asked), Some(most)) if asked > most => ceiling,
        _ => word,
    }
}

/// The name of the tool that stands for the schema, where one does.
fn response_format(
    params: &mut Body<'_>,
    model: &Model<'_>,
    names: &mut Names,
    tools: &mut Tools,
    top: &mut Body<'_>,
) -> Result<Option<String>> {
    let Some(format) = params.remove("response_format").and_then(|raw| raw.read::<Value>()) else { return Ok(None) };
    let named = &format["json_schema"];
    // `json_object` without a schema: Bedrock has no such mode, and models follow the prompt, which OpenAI asks for as well.
    let Some(schema) = of_format(&format)?.filter(|_| format["type"] != "text") else { return Ok(None) };
    let description = named["description"].as_str();
    if model.takes_schemas() {
        let mut schema = schema.clone();
        closed(&mut schema);
        let mut definition = json!({ "schema": schema.to_string() });
        for (member, value) in [("name", named["name"].as_str()), ("description", description)] {
            if let Some(value) = value {
                definition[member] = value.into();
            }
        }
        top.set("outputConfig", json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}).into());
        return Ok(None);
    }
    let (spec, name) = tools::json_tool(schema, description, model, names)?;
    tools.specs.push(spec);
    Ok(Some(name))
}

/// Every object of the schema says that it has no other members, as Bedrock wants it.
fn closed(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    if members.get("type").is_some_and(|kind| kind == "object") && !members.contains_key("additionalProperties") {
        members.insert("additionalProperties".to_owned(), false.into());
    }
    for (name, value) in members {
        match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(inner)) => inner.values_mut().for_each(closed),
            ("anyOf" | "allOf" | "oneOf", Value::Array(list)) => list.iter_mut().for_each(closed),
            ("items", inner) => closed(inner),
            _ => {}
        }
    }
}

fn parallel(params: &mut Body<'_>, model: &Model<'_>, has_choice: bool, extra: &mut Extra<'_>) {
    let Some(wanted) = params.remove("parallel_tool_calls").and_then(|raw| raw.read::<bool>()) else { return };
    if model.takes_parallel_choice() {
        let mut choice = json!({"type": "auto", "disable_parallel_tool_use": !wanted});
        if let Some(members) = choice.as_object_mut().filter(|_| has_choice) {
            // Converse refuses two choices.
            members.shift_remove("type");
        }
        extra.fields.set("tool_choice", choice.into());
    } else if !wanted {
        log::record(log::Level::Info, || {
            let fields = json!({ "model": model.name }).to_string();
            ("parallel_tool_calls=False is not sent: the model cannot be told so on Bedrock".to_owned(), fields)
        });
    }
}

/// Unfinished features of Anthropic's are asked for in a header there, and in a member here.
fn betas(request: &Request<'_>, model: &Model<'_>, tools: &mut Tools, extra: &mut Extra<'_>) -> Result<()> {
    if !model.is_anthropic() {
        tools.betas.clear();
        return Ok(());
    }
    let mut asked: Vec<String> = Vec::new();
    for raw in [request.raw("headers"), request.raw("extra_headers")].into_iter().flatten() {
        let headers: Fields<'_> = json::read(raw).unwrap_or_default();
        for (name, raw) in headers {
            if name.eq_ignore_ascii_case("anthropic-beta") {
                let text = crate::engine::request::string("anthropic-beta", raw)?;
                let text: Vec<String> =
                    serde_json::from_str(&text).unwrap_or_else(|_| text.split(',').map(str::to_owned).collect());
                asked.extend(text.iter().map(|beta| beta.trim().to_owned()).filter(|beta| !beta.is_empty()));
            }
        }
    }
    if !asked.is_empty() {
        extra.fields.set("anthropic_beta", Value::from(asked).into());
    }
    let effort =
        extra.fields.get("output_config").and_then(Json::read::<Value>).is_some_and(|output| output["effort"].is_string());
    if effort && model.reasoning() != Reasoning::Adaptive {
        tools.betas.push("effort-2025-11-24");
    }
    Ok(())
}

/// OpenAI's words for the tiers; Bedrock has no "auto".
fn service_tier(params: &mut Body<'_>, top: &mut Body<'_>) {
    if let Some(word) = params.remove("service_tier").and_then(|raw| raw.read::<String>()) {
        let word = if word == "auto" { "default" } else { &word };
        top.set("serviceTier", json!({ "type": word }).into());
    }
}

/// Source of the limits: the API reference of Converse.
fn request_metadata<'r>(params: &mut Body<'r>, top: &mut Body<'r>) -> Result<()> {
    let Some(raw) = params.remove("requestMetadata") else { return Ok(()) };
    let fits = |text: &str, least: usize| {
        let length = text.chars().count();
        let known = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || ":_@$#=/+,.-".contains(c);
        length >= least && length <= 256 && text.chars().all(known)
    };
    let members: Option<serde_json::Map<String, Value>> = raw.read();
    let good = members.is_some_and(|m| {
        m.len() <= 16 && m.iter().all(|(name, value)| fits(name, 1) && value.as_str().is_some_and(|v| fits(v, 0)))
    });
    if !good {
        return Err(Error::bad_request(
            "`requestMetadata` must be an object of at most 16 strings, each name and value at most 256 characters of letters, digits, white \
             space and :_@$#=/+,.-",
        ));
    }
    top.set("requestMetadata", raw);
    Ok(())
}

/// OpenAI's list, or Anthropic's object.
fn context_management(params: &mut Body<'_>, tools: &mut Tools, extra: &mut Extra<'_>) {
    const COMPACT: &str = "compact_20260112";
    let Some(given) = params.remove("context_management").and_then(|raw| raw.read::<Value>()) else { return };
    let value = match given {
        Value::Array(list) => {
            let edits = list.iter().filter(|entry| entry["type"] == "compaction").map(|entry| {
                match entry["compact_threshold"].as_u64() {
                    Some(tokens) => json!({"type": COMPACT, "trigger": {"type": "input_tokens", "value": tokens}}),
                    None => json!({ "type": COMPACT }),
                }
            });
            json!({ "edits": edits.collect::<Vec<_>>() })
        }
        other => other,
    };
    if value["edits"].as_array().is_some_and(|edits| edits.iter().any(|edit| edit["type"] == COMPACT)) {
        tools.betas.push("compact-2026-01-12");
    }
    extra.fields.set("context_management", value.into());
}

fn calls_tools(conversation: &Conversation<'_>) -> bool {
    conversation
        .turns
        .iter()
        .flat_map(|turn| &turn.content)
        .any(|block| matches!(block, Block::ToolUse(_) | Block::ToolResult(_)))
}

#[cfg(test)]
mod tests;
