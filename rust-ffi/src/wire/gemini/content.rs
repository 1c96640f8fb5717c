//! What Gemini answers, as it is read: the parts of a candidate and what each is in OpenAI's terms.
//!
//! Source: Google's references of `GenerateContentResponse`, `Candidate`, `Part` and `FinishReason`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::calls::PartialArg;
use crate::engine::json;
use crate::wire::chat;

/// A whole answer, or one event of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response<'a> {
    #[serde(borrow, default)]
    pub candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, default)]
    pub prompt_feedback: Option<Feedback<'a>>,
    /// Read only where it counts: in a stream the last one does.
    #[serde(borrow, default)]
    pub usage_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub model_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub response_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feedback<'a> {
    #[serde(borrow, default)]
    pub block_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate<'a> {
    #[serde(borrow, default)]
    pub content: Option<Content<'a>>,
    #[serde(borrow, default)]
    pub finish_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    pub index: Option<i32>,
    #[serde(default)]
    pub logprobs_result: Option<Value>,
    #[serde(default)]
    pub grounding_metadata: Option<Value>,
    #[serde(default)]
    pub url_context_metadata: Option<Value>,
    #[serde(default)]
    pub safety_ratings: Option<Value>,
    #[serde(default)]
    pub citation_metadata: Option<Value>,
}

#[derive(Deserialize)]
pub struct Content<'a> {
    #[serde(borrow, default)]
    pub parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part<'a> {
    #[serde(borrow, default)]
    pub text: Option<&'a RawValue>,
    #[serde(default)]
    pub thought: Option<bool>,
    #[serde(borrow, default)]
    pub thought_signature: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub function_call: Option<FunctionCall<'a>>,
    #[serde(borrow, default)]
    pub inline_data: Option<Blob<'a>>,
    #[serde(default)]
    pub tool_call: Option<Value>,
    #[serde(default)]
    pub tool_response: Option<Value>,
    #[serde(default)]
    pub executable_code: Option<Value>,
    #[serde(default)]
    pub code_execution_result: Option<Value>,
    #[serde(default)]
    pub file_data: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub args: Option<&'a RawValue>,
    /// Pieces of the arguments, where they are streamed; more follow as long as the call goes on.
    #[serde(default)]
    pub partial_args: Option<Vec<PartialArg>>,
    #[serde(default)]
    pub will_continue: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blob<'a> {
    #[serde(borrow, default)]
    pub mime_type: Cow<'a, str>,
    #[serde(borrow, default)]
    pub data: Cow<'a, str>,
}

/// A part in OpenAI's terms.
pub enum Piece<'p> {
    Text(String),
    Reasoning(String),
    Call(&'p FunctionCall<'p>),
    Image(Value),
    Audio(Value),
    /// A tool that Google ran, or code and what it gave: shown in `provider_specific_fields`.
    Own,
    Empty,
}

impl<'a> Candidate<'a> {
    pub fn parts(&self) -> &[Part<'a>] {
        self.content.as_ref().and_then(|content| content.parts.as_deref()).unwrap_or_default()
    }
}

impl Part<'_> {
    /// The error says what is wrong with the part.
    pub fn piece(&self) -> Result<Piece<'_>, String> {
        if let Some(call) = &self.function_call {
            return Ok(Piece::Call(call));
        }
        if let Some(raw) = self.text.filter(|raw| !json::is_null(raw)) {
            let text = json::text(raw).ok_or("the text of a part is not a string")?;
            return Ok(match (text.is_empty(), self.thought) {
                (true, _) => Piece::Empty,
                (false, Some(true)) => Piece::Reasoning(text),
                (false, _) => Piece::Text(text),
            });
        }
        if let Some(blob) = &self.inline_data {
            let uri = || format!("data:{};base64,{}", blob.mime_type, blob.data);
            return Ok(match blob.mime_type.split('/').next() {
                Some("image") => {
                    let mut image = json!({"image_url": {"url": uri(), "detail": "auto"}, "index": 0, "type": "image_url"});
                    if let Some(signature) = self.signature() {
                        image["provider_specific_fields"] = json!({ "thought_signature": signature });
                    }
                    Piece::Image(image)
                }
                Some("audio") => Piece::Audio(json!({
                    "id": chat::new_id(), "data": blob.data,
                    // OpenAI's sounds can be referred to for a time; Gemini's cannot. A day is litellm's figure.
                    "expires_at": chat::now() + 86_400, "transcript": "",
                })),
                _ if self.thought == Some(true) => Piece::Reasoning(uri()),
                _ => Piece::Text(uri()),
            });
        }
        Ok(Piece::Own)
    }

    pub fn signature(&self) -> Option<&str> {
        self.thought_signature.as_deref().filter(|signature| !signature.is_empty())
    }
}

impl FunctionCall<'_> {
    /// JSON, as the model wrote it.
    pub fn arguments(&self) -> &str {
        self.args.filter(|raw| !json::is_null(raw)).map_or("{}", RawValue::get)
    }
}

/// OpenAI's word for how a candidate ended that was not withheld, and made calls or not. litellm takes an answer without a reason for one that
/// stopped.
pub fn ending(native: Option<&str>, has_calls: bool) -> &'static str {
    match native.map_or("stop", |native| finish_reason(native).0) {
        "stop" if has_calls => "tool_calls",
        word => word,
    }
}

/// OpenAI's word for a finish reason; whether litellm takes the whole answer for withheld; and Gemini's own word where it says more.
pub fn finish_reason(native: &str) -> (&'static str, bool) {
    match native {
        "MAX_TOKENS" => ("length", false),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" | "IMAGE_PROHIBITED_CONTENT" => {
            ("content_filter", true)
        }
        "LANGUAGE" | "OTHER" | "NO_IMAGE" | "IMAGE_RECITATION" | "IMAGE_OTHER" | "ESCALATION" => ("content_filter", false),
        // STOP, FINISH_REASON_UNSPECIFIED, and the failures of tools (MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, …), which litellm calls
        // "stop" too: `native_finish_reason` tells them apart.
        _ => ("stop", false),
    }
}

/// Gemini's log probabilities in OpenAI's form.
pub fn logprobs(result: &Value) -> Option<Value> {
    let chosen = result["chosenCandidates"].as_array()?;
    let entries = chosen.iter().enumerate().map(|(at, token)| {
        let top = result["topCandidates"][at]["candidates"].as_array();
        let top: Vec<Value> = top
            .map(|list| {
                list.iter().map(|one| json!({"token": one["token"], "logprob": one["logProbability"], "bytes": null})).collect()
            })
            .unwrap_or_default();
        json!({"token": token["token"], "logprob": token["logProbability"], "bytes": null, "top_logprobs": top})
    });
    Some(json!({"content": entries.collect::<Vec<_>>()}))
}

/// OpenAI's annotations of what a search supports.
pub fn annotations(grounding: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    let chunks = &grounding["groundingChunks"];
    for support in grounding["groundingSupports"].as_array().into_iter().flatten() {
        let segment = &support["segment"];
        // An index of 0 is left out on the wire, as protocol buffers do.
        let Some(end) = segment["endIndex"].as_u64() else { continue };
        let start = segment["startIndex"].as_u64().unwrap_or(0);
        let Some(first) = support["groundingChunkIndices"][0].as_u64() else { continue };
        let web = &chunks[first as usize]["web"];
        if web.is_object() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            out.push(json!({"type": "url_citation", "url_citation": {
                "start_index": start, "end_index": end, "url": text(&web["uri"]), "title": text(&web["title"]),
            }}));
        }
    }
    out
}

/// What candidates say beside their content, as litellm shows it at the top of an answer: lists, one entry a candidate.
#[derive(Default)]
pub struct Metadata {
    pub grounding: Vec<Value>,
    pub url_context: Vec<Value>,
    pub safety: Vec<Value>,
    pub citations: Vec<Value>,
}

impl Metadata {
    pub fn add(&mut self, candidate: &Candidate<'_>) {
        match &candidate.grounding_metadata {
            Some(Value::Array(list)) => self.grounding.extend(list.iter().cloned()),
            Some(one) => self.grounding.push(one.clone()),
            None => {}
        }
        self.url_context.extend(candidate.url_context_metadata.clone());
        self.safety.extend(candidate.safety_ratings.clone());
        self.citations.extend(candidate.citation_metadata.clone());
    }

    /// Under litellm's names. `all`: the empty lists, too, which its whole answers show.
    pub fn members(&self, all: bool) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, list) in [
            ("vertex_ai_grounding_metadata", &self.grounding),
            ("vertex_ai_url_context_metadata", &self.url_context),
            ("vertex_ai_safety_results", &self.safety),
            ("vertex_ai_citation_metadata", &self.citations),
        ] {
            if all || !list.is_empty() {
                out.insert(name.to_owned(), list.clone().into());
            }
        }
        out
    }
}
