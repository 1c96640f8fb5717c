//! Whole answers of `generateContent` and of the methods that embed.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::calls::{Call, Calls};
use super::content::{self, Candidate, Metadata, Piece, Response};
use super::own::Own;
use super::usage;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::tokenizer::encoding_of;
use crate::wire::chat::answer::{Answer, Choice, Message, ToolCall};
use crate::wire::errors::Origin;
use crate::wire::Head;

/// Reads a chat answer.
pub fn completion(origin: &Origin, head: &Head, body: Bytes) -> Result<Vec<u8>> {
    let unreadable = |why: &str| origin.unreadable(head.status, &body, why);
    if let Some(flaw) = json::flaw(&body, false) {
        return Err(unreadable(flaw.message()));
    }
    if let Some(error) = listed_error(origin, &body) {
        return Err(error);
    }
    let response: Response<'_> =
        serde_json::from_slice(&body).map_err(|_| unreadable("the answer is not what Gemini's protocol says"))?;
    if let Some(error) = response.error.filter(|raw| !json::is_null(raw)) {
        return Err(origin.from_error_object(error));
    }
    let mut answer = Answer::new(model_of(&response).unwrap_or(&origin.model));
    let metadata = response.usage_metadata.and_then(json::read::<Map<String, Value>>);
    let blocked = response.prompt_feedback.as_ref().and_then(|feedback| feedback.block_reason.as_deref());
    if let Some(reason) = blocked {
        answer.choices.push(withheld(reason));
        answer.usage = Some(usage::plain(&metadata.unwrap_or_default()));
        return Ok(answer.write());
    }
    let candidates = response.candidates.as_deref().unwrap_or_default();
    let mut about = Metadata::default();
    let mut all_withheld = true;
    for candidate in candidates {
        if candidate.content.is_none() && candidate.finish_reason.is_none() {
            continue;
        }
        about.add(candidate);
        let native = candidate.finish_reason.as_deref().unwrap_or_default();
        if content::finish_reason(native).1 {
            answer.choices.push(withheld(native));
            continue;
        }
        all_withheld = false;
        answer.choices.push(choice(candidate).map_err(|what| origin.incomplete(&body, &what))?);
    }
    if answer.choices.is_empty() {
        return Err(unreadable("the answer has no candidate"));
    }
    if all_withheld {
        answer.usage = metadata.as_ref().map(usage::plain);
        return Ok(answer.write());
    }
    if let Some(id) = response.response_id.as_deref().filter(|id| !id.is_empty()) {
        answer.id = id.to_owned();
    }
    answer.usage = metadata.as_ref().map(|metadata| usage::read(metadata, &about.grounding));
    answer.own = about.members(true);
    if let Some(tier) = service_tier(head) {
        answer.own.insert("service_tier".to_owned(), tier.into());
    }
    Ok(answer.write())
}

/// The error in a list of them, which is how Google writes errors of streams outside of events.
pub fn listed_error(origin: &Origin, body: &[u8]) -> Option<Error> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return None;
    }
    let list: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let is_error = |raw: &&&RawValue| {
        json::read::<Map<String, Value>>(raw).is_some_and(|one| one.get("error").is_some_and(|e| !e.is_null()))
    };
    list.iter().find(is_error).map(|raw| origin.from_error_object(raw))
}

/// The model that answered, without the version's suffix.
pub fn model_of<'r>(response: &'r Response<'_>) -> Option<&'r str> {
    response.model_version.as_deref()?.split('@').next().filter(|name| !name.is_empty())
}

/// The tier that served the call; Gemini's "standard" is OpenAI's "default".
pub fn service_tier(head: &Head) -> Option<String> {
    let tier = head.header("x-gemini-service-tier")?.to_ascii_lowercase();
    Some(if tier == "standard" { "default".to_owned() } else { tier })
}

/// An answer that Google does not give: blocked before or while it was written.
fn withheld(reason: &str) -> Choice {
    Choice { finish_reason: "content_filter", native_finish_reason: Some(reason.to_owned()), ..Choice::default() }
}

fn choice(candidate: &Candidate<'_>) -> std::result::Result<Choice, String> {
    let parts = candidate.parts();
    let mut message = Message::default();
    let mut calls = Calls::default();
    let (mut thoughts, mut images, mut audio) = (Vec::new(), Vec::new(), None);
    for part in parts {
        let signature = part.signature();
        match part.piece()? {
            Piece::Text(text) => message.content.get_or_insert_default().push_str(&text),
            Piece::Reasoning(text) => {
                message.reasoning_content.get_or_insert_default().push_str(&text);
                let mut block = json!({"type": "thinking", "thinking": text});
                if let Some(signature) = signature {
                    block["signature"] = signature.into();
                }
                thoughts.push(block);
            }
            Piece::Call(call) => {
                if let Some(mut call) = calls.take(call, signature)? {
                    call.own.insert("index".to_owned(), message.tool_calls.len().into());
                    let Call { id, name, arguments, own } = call;
                    message.tool_calls.push(ToolCall { id, name, arguments, own });
                }
            }
            Piece::Image(image) => images.push(image),
            Piece::Audio(sound) => audio = audio.or(Some(sound)),
            Piece::Own | Piece::Empty => {}
        }
    }
    if let Some(name) = calls.unfinished() {
        return Err(format!("the answer ended within the arguments of the call of {name:?}"));
    }
    if !images.is_empty() {
        message.own.insert("images".to_owned(), images.into());
    }
    if let Some(audio) = audio {
        message.own.insert("audio".to_owned(), audio);
    }
    if !thoughts.is_empty() {
        message.own.insert("thinking_blocks".to_owned(), thoughts.into());
    }
    let annotations: Vec<Value> = candidate.grounding_metadata.iter().flat_map(each).flat_map(content::annotations).collect();
    if !annotations.is_empty() {
        message.own.insert("annotations".to_owned(), annotations.into());
    }
    let fields = Own::default().add(parts);
    if !fields.is_empty() {
        message.own.insert("provider_specific_fields".to_owned(), fields.into());
    }
    let native = candidate.finish_reason.as_deref();
    let finish_reason = content::ending(native, !message.tool_calls.is_empty());
    Ok(Choice {
        message,
        finish_reason,
        native_finish_reason: native.map(str::to_owned),
        logprobs: candidate.logprobs_result.as_ref().and_then(content::logprobs),
    })
}

/// One value, or each of a list.
pub fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(list) => list.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// What an answer that embeds needs to know of its request.
pub struct Embedded {
    /// The texts, to be counted where Google does not count.
    pub text: String,
}

impl Embedded {
    /// litellm's estimate: by OpenAI's tokenizer, over all texts as one.
    fn estimate(&self, model: &str) -> u64 {
        encoding_of(model).count(&self.text) as u64
    }
}

/// Reads vectors: `batchEmbedContents`, `embedContent`, and Vertex AI's `predict`.
pub fn embedding(origin: &Origin, head: &Head, body: Bytes, asked: &Embedded) -> Result<Vec<u8>> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        #[serde(borrow, default)]
        embeddings: Option<Vec<Vector<'a>>>,
        #[serde(borrow, default)]
        embedding: Option<Vector<'a>>,
        #[serde(borrow, default)]
        predictions: Option<Vec<&'a RawValue>>,
        #[serde(default)]
        metadata: Option<Value>,
        #[serde(default)]
        usage_metadata: Option<Map<String, Value>>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    #[derive(serde::Deserialize)]
    struct Vector<'a> {
        #[serde(borrow)]
        values: &'a RawValue,
        #[serde(default)]
        statistics: Option<Value>,
    }
    #[derive(serde::Deserialize)]
    struct Prediction<'a> {
        #[serde(borrow)]
        embeddings: Vector<'a>,
    }

    let unreadable = |why: &str| origin.unreadable(head.status, &body, why);
    if let Some(flaw) = json::flaw(&body, false) {
        return Err(unreadable(flaw.message()));
    }
    let answer: Answer<'_> = serde_json::from_slice(&body).map_err(|_| unreadable("the answer holds no vectors"))?;
    if let Some(error) = answer.error.filter(|raw| !json::is_null(raw)) {
        return Err(origin.from_error_object(error));
    }
    let mut vectors: Vec<&RawValue> = Vec::new();
    let mut statistics = None;
    if let Some(list) = answer.embeddings {
        vectors.extend(list.iter().map(|vector| vector.values));
    } else if let Some(one) = answer.embedding {
        vectors.push(one.values);
    } else {
        for raw in answer.predictions.unwrap_or_default() {
            if let Some(prediction) = json::read::<Prediction<'_>>(raw) {
                let count = prediction.embeddings.statistics.as_ref().and_then(|found| found["token_count"].as_f64());
                let counted = statistics.get_or_insert(0_u64);
                *counted = counted.saturating_add(count.unwrap_or(0.0) as u64);
                vectors.push(prediction.embeddings.values);
            } else if let Some(nested) = json::read::<Vec<&RawValue>>(raw).filter(|list| !list.is_empty()) {
                // A tuned model's vectors stand one level deeper.
                statistics.get_or_insert(0);
                vectors.push(nested[0]);
            } else {
                return Err(unreadable("a prediction holds no vector"));
            }
        }
    }
    if vectors.is_empty() || vectors.iter().any(|raw| !raw.get().starts_with('[')) {
        return Err(unreadable("the answer holds no vectors"));
    }
    let counted = answer.usage_metadata.as_ref().and_then(|usage| usage.get("promptTokenCount")).and_then(Value::as_u64);
    let tokens = counted.or(statistics).unwrap_or_else(|| asked.estimate(&origin.model));
    let mut usage = json!({"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens});
    if let Some(details) = answer.usage_metadata.as_ref().filter(|usage| usage.contains_key("promptTokensDetails")) {
        usage["prompt_tokens_details"] = usage::read(details, &[]).prompt_details.into();
    } else if let Some(characters) = answer.metadata.as_ref().and_then(|known| known["billableCharacterCount"].as_u64()) {
        usage["prompt_tokens_details"] = json!({"character_count": characters});
    }

    // Written by hand: a vector's text goes on as it is.
    let size = vectors.iter().map(|raw| raw.get().len() + 64).sum::<usize>() + 256;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(b"{\"object\":\"list\",\"model\":");
    json::push_string(&mut out, &origin.model);
    out.extend_from_slice(b",\"data\":[");
    for (index, raw) in vectors.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":").as_bytes());
        out.extend_from_slice(raw.get().as_bytes());
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"usage\":");
    out.extend_from_slice(usage.to_string().as_bytes());
    out.push(b'}');
    Ok(out)
}
