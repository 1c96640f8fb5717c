//! Tools: OpenAI's functions as Anthropic's custom tools, and Anthropic's own as they are.
//!
//! Source: Anthropic's API reference and its guides to tool use, server tools, tool search, the computer use tool and the MCP connector.

use serde_json::{json, Map, Value};

use super::models::Claude;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::chat::schema::inline_refs;
use crate::wire::params::sort::Rules;

/// The tool whose arguments are the answer, where a model knows no schemas. litellm's name of it.
pub const JSON_TOOL: &str = "json_tool_call";

/// Members of an input schema's top that the API takes.
const SCHEMA: &[&str] = &["type", "properties", "additionalProperties", "required", "$defs", "strict"];

/// Beginnings of the types of tools that Anthropic runs or defines. Their dates change.
const OWN: &[&str] =
    &["web_search", "bash", "text_editor", "code_execution", "web_fetch", "memory", "tool_search_tool", "computer_", "advisor"];

/// What a caller's tools become.
#[derive(Debug, Default)]
pub struct Tools {
    pub list: Vec<Value>,
    /// Servers of the MCP connector, which stand in a list of their own.
    pub mcp_servers: Vec<Value>,
}

impl Tools {
    /// Adds a caller's list.
    pub fn add(&mut self, tools: &Value) -> Result<()> {
        let list = tools.as_array().ok_or_else(|| Error::bad_request("`tools` must be a list of tools"))?;
        for (at, tool) in list.iter().enumerate() {
            self.add_one(tool, &format!("tools[{at}]"))?;
        }
        Ok(())
    }

    fn add_one(&mut self, tool: &Value, place: &str) -> Result<()> {
        if tool.get("input_schema").is_some() {
            self.list.push(tool.clone());
            return Ok(());
        }
        let kind = tool["type"].as_str().unwrap_or_default();
        match kind {
            "function" | "custom" => self.list.push(function(tool, place)?),
            "url" => self.mcp_servers.push(tool.clone()),
            "mcp" => self.mcp_servers.push(mcp_server(tool, place)?),
            // A group of tools: they are known by themselves.
            "namespace" => {
                for (at, nested) in tool["tools"].as_array().into_iter().flatten().enumerate() {
                    self.add_one(&nested_form(nested), &format!("{place}.tools[{at}]"))?;
                }
            }
            _ if OWN.iter().any(|own| kind.starts_with(own)) => self.list.push(own(tool, kind, place)?),
            _ => {
                return Err(Error::bad_request(format!(
                    "`{place}.type` is {kind:?}; it must be \"function\", \"mcp\" or one of Anthropic's own tools, such as \"web_search_20250305\""
                )))
            }
        }
        Ok(())
    }

    /// The names that callers gave to tools of their own.
    pub fn custom_names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter(|tool| tool["type"] == "custom").filter_map(|tool| tool["name"].as_str())
    }

    /// The names of all tools.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter_map(|tool| tool["name"].as_str())
    }

    /// Is there a tool whose type begins so?
    pub fn has(&self, kind: &str) -> bool {
        self.list.iter().any(|tool| tool["type"].as_str().is_some_and(|own| own.starts_with(kind)))
    }
}

/// A function in the flat form (`{"type", "name", "parameters"}`) in the nested one.
fn nested_form(tool: &Value) -> Value {
    if tool.get("function").is_some() || tool.get("input_schema").is_some() || tool.get("name").is_none() {
        return tool.clone();
    }
    let mut function = tool.clone();
    if let Value::Object(members) = &mut function {
        members.remove("type");
    }
    json!({"type": "function", "function": function})
}

fn function(tool: &Value, place: &str) -> Result<Value> {
    let tool = &nested_form(tool);
    let function = &tool["function"];
    let name = function["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| {
        Error::bad_request(format!("`{place}.function` has no name; give it one, as in {{\"name\": \"get_weather\", …}}"))
    })?;
    let mut out = json!({"type": "custom", "name": name, "input_schema": input_schema(&function["parameters"])?});
    if let Some(description) = function.get("description").filter(|text| !text.is_null()) {
        out["description"] = description.clone();
    }
    carry(tool, &mut out, &["cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming"]);
    Ok(out)
}

/// Members that a tool may hold itself or in its `function`.
fn carry(tool: &Value, out: &mut Value, names: &[&str]) {
    for name in names {
        let value = [&tool[*name], &tool["function"][*name]].into_iter().find(|value| !value.is_null());
        if let Some(value) = value {
            out[*name] = value.clone();
        }
    }
}

/// A function's parameters in the form that the API takes: an object whose definitions, if they have the older names, are written out.
pub fn input_schema(parameters: &Value) -> Result<Value> {
    let empty = Map::new();
    let members = parameters.as_object().unwrap_or(&empty);
    let older = members.contains_key("definitions") || members.contains_key("components");
    let inlined = if older { inline_refs(parameters)? } else { Value::Null };
    let members = inlined.as_object().unwrap_or(members);
    let mut out = Map::new();
    for (name, value) in members {
        if SCHEMA.contains(&name.as_str()) {
            out.insert(name.clone(), value.clone());
        }
    }
    out.insert("type".to_owned(), "object".into());
    // A schema without properties is an object without properties; null is refused.
    if out.get("properties").is_none_or(Value::is_null) {
        out.insert("properties".to_owned(), json!({}));
    }
    Ok(out.into())
}

/// One of Anthropic's own tools. In OpenAI's form its name and settings stand in `function`.
fn own(tool: &Value, kind: &str, place: &str) -> Result<Value> {
    let function = &tool["function"];
    if kind.starts_with("computer_") {
        let settings = if function["parameters"].is_object() { &function["parameters"] } else { tool };
        let name = [&tool["name"], &function["name"]].into_iter().find_map(Value::as_str).unwrap_or("computer");
        let mut out = json!({"type": kind, "name": name});
        for (name, needed) in
            [("display_width_px", true), ("display_height_px", true), ("display_number", false), ("enable_zoom", false)]
        {
            match &settings[name] {
                Value::Null if needed => {
                    return Err(Error::bad_request(format!(
                        "`{place}` has no {name}; the computer tool needs the size of its display"
                    )))
                }
                Value::Null => {}
                value => out[name] = value.clone(),
            }
        }
        carry(tool, &mut out, &["cache_control"]);
        return Ok(out);
    }
    let default = if kind.starts_with("tool_search_tool_regex") {
        Some("tool_search_tool_regex")
    } else if kind.starts_with("tool_search_tool_bm25") {
        Some("tool_search_tool_bm25")
    } else if kind.starts_with("advisor") {
        Some("advisor")
    } else {
        None
    };
    let name = [&tool["name"], &function["name"]].into_iter().find_map(Value::as_str).or(default).ok_or_else(|| {
        Error::bad_request(format!("`{place}` has no name; give the one that Anthropic's reference has for {kind}"))
    })?;
    let mut out = Map::new();
    for (member, value) in tool.as_object().into_iter().flatten() {
        if member != "function" && !value.is_null() {
            out.insert(member.clone(), value.clone());
        }
    }
    out.insert("name".to_owned(), name.into());
    let mut out = Value::Object(out);
    carry(tool, &mut out, &["cache_control"]);
    Ok(out)
}

/// OpenAI's form of an MCP server.
fn mcp_server(tool: &Value, place: &str) -> Result<Value> {
    let text = |name: &str| {
        tool[name]
            .as_str()
            .ok_or_else(|| Error::bad_request(format!("`{place}` has no {name}; an MCP server needs its address and its label")))
    };
    let mut out = json!({"type": "url", "url": text("server_url")?, "name": text("server_label")?});
    if let Some(allowed) = tool.get("allowed_tools").filter(|list| !list.is_null()) {
        out["tool_configuration"] = json!({ "allowed_tools": allowed });
    }
    let headers = tool["headers"].as_object().into_iter().flatten();
    let bearer = headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).find_map(|(_, value)| value.as_str());
    if let Some(token) = bearer.or(tool["authorization"].as_str()) {
        out["authorization_token"] = token.strip_prefix("Bearer ").unwrap_or(token).into();
    }
    Ok(out)
}

/// The tool that stands for `web_search_options`.
pub fn web_search(options: &Value) -> Value {
    let mut out = json!({"type": "web_search_20250305", "name": "web_search"});
    if let Some(place) = options["user_location"]["approximate"].as_object() {
        let mut location = json!({"type": "approximate"});
        for name in ["city", "region", "country", "timezone"] {
            if let Some(value) = place.get(name).filter(|value| !value.is_null()) {
                location[name] = value.clone();
            }
        }
        out["user_location"] = location;
    }
    // OpenAI's sizes of the context, as numbers of searches: litellm's.
    match options["search_context_size"].as_str() {
        Some("low") => out["max_uses"] = 1.into(),
        Some("medium") => out["max_uses"] = 5.into(),
        Some("high") => out["max_uses"] = 10.into(),
        _ => {}
    }
    out
}

/// A tool that nobody calls: the API refuses calls in the history of a request without tools.
pub fn placeholder() -> Value {
    json!({
        "type": "custom", "name": "dummy_tool", "description": "This is a dummy tool call",
        "input_schema": {"type": "object", "properties": {}},
    })
}

/// `tool_choice` and `parallel_tool_calls` as Anthropic's `tool_choice`; None where nothing is to be sent.
pub fn choice(choice: Option<&Value>, parallel: Option<bool>, model: &str, rules: &Rules<'_>) -> Result<Option<Value>> {
    let wrong = || {
        Error::bad_request(
            "`tool_choice` must be \"auto\", \"required\", \"none\" or {\"type\": \"function\", \"function\": {\"name\": …}}",
        )
    };
    let mut out = match choice {
        None | Some(Value::Null) => None,
        Some(Value::String(word)) => Some(json!({"type": by_word(word).ok_or_else(wrong)?})),
        Some(Value::Object(object)) => {
            let kind = object.get("type").and_then(Value::as_str).unwrap_or("function");
            let name = object.get("function").and_then(|function| function.get("name")).or_else(|| object.get("name"));
            match (by_word(kind), name.and_then(Value::as_str)) {
                (Some(kind), None) => {
                    let mut out = json!({ "type": kind });
                    if let Some(flag) = object.get("disable_parallel_tool_use") {
                        out["disable_parallel_tool_use"] = flag.clone();
                    }
                    Some(out)
                }
                (_, Some(name)) => Some(json!({"type": "tool", "name": name})),
                _ => return Err(wrong()),
            }
        }
        Some(_) => return Err(wrong()),
    };
    if let Some(parallel) = parallel {
        let choice = out.get_or_insert_with(|| json!({"type": "auto"}));
        if choice["type"] != "none" {
            choice["disable_parallel_tool_use"] = (!parallel).into();
        }
    }
    let forced = out.as_ref().is_some_and(|choice| choice["type"] == "any" || choice["type"] == "tool");
    if forced && !Claude::of(model).can_be_forced() {
        if !rules.drop {
            return Err(Error::new(
                ErrorKind::UnsupportedParams,
                format!(
                    "{model} cannot be made to call a tool: tool_choice \"required\" and named tools are not for it. Use \"auto\" and say in \
                     the prompt when to call the tool, or pass drop_params=True (or set drop_params) to have \"auto\" sent for you"
                ),
            ));
        }
        if let Some(choice) = &mut out {
            choice["type"] = "auto".into();
            choice.as_object_mut().map(|members| members.remove("name"));
        }
    }
    Ok(out)
}

fn by_word(word: &str) -> Option<&'static str> {
    match word {
        "auto" => Some("auto"),
        "required" | "any" => Some("any"),
        "none" => Some("none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(tool: Value) -> Result<Tools> {
        let mut tools = Tools::default();
        tools.add(&json!([tool])).map(|()| tools)
    }

    fn one(tool: Value) -> Value {
        mapped(tool).unwrap().list.remove(0)
    }

    #[test]
    fn a_function_is_a_custom_tool() {
        let tool = one(json!({"type": "function", "function": {"name": "f", "description": "d", "parameters": {
            "type": "object", "title": "T", "properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {"A": {"type": "integer"}},
        }}, "cache_control": {"type": "ephemeral"}}));
        assert_eq!(
            tool,
            json!({"type": "custom", "name": "f", "description": "d", "cache_control": {"type": "ephemeral"},
                   "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}})
        );
        let bare = one(json!({"type": "function", "function": {"name": "f"}}));
        assert_eq!(bare["input_schema"], json!({"type": "object", "properties": {}}));
        let null =
            one(json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": null}}}));
        assert_eq!(null["input_schema"], json!({"type": "object", "properties": {}}));
    }

    #[test]
    fn a16_anthropics_own_tools_are_known_in_every_form() {
        let native = json!({"name": "n", "input_schema": {"type": "object"}});
        assert_eq!(one(native.clone()), native);
        let search = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 3});
        assert_eq!(one(search.clone()), search);
        let computer = one(
            json!({"type": "computer_20250124", "function": {"name": "computer", "parameters": {"display_width_px": 1, "display_height_px": 2}}}),
        );
        assert_eq!(
            computer,
            json!({"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 2})
        );
        assert_eq!(one(json!({"type": "tool_search_tool_regex_20251119"}))["name"], "tool_search_tool_regex");
        let tools = mapped(json!({"type": "mcp", "server_url": "https://m", "server_label": "l", "headers": {"Authorization": "Bearer t"}, "allowed_tools": ["a"]})).unwrap();
        assert_eq!(
            tools.mcp_servers,
            [
                json!({"type": "url", "url": "https://m", "name": "l", "tool_configuration": {"allowed_tools": ["a"]}, "authorization_token": "t"})
            ]
        );
        let nested =
            mapped(json!({"type": "namespace", "tools": [{"type": "function", "name": "x", "parameters": {}}, native]})).unwrap();
        assert_eq!(nested.list.len(), 2);
    }

    #[test]
    fn what_is_no_tool_is_named_by_its_place() {
        for (tool, word) in [
            (json!({"type": "retrieval"}), "retrieval"),
            (json!({"type": "function", "function": {}}), "name"),
            (json!({"type": "web_search_20250305"}), "name"),
            (json!({"type": "computer_20250124", "name": "c"}), "display_width_px"),
            (json!({"type": "mcp"}), "server_url"),
        ] {
            let message = mapped(tool).unwrap_err().message.clone();
            assert!(message.contains("tools[0]") && message.contains(word), "{message}");
        }
    }

    #[test]
    fn a13_choices_in_every_form() {
        let rules = |drop| Rules { drop, without: Vec::new(), allowed: Vec::new() };
        let of = |given: Value, parallel| choice(Some(&given), parallel, "claude-sonnet-4-5", &rules(false)).unwrap();
        assert_eq!(of(json!("auto"), None), Some(json!({"type": "auto"})));
        assert_eq!(of(json!("required"), None), Some(json!({"type": "any"})));
        assert_eq!(of(json!("none"), Some(false)), Some(json!({"type": "none"})));
        assert_eq!(
            of(json!({"type": "function", "function": {"name": "f"}}), Some(false)),
            Some(json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}))
        );
        assert_eq!(of(json!({"type": "tool", "name": "f"}), None), Some(json!({"type": "tool", "name": "f"})));
        assert_eq!(of(json!({"type": "required"}), None), Some(json!({"type": "any"})));
        assert_eq!(of(Value::Null, Some(true)), Some(json!({"type": "auto", "disable_parallel_tool_use": false})));
        assert_eq!(of(Value::Null, None), None);
        let error = |given: Value| choice(Some(&given), None, "claude-sonnet-4-5", &rules(false)).unwrap_err().kind;
        assert_eq!(error(json!("sometimes")), ErrorKind::BadRequest);
        assert_eq!(error(json!(5)), ErrorKind::BadRequest);
        let forced = |drop| choice(Some(&json!("required")), Some(false), "claude-opus-5-5", &rules(drop));
        assert_eq!(forced(false).unwrap_err().kind, ErrorKind::UnsupportedParams);
        assert_eq!(forced(true).unwrap(), Some(json!({"type": "auto", "disable_parallel_tool_use": true})));
    }
}
