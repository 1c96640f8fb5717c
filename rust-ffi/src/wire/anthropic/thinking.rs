//! `thinking` and `reasoning_effort`: budgets for older models, efforts for newer ones.
//!
//! Source: Anthropic's guides "Extended thinking", "Adaptive thinking" and "Effort"; the budgets behind OpenAI's efforts are litellm's.

use serde_json::{json, Value};

use super::models::Claude;
use crate::engine::error::{Error, Result};
use crate::engine::log;
use crate::wire::body::{Body, Json};
use crate::wire::params::sort::Rules;

/// The smallest budget that the API takes.
const LEAST_BUDGET: u64 = 1024;
/// Room for the answer beside a budget, where the caller gives no limit.
const ROOM: u64 = 4096;

/// Brings `reasoning_effort`, `thinking` and `output_config` into the form that the model takes.
pub fn apply(body: &mut Body<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    let claude = Claude::of(model);
    let effort = body.remove("reasoning_effort").and_then(|effort| effort.read::<Value>());
    let given = body.remove("thinking").and_then(|thinking| thinking.read::<Value>());
    let limit = body.get("max_tokens").and_then(Json::read::<u64>);
    let mut config: Option<Value> = None;
    let mut thinking = None;
    if let Some(effort) = effort {
        (thinking, config) = by_effort(&effort, claude)?;
    }
    if let Some(given) = given {
        (thinking, config) = as_given(given, claude, model, limit, config);
    }
    if let Some(thinking) = thinking {
        if limit.is_none() && thinking["type"] == "enabled" {
            if let Some(budget) = thinking["budget_tokens"].as_u64() {
                body.set("max_tokens", Json::Own((budget + ROOM).to_string()));
            }
        }
        body.set("thinking", thinking.into());
    }
    if let Some(mut config) = config {
        // What the caller wrote in Anthropic's own words wins.
        if let Some(Value::Object(own)) = body.get("output_config").and_then(Json::read::<Value>) {
            for (name, value) in own {
                config[name] = value;
            }
        }
        body.set("output_config", config.into());
    }
    output_config(body, claude, model, rules)
}

/// OpenAI's word, or the Responses API's `{"effort": …, "summary": …}`.
fn by_effort(effort: &Value, claude: Claude<'_>) -> Result<(Option<Value>, Option<Value>)> {
    let word = effort.as_str().or_else(|| effort["effort"].as_str());
    let Some(word) = word else { return Ok((None, None)) };
    let budget = match word {
        "none" => return Ok((None, None)),
        // litellm's 128 is below what the API takes.
        "minimal" | "low" => LEAST_BUDGET,
        "medium" => 2048,
        "high" => 4096,
        "xhigh" => 8192,
        "max" => 16384,
        _ => {
            return Err(Error::bad_request(format!(
                "`reasoning_effort` is {word:?}; it must be \"none\", \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\" or \"max\""
            )))
        }
    };
    if !claude.is_adaptive() {
        return Ok((Some(json!({"type": "enabled", "budget_tokens": budget})), None));
    }
    let word = if word == "minimal" { "low" } else { word };
    // Without `display` the API leaves the thinking's text out.
    Ok((Some(json!({"type": "adaptive", "display": "summarized"})), Some(json!({ "effort": word }))))
}

fn as_given(
    given: Value,
    claude: Claude<'_>,
    model: &str,
    limit: Option<u64>,
    config: Option<Value>,
) -> (Option<Value>, Option<Value>) {
    let left_out = |why: String| {
        log::record(log::Level::Warning, || (format!("`thinking` is not sent: {why}"), json!({ "model": model }).to_string()));
    };
    match given["type"].as_str() {
        Some("adaptive") if !claude.is_adaptive() => {
            // Programs send it to every model; an older one gets a budget of the middle instead.
            let budget = limit.map_or(2048, |limit| 2048.min(limit.saturating_sub(1)));
            if budget < LEAST_BUDGET {
                left_out(format!("max_tokens leaves {model} no room to think"));
                return (None, config);
            }
            (Some(json!({"type": "enabled", "budget_tokens": budget})), config)
        }
        Some("enabled") if !claude.takes_budget() => {
            let effort = match given["budget_tokens"].as_u64().unwrap_or(0) {
                8192.. if claude.takes_xhigh() => "xhigh",
                4096.. => "high",
                2048.. => "medium",
                _ => "low",
            };
            let mut thinking = json!({"type": "adaptive"});
            if let Some(display) = given.get("display").filter(|display| *display == "summarized" || *display == "omitted") {
                thinking["display"] = display.clone();
            }
            let mut new = json!({ "effort": effort });
            if let Some(Value::Object(old)) = config {
                for (name, value) in old {
                    new[name] = value;
                }
            }
            (Some(thinking), Some(new))
        }
        Some("disabled") if claude.always_thinks() => {
            left_out(format!("{model} always thinks, and refuses to be told not to"));
            (None, config)
        }
        _ => (Some(given), config),
    }
}

/// Checks `output_config`, whoever wrote it.
fn output_config(body: &mut Body<'_>, claude: Claude<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    let Some(Value::Object(mut config)) = body.get("output_config").and_then(Json::read::<Value>) else { return Ok(()) };
    let Some(effort) = config.get("effort").filter(|effort| !effort.is_null()) else { return Ok(()) };
    if rules.drop && !claude.takes_effort() {
        config.remove("effort");
        if config.is_empty() {
            body.remove("output_config");
        } else {
            body.set("output_config", Value::from(config).into());
        }
        return Ok(());
    }
    let known = match effort.as_str() {
        Some("low" | "medium" | "high") => true,
        Some("max") => claude.is_adaptive(),
        Some("xhigh") => claude.takes_xhigh(),
        _ => false,
    };
    if known {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "{model} does not know the effort {effort}; it must be \"low\", \"medium\" or \"high\", of newer models also \"xhigh\" or \"max\""
    )))
}

/// Whether the request asks for thinking before the answer, in which case no tool can be forced.
pub fn is_on(body: &Body<'_>) -> bool {
    body.has("reasoning_effort")
        || body
            .get("thinking")
            .and_then(Json::read::<Value>)
            .is_some_and(|thinking| thinking == true || thinking["type"] == "enabled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;

    fn sent(model: &str, members: &[(&'static str, Value)]) -> Result<Value> {
        let mut body = Body::default();
        for (name, value) in members {
            body.set(*name, value.clone().into());
        }
        let rules = Rules { drop: false, without: Vec::new(), allowed: Vec::new() };
        apply(&mut body, model, &rules).map(|()| serde_json::from_slice(&body.write()).unwrap())
    }

    fn by_word(model: &str, word: &str) -> Value {
        sent(model, &[("reasoning_effort", word.into())]).unwrap()
    }

    #[test]
    fn an_effort_is_a_budget_for_older_models_and_an_effort_for_newer_ones() {
        let old = "claude-sonnet-4-5";
        assert_eq!(by_word(old, "high"), json!({"max_tokens": 8192, "thinking": {"type": "enabled", "budget_tokens": 4096}}));
        assert_eq!(by_word(old, "minimal")["thinking"]["budget_tokens"], 1024);
        assert_eq!(by_word(old, "none"), json!({}));
        let new = by_word("claude-opus-4-6", "minimal");
        assert_eq!(new, json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}}));
        let object = sent("claude-opus-4-6", &[("reasoning_effort", json!({"effort": "max", "summary": "auto"}))]).unwrap();
        assert_eq!(object["output_config"]["effort"], "max");
        let own = [("reasoning_effort", json!("low")), ("output_config", json!({"effort": "high", "task_budget": 1}))];
        assert_eq!(sent("claude-opus-4-6", &own).unwrap()["output_config"], json!({"effort": "high", "task_budget": 1}));
    }

    #[test]
    fn thinking_is_brought_into_the_models_form() {
        let given = |model: &str, thinking: Value| sent(model, &[("thinking", thinking)]).unwrap();
        let enabled = json!({"type": "enabled", "budget_tokens": 5000});
        assert_eq!(given("claude-sonnet-4-6", enabled.clone())["thinking"], enabled);
        assert_eq!(given("claude-opus-4-7", enabled)["output_config"]["effort"], "high");
        assert_eq!(
            given("claude-sonnet-4-5", json!({"type": "adaptive"}))["thinking"],
            json!({"type": "enabled", "budget_tokens": 2048})
        );
        assert_eq!(given("claude-fable-5", json!({"type": "disabled"})), json!({}));
        assert_eq!(given("claude-sonnet-4-5", json!({"type": "disabled"})), json!({"thinking": {"type": "disabled"}}));
        let tight = [("thinking", json!({"type": "adaptive"})), ("max_tokens", json!(1500))];
        assert_eq!(sent("claude-sonnet-4-5", &tight).unwrap()["thinking"]["budget_tokens"], 1499);
        let tighter = [("thinking", json!({"type": "adaptive"})), ("max_tokens", json!(500))];
        assert_eq!(sent("claude-sonnet-4-5", &tighter).unwrap(), json!({"max_tokens": 500}));
    }

    #[test]
    fn efforts_that_a_model_does_not_know_are_refused() {
        for (model, word) in [("claude-opus-4-6", "xhigh"), ("claude-opus-4-6", "huge"), ("claude-sonnet-4-5", "huge")] {
            assert_eq!(
                sent(model, &[("reasoning_effort", word.into())]).unwrap_err().kind,
                ErrorKind::BadRequest,
                "{model} {word}"
            );
        }
        assert!(sent("claude-opus-4-7", &[("reasoning_effort", "xhigh".into())]).is_ok());
        assert!(sent("claude-opus-4-5", &[("output_config", json!({"effort": "max"}))]).is_err());
    }
}
