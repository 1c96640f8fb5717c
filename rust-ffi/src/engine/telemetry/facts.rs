//! What is read from requests and answers for spans and metrics. Nothing here fails: what has another form than it should is left out.

use serde::de::IgnoredAny;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::otlp::{attribute, KeyValue};
use crate::engine::json;
use crate::engine::request::Request;
use crate::engine::usage::Usage;
use crate::wire::Operation;

/// Answers beyond this are vectors, pictures or sounds: of them the usage alone is read.
const READ_WHOLE: usize = 1 << 20;

/// The attributes that tell of a request: numbers and choices, never its content.
pub fn request(operation: Operation, request: &Request<'_>, stream: bool) -> Vec<KeyValue> {
    let mut out = Vec::new();
    let float = |name: &str| request.raw(name).and_then(json::read::<f64>);
    let whole = |name: &str| request.raw(name).and_then(json::integer);
    for (name, key) in [
        ("temperature", "gen_ai.request.temperature"),
        ("top_p", "gen_ai.request.top_p"),
        ("top_k", "gen_ai.request.top_k"),
        ("frequency_penalty", "gen_ai.request.frequency_penalty"),
        ("presence_penalty", "gen_ai.request.presence_penalty"),
    ] {
        out.extend(float(name).map(|value| attribute(key, value)));
    }
    let most = ["max_completion_tokens", "max_tokens", "max_output_tokens"].iter().find_map(|name| whole(name));
    out.extend(most.map(|value| attribute("gen_ai.request.max_tokens", value)));
    out.extend(whole("seed").map(|value| attribute("gen_ai.request.seed", value)));
    out.extend(whole("n").filter(|n| *n != 1).map(|value| attribute("gen_ai.request.choice.count", value)));
    let stop = ["stop", "stop_sequences"].iter().find_map(|name| request.raw(name));
    let stop = stop.and_then(|raw| json::read::<Vec<String>>(raw).or_else(|| Some(vec![json::text(raw)?])));
    out.extend(stop.map(|texts| attribute("gen_ai.request.stop_sequences", texts)));
    if operation == Operation::Embedding {
        let format = request.raw("encoding_format").and_then(json::text);
        out.extend(format.map(|format| attribute("gen_ai.request.encoding_formats", vec![format])));
        out.extend(whole("dimensions").map(|value| attribute("gen_ai.embeddings.dimension.count", value)));
    }
    out.extend(output_type(operation, request).map(|kind| attribute("gen_ai.output.type", kind)));
    if stream {
        out.push(attribute("gen_ai.request.stream", true));
    }
    for (name, key) in [("litellm_call_id", "litellm.call_id"), ("litellm_session_id", "gen_ai.conversation.id")] {
        out.extend(request.raw(name).and_then(json::text).map(|text| attribute(key, text)));
    }
    out
}

fn output_type(operation: Operation, request: &Request<'_>) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Format<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    match operation {
        Operation::ImageGeneration | Operation::ImageEdit => return Some("image"),
        Operation::Speech => return Some("speech"),
        Operation::Completion => {}
        _ => return None,
    }
    let format = request.raw("response_format").and_then(json::read::<Format<'_>>)?;
    match &*format.kind {
        "text" => Some("text"),
        "json_object" | "json_schema" => Some("json"),
        _ => None,
    }
}

/// What an answer, or the chunks of a stream, have told.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    pub id: Option<String>,
    pub model: Option<String>,
    pub finish_reasons: Vec<String>,
    pub usage: Usage,
}

/// An answer or a chunk, in the forms of all operations. Each member is looked at by itself: one that is odd hides no other.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// Google's usage.
    #[serde(borrow, rename = "usageMetadata")]
    usage_metadata: Option<&'a RawValue>,
    /// Google's answers.
    #[serde(borrow)]
    candidates: Option<&'a RawValue>,
    /// Of an event of the Responses API.
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    /// Of an event of the Messages API that begins an answer.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// Of an answer of the Responses API.
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    /// Of an answer of the Messages API.
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

impl Answer {
    /// Reads an answer, or a chunk: what it says takes the place of what earlier ones said.
    pub fn read(&mut self, text: &[u8]) {
        if text.len() > READ_WHOLE {
            Usage::read(text).into_iter().for_each(|usage| self.usage.take(usage));
        } else if let Ok(object) = serde_json::from_slice::<Object<'_>>(text) {
            self.take(&object, 0);
        }
    }

    fn take(&mut self, object: &Object<'_>, depth: u8) {
        let text = |raw: Option<&RawValue>| raw.and_then(json::text).filter(|text| !text.is_empty());
        if let Some(id) = text(object.id) {
            self.id = Some(id);
        }
        if let Some(model) = text(object.model) {
            self.model = Some(model);
        }
        let choices = object.choices.and_then(json::read::<Vec<Choice<'_>>>).unwrap_or_default();
        self.finish_reasons.extend(choices.iter().filter_map(|choice| text(choice.finish_reason)));
        // A status is an answer's own; an event of a stream has none, but the answer within it.
        let status = text(object.status).filter(|status| status != "in_progress" && status != "queued");
        if let Some(reason) = text(object.stop_reason).or(status) {
            self.finish_reasons = vec![reason];
        }
        if let Some(usage) = Usage::of_members(object.usage, object.usage_metadata, object.candidates) {
            self.usage.take(usage);
        }
        let inner = object.response.or(object.message).filter(|_| depth == 0);
        if let Some(inner) = inner.and_then(json::read::<Object<'_>>) {
            self.take(&inner, 1);
        }
    }
}

/// The attributes that tell of tokens.
pub fn usage(usage: &Usage) -> impl Iterator<Item = KeyValue> {
    [
        ("gen_ai.usage.input_tokens", usage.input()),
        ("gen_ai.usage.output_tokens", usage.output()),
        ("gen_ai.usage.cache_read.input_tokens", usage.cached.filter(|count| *count > 0)),
        ("gen_ai.usage.cache_creation.input_tokens", usage.cache_written.filter(|count| *count > 0)),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning.filter(|count| *count > 0)),
    ]
    .into_iter()
    .filter_map(|(name, count)| Some(attribute(name, i64::try_from(count?).ok()?)))
}

/// The provider and the model that an answer's `meta` names.
pub fn origin(meta: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Meta {
        provider: String,
        model: String,
    }
    let Meta { provider, model } = serde_json::from_slice(meta).ok()?;
    Some((provider, model))
}

/// The attributes that an answer's `meta` is worth: what the policies did.
pub fn meta(meta: &[u8]) -> Vec<KeyValue> {
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow)]
        cache: Option<&'a RawValue>,
        #[serde(borrow)]
        router: Option<&'a RawValue>,
        fallback: Option<IgnoredAny>,
        #[serde(borrow)]
        request_id: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Cache {
        hit: bool,
    }
    #[derive(Deserialize)]
    struct Router {
        group: Option<String>,
        deployment: Option<String>,
    }
    let Ok(meta) = serde_json::from_slice::<Meta<'_>>(meta) else { return Vec::new() };
    let mut out = Vec::new();
    let id = meta.request_id.and_then(json::text);
    out.extend(id.map(|id| attribute("edgequake.request_id", id)));
    let cache = meta.cache.and_then(json::read::<Cache>);
    out.extend(cache.map(|cache| attribute("edgequake.cache.hit", cache.hit)));
    if let Some(Router { group, deployment }) = meta.router.and_then(json::read) {
        out.extend(group.map(|group| attribute("edgequake.router.group", group)));
        out.extend(deployment.map(|deployment| attribute("edgequake.router.deployment", deployment)));
    }
    if meta.fallback.is_some() {
        out.push(attribute("edgequake.fallback", true));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::otlp::Value;
    use super::*;

    fn read(texts: &[&str]) -> Answer {
        let mut answer = Answer::default();
        texts.iter().for_each(|text| answer.read(text.as_bytes()));
        answer
    }

    #[test]
    fn answers_of_every_form_tell_their_tokens() {
        let chat = read(&[r#"{"id":"c1","model":"m","choices":[{"finish_reason":"stop"},{"finish_reason":"length"}],"usage":
            {"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#]);
        let usage = chat.usage;
        assert_eq!((usage.input(), usage.output(), usage.cached), (Some(9), Some(3), Some(4)));
        assert_eq!((usage.cache_written, usage.reasoning), (None, Some(2)));
        let reasons = vec!["stop".to_owned(), "length".to_owned()];
        assert_eq!(chat, Answer { id: Some("c1".into()), model: Some("m".into()), finish_reasons: reasons, usage });
        let events = read(&[
            r#"{"type":"response.created","response":{"id":"r","status":"in_progress","usage":null}}"#,
            r#"{"type":"response.completed","response":{"id":"r","status":"completed","usage":{"input_tokens":5,"output_tokens":6}}}"#,
        ]);
        assert_eq!(
            (events.usage.input(), events.usage.output(), events.finish_reasons),
            (Some(5), Some(6), vec!["completed".to_owned()])
        );
    }

    #[test]
    fn an_odd_member_hides_no_other() {
        let google = read(&[
            r#"{"candidates":[{}],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#,
            r#"{"candidates":[{}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":11,"thoughtsTokenCount":5,"totalTokenCount":19}}"#,
        ]);
        let usage = google.usage;
        assert_eq!((usage.input(), usage.output(), usage.reasoning), (Some(8), Some(11), Some(5)));
        let odd = read(&[r#"{"id":7,"model":"m","choices":{"no":"list"},"usage":{"prompt_tokens":-1,"completion_tokens":3}}"#]);
        assert_eq!((odd.id, odd.model, odd.usage.input(), odd.usage.output()), (None, Some("m".to_owned()), None, Some(3)));
        assert_eq!(read(&["[1]", "", "{"]), Answer::default());
    }

    #[test]
    fn a_request_tells_numbers_and_never_its_content() {
        let text = br#"{"messages":[{"role":"user","content":"secret words"}],"temperature":0.5,"max_tokens":9,"n":2,"stop":"x",
            "seed":1,"response_format":{"type":"json_object"},"top_p":"odd","api_key":"sk-secret"}"#;
        let attributes = request(Operation::Completion, &Request::parse(text).unwrap(), true);
        let value = |key: &str| attributes.iter().find(|a| a.key == key).and_then(|a| a.value.clone()?.value);
        assert_eq!(value("gen_ai.request.temperature"), Some(Value::Double(0.5)));
        assert_eq!(value("gen_ai.request.max_tokens"), Some(Value::Int(9)));
        assert_eq!(value("gen_ai.request.choice.count"), Some(Value::Int(2)));
        assert_eq!(value("gen_ai.output.type"), Some(Value::String("json".to_owned())));
        assert_eq!((value("gen_ai.request.top_p"), value("gen_ai.request.stream")), (None, Some(Value::Bool(true))));
        assert!(!format!("{attributes:?}").contains("secret"));
    }
}
