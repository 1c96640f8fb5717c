//! litellm's messages and tools as the crate's.
//!
//! The crate's `ChatMessage` has one text, images as base64, tool calls and one tool call id. Whatever else a message may hold is refused
//! by name; nothing of it is dropped on the way to the model.

use edgequake_llm::{CacheControl, ChatMessage, ChatRole, FunctionCall, FunctionDefinition, ImageData, ToolCall, ToolDefinition};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::table::{Kind, Row};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::wrong_type;

/// Where litellm keeps Gemini's thought signature of a tool call.
pub const SIGNATURE: &str = "thought_signature";

/// What an answer carries and a caller sends back in the history; no request of this road has a place for it, and models do without.
const OF_ANSWERS: &[&str] = &["annotations", "provider_specific_fields", "reasoning_content", "refusal", "thinking_blocks"];

pub fn messages(row: &Row, raw: &RawValue) -> Result<Vec<ChatMessage>> {
    let given: Vec<Map<String, Value>> = json::read(raw).ok_or_else(|| wrong_type("messages", "a list of objects", raw))?;
    if given.is_empty() {
        return Err(Error::bad_request("`messages` is empty"));
    }
    let mut messages = Vec::with_capacity(given.len());
    for (at, message) in given.into_iter().enumerate() {
        messages.push(Reader { row, at }.message(message)?);
    }
    name_results(&mut messages);
    match row.kind {
        Kind::Gemini | Kind::Vertex => one_instruction(messages),
        _ => Ok(messages),
    }
}

/// A tool's result bears the name of its function, which some protocols want and OpenAI's leaves out.
fn name_results(messages: &mut [ChatMessage]) {
    let calls: Vec<(String, String)> = messages
        .iter()
        .flat_map(|message| message.tool_calls.iter().flatten())
        .map(|call| (call.id.clone(), call.function.name.clone()))
        .collect();
    for message in messages.iter_mut().filter(|m| m.role == ChatRole::Tool && m.name.is_none()) {
        message.name = calls.iter().find(|(id, _)| Some(id) == message.tool_call_id.as_ref()).map(|(_, name)| name.clone());
    }
}

/// The crate keeps the last system message for Gemini and forgets the others: they are made one. A tool's result must be an object there.
fn one_instruction(messages: Vec<ChatMessage>) -> Result<Vec<ChatMessage>> {
    let (system, mut rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.role == ChatRole::System);
    for message in rest.iter_mut().filter(|message| message.role == ChatRole::Tool) {
        if serde_json::from_str::<Value>(&message.content).is_ok_and(|value| !value.is_object()) {
            message.content = serde_json::json!({ "content": message.content }).to_string();
        }
    }
    if !system.is_empty() {
        let texts: Vec<String> = system.into_iter().map(|message| message.content).collect();
        rest.insert(0, ChatMessage::system(texts.join("\n\n")));
    }
    Ok(rest)
}

struct Reader<'a> {
    row: &'a Row,
    at: usize,
}

impl Reader<'_> {
    fn message(&self, message: Map<String, Value>) -> Result<ChatMessage> {
        let role = match message.get("role").and_then(Value::as_str) {
            // OpenAI's newer word for system; every server of this road takes the older one.
            Some("system" | "developer") => ChatRole::System,
            Some("user") => ChatRole::User,
            Some("assistant") => ChatRole::Assistant,
            Some("tool") => ChatRole::Tool,
            _ => return Err(self.bad("role", "must be system, developer, user, assistant or tool")),
        };
        let mut out = ChatMessage::user("");
        out.role = role;
        for (field, value) in message.into_iter().filter(|(_, value)| !value.is_null()) {
            match (field.as_str(), value) {
                ("role", _) => {}
                ("content", Value::String(text)) => out.content = text,
                ("content", Value::Array(parts)) => self.parts(parts, &mut out)?,
                ("content", _) => return Err(self.bad("content", "must be a string or a list of parts")),
                ("name", Value::String(name)) => {
                    // A tool's name is taken from its call wherever a protocol wants one.
                    if role != ChatRole::Tool
                        && !self.row.kind.is_compatible()
                        && !matches!(self.row.kind, Kind::Nvidia | Kind::Mock)
                    {
                        return Err(self.cannot("name"));
                    }
                    out.name = Some(name);
                }
                ("tool_call_id", Value::String(id)) => out.tool_call_id = Some(id),
                ("tool_calls", Value::Array(calls)) => {
                    let calls = calls.into_iter().map(|call| self.call(call)).collect::<Result<Vec<_>>>()?;
                    out.tool_calls = Some(calls).filter(|calls| !calls.is_empty());
                }
                ("cache_control", mark) => out.cache_control = cache_control(&mark),
                ("name" | "tool_call_id", _) => return Err(self.bad(&field, "must be a string")),
                ("tool_calls", _) => return Err(self.bad("tool_calls", "must be a list")),
                (answer, _) if OF_ANSWERS.contains(&answer) => {}
                (other, _) => return Err(self.cannot(other)),
            }
        }
        if role == ChatRole::Tool && out.tool_call_id.is_none() {
            return Err(self.bad("tool_call_id", "is missing: a tool's result names the call that it answers"));
        }
        if role != ChatRole::Assistant && out.tool_calls.is_some() {
            return Err(self.bad("tool_calls", "belongs to the role assistant"));
        }
        Ok(out)
    }

    /// The crate sends a message's text first and its images behind it. Text on one side of the images keeps its meaning so, text on both
    /// sides does not.
    fn parts(&self, parts: Vec<Value>, out: &mut ChatMessage) -> Result<()> {
        let mut images = Vec::new();
        let mut runs = 0;
        let mut in_text = false;
        for part in parts {
            match part.get("type").and_then(Value::as_str) {
                Some("text") => {
                    let Some(text) = part.get("text").and_then(Value::as_str) else {
                        return Err(self.bad("content", "has a text part without `text`"));
                    };
                    runs += u32::from(!in_text);
                    in_text = true;
                    out.content.push_str(text);
                    if let Some(mark) = part.get("cache_control") {
                        out.cache_control = cache_control(mark);
                    }
                }
                Some("image_url") => {
                    in_text = false;
                    images.push(self.image(&part["image_url"])?);
                }
                Some(kind) => return Err(self.cannot(&format!("content part {kind}"))),
                None => return Err(self.bad("content", "has a part without `type`")),
            }
        }
        if images.is_empty() {
            return Ok(());
        }
        if out.role != ChatRole::User {
            return Err(self.bad("content", "has images, which only the role user can carry here"));
        }
        if runs > 1 {
            return Err(self.bad(
                "content",
                &format!("has text before and after its images, whose order is lost here; use the model {}/…", self.row.wire),
            ));
        }
        out.images = Some(images);
        Ok(())
    }

    fn image(&self, image: &Value) -> Result<ImageData> {
        if self.row.kind == Kind::Cohere {
            return Err(self.cannot("content part image_url"));
        }
        let url = image.as_str().or_else(|| image["url"].as_str()).unwrap_or_default();
        let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
        let Some((mime, data)) = data.filter(|(mime, data)| !mime.is_empty() && !data.is_empty()) else {
            return Err(self.bad(
                "content",
                &format!(
                    "has an image by address; here only images as `data:<type>;base64,…` can be carried. Encode it, or use the model {}/…",
                    self.row.wire
                ),
            ));
        };
        let image_data = ImageData::new(data, mime);
        Ok(match image["detail"].as_str() {
            Some(detail) if self.row.kind.is_compatible() || self.row.kind == Kind::Nvidia => image_data.with_detail(detail),
            Some("auto") | None => image_data,
            Some(_) => return Err(self.cannot("image detail")),
        })
    }

    fn call(&self, call: Value) -> Result<ToolCall> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if !matches!(call["type"].as_str(), None | Some("function")) {
            return Err(self.cannot("tool call that is no function"));
        }
        let (Some(id), Some(name)) = (text(&call["id"]), text(&call["function"]["name"])) else {
            return Err(self.bad("tool_calls", "has a call without `id` or `function.name`"));
        };
        let arguments = text(&call["function"]["arguments"]).unwrap_or_default();
        // Where a protocol wants an object, the crate puts an empty one in the place of what is none.
        if !self.row.kind.is_compatible() && !serde_json::from_str::<Value>(&arguments).is_ok_and(|value| value.is_object()) {
            return Err(self.bad("tool_calls", &format!("has a call of {name:?} whose `arguments` are no JSON object")));
        }
        let signature = text(&call["provider_specific_fields"][SIGNATURE])
            .or_else(|| text(&call["function"]["provider_specific_fields"][SIGNATURE]));
        Ok(ToolCall {
            id,
            call_type: "function".to_owned(),
            function: FunctionCall { name, arguments },
            thought_signature: signature,
        })
    }

    fn bad(&self, field: &str, what: &str) -> Error {
        Error::bad_request(format!("`messages[{}].{field}` {what}", self.at))
    }

    /// Not droppable: without it the model would be asked something else.
    fn cannot(&self, what: &str) -> Error {
        let Row { id, wire, .. } = self.row;
        Error::new(
            ErrorKind::UnsupportedParams,
            format!(
                "`messages[{}]`: {what} cannot be carried to {id} over the road edgequake/; use the model {wire}/…, which carries it",
                self.at
            ),
        )
    }
}

/// Read where the crate uses it (Anthropic); elsewhere a hint without effect on the answer.
fn cache_control(mark: &Value) -> Option<CacheControl> {
    serde_json::from_value(mark.clone()).ok()
}

/// JSON Schema words that the crate removes before a schema goes to Gemini, and with them what the caller demanded.
const NOT_FOR_GEMINI: &[&str] = &[
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
];

pub fn tools(row: &Row, raw: &RawValue) -> Result<Vec<ToolDefinition>> {
    let given: Vec<Value> = json::read(raw).ok_or_else(|| wrong_type("tools", "a list", raw))?;
    given.into_iter().enumerate().map(|(at, tool)| one_tool(row, at, tool)).collect()
}

fn one_tool(row: &Row, at: usize, tool: Value) -> Result<ToolDefinition> {
    let cannot = |what: &str| {
        let Row { id, wire, .. } = row;
        Error::new(
            ErrorKind::UnsupportedParams,
            format!("`tools[{at}]`: {what} cannot be carried to {id} over the road edgequake/; use the model {wire}/…"),
        )
    };
    if tool["type"] != "function" {
        return Err(cannot("a tool that is no function"));
    }
    let function = &tool["function"];
    let Some(name) = function["name"].as_str() else {
        return Err(Error::bad_request(format!("`tools[{at}].function.name` is missing")));
    };
    let strict = function["strict"].as_bool();
    if strict == Some(true) && matches!(row.kind, Kind::Cohere | Kind::Gemini | Kind::Vertex | Kind::Copilot) {
        return Err(cannot("strict"));
    }
    let parameters = match &function["parameters"] {
        // OpenAI's meaning of a function without parameters.
        Value::Null => serde_json::json!({"type": "object", "properties": {}}),
        schema => schema.clone(),
    };
    if matches!(row.kind, Kind::Gemini | Kind::Vertex) {
        if let Some(word) = lost_for_gemini(&parameters) {
            return Err(cannot(&format!("a schema with {word}")));
        }
    }
    Ok(ToolDefinition {
        tool_type: "function".to_owned(),
        function: FunctionDefinition {
            name: name.to_owned(),
            description: function["description"].as_str().unwrap_or_default().to_owned(),
            parameters,
            strict,
        },
    })
}

fn lost_for_gemini(schema: &Value) -> Option<&'static str> {
    match schema {
        Value::Object(fields) => {
            if let Some(word) = NOT_FOR_GEMINI.iter().find(|word| fields.contains_key(**word)) {
                return Some(word);
            }
            if fields.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().filter(|t| *t != "null").count() > 1)
            {
                return Some("several types");
            }
            fields.values().find_map(lost_for_gemini)
        }
        Value::Array(items) => items.iter().find_map(lost_for_gemini),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::find;
    use super::*;

    fn read(provider: &str, text: &str) -> Result<Vec<ChatMessage>> {
        messages(find(provider).unwrap(), serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_conversation_with_tools_keeps_everything() {
        let text = r#"[
            {"role":"developer","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"what "},{"type":"text","text":"is it?"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO","detail":"low"}}],"name":"ann"},
            {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"look","arguments":"{\"a\":1}"},
                 "provider_specific_fields":{"thought_signature":"sig"}}]},
            {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"42"}]}]"#;
        let got = read("openai", text).unwrap();
        assert_eq!(got[0].role, ChatRole::System);
        assert_eq!((got[1].content.as_str(), got[1].name.as_deref()), ("what is it?", Some("ann")));
        let image = &got[1].images.as_ref().unwrap()[0];
        assert_eq!((image.mime_type.as_str(), image.data.as_str(), image.detail.as_deref()), ("image/png", "iVBO", Some("low")));
        let call = &got[2].tool_calls.as_ref().unwrap()[0];
        assert_eq!(
            (call.id.as_str(), call.function.name.as_str(), call.function.arguments.as_str()),
            ("c1", "look", "{\"a\":1}")
        );
        assert_eq!(call.thought_signature.as_deref(), Some("sig"));
        assert_eq!((got[3].tool_call_id.as_deref(), got[3].name.as_deref()), (Some("c1"), Some("look")));
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        for (provider, text, kind, what) in [
            ("openai", r#"[]"#, ErrorKind::BadRequest, "empty"),
            ("openai", r#"[{"role":"function","content":"x"}]"#, ErrorKind::BadRequest, "role"),
            ("openai", r#"[{"role":"user","content":[{"type":"input_audio"}]}]"#, ErrorKind::UnsupportedParams, "input_audio"),
            ("openai", r#"[{"role":"assistant","content":"x","prefix":true}]"#, ErrorKind::UnsupportedParams, "prefix"),
            (
                "openai",
                r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/i.png"}}]}]"#,
                ErrorKind::BadRequest,
                "by address",
            ),
            (
                "openai",
                r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"data:image/png;base64,AA"},
                    {"type":"text","text":"b"}]}]"#,
                ErrorKind::BadRequest,
                "before and after",
            ),
            (
                "cohere",
                r#"[{"role":"user","content":[{"type":"image_url","image_url":"data:image/png;base64,AA"}]}]"#,
                ErrorKind::UnsupportedParams,
                "image_url",
            ),
            ("anthropic", r#"[{"role":"user","content":"x","name":"ann"}]"#, ErrorKind::UnsupportedParams, "name"),
            (
                "anthropic",
                r#"[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}]}]"#,
                ErrorKind::BadRequest,
                "no JSON object",
            ),
            ("openai", r#"[{"role":"tool","content":"x"}]"#, ErrorKind::BadRequest, "tool_call_id"),
        ] {
            let error = read(provider, text).unwrap_err();
            assert_eq!(error.kind, kind, "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn gemini_gets_one_instruction_and_objects_as_results() {
        let text = r#"[{"role":"system","content":"a"},{"role":"user","content":"u"},{"role":"system","content":"b"},
            {"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":"5"}]"#;
        let got = read("gemini", text).unwrap();
        assert_eq!(got[0].content, "a\n\nb");
        assert_eq!(got.iter().filter(|m| m.role == ChatRole::System).count(), 1);
        assert_eq!(got.last().unwrap().content, r#"{"content":"5"}"#);
    }

    #[test]
    fn tools_keep_their_schema_or_are_refused() {
        let schema = r#"[{"type":"function","function":{"name":"f","strict":true,
            "parameters":{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}}}]"#;
        let read = |provider: &str, text: &str| tools(find(provider).unwrap(), serde_json::from_str(text).unwrap());
        let got = read("openai", schema).unwrap();
        assert_eq!((got[0].function.strict, got[0].function.description.as_str()), (Some(true), ""));
        assert!(got[0].function.parameters.to_string().contains("anyOf"));
        assert!(read("vertexai", schema).unwrap_err().message.contains("strict"));
        assert!(read("vertexai", &schema.replace("true", "false")).unwrap_err().message.contains("anyOf"));
        assert!(read("openai", r#"[{"type":"web_search"}]"#).is_err());
    }
}
