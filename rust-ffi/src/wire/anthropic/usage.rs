//! Token counts. Anthropic counts what was read from the prompt cache and written to it beside the input; OpenAI's prompt is all three.

use serde_json::{json, Map, Value};

use crate::tokenizer::Encoding;
use crate::wire::chat::usage::{sum, Usage};

/// Members that become OpenAI's, or that are read into them.
const READ: &[&str] = &["input_tokens", "output_tokens", "cache_creation", "output_tokens_details"];

/// OpenAI's counts of an answer's. `thinking` is the text of its thinking, None where there was none; `searches` are the tool searches
/// that its content shows.
pub fn read(counts: &Map<String, Value>, thinking: Option<&str>, searches: u64) -> Usage {
    let number =
        |counts: &Map<String, Value>, name: &str| counts.get(name).and_then(Value::as_f64).map_or(0, |n| n.max(0.0) as u64);
    // Each pass of an answer that was compacted on the way is billed; the counts at the top are the last one's.
    let passes: Vec<&Map<String, Value>> =
        counts.get("iterations").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
    let passes = if passes.is_empty() { vec![counts] } else { passes };
    let all = |name: &str| sum(passes.iter().map(|pass| number(pass, name)));
    let (input, completion) = (all("input_tokens"), all("output_tokens"));
    let (read, written) = (all("cache_read_input_tokens"), all("cache_creation_input_tokens"));

    let mut usage = Usage { prompt: sum([input, read, written]), completion, ..Usage::default() };
    let prompt = &mut usage.prompt_details;
    prompt.insert("cached_tokens".into(), read.into());
    prompt.insert("cache_creation_tokens".into(), written.into());
    prompt.insert("text_tokens".into(), input.into());
    if let Some(details) = written_by_age(counts, &passes, written) {
        prompt.insert("cache_creation_token_details".into(), details);
    }
    let told: Option<Vec<u64>> =
        passes.iter().map(|pass| pass.get("output_tokens_details")?.get("thinking_tokens")?.as_u64()).collect();
    let thought = match (told, thinking) {
        (Some(told), _) => Some(sum(told)),
        // Thinking that cannot be read cannot be counted either.
        (None, Some("")) => None,
        // litellm's estimate, where the provider tells nothing: the text in OpenAI's tokens.
        (None, Some(text)) => Some(Encoding::Cl100k.count(text) as u64),
        (None, None) => Some(0),
    };
    if let Some(thought) = thought.map(|thought: u64| thought.min(completion)) {
        usage.completion_details.insert("reasoning_tokens".into(), thought.into());
        usage.completion_details.insert("text_tokens".into(), (completion - thought).into());
    }
    for (name, value) in counts {
        if !READ.contains(&name.as_str()) && !value.is_null() {
            usage.own.insert(name.clone(), value.clone());
        }
    }
    usage.own.insert("cache_creation_input_tokens".into(), written.into());
    usage.own.insert("cache_read_input_tokens".into(), read.into());
    if searches > 0 {
        let tools = usage.own.entry("server_tool_use").or_insert_with(|| json!({}));
        if tools["tool_search_requests"].is_null() && tools.is_object() {
            tools["tool_search_requests"] = searches.into();
        }
    }
    usage
}

/// What was written to the cache, by how long it stays there.
fn written_by_age(counts: &Map<String, Value>, passes: &[&Map<String, Value>], written: u64) -> Option<Value> {
    const AGES: [&str; 2] = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"];
    let told: Vec<&Value> = passes.iter().filter_map(|pass| pass.get("cache_creation")).filter(|told| told.is_object()).collect();
    if passes.len() > 1 && !told.is_empty() {
        let [short, long] = AGES.map(|age| sum(told.iter().map(|told| told[age].as_u64().unwrap_or(0))));
        // Passes that tell no age write for five minutes, which is the default.
        return Some(json!({AGES[0]: sum([short, written.saturating_sub(sum([short, long]))]), AGES[1]: long}));
    }
    let told = counts.get("cache_creation").filter(|told| told.is_object()).or(told.first().copied())?;
    Some(told.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: Value, thinking: Option<&str>) -> Value {
        read(counts.as_object().unwrap(), thinking, 0).to_value()
    }

    #[test]
    fn counts_beyond_all_numbers_are_read() {
        let pass = json!({"input_tokens": 1e300, "output_tokens": u64::MAX, "cache_read_input_tokens": 5,
            "output_tokens_details": {"thinking_tokens": u64::MAX},
            "cache_creation": {"ephemeral_5m_input_tokens": u64::MAX, "ephemeral_1h_input_tokens": u64::MAX}});
        let usage = of(json!({"iterations": [pass, pass]}), None);
        assert_eq!((&usage["prompt_tokens"], &usage["total_tokens"]), (&json!(u64::MAX), &json!(u64::MAX)));
        let ages = &usage["prompt_tokens_details"]["cache_creation_token_details"];
        assert_eq!(ages["ephemeral_5m_input_tokens"], u64::MAX);
    }

    #[test]
    fn a4_the_prompt_is_all_that_went_in() {
        let usage = of(
            json!({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30,
                   "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
                   "server_tool_use": {"web_search_requests": 2}, "service_tier": "standard", "new_count": 7, "inference_geo": null}),
            None,
        );
        assert_eq!((&usage["prompt_tokens"], &usage["total_tokens"]), (&json!(140), &json!(145)));
        let details = &usage["prompt_tokens_details"];
        assert_eq!(
            (&details["cached_tokens"], &details["cache_creation_tokens"], &details["text_tokens"]),
            (&json!(100), &json!(30), &json!(10))
        );
        assert_eq!(details["cache_creation_token_details"]["ephemeral_1h_input_tokens"], 10);
        assert_eq!(usage["completion_tokens_details"], json!({"reasoning_tokens": 0, "text_tokens": 5}));
        assert_eq!(
            (&usage["cache_read_input_tokens"], &usage["server_tool_use"]["web_search_requests"]),
            (&json!(100), &json!(2))
        );
        assert_eq!((&usage["service_tier"], &usage["new_count"]), (&json!("standard"), &json!(7)));
        assert_eq!(usage.get("inference_geo"), None);
    }

    #[test]
    fn a4_thinking_is_counted_or_estimated() {
        let told = json!({"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}});
        assert_eq!(of(told, Some("hm"))["completion_tokens_details"], json!({"reasoning_tokens": 4, "text_tokens": 5}));
        let untold = json!({"input_tokens": 1, "output_tokens": 9});
        let estimate = json!({"reasoning_tokens": 4, "text_tokens": 5});
        assert_eq!(of(untold.clone(), Some("Six times seven."))["completion_tokens_details"], estimate);
        assert_eq!(of(untold, Some("")).get("completion_tokens_details"), None);
    }

    #[test]
    fn a4_every_pass_counts() {
        let usage = of(
            json!({"input_tokens": 1, "output_tokens": 2, "iterations": [
                {"type": "compaction", "input_tokens": 100, "output_tokens": 20, "cache_creation_input_tokens": 7},
                {"type": "message", "input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3,
                 "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}]}),
            None,
        );
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(111), &json!(22)));
        assert_eq!(usage["prompt_tokens_details"]["cache_creation_token_details"]["ephemeral_5m_input_tokens"], 7);
        assert_eq!(usage["iterations"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn searches_are_counted_where_the_provider_does_not() {
        let counts = json!({"input_tokens": 1, "output_tokens": 2});
        let usage = read(counts.as_object().unwrap(), None, 2).to_value();
        assert_eq!(usage["server_tool_use"]["tool_search_requests"], 2);
    }
}
