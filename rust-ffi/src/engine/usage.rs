//! What an answer, or a piece of a stream, says that it has used: the one reader of `usage` for routers, limits and telemetry.
//!
//! Sources: OpenAI's chat and Responses APIs, Anthropic's Messages API. Each member is looked at by itself: one that is odd hides no
//! other. Google's `usageMetadata` is read by Google's dialect, so that an answer in Google's words counts as it does in OpenAI's.

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::json;
use crate::models::Tokens;
use crate::wire::gemini;

/// Answers beyond this are vectors, pictures or sounds: `usage` is looked for at their end first.
const LONG: usize = 1 << 20;
const END: usize = 4 << 10;

/// Counts, as far as they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    pub cached: Option<u64>,
    pub cache_written: Option<u64>,
    /// Those of `cache_written` that live an hour.
    cache_written_1h: Option<u64>,
    pub reasoning: Option<u64>,
    input_audio: Option<u64>,
    input_image: Option<u64>,
    output_audio: Option<u64>,
    output_image: Option<u64>,
    web_searches: Option<u64>,
    /// Anthropic counts what it has in its caches beside the input; all others within it.
    beside: bool,
}

impl Usage {
    /// What the text of an answer, of a chunk or of an event tells. None where it tells nothing.
    pub fn read(text: &[u8]) -> Option<Usage> {
        let at_end = || {
            const NAME: &[u8] = b"\"usage\":";
            let end = &text[text.len() - END..];
            let value = &end[memmem::rfind(end, NAME)? + NAME.len()..];
            Usage::of(serde_json::Deserializer::from_slice(value).into_iter::<&RawValue>().next()?.ok()?)
        };
        // Most chunks and events tell none.
        memmem::find(text, b"\"usage")?;
        (text.len() > LONG).then(at_end).flatten().or_else(|| {
            let told: Told<'_> = serde_json::from_slice(text).ok()?;
            told.usage()
        })
    }

    /// What a usage object tells.
    fn of(raw: &RawValue) -> Option<Usage> {
        let counts: Counts<'_> = json::read(raw)?;
        let input = Parts::of([counts.prompt_tokens_details, counts.input_tokens_details]);
        let output = Parts::of([counts.completion_tokens_details, counts.output_tokens_details]);
        let tools = Parts::of([counts.server_tool_use, None]);
        let apart = Parts::of([counts.cache_creation, input.cache_creation_token_details]);
        Some(Usage {
            input: first([counts.prompt_tokens, counts.input_tokens]),
            output: first([counts.completion_tokens, counts.output_tokens]),
            total: count(counts.total_tokens),
            cached: first([input.cached_tokens, counts.cache_read_input_tokens]),
            cache_written: count(counts.cache_creation_input_tokens),
            cache_written_1h: count(apart.ephemeral_1h_input_tokens),
            reasoning: count(output.reasoning_tokens),
            input_audio: count(input.audio_tokens),
            input_image: count(input.image_tokens),
            output_audio: count(output.audio_tokens),
            output_image: count(output.image_tokens),
            web_searches: first([input.web_search_requests, tools.web_search_requests]),
            beside: counts.prompt_tokens.is_none()
                && counts.input_tokens_details.is_none()
                && (counts.cache_read_input_tokens.is_some() || counts.cache_creation_input_tokens.is_some()),
        })
    }

    /// What the members of an answer, or of a chunk, tell: `usage`, or Google's `usageMetadata` beside its `candidates`.
    pub fn of_members(usage: Option<&RawValue>, metadata: Option<&RawValue>, candidates: Option<&RawValue>) -> Option<Usage> {
        usage.and_then(Usage::of).or_else(|| Usage::of_google(metadata?, candidates))
    }

    /// `candidates` say what the answer searched for.
    fn of_google(metadata: &RawValue, candidates: Option<&RawValue>) -> Option<Usage> {
        let metadata: Map<String, Value> = json::read(metadata)?;
        let read = gemini::usage::read(&metadata, &candidates.map(gemini::usage::grounding).unwrap_or_default());
        let told = |names: &[&str]| names.iter().any(|name| metadata.get(*name).is_some_and(Value::is_u64));
        let input = |name: &str| read.prompt_details.get(name).and_then(Value::as_u64);
        let output = |name: &str| read.completion_details.get(name).and_then(Value::as_u64);
        Some(Usage {
            input: told(&["promptTokenCount", "toolUsePromptTokenCount"]).then_some(read.prompt),
            // The first pieces of a stream tell of the prompt alone.
            output: told(&["candidatesTokenCount", "thoughtsTokenCount"]).then_some(read.completion),
            total: read.total,
            cached: input("cached_tokens"),
            reasoning: output("reasoning_tokens"),
            input_audio: input("audio_tokens"),
            input_image: input("image_tokens"),
            output_audio: output("audio_tokens"),
            output_image: output("image_tokens"),
            web_searches: input("web_search_requests"),
            ..Usage::default()
        })
    }

    /// Takes over what a later piece of the same stream tells: counts grow, and are told again from their beginning.
    pub fn take(&mut self, later: Usage) {
        let set = |place: &mut Option<u64>, told: Option<u64>| *place = told.or(*place);
        set(&mut self.input, later.input);
        set(&mut self.output, later.output);
        set(&mut self.total, later.total);
        set(&mut self.cached, later.cached);
        set(&mut self.cache_written, later.cache_written);
        set(&mut self.cache_written_1h, later.cache_written_1h);
        set(&mut self.reasoning, later.reasoning);
        set(&mut self.input_audio, later.input_audio);
        set(&mut self.input_image, later.input_image);
        set(&mut self.output_audio, later.output_audio);
        set(&mut self.output_image, later.output_image);
        set(&mut self.web_searches, later.web_searches);
        self.beside |= later.beside;
    }

    /// All that went in. Of an answer that tells its total alone, as those without words do, all of it did.
    pub fn input(&self) -> Option<u64> {
        let cached = if self.beside { self.cached.unwrap_or(0).saturating_add(self.cache_written.unwrap_or(0)) } else { 0 };
        self.input.map(|input| input.saturating_add(cached)).or(self.total.filter(|_| self.output.is_none()))
    }

    pub fn output(&self) -> Option<u64> {
        self.output
    }

    /// The classes that are billed.
    pub fn tokens(&self) -> Tokens {
        Tokens {
            prompt: self.input().unwrap_or(0),
            completion: self.output.unwrap_or(0),
            cache_read: self.cached.unwrap_or(0),
            cache_write: self.cache_written.unwrap_or(0),
            cache_write_1h: self.cache_written_1h.unwrap_or(0),
            prompt_audio: self.input_audio.unwrap_or(0),
            prompt_image: self.input_image.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
            completion_audio: self.output_audio.unwrap_or(0),
            completion_image: self.output_image.unwrap_or(0),
            web_searches: self.web_searches.unwrap_or(0),
        }
    }
}

impl<'a> Parts<'a> {
    /// The first that is there.
    fn of(names: [Option<&'a RawValue>; 2]) -> Parts<'a> {
        names.into_iter().flatten().find_map(json::read).unwrap_or_default()
    }
}

/// Some servers write counts with a decimal point.
fn count(raw: Option<&RawValue>) -> Option<u64> {
    json::read::<f64>(raw?).filter(|count| *count >= 0.0).map(|count| count as u64)
}

fn first<const N: usize>(members: [Option<&RawValue>; N]) -> Option<u64> {
    members.into_iter().find_map(count)
}

/// Where a usage object stands: in the answer, or in the answer within an event of the Responses or the Messages API.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, rename = "usageMetadata")]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    candidates: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl Told<'_> {
    fn usage(&self) -> Option<Usage> {
        let within = || {
            let within: Told<'_> = json::read(self.response.or(self.message)?)?;
            Usage::of(within.usage?)
        };
        Usage::of_members(self.usage, self.usage_metadata, self.candidates).or_else(within)
    }
}

#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation: Option<&'a RawValue>,
    #[serde(borrow)]
    server_tool_use: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    audio_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    image_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    web_search_requests: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_token_details: Option<&'a RawValue>,
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Option<(Option<u64>, Option<u64>)> {
        Usage::read(text.as_bytes()).map(|usage| (usage.input(), usage.output()))
    }

    #[test]
    fn usage_is_read_wherever_it_stands() {
        for (text, expected) in [
            (r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#, (Some(7), Some(5))),
            (r#"{"usage":{"input_tokens":3,"output_tokens":2}}"#, (Some(3), Some(2))),
            (r#"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":2}}}"#, (Some(3), Some(2))),
            (r#"{"usage":{"prompt_tokens":9,"total_tokens":9}}"#, (Some(9), None)),
            (r#"{"usage":{"total_tokens":9}}"#, (Some(9), None)),
            (r#"{"usage":{"prompt_tokens":-1,"completion_tokens":3.0}}"#, (None, Some(3))),
        ] {
            assert_eq!(counts(text), Some(expected), "{text}");
        }
        for text in [r#"{"usage":null}"#, "not JSON", "\"usage\"", r#"{"type":"response.created","response":{"usage":null}}"#] {
            assert_eq!(counts(text), None, "{text}");
        }
    }

    #[test]
    fn googles_counts_are_read_as_its_answers_in_openais_words_tell_them() {
        for (metadata, expected) in [
            (r#"{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":3,"totalTokenCount":9}"#, (Some(4), Some(5))),
            // Thoughts alone, as where the limit was met before the answer began.
            (r#"{"promptTokenCount":4,"thoughtsTokenCount":30,"totalTokenCount":34}"#, (Some(4), Some(30))),
            // The total tells that the thoughts are among the candidates' tokens.
            (
                r#"{"promptTokenCount":8,"candidatesTokenCount":11,"thoughtsTokenCount":5,"totalTokenCount":19}"#,
                (Some(8), Some(11)),
            ),
            (
                r#"{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":16}"#,
                (Some(15), Some(1)),
            ),
            (r#"{"promptTokenCount":4,"totalTokenCount":4}"#, (Some(4), None)),
            (r#"{"totalTokenCount":4}"#, (Some(4), None)),
        ] {
            assert_eq!(counts(&format!(r#"{{"usageMetadata":{metadata}}}"#)), Some(expected), "{metadata}");
        }
        let tokens = |text: &str| Usage::read(text.as_bytes()).unwrap().tokens();
        let kinds = tokens(
            r#"{"usageMetadata":{"promptTokenCount":20,"cachedContentTokenCount":6,"candidatesTokenCount":9,"thoughtsTokenCount":2,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":8},{"modality":"AUDIO","tokenCount":12}],
                "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":7}],"totalTokenCount":31}}"#,
        );
        assert_eq!((kinds.prompt, kinds.cache_read, kinds.prompt_audio), (20, 6, 12));
        assert_eq!((kinds.completion, kinds.reasoning, kinds.completion_image), (11, 2, 7));
        // Searches are billed one by one, and what they brought is not.
        let searched = tokens(
            r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"],"groundingChunks":[{"web":{}}]}}],
                "usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":16}}"#,
        );
        assert_eq!((searched.prompt, searched.web_searches), (10, 2));
    }

    #[test]
    fn the_classes_that_are_billed_are_told() {
        let usage = |text: &str| Usage::read(text.as_bytes()).unwrap().tokens();
        let chat = usage(
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,
                "cache_creation_token_details":{"ephemeral_1h_input_tokens":1}},"cache_read_input_tokens":4,
                "cache_creation_input_tokens":2,"completion_tokens_details":{"reasoning_tokens":3}}}"#,
        );
        assert_eq!((chat.prompt, chat.completion, chat.cache_read, chat.cache_write), (10, 5, 4, 2));
        assert_eq!((chat.cache_write_1h, chat.reasoning), (1, 3));
        let searched = usage(r#"{"usage":{"prompt_tokens":1,"server_tool_use":{"web_search_requests":2}}}"#);
        assert_eq!(searched.web_searches, 2);
        // Anthropic's own form: what is cached stands beside the input.
        let claude = usage(
            r#"{"usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,
                "cache_creation":{"ephemeral_1h_input_tokens":2}}}"#,
        );
        assert_eq!((claude.prompt, claude.cache_read, claude.cache_write, claude.cache_write_1h), (16, 4, 2, 2));
    }

    #[test]
    fn what_a_stream_tells_in_pieces_is_put_together() {
        let mut told = Usage::default();
        for event in [
            r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":8}}"#,
        ] {
            told.take(Usage::read(event.as_bytes()).unwrap());
        }
        assert_eq!((told.input(), told.output()), (Some(14), Some(8)));
    }

    #[test]
    fn of_a_long_answer_the_end_is_read_first() {
        let numbers = "0.25,".repeat(LONG / 5);
        let end = format!(r#"{{"data":[{numbers}0.5],"usage":{{"prompt_tokens":8}}}}"#);
        assert_eq!(counts(&end), Some((Some(8), None)));
        let start = format!(r#"{{"usage":{{"prompt_tokens":7}},"data":[{numbers}0.5]}}"#);
        assert_eq!(counts(&start), Some((Some(7), None)));
    }
}
