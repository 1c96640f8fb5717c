//! What Gemini answers, as it is read: the parts of a candidate and what each is in OpenAI's terms.
//!
//! Source: Google's references of `GenerateContentResponse`, `Candidate`, `Part` and `FinishReason`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::messages::SIGNATURE_MARK;
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
pub struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub args: Option<&'a RawValue>,
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
    pub fn piece(&self) -> Piece<'_> {
        if let Some(call) = &self.function_call {
            return Piece::Call(call);
        }
        if let Some(text) = self.text.filter(|raw| !json::is_null(raw)).and_then(json::text) {
            return match (text.is_empty(), self.thought) {
                (true, _) => Piece::Empty,
                (false, Some(true)) => Piece::Reasoning(text),
                (false, _) => Piece::Text(text),
            };
        }
        if let Some(blob) = &self.inline_data {
            let uri = || format!("data:{};base64,{}", blob.mime_type, blob.data);
            return match blob.mime_type.split('/').next() {
                Some("image") => {
                    Piece::Image(json!({"image_url": {"url": uri(), "detail": "auto"}, "index": 0, "type": "image_url"}))
                }
                Some("audio") => Piece::Audio(json!({
                    "id": chat::new_id(), "data": blob.data,
                    // OpenAI's sounds can be referred to for a time; Gemini's cannot. A day is litellm's figure.
                    "expires_at": chat::now() + 86_400, "transcript": "",
                })),
                _ if self.thought == Some(true) => Piece::Reasoning(uri()),
                _ => Piece::Text(uri()),
            };
        }
        Piece::Own
    }
}

impl FunctionCall<'_> {
    /// The call's id: Gemini's own, else a new one. It carries the signature for clients that keep nothing but the id.
    pub fn id(&self, signature: Option<&str>) -> String {
        let id = match self.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => new_call_id(),
        };
        match signature.filter(|signature| !signature.is_empty()) {
            Some(signature) => format!("{id}{SIGNATURE_MARK}{signature}"),
            None => id,
        }
    }

    /// JSON, as the model wrote it.
    pub fn arguments(&self) -> &str {
        self.args.filter(|raw| !json::is_null(raw)).map_or("{}", RawValue::get)
    }
}

/// The members of a tool call beside OpenAI's.
pub fn call_fields(signature: Option<&str>) -> Map<String, Value> {
    let mut own = Map::new();
    if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
        own.insert("provider_specific_fields".to_owned(), json!({ "thought_signature": signature }));
    }
    own
}

/// In the form of OpenAI's ids, and of litellm's: `call_` and 28 hexadecimal digits.
fn new_call_id() -> String {
    let hex = chat::new_id().trim_start_matches("chatcmpl-").replace('-', "");
    format!("call_{}", &hex[..28])
}

/// What of a candidate's parts has no place in OpenAI's message: signatures, tools that Google ran, code that it ran.
pub fn provider_fields(parts: &[Part<'_>]) -> Map<String, Value> {
    let mut out = Map::new();
    let signatures: Vec<&str> = parts.iter().filter_map(|part| part.thought_signature.as_deref()).collect();
    if !signatures.is_empty() {
        out.insert("thought_signatures".to_owned(), json!(signatures));
    }
    let invocations = invocations(parts);
    if !invocations.is_empty() {
        out.insert("server_side_tool_invocations".to_owned(), invocations.into());
    }
    type Member = for<'p> fn(&'p Part<'_>) -> Option<&'p Value>;
    let lists: [(&str, Member); 3] = [
        ("executable_code", |part| part.executable_code.as_ref()),
        ("code_execution_results", |part| part.code_execution_result.as_ref()),
        ("file_data", |part| part.file_data.as_ref()),
    ];
    for (name, member) in lists {
        let list: Vec<&Value> = parts.iter().filter_map(member).collect();
        if !list.is_empty() {
            out.insert(name.to_owned(), json!(list));
        }
    }
    out
}

/// Calls of Google's own tools with their answers, by id.
fn invocations(parts: &[Part<'_>]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for part in parts {
        let signature = part.thought_signature.as_deref();
        if let Some(call) = &part.tool_call {
            let mut entry = json!({"tool_type": call["toolType"], "id": call["id"], "args": call["args"]});
            if let Some(signature) = signature {
                entry["thought_signature"] = signature.into();
            }
            out.push(entry);
        } else if let Some(answer) = &part.tool_response {
            let known = out.iter().position(|entry| entry["id"] == answer["id"] && entry.get("response").is_none());
            let at = known.unwrap_or_else(|| {
                out.push(json!({"id": answer["id"], "tool_type": answer["toolType"]}));
                out.len() - 1
            });
            out[at]["response"] = answer["response"].clone();
            if let Some(signature) = signature {
                out[at]["response_thought_signature"] = signature.into();
            }
        }
    }
    out
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
