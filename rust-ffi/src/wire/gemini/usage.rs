//! Token counts. Source: Google's reference of `UsageMetadata`, its pages on pricing, and litellm 1.106 for which counts add up to which.

use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::content::{Candidate, Metadata};
use crate::engine::json;
use crate::wire::chat::usage::{sum, Usage};

/// The counts of an answer. `grounding`: what its searches say of themselves, because Google bills the tokens of searches by the search.
pub fn read(metadata: &Map<String, Value>, grounding: &[Value]) -> Usage {
    let count = |name: &str| metadata.get(name).and_then(Value::as_u64);
    let number = |name: &str| count(name).unwrap_or(0);
    let cached = count("cachedContentTokenCount");
    let thoughts = count("thoughtsTokenCount");
    let candidates = number("candidatesTokenCount");
    let tool_use = count("toolUsePromptTokenCount").filter(|count| *count > 0);
    let (searches, maps) = billed_searches(grounding);

    let mut usage = Usage { total: count("totalTokenCount"), ..Usage::default() };
    let billed_tool_use = if searches.is_some() || maps.is_some() { 0 } else { tool_use.unwrap_or(0) };
    usage.prompt = sum([number("promptTokenCount"), billed_tool_use]);
    usage.completion = candidates;
    if let Some(thoughts) = thoughts {
        // Vertex AI counts thoughts among the candidates' tokens in some versions, and the total tells.
        let parts = [number("promptTokenCount"), candidates, number("toolUsePromptTokenCount")];
        let inclusive = sum(parts) == number("totalTokenCount");
        if !inclusive {
            usage.completion = sum([usage.completion, thoughts]);
        }
    }

    let prompt = modalities(metadata.get("promptTokensDetails"));
    let cached_by = metadata.get("cacheTokensDetails").map(|details| modalities(Some(details)));
    for (name, total) in prompt {
        let of_cache = match &cached_by {
            Some(by) => by.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| *count),
            // Without a breakdown the cache holds text.
            None if name == "text_tokens" => cached.unwrap_or(0),
            None => 0,
        };
        usage.prompt_details.insert(name.to_owned(), total.saturating_sub(of_cache).into());
    }
    if let Some(cached) = cached {
        usage.prompt_details.insert("cached_tokens".to_owned(), cached.into());
        usage.own.insert("cache_read_input_tokens".to_owned(), cached.into());
    }
    for (name, value) in
        [("tool_use_tokens", tool_use), ("web_search_requests", searches), ("google_maps_grounding_requests", maps)]
    {
        if let Some(value) = value {
            usage.prompt_details.insert(name.to_owned(), value.into());
        }
    }

    let completion = modalities(metadata.get("candidatesTokensDetails"));
    let others = sum(completion.iter().filter(|(name, _)| *name != "text_tokens").map(|(_, count)| *count));
    if candidates > 0 && !completion.iter().any(|(name, _)| *name == "text_tokens") {
        usage.completion_details.insert("text_tokens".to_owned(), candidates.saturating_sub(others).into());
    }
    for (name, count) in completion {
        usage.completion_details.insert(name.to_owned(), count.into());
    }
    if let Some(thoughts) = thoughts {
        usage.completion_details.insert("reasoning_tokens".to_owned(), thoughts.into());
    }
    usage
}

/// What the searches of these candidates say of themselves.
pub fn grounding(candidates: &RawValue) -> Vec<Value> {
    // Pictures and sounds are long, and most candidates searched for nothing.
    if memmem::find(candidates.get().as_bytes(), b"\"groundingMetadata\"").is_none() {
        return Vec::new();
    }
    let candidates: Vec<Candidate<'_>> = json::read(candidates).unwrap_or_default();
    let mut about = Metadata::default();
    candidates.iter().for_each(|candidate| about.add(candidate));
    about.grounding
}

/// The counts of an answer that was withheld: litellm shows nothing of their classes.
pub fn plain(metadata: &Map<String, Value>) -> Usage {
    let count = |name: &str| metadata.get(name).and_then(Value::as_u64);
    Usage {
        prompt: count("promptTokenCount").unwrap_or(0),
        completion: count("candidatesTokenCount").unwrap_or(0),
        total: count("totalTokenCount"),
        ..Usage::default()
    }
}

/// A list of `{modality, tokenCount}` under OpenAI's names. Documents are read as text.
fn modalities(details: Option<&Value>) -> Vec<(&'static str, u64)> {
    let mut out: Vec<(&'static str, u64)> = Vec::new();
    for detail in details.and_then(Value::as_array).into_iter().flatten() {
        let name = match detail["modality"].as_str().unwrap_or_default().to_ascii_uppercase().as_str() {
            "TEXT" | "DOCUMENT" => "text_tokens",
            "AUDIO" => "audio_tokens",
            "IMAGE" => "image_tokens",
            "VIDEO" => "video_tokens",
            _ => continue,
        };
        let count = detail["tokenCount"].as_u64().unwrap_or(0);
        match out.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => *all = sum([*all, count]),
            None => out.push((name, count)),
        }
    }
    out
}

/// Searches on the web and on maps that are billed: distinct queries, and at least one where a map was used.
fn billed_searches(grounding: &[Value]) -> (Option<u64>, Option<u64>) {
    let (mut web, mut maps, mut has_maps) = (BTreeSet::new(), BTreeSet::new(), false);
    for item in grounding {
        let has = |kind: &str| {
            item["groundingChunks"].as_array().is_some_and(|chunks| chunks.iter().any(|chunk| chunk.get(kind).is_some()))
        };
        let of_maps = has("maps") || item["googleMapsWidgetContextToken"].as_str().is_some_and(|token| !token.is_empty());
        has_maps |= of_maps;
        let queries = item["webSearchQueries"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let queries = queries.filter(|query| !query.is_empty()).map(str::to_owned);
        if of_maps && !has("web") {
            maps.extend(queries);
        } else {
            web.extend(queries);
        }
    }
    let web = Some(web.len() as u64).filter(|count| *count > 0);
    (web, has_maps.then(|| maps.len().max(1) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn usage(metadata: Value, grounding: &[Value]) -> Usage {
        read(metadata.as_object().unwrap(), grounding)
    }

    #[test]
    fn counts_beyond_all_numbers_are_read() {
        let most = u64::MAX;
        let all = json!([{"modality": "AUDIO", "tokenCount": most}, {"modality": "AUDIO", "tokenCount": most}, {"modality": "IMAGE", "tokenCount": 1}]);
        let read = usage(
            json!({"promptTokenCount": most, "toolUsePromptTokenCount": 9, "candidatesTokenCount": most, "thoughtsTokenCount": 5,
                   "candidatesTokensDetails": all}),
            &[],
        );
        assert_eq!((read.prompt, read.completion), (most, most));
        assert_eq!(read.completion_details["audio_tokens"], most);
    }

    #[test]
    fn g7_thoughts_count_as_completion_unless_they_are_in_it() {
        let apart =
            usage(json!({"promptTokenCount": 8, "candidatesTokenCount": 6, "thoughtsTokenCount": 5, "totalTokenCount": 19}), &[]);
        assert_eq!((apart.prompt, apart.completion, apart.total), (8, 11, Some(19)));
        assert_eq!(apart.completion_details["reasoning_tokens"], 5);
        let within = usage(
            json!({"promptTokenCount": 8, "candidatesTokenCount": 11, "thoughtsTokenCount": 5, "totalTokenCount": 19}),
            &[],
        );
        assert_eq!(within.completion, 11);
    }

    #[test]
    fn g7_cached_tokens_are_a_part_of_the_prompt() {
        let cached = usage(
            json!({
                "promptTokenCount": 100, "candidatesTokenCount": 4, "totalTokenCount": 104, "cachedContentTokenCount": 60,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}, {"modality": "IMAGE", "tokenCount": 10}],
            }),
            &[],
        );
        assert_eq!(cached.prompt, 100);
        assert_eq!(Value::from(cached.prompt_details), json!({"text_tokens": 30, "image_tokens": 10, "cached_tokens": 60}));
        assert_eq!(cached.own["cache_read_input_tokens"], 60);
        let by_kind = usage(
            json!({
                "promptTokenCount": 100, "cachedContentTokenCount": 60, "totalTokenCount": 100,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "AUDIO", "tokenCount": 50}],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}, {"modality": "DOCUMENT", "tokenCount": 10}],
            }),
            &[],
        );
        assert_eq!((&by_kind.prompt_details["text_tokens"], &by_kind.prompt_details["audio_tokens"]), (&json!(40), &json!(0)));
    }

    #[test]
    fn g7_tokens_of_tools_are_billed_unless_the_search_is() {
        let metadata =
            json!({"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 16});
        assert_eq!(usage(metadata.clone(), &[]).prompt, 15);
        let grounding = json!({"webSearchQueries": ["a", "a", "b", ""], "groundingChunks": [{"web": {}}]});
        let searched = usage(metadata.clone(), &[grounding]);
        assert_eq!((searched.prompt, &searched.prompt_details["web_search_requests"]), (10, &json!(2)));
        let maps = usage(metadata, &[json!({"groundingChunks": [{"maps": {}}]})]);
        assert_eq!((maps.prompt, &maps.prompt_details["google_maps_grounding_requests"]), (10, &json!(1)));
    }
}
