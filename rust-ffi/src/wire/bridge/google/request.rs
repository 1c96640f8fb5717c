//! A request of Google's `generateContent` as a chat.
//!
//! Source: Google's REST reference ("generateContent"), and litellm 1.106's way to say it in a chat. Google reads names in both spellings,
//! `maxOutputTokens` and `max_output_tokens`; so does this.

use serde_json::{json, Map, Value};

use super::super::over_chat::{content, lists, no_form, refuse, Chat};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::params::sort::Rules;
use crate::wire::params::Param;
use crate::wire::Operation;

/// Members that are said in other words, or not at all.
pub const TAKEN: &[&str] = &[
    "contents",
    "config",
    "generationConfig",
    "systemInstruction",
    "system_instruction",
    "tools",
    "toolConfig",
    "tool_config",
    "safetySettings",
    "safety_settings",
    "cachedContent",
    "cached_content",
    "labels",
];

const OPERATION: Operation = Operation::GenerateContent;

/// The chat that stands for a request.
pub fn read(route: &Route, request: &Request<'_>) -> Result<Chat> {
    let rules = Rules::of(request)?;
    let mut chat = Chat::default();
    let mut config = Map::new();
    for name in ["generationConfig", "config"] {
        if let Some(raw) = request.raw(name) {
            config.extend(json::read::<Map<String, Value>>(raw).ok_or_else(|| wrong_type(name, "an object", raw))?);
        }
    }
    // What stands beside the configuration may stand in it, too.
    let beside = |config: &mut Map<String, Value>, name: &str| {
        let snake = snake(name);
        let given = [name, &snake].into_iter().find_map(|name| request.raw(name).and_then(json::read::<Value>));
        let within = config.remove(name).or_else(|| config.remove(&snake));
        given.or(within).filter(|value| !value.is_null())
    };
    if let Some(system) = beside(&mut config, "systemInstruction") {
        let parts = match &system {
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            other => texts(&other["parts"], route)?,
        };
        chat.messages.push(json!({"role": "system", "content": content(parts)}));
    }
    let raw = request.raw("contents").ok_or_else(|| Error::bad_request("`contents` is missing; give at least one"))?;
    let contents = match json::read::<Value>(raw) {
        Some(Value::String(text)) => vec![json!({"role": "user", "parts": [{"text": text}]})],
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(wrong_type("contents", "a text, or a list of contents", raw)),
    };
    let mut turns =
        Turns { route, keeps_thinking: lists(route, Param::Thinking), waiting: Vec::new(), made: 0, out: &mut chat.messages };
    for content in &contents {
        turns.add(content)?;
    }
    let tools_given = beside(&mut config, "tools");
    let tool_config = beside(&mut config, "toolConfig");
    tools(&mut chat, tools_given, tool_config, route, &rules)?;
    // Other providers have their own rules of what they answer.
    let _ = beside(&mut config, "safetySettings");
    for name in ["cachedContent", "labels"] {
        if beside(&mut config, name).is_some() {
            refuse(&rules, route, name, OPERATION)?;
        }
    }
    generation(&mut chat, config, route, &rules)?;
    Ok(chat)
}

/// `maxOutputTokens` as `max_output_tokens`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A member in either spelling.
fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    match value.get(name) {
        Some(found) => found,
        None => &value[snake(name)],
    }
}

fn texts(parts: &Value, route: &Route) -> Result<Vec<Value>> {
    let list = match parts {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let text = |part: &Value| match part["text"].as_str() {
        Some(text) => Ok(json!({"type": "text", "text": text})),
        None => Err(no_form(route, "a part of the system instruction that is no text")),
    };
    list.iter().map(text).collect()
}

/// The messages of a chat in the making.
struct Turns<'t> {
    route: &'t Route,
    keeps_thinking: bool,
    /// Calls without a result so far: their names and ids. Google's results may name the function only.
    waiting: Vec<(String, String)>,
    made: usize,
    out: &'t mut Vec<Value>,
}

impl Turns<'_> {
    fn add(&mut self, content: &Value) -> Result<()> {
        let parts: Vec<Value> = match &content["parts"] {
            Value::Array(parts) => parts.clone(),
            Value::Null => return Err(Error::bad_request("a content has no `parts`")),
            one => vec![one.clone()],
        };
        match content["role"].as_str().unwrap_or("user") {
            "model" => self.model(&parts),
            "user" | "function" => self.user(&parts),
            role => Err(Error::bad_request(format!("the `role` of a content must be \"user\" or \"model\", not {role:?}"))),
        }
    }

    fn user(&mut self, parts: &[Value]) -> Result<()> {
        let mut said = Vec::new();
        for part in parts {
            let result = member(part, "functionResponse");
            if result.is_object() {
                let name = result["name"].as_str().unwrap_or_default();
                let id = result["id"].as_str().map(str::to_owned);
                let at = self.waiting.iter().position(|(own, given)| id.as_ref().map_or(own == name, |id| given == id));
                let id = match (at.map(|at| self.waiting.remove(at).1), id) {
                    (Some(id), _) | (None, Some(id)) => id,
                    (None, None) => {
                        return Err(Error::bad_request(format!("a result names {name:?}, which no call before it does")))
                    }
                };
                self.out.push(json!({"role": "tool", "tool_call_id": id, "content": result["response"].to_string()}));
            } else {
                said.push(self.part(part)?);
            }
        }
        if !said.is_empty() {
            self.out.push(json!({"role": "user", "content": content(said)}));
        }
        Ok(())
    }

    fn part(&self, part: &Value) -> Result<Value> {
        if let Some(text) = part["text"].as_str() {
            return Ok(json!({"type": "text", "text": text}));
        }
        let (data, file) = (member(part, "inlineData"), member(part, "fileData"));
        let source = if data.is_object() { data } else { file };
        let kind = member(source, "mimeType").as_str().unwrap_or_default();
        let url = match (data["data"].as_str(), member(file, "fileUri").as_str()) {
            (Some(data), _) => format!("data:{kind};base64,{data}"),
            (None, Some(uri)) => uri.to_owned(),
            (None, None) => {
                let name = part.as_object().and_then(|part| part.keys().next()).map_or("nothing", String::as_str);
                return Err(no_form(self.route, &format!("a part with {name}")));
            }
        };
        Ok(match kind.split('/').next().unwrap_or_default() {
            "image" => json!({"type": "image_url", "image_url": {"url": url}}),
            "audio" if data.is_object() => {
                let format = match kind {
                    "audio/mpeg" | "audio/mp3" => "mp3",
                    other => other.rsplit(['/', '-']).next().unwrap_or("wav"),
                };
                json!({"type": "input_audio", "input_audio": {"data": data["data"], "format": format}})
            }
            "video" => return Err(no_form(self.route, "a video")),
            // litellm's word for a file at an address is the id.
            _ if file.is_object() => json!({"type": "file", "file": {"file_id": url}}),
            _ => json!({"type": "file", "file": {"file_data": url}}),
        })
    }

    fn model(&mut self, parts: &[Value]) -> Result<()> {
        let (mut text, mut thought, mut calls) = (String::new(), String::new(), Vec::new());
        for part in parts {
            let call = member(part, "functionCall");
            if call.is_object() {
                let name = call["name"].as_str().unwrap_or_default().to_owned();
                self.made += 1;
                let id = call["id"].as_str().map_or_else(|| format!("call_{}", self.made), str::to_owned);
                let arguments = if call["args"].is_null() { "{}".to_owned() } else { call["args"].to_string() };
                calls.push(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}));
                self.waiting.push((name, id));
            } else if let Some(said) = part["text"].as_str() {
                if part["thought"] == true { &mut thought } else { &mut text }.push_str(said);
            } else {
                return Err(no_form(self.route, "a part of the model's that is neither text nor a call"));
            }
        }
        let said = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({"role": "assistant", "content": said});
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        if self.keeps_thinking && !thought.is_empty() {
            message["reasoning_content"] = thought.into();
        }
        self.out.push(message);
        Ok(())
    }
}

fn tools(chat: &mut Chat, tools: Option<Value>, config: Option<Value>, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let mut functions = Vec::new();
    for tool in tools.as_ref().and_then(Value::as_array).into_iter().flatten() {
        for (kind, given) in tool.as_object().into_iter().flatten() {
            match snake(kind).as_str() {
                "function_declarations" => {
                    for declared in given.as_array().into_iter().flatten() {
                        functions.push(json!({"type": "function", "function": function(declared)}));
                    }
                }
                "google_search" | "google_search_retrieval" => chat.set("web_search_options", &json!({}))?,
                _ => refuse(rules, route, &format!("tool {kind}"), OPERATION)?,
            }
        }
    }
    let config = config.unwrap_or_default();
    let calling = member(&config, "functionCallingConfig");
    let mode = calling["mode"].as_str().unwrap_or_default().to_ascii_uppercase();
    let allowed = member(calling, "allowedFunctionNames");
    if let Some(allowed) = allowed.as_array().filter(|_| mode == "ANY") {
        functions.retain(|function| allowed.contains(&function["function"]["name"]));
    }
    if functions.is_empty() {
        return Ok(());
    }
    let choice = match (mode.as_str(), functions.as_slice()) {
        ("ANY", [only]) => json!({"type": "function", "function": {"name": only["function"]["name"]}}),
        ("ANY", _) => "required".into(),
        ("NONE", _) => "none".into(),
        _ => Value::Null,
    };
    chat.set("tools", &functions.into())?;
    if choice.is_null() {
        return Ok(());
    }
    chat.set("tool_choice", &choice)
}

fn function(declared: &Value) -> Value {
    let mut out = json!({"name": declared["name"]});
    if !declared["description"].is_null() {
        out["description"] = declared["description"].clone();
    }
    let schema = member(declared, "parametersJsonSchema");
    let parameters = if schema.is_object() { schema.clone() } else { json_schema(&declared["parameters"]) };
    out["parameters"] = if parameters.is_object() { parameters } else { json!({"type": "object", "properties": {}}) };
    out
}

/// A schema of Google's as a JSON Schema: its types are written in capitals there, and what may be null has a flag.
fn json_schema(schema: &Value) -> Value {
    match schema {
        Value::Array(list) => list.iter().map(json_schema).collect(),
        Value::Object(members) => {
            let mut out = Map::new();
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("type", Value::String(kind)) => {
                        out.insert(name.clone(), kind.to_ascii_lowercase().into());
                    }
                    ("nullable", _) | ("propertyOrdering" | "property_ordering", _) => {}
                    ("properties", Value::Object(properties)) => {
                        let each = properties.iter().map(|(name, value)| (name.clone(), json_schema(value)));
                        out.insert(name.clone(), Value::Object(each.collect()));
                    }
                    ("enum" | "required" | "example" | "default", _) => {
                        out.insert(name.clone(), value.clone());
                    }
                    ("anyOf" | "any_of", _) => {
                        out.insert("anyOf".to_owned(), json_schema(value));
                    }
                    _ => {
                        out.insert(name.clone(), json_schema(value));
                    }
                }
            }
            if members.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(kind) = out.get("type").cloned() {
                    out.insert("type".to_owned(), json!([kind, "null"]));
                }
            }
            out.into()
        }
        other => other.clone(),
    }
}

/// The configuration in a chat's words.
fn generation(chat: &mut Chat, config: Map<String, Value>, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let mut schema = Value::Null;
    let mut wants_json = false;
    for (name, value) in config {
        if value.is_null() {
            continue;
        }
        let word = match snake(&name).as_str() {
            "temperature" => "temperature",
            "top_p" => "top_p",
            "top_k" => "top_k",
            "max_output_tokens" => "max_tokens",
            "stop_sequences" => "stop",
            "candidate_count" => "n",
            "seed" => "seed",
            "presence_penalty" => "presence_penalty",
            "frequency_penalty" => "frequency_penalty",
            "response_logprobs" => "logprobs",
            "logprobs" => "top_logprobs",
            "response_mime_type" => {
                wants_json = value == "application/json";
                continue;
            }
            "response_schema" => {
                schema = json_schema(&value);
                continue;
            }
            "response_json_schema" => {
                schema = value;
                continue;
            }
            "thinking_config" => {
                thinking(chat, &value, route, rules)?;
                continue;
            }
            // Every chat answers in text.
            "response_modalities" if value == json!(["TEXT"]) => continue,
            _ => {
                refuse(rules, route, &name, OPERATION)?;
                continue;
            }
        };
        chat.set(word, &value)?;
    }
    if schema.is_object() {
        chat.set("response_format", &json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}))?;
    } else if wants_json {
        chat.set("response_format", &json!({"type": "json_object"}))?;
    }
    Ok(())
}

fn thinking(chat: &mut Chat, config: &Value, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let level = member(config, "thinkingLevel").as_str().map(str::to_ascii_lowercase);
    let budget = member(config, "thinkingBudget").as_i64();
    let effort = level.or_else(|| {
        // The steps that litellm takes between a budget of tokens and an effort.
        let word = match budget? {
            0 => "none",
            1..=2047 => "low",
            2048..=4095 => "medium",
            _ => "high",
        };
        Some(word.to_owned())
    });
    match effort {
        None => Ok(()),
        Some(effort) if lists(route, Param::ReasoningEffort) => chat.set("reasoning_effort", &effort.into()),
        Some(effort) if effort == "none" => Ok(()),
        Some(_) => refuse(rules, route, "thinkingConfig", OPERATION),
    }
}
