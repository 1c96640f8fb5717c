//! The tokens of a chat request: its messages, tools and images, by OpenAI's rules as litellm counts them.
//!
//! Sources: OpenAI's cookbook ("How to count tokens") for messages; OpenAI's guide on images for tiles; tools are counted as the text that the
//! models are known to be shown, a TypeScript namespace.

use serde_json::{Map, Value};

use super::image;
use super::Encoding;
use crate::engine::error::{Error, Result};

/// An image that is not looked at closely.
const IMAGE: usize = 85;
/// litellm's `use_default_image_token_count`.
const DEFAULT_IMAGE: usize = 250;
/// Every message is framed by three tokens, and so is the answer.
const FRAME: usize = 3;
const NAME: usize = 1;
const MAX_DEPTH: usize = 64;

pub struct Counter {
    pub encoding: Encoding,
    /// Images are not looked at: each counts the same.
    pub default_images: bool,
}

impl Counter {
    /// Messages, tools and choice of a request, with the frame of the answer.
    pub fn request(&self, messages: &[Value], tools: &[Value], choice: &Value) -> Result<usize> {
        let mut count = self.messages(messages)? + FRAME;
        if !tools.is_empty() {
            count += self.encoding.count(&definitions(tools)) + 9;
            if messages.iter().any(|message| message["role"] == "system") {
                count -= 4;
            }
        }
        if choice == "none" {
            count += 1;
        } else if let Some(name) = choice["function"]["name"].as_str() {
            count += 7 + self.encoding.count(name);
        }
        Ok(count)
    }

    /// The messages alone.
    pub fn messages(&self, messages: &[Value]) -> Result<usize> {
        messages.iter().map(|message| self.message(message)).sum()
    }

    fn message(&self, message: &Value) -> Result<usize> {
        let members = message.as_object().ok_or_else(|| Error::bad_request("a message must be an object"))?;
        let mut count = FRAME;
        for (name, value) in members {
            count += match (name.as_str(), value) {
                ("tool_calls", Value::Array(calls)) => {
                    calls.iter().map(|call| self.arguments(&call["function"]["arguments"])).sum()
                }
                ("function_call", call) => self.arguments(&call["arguments"]),
                ("name", Value::String(text)) => self.encoding.count(text) + NAME,
                (_, Value::String(text)) => self.encoding.count(text),
                ("content", Value::Array(parts)) => self.parts(parts, 0)?,
                _ => 0,
            };
        }
        Ok(count)
    }

    fn arguments(&self, arguments: &Value) -> usize {
        match arguments {
            Value::String(text) => self.encoding.count(text),
            Value::Null => 0,
            other => self.encoding.count(&other.to_string()),
        }
    }

    fn parts(&self, parts: &[Value], depth: usize) -> Result<usize> {
        if depth > MAX_DEPTH {
            return Err(Error::bad_request("the content is nested deeper than 64 levels"));
        }
        parts.iter().map(|part| self.part(part, depth)).sum()
    }

    fn part(&self, part: &Value, depth: usize) -> Result<usize> {
        let text = |value: &Value| value.as_str().map_or(0, |text| self.encoding.count(text));
        if part.is_string() {
            return Ok(text(part));
        }
        Ok(match part["type"].as_str() {
            Some("text") => text(&part["text"]),
            Some("image_url") => self.image_url(&part["image_url"])?,
            Some("image") => self.image("", "auto")?,
            Some("thinking" | "redacted_thinking") => text(&part["thinking"]),
            Some("tool_reference") => text(&part["tool_name"]),
            Some("tool_use") => text(&part["name"]) + self.arguments(&part["input"]),
            Some("tool_result") => self.nested(&part["content"], depth)?,
            Some("document") => {
                let about = text(&part["title"]) + text(&part["context"]);
                let source = &part["source"];
                about
                    + match source["type"].as_str() {
                        Some("text") => text(&source["data"]),
                        Some("content") => self.nested(&source["content"], depth)?,
                        _ => self.image("", "auto")?,
                    }
            }
            Some("file") => {
                let data = part["file"]["file_data"].as_str().is_some_and(|data| !data.is_empty());
                text(&part["file"]["filename"]) + if data { self.image("", "auto")? } else { 0 }
            }
            other => {
                return Err(Error::bad_request(format!(
                    "a part of the content is of the type {:?}, whose tokens nobody can count",
                    other.unwrap_or("null")
                )))
            }
        })
    }

    fn nested(&self, content: &Value, depth: usize) -> Result<usize> {
        match content {
            Value::String(text) => Ok(self.encoding.count(text)),
            Value::Array(parts) => self.parts(parts, depth + 1),
            _ => Ok(0),
        }
    }

    fn image_url(&self, image: &Value) -> Result<usize> {
        let (url, detail) = match image {
            Value::String(url) => (url.as_str(), "auto"),
            _ => (image["url"].as_str().unwrap_or_default(), image["detail"].as_str().unwrap_or("auto")),
        };
        if url.trim().is_empty() {
            return Err(Error::bad_request("an image_url has no address"));
        }
        self.image(url, detail)
    }

    fn image(&self, url: &str, detail: &str) -> Result<usize> {
        match detail {
            _ if self.default_images => Ok(DEFAULT_IMAGE),
            "low" | "auto" => Ok(IMAGE),
            "high" => Ok(IMAGE + 2 * IMAGE * image::tiles(image::size_of_data_uri(url))),
            other => Err(Error::bad_request(format!("the `detail` of an image is {other:?}; it must be low, high or auto"))),
        }
    }
}

/// Tools as the text that is counted.
fn definitions(tools: &[Value]) -> String {
    let mut lines = vec!["namespace functions {".to_owned(), String::new()];
    for tool in tools {
        match (&tool["function"], &tool["function_declarations"], &tool["functionDeclarations"]) {
            (Value::Object(function), ..) => {
                definition(function, &function.get("parameters").cloned().unwrap_or_default(), &mut lines)
            }
            (_, Value::Array(list), _) | (_, _, Value::Array(list)) => {
                for function in list.iter().filter_map(Value::as_object) {
                    definition(function, &function.get("parameters").cloned().unwrap_or_default(), &mut lines);
                }
            }
            _ => {
                let Some(own) = tool.as_object() else { continue };
                let parameters = own.get("input_schema").or_else(|| own.get("parameters")).cloned().unwrap_or_default();
                definition(own, &parameters, &mut lines);
            }
        }
    }
    lines.push("} // namespace functions".to_owned());
    lines.join("\n")
}

fn definition(function: &Map<String, Value>, parameters: &Value, lines: &mut Vec<String>) {
    let text = |name: &str| function.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(name) = text("name") else { return };
    if let Some(description) = text("description") {
        lines.push(format!("// {description}"));
    }
    if parameters["properties"].as_object().is_some_and(|properties| !properties.is_empty()) {
        lines.push(format!("type {name} = (_: {{"));
        lines.push(object(parameters, 0));
        lines.push("}) => any;".to_owned());
    } else {
        lines.push(format!("type {name} = () => any;"));
    }
    lines.push(String::new());
}

fn object(schema: &Value, indent: usize) -> String {
    let Some(properties) = schema["properties"].as_object() else { return String::new() };
    let required = schema["required"].as_array();
    let mut lines = Vec::new();
    for (name, property) in properties {
        if let Some(description) = property["description"].as_str().filter(|text| !text.is_empty()) {
            lines.push(format!("// {description}"));
        }
        let optional = if required.is_some_and(|list| list.iter().any(|own| own == name)) { "" } else { "?" };
        lines.push(format!("{name}{optional}: {},", type_of(property, indent)));
    }
    lines.iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect::<Vec<_>>().join("\n")
}

fn type_of(schema: &Value, indent: usize) -> String {
    let choices = || {
        let list = schema["enum"].as_array()?;
        let quoted = list.iter().map(|item| match item {
            Value::String(text) => format!("\"{text}\""),
            other => format!("\"{other}\""),
        });
        Some(quoted.collect::<Vec<_>>().join(" | "))
    };
    // Deeper than any schema that is sent: the text would grow without a limit.
    if indent > 2 * MAX_DEPTH {
        return "any".to_owned();
    }
    match schema["type"].as_str() {
        Some("string") => choices().unwrap_or_else(|| "string".to_owned()),
        Some("integer" | "number") => choices().unwrap_or_else(|| "number".to_owned()),
        Some("boolean") => "boolean".to_owned(),
        Some("null") => "null".to_owned(),
        Some("array") => format!("{}[]", type_of(&schema["items"], indent)),
        Some("object") => format!("{{\n{}\n}}", object(schema, indent + 2)),
        _ => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn count(messages: Value, tools: Value, choice: Value) -> usize {
        let counter = Counter { encoding: Encoding::O200k, default_images: false };
        counter.request(messages.as_array().unwrap(), tools.as_array().map_or(&[], Vec::as_slice), &choice).unwrap()
    }

    #[test]
    fn messages_count_as_litellm_counts_them() {
        assert_eq!(count(json!([{"role": "user", "content": "hello world"}]), json!([]), Value::Null), 9);
        let two = json!([{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Hi"}]);
        assert_eq!(count(two, json!([]), Value::Null), 16);
        let parts =
            json!([{"role": "user", "content": [{"type": "text", "text": "Part one."}, {"type": "text", "text": "Part two."}]}]);
        assert_eq!(count(parts, json!([]), Value::Null), 13);
    }

    #[test]
    fn tools_count_as_the_text_the_models_see() {
        let tool = json!({"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": {
            "type": "object", "required": ["city"], "properties": {
                "city": {"type": "string", "description": "Where"}, "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["C", "F"]}, "near": {"type": "array", "items": {"type": "string"}},
                "box": {"type": "object", "properties": {"n": {"type": "number"}}}}}}});
        let text = definitions(std::slice::from_ref(&tool));
        assert_eq!(
            text,
            "namespace functions {\n\n// Weather\ntype get_weather = (_: {\n// Where\ncity: string,\ndays?: number,\nunit?: \"C\" | \"F\",\n\
             near?: string[],\nbox?: {\n  n?: number,\n},\n}) => any;\n\n} // namespace functions"
        );
        let message = json!([{"role": "user", "content": "hi"}]);
        let plain = count(message.clone(), json!([]), Value::Null);
        let with = count(message, json!([tool]), json!({"type": "function", "function": {"name": "get_weather"}}));
        assert_eq!(with, plain + Encoding::O200k.count(&text) + 9 + 7 + Encoding::O200k.count("get_weather"));
    }

    #[test]
    fn what_cannot_be_counted_is_named() {
        let counter = Counter { encoding: Encoding::O200k, default_images: false };
        let error = counter.messages(&[json!({"role": "user", "content": [{"type": "hologram"}]})]).unwrap_err();
        assert!(error.message.contains("hologram"));
    }
}
