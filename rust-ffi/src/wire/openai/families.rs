//! OpenAI's reasoning models: what they call the token limit, and which sampling parameters they take.
//!
//! Source: OpenAI's guides to reasoning and to gpt-5, with litellm 1.106's checks.

use serde_json::Value;

use crate::engine::error::Result;
use crate::wire::body::{Body, Json};
use crate::wire::params::sort::Rules;
use crate::wire::providers::{is_o_series, Gpt5};

/// Brings the body of a chat request into the form that the model's family takes.
pub fn apply(body: &mut Body<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    if let Some(gpt5) = Gpt5::of(model) {
        limit(body);
        return if gpt5.search { Ok(()) } else { reasoning(body, model, gpt5, rules) };
    }
    if is_o_series(model) {
        limit(body);
        return only_one(body, model, rules);
    }
    Ok(())
}

/// The same for a request of the Responses API, where the effort is a member of `reasoning` and the limit has another name anyway.
pub fn apply_to_response(body: &mut Body<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    let Some(gpt5) = Gpt5::of(model).filter(|gpt5| !gpt5.search) else { return Ok(()) };
    let effort = body.get("reasoning").and_then(Json::read::<Value>).and_then(|r| r["effort"].as_str().map(str::to_owned));
    if samples(gpt5, effort.as_deref()) {
        return Ok(());
    }
    if body.has("top_p") {
        rules.refuse(body, "top_p", || format!("{model} takes top_p with reasoning={{\"effort\": \"none\"}} only"))?;
    }
    only_one(body, model, rules)
}

/// Only without reasoning do these models sample.
fn samples(gpt5: Gpt5, effort: Option<&str>) -> bool {
    gpt5.none == Some(true) && effort.map_or(gpt5.none_by_default, |effort| effort == "none")
}

/// `max_tokens` is refused by these models; its successor counts the reasoning, too.
fn limit(body: &mut Body<'_>) {
    if let Some(value) = body.remove("max_tokens") {
        if !body.has("max_completion_tokens") {
            body.set("max_completion_tokens", value);
        }
    }
}

fn only_one(body: &mut Body<'_>, model: &str, rules: &Rules<'_>) -> Result<()> {
    match body.get("temperature") {
        Some(value) if value.read::<f64>() != Some(1.0) => {
            let given = value.text().to_owned();
            rules.refuse(body, "temperature", || format!("{model} takes temperature=1 only, not {given}"))
        }
        _ => Ok(()),
    }
}

fn reasoning(body: &mut Body<'_>, model: &str, gpt5: Gpt5, rules: &Rules<'_>) -> Result<()> {
    // The Responses API's form: {"effort": "high", "summary": …}. Chat completions take the word alone.
    let effort = match body.get("reasoning_effort").and_then(Json::read::<Value>) {
        Some(Value::Object(object)) => object.get("effort").and_then(Value::as_str).map(str::to_owned).inspect(|effort| {
            body.set("reasoning_effort", Value::from(effort.as_str()).into());
        }),
        Some(Value::String(effort)) => Some(effort),
        _ => None,
    };
    let known = gpt5.none.is_some();
    let refused = known
        && match effort.as_deref() {
            Some("none") => gpt5.none == Some(false),
            Some("xhigh") => !gpt5.xhigh,
            Some("minimal") => !gpt5.minimal,
            _ => false,
        };
    let effort = match effort.as_deref() {
        Some(level) if refused => {
            rules.refuse(body, "reasoning_effort", || format!("{model} does not support reasoning_effort={level:?}"))?;
            None
        }
        effort => effort,
    };
    if samples(gpt5, effort) {
        return Ok(());
    }
    if gpt5.none == Some(true) {
        for name in ["logprobs", "top_logprobs", "top_p"] {
            if body.has(name) {
                rules.refuse(body, name, || format!("{model} takes {name} with reasoning_effort=\"none\" only"))?;
            }
        }
    }
    only_one(body, model, rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::request::Request;

    fn applied(model: &str, members: &str, drop: bool) -> Result<String> {
        let text = format!("{{\"drop_params\":{drop}}}");
        let request = Request::parse(text.as_bytes()).unwrap();
        let rules = Rules::of(&request)?;
        let mut body = Body::default();
        let members: Value = serde_json::from_str(members).unwrap();
        for (name, value) in members.as_object().unwrap() {
            body.set(name.clone(), value.clone().into());
        }
        apply(&mut body, model, &rules)?;
        Ok(String::from_utf8(body.write()).unwrap())
    }

    #[test]
    fn the_limit_has_its_new_name() {
        for model in ["o3-mini", "gpt-5", "gpt-5.1", "gpt-5-search-api"] {
            assert_eq!(applied(model, r#"{"max_tokens":5}"#, false).unwrap(), r#"{"max_completion_tokens":5}"#, "{model}");
        }
        assert_eq!(
            applied("o1", r#"{"max_tokens":5,"max_completion_tokens":7}"#, false).unwrap(),
            r#"{"max_completion_tokens":7}"#
        );
        assert_eq!(applied("gpt-4o", r#"{"max_tokens":5}"#, false).unwrap(), r#"{"max_tokens":5}"#);
    }

    #[test]
    fn temperature_is_one_or_refused_or_dropped() {
        for model in ["o3-mini", "gpt-5", "gpt-5.5", "gpt-5.1-codex"] {
            assert_eq!(applied(model, r#"{"temperature":1}"#, false).unwrap(), r#"{"temperature":1}"#);
            let error = applied(model, r#"{"temperature":0.1}"#, false).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{model}");
            assert!(error.message.contains("0.1") && error.message.contains("drop_params"), "{}", error.message);
            assert_eq!(applied(model, r#"{"temperature":0.1}"#, true).unwrap(), "{}");
        }
        // gpt-5.1 does not reason unless asked to.
        assert_eq!(
            applied("gpt-5.1", r#"{"temperature":0.1,"top_p":0.5}"#, false).unwrap(),
            r#"{"temperature":0.1,"top_p":0.5}"#
        );
        assert!(applied("gpt-5.1", r#"{"top_p":0.5,"reasoning_effort":"low"}"#, false).is_err());
        assert!(applied("gpt-5.5", r#"{"top_p":0.5,"reasoning_effort":"none"}"#, false).is_ok());
    }

    #[test]
    fn efforts_are_words_that_the_model_knows() {
        assert_eq!(
            applied("gpt-5", r#"{"reasoning_effort":{"effort":"high","summary":"auto"}}"#, false).unwrap(),
            r#"{"reasoning_effort":"high"}"#
        );
        for (model, level) in [("gpt-5", "none"), ("gpt-5", "xhigh"), ("gpt-5.1", "minimal"), ("gpt-5.1", "xhigh")] {
            let members = format!(r#"{{"reasoning_effort":"{level}"}}"#);
            assert!(applied(model, &members, false).is_err(), "{model} {level}");
            assert_eq!(applied(model, &members, true).unwrap(), "{}");
        }
        for (model, level) in
            [("gpt-5", "minimal"), ("gpt-5.2", "xhigh"), ("gpt-5.1", "none"), ("gpt-5.1-codex-max", "xhigh"), ("gpt-5", "high")]
        {
            assert!(applied(model, &format!(r#"{{"reasoning_effort":"{level}"}}"#), false).is_ok(), "{model} {level}");
        }
    }
}
