//! Where providers depart from OpenAI's protocol: one small function for each quirk of the table.

use serde_json::{json, Value};

use crate::engine::error::Result;
use crate::wire::body::{Body, Json};
use crate::wire::params::sort::Rules;
use crate::wire::providers::{Provider, Quirk};

/// Brings the body into the provider's form. Gives back the tool that stands for `response_format`, where one does.
pub fn apply(body: &mut Body<'_>, row: &Provider, model: &str, rules: &Rules<'_>) -> Result<Option<&'static str>> {
    let _ = rules;
    for quirk in row.quirks {
        match quirk {
            Quirk::ThinkingSwitch => thinking_switch(body),
            Quirk::FireworksModels if !model.contains('/') => {
                body.set("model", Value::from(format!("accounts/fireworks/models/{model}")).into());
            }
            _ => {}
        }
    }
    Ok(None)
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
    body.set("thinking", Json::from(json!({ "type": mode })));
}
