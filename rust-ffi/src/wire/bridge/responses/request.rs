//! A request of the Responses API as a chat.
//!
//! Source: OpenAI's API reference ("Create a model response"), and litellm 1.106's way to say it in a chat.

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
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "reasoning",
    "text",
    "tools",
    "tool_choice",
    "previous_response_id",
    "conversation",
    "prompt",
    "background",
    "store",
    "include",
    "truncation",
    "max_tool_calls",
    "context_management",
    "top_logprobs",
];

/// What the answer repeats of the request.
const REPEATED: &[&str] = &[
    "instructions",
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
    "user",
];

const OPERATION: Operation = Operation::Responses;

/// The chat that stands for a request, and what the answer repeats of it.
pub fn read(route: &Route, request: &Request<'_>) -> Result<(Chat, Map<String, Value>)> {
    let rules = Rules::of(request)?;
    let mut chat = Chat::default();
    let value = |name: &str| request.raw(name).and_then(json::read::<Value>);
    // Without these the model would answer something else than what was asked.
    for name in ["previous_response_id", "conversation", "prompt"] {
        if request.has(name) {
            return Err(Error::bad_request(format!(
                "{} keeps no responses, so `{name}` names nothing: send the whole conversation as `input`",
                route.provider
            )));
        }
    }
    if request.bool("background")? == Some(true) {
        return Err(Error::bad_request(format!("{} answers while the caller waits: leave out `background`", route.provider)));
    }
    for name in ["max_tool_calls", "context_management"] {
        if request.has(name) {
            refuse(&rules, route, name, OPERATION)?;
        }
    }
    if value("truncation").is_some_and(|word| word == "auto") {
        refuse(&rules, route, "truncation", OPERATION)?;
    }
    if let Some(instructions) = request.str("instructions")?.filter(|text| !text.is_empty()) {
        chat.messages.push(json!({"role": "system", "content": instructions}));
    }
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing; give a text or a list of items"))?;
    match json::read::<Value>(raw) {
        Some(Value::String(text)) => chat.messages.push(json!({"role": "user", "content": text})),
        Some(Value::Array(items)) => {
            let mut turns =
                Turns { route, keeps_thinking: lists(route, Param::Thinking), thought: String::new(), out: &mut chat.messages };
            for item in &items {
                turns.add(item)?;
            }
        }
        _ => return Err(wrong_type("input", "a text or a list of items", raw)),
    }
    if let Some(limit) = value("max_output_tokens") {
        chat.set("max_tokens", &limit)?;
    }
    if let Some(count) = value("top_logprobs") {
        chat.set("logprobs", &true.into())?;
        chat.set("top_logprobs", &count)?;
    }
    if let Some(effort) = value("reasoning").and_then(|reasoning| reasoning["effort"].as_str().map(str::to_owned)) {
        chat.set("reasoning_effort", &effort.into())?;
    }
    let text = value("text").unwrap_or_default();
    match text["format"]["type"].as_str() {
        Some("json_schema") => {
            let mut schema = text["format"].clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("type");
            }
            chat.set("response_format", &json!({"type": "json_schema", "json_schema": schema}))?;
        }
        Some("json_object") => chat.set("response_format", &text["format"])?,
        _ => {}
    }
    if !text["verbosity"].is_null() {
        chat.set("verbosity", &text["verbosity"])?;
    }
    tools(&mut chat, value("tools"), value("tool_choice"), route, &rules)?;
    let repeated = REPEATED.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect();
    Ok((chat, repeated))
}

/// The messages of a chat in the making.
struct Turns<'t> {
    route: &'t Route,
    keeps_thinking: bool,
    /// Reasoning that belongs to the assistant's next message.
    thought: String,
    out: &'t mut Vec<Value>,
}

impl Turns<'_> {
    fn add(&mut self, item: &Value) -> Result<()> {
        match item["type"].as_str().unwrap_or("message") {
            "message" => self.message(item),
            "function_call" => {
                let call = json!({
                    "id": item["call_id"], "type": "function",
                    "function": {"name": item["name"], "arguments": item["arguments"].as_str().unwrap_or("{}")},
                });
                // Calls belong to the message before them, and to each other.
                let message = match self.out.last_mut().filter(|last| last["role"] == "assistant") {
                    Some(last) => last,
                    None => {
                        self.assistant(Value::Null);
                        let last = self.out.len() - 1;
                        &mut self.out[last]
                    }
                };
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
                Ok(())
            }
            "function_call_output" => {
                let output = match &item["output"] {
                    Value::Array(parts) => content(parts.iter().map(|part| self.part(part)).collect::<Result<_>>()?),
                    text => text.clone(),
                };
                self.out.push(json!({"role": "tool", "tool_call_id": item["call_id"], "content": output}));
                Ok(())
            }
            "reasoning" => {
                let texts = [&item["content"], &item["summary"]].into_iter().filter_map(Value::as_array).flatten();
                texts.filter_map(|part| part["text"].as_str()).for_each(|text| self.thought.push_str(text));
                Ok(())
            }
            kind => Err(no_form(self.route, &format!("an item of the type {kind:?}"))),
        }
    }

    fn message(&mut self, item: &Value) -> Result<()> {
        let body = match &item["content"] {
            Value::String(text) => Value::String(text.clone()),
            Value::Array(parts) => content(parts.iter().map(|part| self.part(part)).collect::<Result<_>>()?),
            _ => return Err(Error::bad_request("the `content` of an item must be a text or a list of parts")),
        };
        match item["role"].as_str().unwrap_or_default() {
            "user" => self.out.push(json!({"role": "user", "content": body})),
            // The newer word for the same, which few providers know.
            "system" | "developer" => self.out.push(json!({"role": "system", "content": body})),
            "assistant" => self.assistant(body),
            _ => {
                return Err(Error::bad_request(
                    "the `role` of an item must be \"user\", \"assistant\", \"system\" or \"developer\"",
                ))
            }
        }
        Ok(())
    }

    fn assistant(&mut self, content: Value) {
        let mut message = json!({"role": "assistant", "content": content});
        let thought = std::mem::take(&mut self.thought);
        // A model that does not think does not know what to do with thoughts.
        if self.keeps_thinking && !thought.is_empty() {
            message["reasoning_content"] = thought.into();
        }
        self.out.push(message);
    }

    fn part(&self, part: &Value) -> Result<Value> {
        Ok(match part["type"].as_str().unwrap_or_default() {
            "input_text" | "output_text" | "text" => json!({"type": "text", "text": part["text"]}),
            "refusal" => json!({"type": "text", "text": part["refusal"]}),
            "input_image" => {
                let url =
                    part["image_url"].as_str().ok_or_else(|| no_form(self.route, "an image that lies in OpenAI's store"))?;
                let mut image = json!({"url": url});
                if !part["detail"].is_null() {
                    image["detail"] = part["detail"].clone();
                }
                json!({"type": "image_url", "image_url": image})
            }
            "input_file" => {
                let mut file = Map::new();
                // litellm's word for a file at an address is the id.
                for (name, member) in
                    [("file_data", "file_data"), ("file_url", "file_id"), ("file_id", "file_id"), ("filename", "filename")]
                {
                    if let Some(text) = part[name].as_str() {
                        file.insert(member.to_owned(), text.into());
                    }
                }
                json!({"type": "file", "file": file})
            }
            "input_audio" => json!({"type": "input_audio", "input_audio": part["input_audio"]}),
            kind => return Err(no_form(self.route, &format!("a part of the type {kind:?}"))),
        })
    }
}

fn tools(chat: &mut Chat, tools: Option<Value>, choice: Option<Value>, route: &Route, rules: &Rules<'_>) -> Result<()> {
    let mut functions = Vec::new();
    for tool in tools.as_ref().and_then(Value::as_array).into_iter().flatten() {
        match tool["type"].as_str().unwrap_or_default() {
            "function" => {
                let mut function = Map::new();
                for name in ["name", "description", "parameters", "strict"] {
                    if !tool[name].is_null() {
                        function.insert(name.to_owned(), tool[name].clone());
                    }
                }
                functions.push(json!({"type": "function", "function": function}));
            }
            kind if kind.starts_with("web_search") => {
                let mut options = Map::new();
                if !tool["search_context_size"].is_null() {
                    options.insert("search_context_size".to_owned(), tool["search_context_size"].clone());
                }
                if let Some(place) = tool["user_location"].as_object() {
                    let mut place = place.clone();
                    place.remove("type");
                    options.insert("user_location".to_owned(), json!({"type": "approximate", "approximate": place}));
                }
                chat.set("web_search_options", &options.into())?;
            }
            kind => refuse(rules, route, &format!("tools of the type {kind}"), OPERATION)?,
        }
    }
    if !functions.is_empty() {
        chat.set("tools", &functions.into())?;
    }
    match choice {
        None => Ok(()),
        Some(word @ Value::String(_)) => chat.set("tool_choice", &word),
        Some(choice) if choice["type"] == "function" => {
            chat.set("tool_choice", &json!({"type": "function", "function": {"name": choice["name"]}}))
        }
        Some(choice) => {
            refuse(rules, route, &format!("tool_choice of the type {}", choice["type"].as_str().unwrap_or_default()), OPERATION)
        }
    }
}
