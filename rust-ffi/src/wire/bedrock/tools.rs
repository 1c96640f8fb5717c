//! Tools and the choice among them.

use serde_json::{json, Map, Value};

use super::messages::cache_point;
use super::models::{tool_name, Model};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::log;
use crate::engine::request::wrong_type;
use crate::wire::body::{Body, Json};
use crate::wire::chat::schema;
use crate::wire::params::sort::Rules;

/// The tool that stands for `response_format`, where no other has the name.
const JSON_TOOL: &str = "json_tool_call";

/// The tools whose names Bedrock does not take, under the names that were sent instead.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// The name to send for a tool. No two tools get the same.
    pub fn send(&mut self, name: &str) -> String {
        if let Some((_, sent)) = self.0.iter().find(|(own, _)| own == name) {
            return sent.clone();
        }
        let sent = self.free(&tool_name(name));
        self.0.push((name.to_owned(), sent.clone()));
        sent
    }

    /// A name for a tool that is none of the caller's.
    fn send_own(&mut self, name: &str) -> String {
        let sent = self.free(name);
        self.0.push((sent.clone(), sent.clone()));
        sent
    }

    /// The name, with a number where it is taken.
    fn free(&self, plain: &str) -> String {
        let mut sent = plain.to_owned();
        let mut number = 2;
        while self.0.iter().any(|(_, other)| *other == sent) {
            let room = plain.len().min(60);
            sent = format!("{}_{number}", &plain[..room]);
            number += 1;
        }
        sent
    }

    /// The caller's name of a tool.
    pub fn own<'n>(&'n self, sent: &'n str) -> &'n str {
        self.0.iter().find(|(_, name)| name == sent).map_or(sent, |(own, _)| own)
    }
}

/// What is sent of the tools.
#[derive(Debug, Default)]
pub struct Tools {
    /// Members of `toolConfig.tools`.
    pub specs: Vec<Value>,
    /// Anthropic's own tools, which travel beside.
    pub anthropic: Vec<Value>,
    /// Names of Anthropic's unfinished features that these need.
    pub betas: Vec<&'static str>,
}

/// Reads `tools`.
pub fn read(raw: &Json<'_>, model: &Model<'_>, names: &mut Names) -> Result<Tools> {
    let Some(list) = raw.read::<Vec<Value>>() else {
        return Err(match raw {
            Json::Raw(raw) => wrong_type("tools", "a list of tools", raw),
            Json::Own(_) => Error::bad_request("`tools` must be a list of tools"),
        });
    };
    let mut out = Tools::default();
    for (number, tool) in list.iter().enumerate() {
        let kind = tool["type"].as_str().unwrap_or_default();
        if ["toolSpec", "systemTool", "cachePoint"].iter().any(|member| tool.get(member).is_some()) {
            // Bedrock's own form.
            out.specs.push(tool.clone());
        } else if ["computer_", "bash_", "text_editor_"].iter().any(|start| kind.starts_with(start)) {
            out.anthropic.push(computer_tool(tool, kind));
        } else if tool.get("function").is_some() || tool.get("input_schema").is_some() {
            spec(tool, number, model, names, &mut out.specs)?;
        } else {
            return Err(Error::bad_request(format!(
                "`tools[{number}]` is of the type {kind:?}, which Bedrock's Converse API does not have; it takes functions with `parameters`"
            )));
        }
    }
    if !out.anthropic.is_empty() {
        out.betas.push(computer_beta(model.base));
    }
    Ok(out)
}

fn spec(tool: &Value, number: usize, model: &Model<'_>, names: &mut Names, out: &mut Vec<Value>) -> Result<()> {
    let function = tool.get("function").unwrap_or(tool);
    let name = function["name"].as_str().filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| Error::bad_request(format!("`tools[{number}]` has no `function.name`")))?;
    let parameters = function.get("parameters").or_else(|| function.get("input_schema")).unwrap_or(&Value::Null);
    let description = function["description"].as_str().filter(|text| !text.is_empty());
    out.push(tool_spec(names.send(name), description, parameters, function["strict"] == true, model)?);
    if let Some(point) = tool.get("cache_control").and_then(|mark| cache_point(model, mark)) {
        out.push(json!({ "cachePoint": point }));
    }
    Ok(())
}

/// A tool as Bedrock takes it: a schema without references whose top has a type, properties and what is required, no more.
fn tool_spec(name: String, description: Option<&str>, parameters: &Value, strict: bool, model: &Model<'_>) -> Result<Value> {
    let schema = schema::inline_refs(parameters)?;
    let kind = schema["type"].as_str().filter(|kind| *kind != "custom").unwrap_or("object");
    let mut json = json!({
        "type": kind,
        "properties": schema.get("properties").cloned().unwrap_or_else(|| json!({})),
        "required": schema.get("required").cloned().unwrap_or_else(|| json!([])),
    });
    let strict_model = model.takes_strict_tools();
    if let Some(more) = schema.get("additionalProperties").filter(|more| strict_model && !more.is_null()) {
        json["additionalProperties"] = more.clone();
    }
    let mut spec = json!({"name": name, "description": description.unwrap_or(&name), "inputSchema": {"json": json}});
    if strict && strict_model {
        spec["strict"] = true.into();
    }
    Ok(json!({ "toolSpec": spec }))
}

/// Anthropic's computer, shell and editor.
fn computer_tool(tool: &Value, kind: &str) -> Value {
    let function = &tool["function"];
    if kind.starts_with("computer_") && function.is_object() {
        let mut out = Map::new();
        out.insert("type".to_owned(), kind.into());
        out.insert("name".to_owned(), function["name"].as_str().unwrap_or("computer").into());
        out.extend(function["parameters"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        return out.into();
    }
    let mut tool = tool.clone();
    if tool.get("name").is_none() {
        let name = if kind.starts_with("bash_") { "bash" } else { "str_replace_editor" };
        tool["name"] = name.into();
    }
    tool
}

/// The generation of Anthropic's computer tools that a model knows. Source: Anthropic's page on the computer use tool.
fn computer_beta(model: &str) -> &'static str {
    let is = |names: &[&str]| names.iter().any(|name| model.contains(name));
    if is(&["opus-4-5", "opus-4-6", "opus-4-7", "sonnet-4-6"]) {
        "computer-use-2025-11-24"
    } else if is(&["sonnet-4", "opus-4", "haiku-4-5", "3-7-sonnet"]) {
        "computer-use-2025-01-24"
    } else {
        "computer-use-2024-10-22"
    }
}

/// The tool that stands for a schema of `response_format`, and its name on the wire.
pub fn json_tool(schema: &Value, description: Option<&str>, model: &Model<'_>, names: &mut Names) -> Result<(Value, String)> {
    let name = names.send_own(JSON_TOOL);
    Ok((tool_spec(name.clone(), description, schema, false, model)?, name))
}

/// Reads `tool_choice`; None where it is left out.
pub fn choice(body: &mut Body<'_>, model: &Model<'_>, names: &mut Names, rules: &Rules<'_>) -> Result<Option<Value>> {
    let Some(raw) = body.remove("tool_choice") else { return Ok(None) };
    let value: Value = raw.read().unwrap_or_default();
    let word = value.as_str().or_else(|| value["type"].as_str());
    let chosen = match word {
        Some("auto") => return Ok(Some(json!({"auto": {}}))),
        Some("none") => {
            rules.refuse(body, "tool_choice", || "Bedrock cannot be told to call no tool (tool_choice=\"none\")".to_owned())?;
            return Ok(None);
        }
        Some("required" | "any") => json!({"any": {}}),
        Some("function" | "tool") if value.is_object() => {
            let name = value["function"]["name"].as_str().or_else(|| value["name"].as_str()).unwrap_or_default();
            json!({"tool": {"name": names.send(name)}})
        }
        _ => return Err(Error::new(
            ErrorKind::UnsupportedParams,
            "`tool_choice` must be \"auto\", \"required\" or {\"type\": \"function\", \"function\": {\"name\": …}} on Bedrock",
        )),
    };
    if !model.takes_forced_tools() {
        rules.refuse(body, "tool_choice", || format!("{} cannot be made to call a tool", model.name))?;
        return Ok(Some(json!({"auto": {}})));
    }
    Ok(Some(chosen))
}

/// A choice for a model that reasons: it cannot be made to call a tool.
pub fn without_force(choice: Value, model: &Model<'_>) -> Value {
    if choice.get("auto").is_some() {
        return choice;
    }
    log::record(log::Level::Info, || {
        let fields = json!({"model": model.name}).to_string();
        ("tool_choice is sent as \"auto\": a model that reasons cannot be made to call a tool".to_owned(), fields)
    });
    json!({"auto": {}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(model: &str, text: &str) -> Result<Tools> {
        let raw = Json::Own(text.to_owned());
        read(&raw, &Model::of(model), &mut Names::default())
    }

    #[test]
    fn a_schema_is_written_out_and_strictness_depends_on_the_model() {
        let text = r##"[{"type":"function","function":{"name":"plan","strict":true,"parameters":{"$defs":{"S":{"type":"string"}},"title":"T",
            "type":"object","properties":{"s":{"$ref":"#/$defs/S"}},"additionalProperties":false}},"cache_control":{"type":"ephemeral"}}]"##;
        let loose = tools("anthropic.claude-sonnet-4-20250514-v1:0", text).unwrap();
        assert_eq!(
            loose.specs[0]["toolSpec"],
            json!({"name": "plan", "description": "plan",
                "inputSchema": {"json": {"type": "object", "properties": {"s": {"type": "string"}}, "required": []}}})
        );
        assert_eq!(loose.specs[1], json!({"cachePoint": {"type": "default"}}));
        let strict = tools("anthropic.claude-sonnet-4-5-20250929-v1:0", text).unwrap();
        assert_eq!(strict.specs[0]["toolSpec"]["strict"], true);
        assert_eq!(strict.specs[0]["toolSpec"]["inputSchema"]["json"]["additionalProperties"], false);
    }

    #[test]
    fn b4_names_go_there_and_back_without_meeting() {
        let mut names = Names::default();
        let sent: Vec<String> = ["a.b", "a_b", "a-b", "1x"].iter().map(|name| names.send(name)).collect();
        assert_eq!(sent, ["a_b", "a_b_2", "a-b", "a1x"]);
        assert_eq!((names.own("a_b"), names.own("a_b_2"), names.own("a1x"), names.own("other")), ("a.b", "a_b", "1x", "other"));
    }

    #[test]
    fn the_tool_that_stands_for_a_schema_has_a_name_of_its_own() {
        let mut names = Names::default();
        assert_eq!(names.send("json.tool.call"), "json_tool_call");
        let (spec, name) = json_tool(&json!({"type": "object"}), None, &Model::of("amazon.nova-pro-v1:0"), &mut names).unwrap();
        assert_eq!((name.as_str(), &spec["toolSpec"]["name"]), ("json_tool_call_2", &json!("json_tool_call_2")));
        assert_eq!((names.own("json_tool_call"), names.own("json_tool_call_2")), ("json.tool.call", "json_tool_call_2"));
    }

    #[test]
    fn anthropics_own_tools_travel_beside() {
        let tools = tools(
            "anthropic.claude-sonnet-4-20250514-v1:0",
            r#"[{"type":"computer_20250124","function":{"name":"computer","parameters":{"display_width_px":800}}},{"type":"bash_20250124"}]"#,
        )
        .unwrap();
        assert!(tools.specs.is_empty());
        assert_eq!(tools.anthropic[0], json!({"type": "computer_20250124", "name": "computer", "display_width_px": 800}));
        assert_eq!((&tools.anthropic[1]["name"], tools.betas[0]), (&json!("bash"), "computer-use-2025-01-24"));
    }

    #[test]
    fn tools_of_other_services_are_refused_by_name() {
        let error = tools("amazon.nova-pro-v1:0", r#"[{"type":"web_search"}]"#).unwrap_err();
        assert!(error.message.contains("tools[0]") && error.message.contains("web_search"), "{}", error.message);
    }
}
