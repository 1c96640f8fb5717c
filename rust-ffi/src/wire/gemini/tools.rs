//! Tools and the choice among them, as Gemini's `tools` and `toolConfig`.
//!
//! Sources: Google's references of `Tool`, `FunctionDeclaration` and `ToolConfig`; litellm 1.106 for the spellings that programs use.

use serde_json::{json, Map, Value};

use super::schema;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::log;

/// Gemini's tools, and what of them belongs into `toolConfig`.
#[derive(Debug, Default)]
pub struct Tools {
    pub list: Vec<Value>,
    pub retrieval: Option<Value>,
}

/// Tools that Google runs itself: the names that programs use, and the one that is sent. Each stands in an object of its own.
const BUILT_IN: &[(&[&str], &str)] = &[
    (&["googleSearch", "google_search"], "googleSearch"),
    (&["googleSearchRetrieval", "google_search_retrieval"], "googleSearchRetrieval"),
    (&["enterpriseWebSearch", "enterprise_web_search"], "enterpriseWebSearch"),
    (&["codeExecution", "code_execution"], "code_execution"),
    (&["urlContext", "url_context"], "url_context"),
    (&["googleMaps", "google_maps"], "googleMaps"),
    (&["computerUse", "computer_use"], "computerUse"),
    (&["fileSearch", "file_search"], "fileSearch"),
    (&["retrieval"], "retrieval"),
];

/// Those that Gemini refuses beside functions.
const SEARCHES: &[&str] = &["googleSearch", "googleSearchRetrieval", "enterpriseWebSearch", "url_context"];

impl Tools {
    /// Reads OpenAI's `tools` (or the older `functions`) and Google's own.
    pub fn read(given: &Value) -> Result<Tools> {
        let given = given.as_array().ok_or_else(|| Error::bad_request("`tools` must be a list of tools"))?;
        let mut functions = Vec::new();
        let mut own: Vec<(&str, Value)> = Vec::new();
        let mut tools = Tools::default();
        for (at, tool) in given.iter().enumerate() {
            let place = || format!("tools[{at}]");
            let Value::Object(members) = tool else {
                return Err(Error::bad_request(format!("`{}` must be an object", place())));
            };
            if let Some(function) = members.get("function").or_else(|| members.contains_key("name").then_some(tool)) {
                functions.push(declaration(&place(), function)?);
                continue;
            }
            if let Some(Value::Array(declared)) =
                members.get("functionDeclarations").or_else(|| members.get("function_declarations"))
            {
                // Google's own form, as it is.
                functions.extend(declared.iter().cloned());
                continue;
            }
            let (name, value) = built_in(&place(), members)?;
            let value = match name {
                "googleMaps" => tools.maps(value),
                "computerUse" => computer(value),
                _ => value,
            };
            own.retain(|(known, _)| *known != name);
            own.push((name, value));
        }
        if !functions.is_empty() {
            tools.list.push(json!({ "function_declarations": functions }));
        }
        for (_, sent) in BUILT_IN {
            if let Some((_, value)) = own.iter().find(|(name, _)| name == sent) {
                tools.list.push(json!({ *sent: value }));
            }
        }
        Ok(tools)
    }

    /// Search by `web_search_options`. Gemini knows neither a place nor a size of context for it.
    pub fn add_search(&mut self) {
        self.list.push(json!({"googleSearch": {}}));
    }

    /// Leaves out searches beside functions, which Gemini refuses; models that run both tell so by `include_server_side_tool_invocations`.
    pub fn settle(&mut self) {
        let is_search = |tool: &Value| SEARCHES.iter().any(|name| tool.get(name).is_some());
        let declares = self.list.iter().any(|tool| tool.get("function_declarations").is_some());
        if declares && self.list.iter().any(is_search) {
            self.list.retain(|tool| !is_search(tool));
            log::record(log::Level::Warning, || {
                let message =
                    "Gemini does not search where functions are declared: the search tools of this call are not sent. Pass \
                               include_server_side_tool_invocations=True for models that do both";
                (message.to_owned(), json!({"provider": "gemini"}).to_string())
            });
        }
    }

    /// A place for Google Maps goes into `toolConfig`.
    fn maps(&mut self, mut value: Value) -> Value {
        let Value::Object(members) = &mut value else { return value };
        let (latitude, longitude) = (members.shift_remove("latitude"), members.shift_remove("longitude"));
        let language = members.shift_remove("languageCode");
        if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
            let mut retrieval = json!({"latLng": {"latitude": latitude, "longitude": longitude}});
            if let Some(language) = language {
                retrieval["languageCode"] = language;
            }
            self.retrieval = Some(retrieval);
        }
        value
    }
}

/// A function, as Gemini declares it. `strict` is not known to Gemini.
fn declaration(place: &str, function: &Value) -> Result<Value> {
    let name = function["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::bad_request(format!("`{place}.function` has no name")))?;
    let mut out = json!({ "name": name });
    if let Some(description) = function.get("description").filter(|text| !text.is_null()) {
        out["description"] = description.clone();
    }
    match function.get("parameters") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.is_empty() => out["parameters"] = json!({"type": "object"}),
        Some(parameters @ Value::Object(_)) => out["parameters"] = schema::translate(parameters, false)?,
        Some(_) => return Err(Error::bad_request(format!("`{place}.function.parameters` must be an object: a JSON Schema"))),
    }
    Ok(out)
}

/// A tool that Google runs, under the name that is sent.
fn built_in(place: &str, members: &Map<String, Value>) -> Result<(&'static str, Value)> {
    match members.get("type").and_then(Value::as_str) {
        Some("web_search" | "web_search_preview") => return Ok(("googleSearch", json!({}))),
        Some("computer_use") => {
            let rest: Map<String, Value> =
                members.iter().filter(|(name, _)| *name != "type").map(|(name, value)| (name.clone(), value.clone())).collect();
            return Ok(("computerUse", rest.into()));
        }
        _ => {}
    }
    for (names, sent) in BUILT_IN {
        if let Some(value) = names.iter().find_map(|name| members.get(*name)) {
            return Ok((sent, if value.is_null() { json!({}) } else { value.clone() }));
        }
    }
    let known: Vec<&str> = members.keys().map(String::as_str).collect();
    Err(Error::bad_request(format!(
        "`{place}` is neither a function nor a tool of Google's; it has the members {known:?}. Functions have `function`, and Google's tools are \
         googleSearch, codeExecution, urlContext, googleMaps, enterpriseWebSearch, computerUse, fileSearch"
    )))
}

fn computer(value: Value) -> Value {
    let mut out = Map::new();
    if let Some(environment) = value["environment"].as_str() {
        let own = match environment {
            "browser" => "ENVIRONMENT_BROWSER",
            "unspecified" => "ENVIRONMENT_UNSPECIFIED",
            own => own,
        };
        out.insert("environment".to_owned(), own.into());
    }
    let excluded = value.get("excluded_predefined_functions").or_else(|| value.get("excludedPredefinedFunctions"));
    if let Some(excluded) = excluded {
        out.insert("excludedPredefinedFunctions".to_owned(), excluded.clone());
    }
    out.into()
}

/// `tool_choice` as `toolConfig`.
pub fn choice(choice: &Value) -> Result<Value> {
    let mode = |mode: &str| Ok(json!({"functionCallingConfig": {"mode": mode}}));
    let word = choice.as_str().or_else(|| choice["type"].as_str());
    if let Some(name) = choice["function"]["name"].as_str().or_else(|| choice["name"].as_str()) {
        return Ok(json!({"functionCallingConfig": {"mode": "ANY", "allowed_function_names": [name]}}));
    }
    match word {
        Some("none") => mode("NONE"),
        Some("required" | "any") => mode("ANY"),
        Some("auto") => mode("AUTO"),
        _ => Err(Error::new(
            ErrorKind::UnsupportedParams,
            "`tool_choice` must be \"auto\", \"none\", \"required\" or {\"type\": \"function\", \"function\": {\"name\": …}}",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(tools: Value) -> Vec<Value> {
        Tools::read(&tools).unwrap().list
    }

    #[test]
    fn functions_are_declared_together_and_googles_tools_apart() {
        let function = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}}}});
        assert_eq!(
            list(json!([{"codeExecution": {}}, function, {"name": "g", "description": "d"}, {"type": "web_search"}])),
            [
                json!({"function_declarations": [{"name": "f", "parameters": {"type": "object"}}, {"name": "g", "description": "d"}]}),
                json!({"googleSearch": {}}),
                json!({"code_execution": {}}),
            ]
        );
        assert_eq!(
            list(json!([{"type": "computer_use", "environment": "browser"}])),
            [json!({"computerUse": {"environment": "ENVIRONMENT_BROWSER"}})]
        );
    }

    #[test]
    fn a_place_for_maps_is_configuration() {
        let tools = Tools::read(&json!([{"googleMaps": {"enableWidget": true, "latitude": 1.5, "longitude": 2}}])).unwrap();
        assert_eq!(tools.list, [json!({"googleMaps": {"enableWidget": true}})]);
        assert_eq!(tools.retrieval, Some(json!({"latLng": {"latitude": 1.5, "longitude": 2}})));
    }

    #[test]
    fn searches_do_not_go_beside_functions() {
        let mut tools = Tools::read(&json!([{"google_search": {}}, {"name": "f"}, {"code_execution": {}}])).unwrap();
        tools.settle();
        assert_eq!(tools.list, [json!({"function_declarations": [{"name": "f"}]}), json!({"code_execution": {}})]);
    }

    #[test]
    fn what_is_no_tool_is_named() {
        assert!(Tools::read(&json!([{"mystery": 1}])).unwrap_err().message.contains("mystery"));
        assert!(Tools::read(&json!([{"function": {}}])).unwrap_err().message.contains("tools[0]"));
        assert!(Tools::read(&json!({})).is_err());
        let schema = |parameters: Value| Tools::read(&json!([{"function": {"name": "f", "parameters": parameters}}]));
        assert!(schema(json!([])).unwrap_err().message.contains("tools[0].function.parameters"));
        assert!(schema(json!({})).is_ok());
    }

    #[test]
    fn choices_are_modes() {
        let mode = |value: Value| choice(&value).unwrap()["functionCallingConfig"].clone();
        assert_eq!(mode(json!("required")), json!({"mode": "ANY"}));
        assert_eq!(mode(json!({"type": "none"})), json!({"mode": "NONE"}));
        assert_eq!(
            mode(json!({"type": "function", "function": {"name": "f"}})),
            json!({"mode": "ANY", "allowed_function_names": ["f"]})
        );
        assert_eq!(choice(&json!("sometimes")).unwrap_err().kind, ErrorKind::UnsupportedParams);
    }
}
