//! A request of Anthropic's Messages API as a chat.
//!
//! Source: Anthropic's API reference ("Create a Message"), and litellm 1.106's way to say it in a chat.

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
    "system",
    "messages",
    "tools",
    "tool_choice",
    "stop_sequences",
    "metadata",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "container",
    "context_management",
    "mcp_servers",
];

const OPERATION: Operation = Operation::AnthropicMessages;

/// The chat that stands for a request.
pub fn read(route: &Route, request: &Request<'_>) -> Result<Chat> {
    let rules = Rules::of(request)?;
    let mut chat = Chat::default();
    let value = |name: &str| request.raw(name).and_then(json::read::<Value>);
    if let Some(system) = value("system") {
        let system = match system {
            Value::String(text) => Value::String(text),
            Value::Array(blocks) => content(blocks.iter().map(|block| text_part(block, route)).collect::<Result<_>>()?),
            _ => return Err(Error::bad_request("`system` must be a text or a list of blocks of text")),
        };
        if !matches!(&system, Value::String(text) if text.is_empty()) {
            chat.messages.push(json!({"role": "system", "content": system}));
        }
    }
    let raw = request.raw("messages").ok_or_else(|| Error::bad_request("`messages` is missing; give at least one"))?;
    let messages: Vec<Value> = json::read(raw).ok_or_else(|| wrong_type("messages", "a list of messages", raw))?;
    let mut turns = Turns { route, keeps_thinking: lists(route, Param::Thinking), out: &mut chat.messages };
    for message in &messages {
        turns.add(message)?;
    }
    tools(&mut chat, value("tools"), value("tool_choice"), route, &rules)?;
    if let Some(stop) = value("stop_sequences") {
        chat.set("stop", &stop)?;
    }
    if let Some(user) = value("metadata").and_then(|metadata| metadata["user_id"].as_str().map(str::to_owned)) {
        chat.set("user", &user.into())?;
    }
    thinking(&mut chat, value("thinking"), value("output_config"), route, &rules)?;
    let format = value("output_format").or_else(|| value("output_config").map(|config| config["format"].clone()));
    if let Some(schema) = format.filter(|format| format["type"] == "json_schema").map(|format| format["schema"].clone()) {
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}});
        chat.set("response_format", &format)?;
    }
    match value("service_tier").as_ref().and_then(Value::as_str) {
        Some("standard_only") => chat.set("service_tier", &"default".into())?,
        Some(tier) => chat.set("service_tier", &tier.into())?,
        None => {}
    }
    for name in ["container", "context_management", "mcp_servers"] {
        if request.raw(name).is_some_and(|raw| raw.get() != "[]") {
            refuse(&rules, route, name, OPERATION)?;
        }
    }
    Ok(chat)
}

/// The messages of a chat in the making.
struct Turns<'t> {
    route: &'t Route,
    keeps_thinking: bool,
    out: &'t mut Vec<Value>,
}

impl Turns<'_> {
    fn add(&mut self, message: &Value) -> Result<()> {
        let role = message["role"].as_str().unwrap_or_default();
        let blocks = match &message["content"] {
            Value::String(text) => {
                self.out.push(json!({"role": role, "content": text}));
                return if role.is_empty() { Err(no_role()) } else { Ok(()) };
            }
            Value::Array(blocks) => blocks,
            _ => return Err(Error::bad_request("the `content` of a message must be a text or a list of blocks")),
        };
        match role {
            "user" => self.user(blocks),
            "assistant" => self.assistant(blocks),
            "system" => {
                let parts = blocks.iter().map(|block| text_part(block, self.route)).collect::<Result<_>>()?;
                self.out.push(json!({"role": "system", "content": content(parts)}));
                Ok(())
            }
            _ => Err(no_role()),
        }
    }

    /// Results of tools become messages of their own, which have to follow the calls.
    fn user(&mut self, blocks: &[Value]) -> Result<()> {
        let mut parts = Vec::new();
        for block in blocks {
            if block["type"] == "tool_result" {
                let result = match &block["content"] {
                    Value::Null => Value::String(String::new()),
                    Value::Array(blocks) => {
                        let mut parts = Vec::new();
                        for block in blocks {
                            self.part(block, &mut parts)?;
                        }
                        content(parts)
                    }
                    text => text.clone(),
                };
                self.out.push(json!({"role": "tool", "tool_call_id": block["tool_use_id"], "content": result}));
            } else {
                self.part(block, &mut parts)?;
            }
        }
        if !parts.is_empty() {
            self.out.push(json!({"role": "user", "content": content(parts)}));
        }
        Ok(())
    }

    fn part(&self, block: &Value, out: &mut Vec<Value>) -> Result<()> {
        match block["type"].as_str().unwrap_or_default() {
            "text" => out.push(text_part(block, self.route)?),
            "image" => {
                let source = &block["source"];
                let url = address(source).ok_or_else(|| no_form(self.route, "an image that lies in the provider's store"))?;
                out.push(marked(json!({"type": "image_url", "image_url": {"url": url}}), block));
            }
            "document" => match block["source"]["type"].as_str().unwrap_or_default() {
                "text" => out.push(marked(json!({"type": "text", "text": block["source"]["data"]}), block)),
                "content" => match &block["source"]["content"] {
                    Value::Array(blocks) => {
                        for block in blocks {
                            self.part(block, out)?;
                        }
                    }
                    text => out.push(json!({"type": "text", "text": text})),
                },
                kind => {
                    let data = address(&block["source"])
                        .ok_or_else(|| no_form(self.route, "a document that lies in the provider's store"))?;
                    // litellm's word for a file at an address.
                    let member = if kind == "url" { "file_id" } else { "file_data" };
                    let mut file = json!({ member: data });
                    if let Some(title) = block["title"].as_str() {
                        file["filename"] = title.into();
                    }
                    out.push(marked(json!({"type": "file", "file": file}), block));
                }
            },
            kind => return Err(no_form(self.route, &format!("a block of the type {kind:?}"))),
        }
        Ok(())
    }

    fn assistant(&mut self, blocks: &[Value]) -> Result<()> {
        let (mut text, mut calls, mut thoughts, mut thinking) = (String::new(), Vec::new(), Vec::new(), String::new());
        for block in blocks {
            match block["type"].as_str().unwrap_or_default() {
                "text" => text.push_str(block["text"].as_str().unwrap_or_default()),
                "tool_use" => {
                    let input = if block["input"].is_null() { "{}".to_owned() } else { block["input"].to_string() };
                    calls.push(json!({
                        "id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": input},
                    }));
                }
                "thinking" => {
                    thinking.push_str(block["thinking"].as_str().unwrap_or_default());
                    thoughts.push(block.clone());
                }
                "redacted_thinking" => thoughts.push(block.clone()),
                kind => return Err(no_form(self.route, &format!("a block of the type {kind:?}"))),
            }
        }
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
        message.insert("content".to_owned(), content);
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        // A model that does not think does not know what to do with thoughts.
        if self.keeps_thinking && !thoughts.is_empty() {
            message.insert("reasoning_content".to_owned(), thinking.into());
            message.insert("thinking_blocks".to_owned(), thoughts.into());
        }
        self.out.push(message.into());
        Ok(())
    }
}

fn no_role() -> Error {
    Error::bad_request("the `role` of a message must be \"user\" or \"assistant\"")
}

fn text_part(block: &Value, route: &Route) -> Result<Value> {
    match (block["type"].as_str(), block["text"].as_str()) {
        (Some("text"), Some(text)) => Ok(marked(json!({"type": "text", "text": text}), block)),
        (kind, _) => Err(no_form(route, &format!("a block of the type {:?}", kind.unwrap_or_default()))),
    }
}

/// The part with the block's mark for the cache, which providers without one do not get.
fn marked(mut part: Value, block: &Value) -> Value {
    if block["cache_control"].is_object() {
        part["cache_control"] = block["cache_control"].clone();
    }
    part
}

/// A source as an address; None for one that only the provider can read.
fn address(source: &Value) -> Option<String> {
    match source["type"].as_str()? {
        "base64" => Some(format!("data:{};base64,{}", source["media_type"].as_str()?, source["data"].as_str()?)),
        "url" => source["url"].as_str().map(str::to_owned),
        _ => None,
    }
}

fn tools(chat: &mut Chat, tools: Option<Value>, choice: Option<Value>, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let mut functions = Vec::new();
    for tool in tools.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let kind = tool["type"].as_str().unwrap_or("custom");
        if kind.starts_with("web_search") {
            let mut options = Map::new();
            if tool["user_location"].is_object() {
                let mut place = tool["user_location"].clone();
                if let Some(place) = place.as_object_mut() {
                    place.remove("type");
                }
                options.insert("user_location".to_owned(), json!({"type": "approximate", "approximate": place}));
            }
            chat.set("web_search_options", &options.into())?;
            continue;
        }
        if kind != "custom" {
            refuse(rules, route, &format!("tools of the type {kind}"), OPERATION)?;
            continue;
        }
        let mut function = json!({"name": tool["name"], "parameters": tool["input_schema"]});
        for name in ["description", "strict"] {
            if !tool[name].is_null() {
                function[name] = tool[name].clone();
            }
        }
        functions.push(marked(json!({"type": "function", "function": function}), tool));
    }
    if !functions.is_empty() {
        chat.set("tools", &functions.into())?;
    }
    let Some(choice) = choice else { return Ok(()) };
    let word = match choice["type"].as_str().unwrap_or_default() {
        "auto" => "auto".into(),
        "any" => "required".into(),
        "none" => "none".into(),
        "tool" => json!({"type": "function", "function": {"name": choice["name"]}}),
        _ => return Err(Error::bad_request("the `type` of `tool_choice` must be \"auto\", \"any\", \"tool\" or \"none\"")),
    };
    chat.set("tool_choice", &word)?;
    if choice["disable_parallel_tool_use"] == true {
        chat.set("parallel_tool_calls", &false.into())?;
    }
    Ok(())
}

/// Thinking, as the provider has it: by Anthropic's own word, or as an effort.
fn thinking(chat: &mut Chat, thinking: Option<Value>, config: Option<Value>, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let effort = config.as_ref().and_then(|config| config["effort"].as_str()).map(str::to_owned);
    let budget = thinking.as_ref().map(|thinking| (thinking["type"].as_str().unwrap_or_default().to_owned(), thinking));
    let effort = match budget {
        Some((kind, thinking)) if lists(route, Param::Thinking) && kind != "adaptive" => {
            chat.set("thinking", thinking)?;
            effort
        }
        // The steps that litellm takes between a budget of tokens and an effort.
        Some((kind, thinking)) if kind == "enabled" => Some(effort.unwrap_or_else(|| {
            let word = match thinking["budget_tokens"].as_u64().unwrap_or_default() {
                0..=2047 => "low",
                2048..=4095 => "medium",
                _ => "high",
            };
            word.to_owned()
        })),
        Some((kind, _)) if kind == "adaptive" => effort.or_else(|| Some("high".to_owned())),
        _ => effort,
    };
    let Some(effort) = effort else { return Ok(()) };
    if lists(route, Param::ReasoningEffort) {
        let effort = if effort == "max" { "high" } else { &effort };
        return chat.set("reasoning_effort", &effort.into());
    }
    refuse(rules, route, if thinking.is_some() { "thinking" } else { "output_config" }, OPERATION)
}
