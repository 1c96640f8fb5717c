//! Where providers depart from OpenAI's protocol: one small function for each quirk of the table.

use serde_json::{json, Value};

use crate::engine::error::{Error, Result};
use crate::wire::body::{Body, Json};
use crate::wire::params::sort::Rules;
use crate::wire::providers::{Provider, Quirk};

/// The tool that stands for `response_format` where a model knows tools, but no schemas. litellm's name.
pub const JSON_TOOL: &str = "json_tool_call";

/// Brings the body into the provider's form. Gives back the tool that stands for `response_format`, where one does.
pub fn apply(body: &mut Body<'_>, row: &Provider, model: &str, rules: &Rules<'_>) -> Result<Option<&'static str>> {
    let mut json_tool = None;
    for quirk in row.quirks {
        match quirk {
            Quirk::ThinkingSwitch => thinking_switch(body),
            Quirk::ThinkingToEffort => thinking_to_effort(body),
            Quirk::ThinkingBudget => thinking_budget(body),
            Quirk::PlainTools => tools(body, |tool| {
                drop_member(&mut tool["function"], "strict")
                    | drop_false(&mut tool["function"]["parameters"], "additionalProperties")
            }),
            Quirk::NoStrictTools => tools(body, |tool| drop_member(&mut tool["function"], "strict")),
            Quirk::Mistral => mistral(body, model),
            Quirk::ToolChoiceAutoOrNone => tool_choice_among(body, row, &["auto", "none"], rules)?,
            Quirk::ToolChoiceNotRequired => tool_choice_among(body, row, &["auto", "none", ""], rules)?,
            Quirk::FireworksModels if !model.contains('/') => {
                body.set("model", Value::from(format!("accounts/fireworks/models/{model}")).into());
            }
            Quirk::UsageInStreams if body.has("stream") => body.set("stream_options", json!({"include_usage": true}).into()),
            Quirk::GroqSchemas if !knows_schemas(model) && !body.has("stream") => json_tool = schema_as_tool(body, model)?,
            Quirk::GroqSearch => groq_search(body, model),
            Quirk::OpenRouterEffort if body.get("reasoning_effort").is_some_and(|effort| effort.text() == "\"max\"") => {
                body.set("reasoning_effort", Value::from("xhigh").into());
            }
            _ => {}
        }
    }
    Ok(json_tool)
}

/// Changes each tool; `change` tells whether it did.
fn tools(body: &mut Body<'_>, mut change: impl FnMut(&mut Value) -> bool) {
    let Some(Value::Array(mut list)) = body.get("tools").and_then(Json::read::<Value>) else { return };
    let changed = list.iter_mut().filter(|tool| tool["function"].is_object()).fold(false, |any, tool| change(tool) | any);
    if changed {
        body.set("tools", Value::Array(list).into());
    }
}

fn drop_member(value: &mut Value, name: &str) -> bool {
    value.as_object_mut().is_some_and(|object| object.shift_remove(name).is_some())
}

/// Takes `name: false` out of a schema, however deep.
fn drop_false(value: &mut Value, name: &str) -> bool {
    match value {
        Value::Object(object) => {
            let gone = object.get(name) == Some(&Value::Bool(false)) && object.shift_remove(name).is_some();
            object.values_mut().fold(gone, |any, inner| drop_false(inner, name) | any)
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, inner| drop_false(inner, name) | any),
        _ => false,
    }
}

/// DeepSeek: thinking is on or off. A budget is not known, and any effort but "none" means on.
fn thinking_switch(body: &mut Body<'_>) {
    let thinking = body.remove("thinking").and_then(|value| value.read::<Value>());
    let effort = body.remove("reasoning_effort");
    let mode = match (thinking.as_ref().and_then(|t| t["type"].as_str()), effort) {
        (Some(mode @ ("enabled" | "disabled")), _) => mode,
        (_, Some(effort)) if effort.text() == "\"none\"" => "disabled",
        (_, Some(_)) => "enabled",
        _ => return,
    };
    body.set("thinking", json!({ "type": mode }).into());
}

/// vLLM knows efforts: Anthropic's budget of thinking becomes the nearest, by litellm's thresholds.
fn thinking_to_effort(body: &mut Body<'_>) {
    let Some(thinking) = body.remove("thinking").and_then(|value| value.read::<Value>()) else { return };
    if thinking["type"] != "enabled" || body.has("reasoning_effort") {
        return;
    }
    let effort = match thinking["budget_tokens"].as_u64().unwrap_or(0) {
        4096.. => "high",
        2048.. => "medium",
        1024.. => "low",
        _ => "minimal",
    };
    body.set("reasoning_effort", Value::from(effort).into());
}

/// The limit has to be above the budget of thinking (Claude models): where the caller gives none, it is the budget and room for an answer.
fn thinking_budget(body: &mut Body<'_>) {
    const ROOM: u64 = 4096;
    let budget = body.get("thinking").and_then(Json::read::<Value>).and_then(|thinking| thinking["budget_tokens"].as_u64());
    if let (Some(budget), false) = (budget, body.has("max_tokens") || body.has("max_completion_tokens")) {
        body.set("max_tokens", Value::from(budget.saturating_add(ROOM)).into());
    }
}

/// Mistral's names: `random_seed`, and "any" for "required". Unknown members are refused there (422), a schema's `$schema` too.
/// Magistral's reasoning is a mode of the prompt.
fn mistral(body: &mut Body<'_>, model: &str) {
    if let Some(seed) = body.remove("seed") {
        body.set("random_seed", seed);
    }
    if body.get("tool_choice").is_some_and(|choice| choice.text() == "\"required\"") {
        body.set("tool_choice", Value::from("any").into());
    }
    tools(body, |tool| {
        let schema = &mut tool["function"]["parameters"];
        drop_member(schema, "$schema") | drop_member(schema, "$id")
    });
    if model.contains("magistral") {
        let thinking = body.remove("thinking").and_then(|value| value.read::<Value>());
        let effort = body.remove("reasoning_effort");
        let wanted =
            thinking.is_some_and(|t| t["type"] != "disabled") || effort.is_some_and(|effort| effort.text() != "\"none\"");
        if wanted {
            body.set("prompt_mode", Value::from("reasoning").into());
        }
    }
}

/// Refuses a `tool_choice` that is not one of the words; "" in the list stands for an object (a certain tool).
fn tool_choice_among(body: &mut Body<'_>, row: &Provider, words: &[&str], rules: &Rules<'_>) -> Result<()> {
    let Some(choice) = body.get("tool_choice").and_then(Json::read::<Value>) else { return Ok(()) };
    let word = choice.as_str().unwrap_or_default();
    if words.contains(&word) {
        return Ok(());
    }
    rules.refuse(body, "tool_choice", || format!("{} does not support tool_choice={choice}", row.name))
}

/// Groq's models with schemas of their own. Source: Groq's page on structured outputs.
fn knows_schemas(model: &str) -> bool {
    ["gpt-oss", "llama-4", "kimi-k2"].iter().any(|family| model.contains(family))
}

/// Puts a tool in the place of `response_format`: the model must call it, and its arguments are the answer.
pub fn schema_as_tool(body: &mut Body<'_>, model: &str) -> Result<Option<&'static str>> {
    let Some(format) = body.get("response_format").and_then(Json::read::<Value>) else { return Ok(None) };
    let schema = match (&format["response_schema"], &format["json_schema"]["schema"]) {
        (Value::Null, Value::Null) => return Ok(None),
        (Value::Null, schema) => schema,
        (schema, _) => schema,
    };
    if body.has("tools") {
        return Err(Error::bad_request(format!(
            "{model} takes no schema in response_format, and a tool cannot stand for it beside your own `tools`; \
             leave out one of the two or use a model with structured outputs"
        )));
    }
    let tool = json!([{"type": "function", "function": {"name": JSON_TOOL, "parameters": schema}}]);
    body.set("tools", tool.into());
    body.set("tool_choice", json!({"type": "function", "function": {"name": JSON_TOOL}}).into());
    body.remove("response_format");
    Ok(Some(JSON_TOOL))
}

/// One of some texts: what vLLM calls `guided_choice` is a schema of one string. People write it in `extra_body`, so it is looked for last.
pub fn guided_choice(body: &mut Body<'_>) {
    let Some(choices @ Value::Array(_)) = body.get("guided_choice").and_then(Json::read::<Value>) else { return };
    body.remove("guided_choice");
    if !body.has("response_format") {
        let schema = json!({"type": "string", "enum": choices});
        body.set("response_format", json!({"type": "json_schema", "json_schema": {"name": "choice", "schema": schema}}).into());
    }
}

/// Databricks's models other than Claude take one system message, text where a content has one part, and no message of an assistant that
/// says nothing.
pub fn databricks_messages(messages: &mut Json<'_>) {
    let Some(list) = messages.read::<Vec<Value>>() else { return };
    let mut out: Vec<Value> = Vec::with_capacity(list.len());
    for mut message in list.clone() {
        if let Some([part]) = message["content"].as_array().map(Vec::as_slice) {
            if part["type"] == "text" && part.get("cache_control").is_none() {
                message["content"] = part["text"].clone();
            }
        }
        let silent = matches!(&message["content"], Value::Null) || message["content"] == "";
        if message["role"] == "assistant"
            && silent
            && message.get("tool_calls").is_none()
            && message.get("function_call").is_none()
        {
            continue;
        }
        let system = |message: &Value| message["role"] == "system" && message["content"].is_string();
        match out.last_mut() {
            Some(last) if system(last) && system(&message) => {
                let joined = [&last["content"], &message["content"]].map(|text| text.as_str().unwrap_or_default()).join("\n\n");
                last["content"] = joined.into();
            }
            _ => out.push(message),
        }
    }
    if out != list {
        *messages = Value::Array(out).into();
    }
}

/// Groq searches with a tool of its own; its compound models search by themselves.
fn groq_search(body: &mut Body<'_>, model: &str) {
    if body.remove("web_search_options").is_none() || model.contains("compound") {
        return;
    }
    let mut tools = match body.get("tools").and_then(Json::read::<Value>) {
        Some(Value::Array(tools)) => tools,
        _ => Vec::new(),
    };
    if tools.iter().all(|tool| tool["type"] != "browser_search") {
        tools.push(json!({"type": "browser_search"}));
    }
    body.set("tools", Value::Array(tools).into());
}

/// Jina's models take texts and images, always as a list; where one is an image (a `data:` address), all are objects.
pub fn jina_input(body: &mut Body<'_>) {
    let Some(input) = body.get("input").and_then(Json::read::<Value>) else { return };
    let list = match input {
        Value::Array(list) => list,
        one => vec![one],
    };
    let image = |item: &Value| item.as_str().is_some_and(|text| text.starts_with("data:"));
    let input: Value = if list.iter().any(image) {
        let object = |item: Value| match item {
            Value::String(text) if text.starts_with("data:") => {
                serde_json::json!({"image": text.split_once(',').map_or(text.as_str(), |(_, data)| data)})
            }
            Value::String(text) => serde_json::json!({"text": text}),
            other => other,
        };
        list.into_iter().map(object).collect()
    } else {
        list.into()
    };
    body.set("input", input.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::request::Request;
    use crate::wire::providers::find;

    fn applied(provider: &str, model: &str, members: Value) -> Result<(Value, Option<&'static str>)> {
        let request = Request::parse(b"{}").unwrap();
        let mut body = Body::default();
        for (name, value) in members.as_object().unwrap() {
            body.set(name.clone(), value.clone().into());
        }
        let tool = apply(&mut body, find(provider).unwrap(), model, &Rules::of(&request)?)?;
        Ok((serde_json::from_slice(&body.write()).unwrap(), tool))
    }

    fn body(provider: &str, model: &str, members: Value) -> Value {
        applied(provider, model, members).unwrap().0
    }

    #[test]
    fn thinking_is_a_switch_an_effort_or_a_budget() {
        for (given, sent) in [
            (json!({"thinking": {"type": "enabled", "budget_tokens": 5}}), json!({"thinking": {"type": "enabled"}})),
            (json!({"reasoning_effort": "low"}), json!({"thinking": {"type": "enabled"}})),
            (json!({"reasoning_effort": "none"}), json!({"thinking": {"type": "disabled"}})),
        ] {
            assert_eq!(body("deepseek", "deepseek-chat", given), sent);
        }
        for (budget, effort) in [(10, "minimal"), (1024, "low"), (3000, "medium"), (9000, "high")] {
            assert_eq!(
                body("hosted_vllm", "m", json!({"thinking": {"type": "enabled", "budget_tokens": budget}})),
                json!({"reasoning_effort": effort})
            );
        }
        assert_eq!(body("hosted_vllm", "m", json!({"thinking": {"type": "disabled"}})), json!({}));
        let thinking = json!({"type": "enabled", "budget_tokens": 1024});
        assert_eq!(body("databricks", "m", json!({"thinking": thinking})), json!({"thinking": thinking, "max_tokens": 5120}));
    }

    #[test]
    fn mistral_has_names_of_its_own() {
        let tool = json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"$schema": "x", "type": "object"}}}]);
        let sent = body("mistral", "mistral-large-latest", json!({"seed": 3, "tool_choice": "required", "tools": tool}));
        assert_eq!((&sent["random_seed"], &sent["tool_choice"]), (&3.into(), &"any".into()));
        assert_eq!(sent["tools"][0]["function"], json!({"name": "f", "strict": true, "parameters": {"type": "object"}}));
        let certain = json!({"type": "function", "function": {"name": "f"}});
        assert_eq!(body("mistral", "m", json!({"tool_choice": certain}))["tool_choice"], certain);
        assert_eq!(
            body("mistral", "magistral-medium-latest", json!({"reasoning_effort": "high"})),
            json!({"prompt_mode": "reasoning"})
        );
        assert_eq!(body("mistral", "magistral-medium-latest", json!({"reasoning_effort": "none"})), json!({}));
    }

    #[test]
    fn tools_lose_what_a_server_does_not_know() {
        let tool = json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": {
            "type": "object", "additionalProperties": false, "properties": {"strict": {"type": "object", "additionalProperties": false}}}}}]);
        let function = |provider: &str| body(provider, "m", json!({"tools": tool}))["tools"][0]["function"].clone();
        assert_eq!(
            function("hosted_vllm"),
            json!({"name": "f", "parameters": {"type": "object", "properties": {"strict": {"type": "object"}}}})
        );
        assert_eq!(function("xai")["parameters"]["additionalProperties"], false);
        assert!(function("xai").get("strict").is_none());
        assert_eq!(function("groq")["strict"], true);
    }

    #[test]
    fn a_choice_of_tools_that_is_not_possible_is_refused() {
        for (provider, choice) in
            [("deepinfra", json!("required")), ("deepinfra", json!({"type": "function"})), ("moonshot", json!("required"))]
        {
            let error = applied(provider, "m", json!({"tool_choice": choice})).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{provider}");
        }
        assert!(applied("deepinfra", "m", json!({"tool_choice": "none"})).is_ok());
        assert!(applied("moonshot", "m", json!({"tool_choice": {"type": "function"}})).is_ok());
    }

    #[test]
    fn a_tool_stands_for_a_schema_on_models_that_know_none() {
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
        let (sent, tool) = applied("groq", "llama-3.3-70b-versatile", json!({"response_format": format})).unwrap();
        assert_eq!(tool, Some(JSON_TOOL));
        assert_eq!(sent["tools"][0]["function"], json!({"name": JSON_TOOL, "parameters": {"type": "object"}}));
        assert!(sent.get("response_format").is_none());
        for (model, members) in [
            ("openai/gpt-oss-20b", json!({"response_format": format})),
            ("llama-3.3-70b-versatile", json!({"response_format": format, "stream": true})),
            ("llama-3.3-70b-versatile", json!({"response_format": {"type": "json_object"}})),
        ] {
            let (sent, tool) = applied("groq", model, members.clone()).unwrap();
            assert_eq!((sent, tool), (members, None));
        }
        assert!(applied(
            "groq",
            "llama",
            json!({"response_format": format, "tools": [{"type": "function", "function": {"name": "f"}}]})
        )
        .is_err());
    }

    #[test]
    fn databricks_takes_one_system_message_and_no_silent_assistant() {
        let written = |list: Value| {
            let mut messages: Json<'_> = list.into();
            databricks_messages(&mut messages);
            messages.read::<Value>().unwrap()
        };
        let says = |role: &str, content: Value| json!({"role": role, "content": content});
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            written(json!([
                says("system", "a".into()),
                says("system", json!([text("b")])),
                says("user", json!([text("c"), text("d")])),
                says("assistant", "".into()),
                says("user", "e".into()),
            ])),
            json!([says("system", "a\n\nb".into()), says("user", json!([text("c"), text("d")])), says("user", "e".into())])
        );
        let calls = json!([{"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]);
        assert_eq!(written(calls.clone()), calls);
    }

    #[test]
    fn search_is_a_tool_at_groq() {
        let options = json!({"web_search_options": {"search_context_size": "low"}});
        assert_eq!(body("groq", "openai/gpt-oss-20b", options.clone()), json!({"tools": [{"type": "browser_search"}]}));
        assert_eq!(body("groq", "compound", options), json!({}));
    }

    #[test]
    fn small_ones() {
        assert_eq!(body("fireworks_ai", "qwen3", json!({"model": "qwen3"}))["model"], "accounts/fireworks/models/qwen3");
        assert_eq!(
            body("fireworks_ai", "accounts/x/models/y", json!({"model": "accounts/x/models/y"}))["model"],
            "accounts/x/models/y"
        );
        assert_eq!(body("fireworks_ai", "a/b", json!({"stream": true}))["stream_options"], json!({"include_usage": true}));
        let mut choice = Body::default();
        choice.set("guided_choice", json!(["a", "b"]).into());
        guided_choice(&mut choice);
        let sent: Value = serde_json::from_slice(&choice.write()).unwrap();
        assert_eq!(sent["response_format"]["json_schema"]["schema"], json!({"type": "string", "enum": ["a", "b"]}));
        assert_eq!(body("openrouter", "m", json!({"reasoning_effort": "max"}))["reasoning_effort"], "xhigh");
    }
}
