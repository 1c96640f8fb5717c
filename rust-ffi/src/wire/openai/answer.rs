//! Whole answers (not streamed): brought into the one form that every caller gets, byte for byte where they have it already.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::Value;

use super::finish_reason;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::id;
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::body::{Body, Json};
use crate::wire::errors::Origin;
use crate::wire::providers::Quirk;

/// What an answer has to be read with.
pub struct Reader<'a> {
    pub origin: &'a Origin,
    /// The HTTP status, a 2xx.
    pub status: u16,
    /// The tool that stood for `response_format` (its arguments are the content).
    pub json_tool: Option<&'static str>,
    /// The model is shown with the provider's name before it.
    pub qualified: bool,
}

impl Reader<'_> {
    /// A `chat.completion`.
    pub fn completion(&self, body: Bytes) -> Result<Vec<u8>> {
        let (text, top) = self.top(&body)?;
        let choices = top
            .get("choices")
            .and_then(|raw| json::read::<Vec<&RawValue>>(raw))
            .ok_or_else(|| self.origin.incomplete(&body, "the answer has no list of `choices`"))?;
        let mut changed = false;
        let mut list = String::new();
        for (at, raw) in choices.iter().enumerate() {
            let new = self.choice(raw, at, text)?;
            changed |= new.is_some();
            if at > 0 {
                list.push(',');
            }
            list.push_str(new.as_deref().unwrap_or(raw.get()));
        }
        let mut out = Body::default();
        for (name, raw) in &top {
            out.set(name.as_str(), Json::Raw(raw));
        }
        if changed {
            out.set("choices", Json::Own(format!("[{list}]")));
        }
        changed |= self.identity(&mut out);
        Ok(if changed { out.write() } else { body.into() })
    }

    /// `id`, `created`, `object` and `model`: present, and of the kind that programs expect (O13). True when something changed.
    fn identity(&self, out: &mut Body<'_>) -> bool {
        let mut changed = false;
        let mut fix = |out: &mut Body<'_>, name: &'static str, value: Value| {
            out.set(name, value.into());
            changed = true;
        };
        if out.get("id").and_then(Json::read::<String>).is_none_or(|id| id.is_empty()) {
            // Some servers number their answers.
            let number = out.get("id").and_then(Json::read::<i64>);
            fix(out, "id", number.map_or_else(|| id::unique("chatcmpl-"), |n| n.to_string()).into());
        }
        if out.get("created").and_then(Json::read::<u64>).is_none() {
            let told = out
                .get("created")
                .and_then(|created| created.read::<f64>().or_else(|| created.read::<String>()?.trim().parse().ok()));
            let created = told.filter(|t: &f64| t.is_finite() && *t >= 0.0).map_or_else(now, |t| t as u64);
            fix(out, "created", created.into());
        }
        if out.get("object").is_none_or(|object| object.text() != "\"chat.completion\"") {
            fix(out, "object", "chat.completion".into());
        }
        let origin = self.origin;
        match out.get("model").and_then(Json::read::<String>).filter(|model| !model.is_empty()) {
            Some(model) if self.qualified => fix(out, "model", format!("{}/{model}", origin.row.name).into()),
            Some(_) => {}
            None => fix(out, "model", origin.model.as_str().into()),
        }
        changed
    }

    /// None when the choice can stay as it is.
    fn choice(&self, raw: &RawValue, at: usize, text: &str) -> Result<Option<String>> {
        let not_an_object = || self.origin.incomplete(text.as_bytes(), "a choice of the answer is not an object");
        let fields: Fields<'_> = json::read(raw).ok_or_else(not_an_object)?;
        let mut out = Body::default();
        for (name, raw) in &fields {
            out.set(name.as_str(), Json::Raw(raw));
        }
        let mut changed = false;
        if !out.has("index") {
            out.set("index", Json::Own(at.to_string()));
            changed = true;
        }
        let mut calls = false;
        let mut reason =
            fields.get("finish_reason").and_then(|raw| json::read::<String>(raw)).filter(|reason| !reason.is_empty());
        if let Some(raw) = fields.get("message").filter(|raw| !json::is_null(raw)) {
            let message: Fields<'_> = json::read(raw).ok_or_else(not_an_object)?;
            calls = message.get("tool_calls").is_some_and(|raw| raw.get().starts_with('[') && raw.get() != "[]");
            let arguments = self.json_tool.and_then(|tool| arguments_of(tool, message.get("tool_calls")?));
            if arguments.is_some() {
                (calls, reason) = (false, Some("stop".to_owned()));
            }
            let new = New { replaces_calls: arguments.is_some(), ..New::of_parts(message.get("content")) };
            let empty = self.origin.row.has(Quirk::EmptyIsNull) && message.get("content").is_some_and(|raw| raw.get() == "\"\"");
            let new = New { content: arguments.or(new.content), null: empty, ..new };
            if let Some(message) = rewrite_message(&message, new) {
                out.set("message", Json::Own(message));
                changed = true;
            }
        }
        if reason.as_deref() == Some("error") {
            return Err(self.failed_choice(&fields));
        }
        // litellm's word for a choice that does not say how it ended.
        let told = reason.as_deref().unwrap_or("stop");
        let (mut known, native) = finish_reason::known(told);
        if known == "stop" && calls {
            known = "tool_calls";
        }
        if reason.as_deref() != Some(known) || !fields.contains_key("finish_reason") || self.json_tool.is_some() {
            out.set("finish_reason", Value::from(known).into());
            changed = true;
        }
        if let Some(native) = native {
            let mut own: Value = out
                .get("provider_specific_fields")
                .and_then(Json::read)
                .filter(Value::is_object)
                .unwrap_or_else(|| Value::Object(Default::default()));
            own["native_finish_reason"] = native.into();
            out.set("provider_specific_fields", own.into());
            changed = true;
        }
        // The bytes came from str and serde_json's own writer.
        Ok(changed.then(|| String::from_utf8(out.write()).unwrap_or_default()))
    }

    fn failed_choice(&self, choice: &Fields<'_>) -> Error {
        match choice.get("error").filter(|raw| !json::is_null(raw)) {
            Some(raw) => self.origin.from_error_object(raw),
            None => Error::new(ErrorKind::Api, "the provider ended the answer with the finish reason \"error\"")
                .at(self.origin.row.name, &self.origin.model),
        }
    }

    /// An embedding list. Vectors that come as base64 (little-endian floats) become numbers, unless the caller asked for base64.
    pub fn embedding(&self, body: Bytes, keep_base64: bool) -> Result<Vec<u8>> {
        let (_, top) = self.top(&body)?;
        let data = top
            .get("data")
            .and_then(|raw| json::read::<Vec<&RawValue>>(raw))
            .ok_or_else(|| self.origin.incomplete(&body, "the answer has no list of vectors in `data`"))?;
        let mut out = Body::default();
        for (name, raw) in &top {
            out.set(name.as_str(), Json::Raw(raw));
        }
        let mut changed = false;
        let encoded = data.iter().any(|item| item.get().contains("\"embedding\":\"") || item.get().contains("\"embedding\": \""));
        if encoded && !keep_base64 {
            let mut list = String::with_capacity(body.len() * 3);
            for (at, item) in data.iter().enumerate() {
                if at > 0 {
                    list.push(',');
                }
                match decoded(item) {
                    Some(item) => list.push_str(&item),
                    None => list.push_str(item.get()),
                }
            }
            out.set("data", Json::Own(format!("[{list}]")));
            changed = true;
        }
        if !out.has("object") {
            out.set("object", Value::from("list").into());
            changed = true;
        }
        if out.get("model").and_then(Json::read::<String>).is_none() {
            out.set("model", Value::from(self.origin.model.as_str()).into());
            changed = true;
        }
        if self.origin.row.has(Quirk::VoyageVectors) {
            let total = out.get("usage").and_then(Json::read::<Value>).map_or(Value::Null, |usage| usage["total_tokens"].clone());
            let total = if total.is_null() { Value::from(0) } else { total };
            out.set("usage", serde_json::json!({"prompt_tokens": total, "total_tokens": total}).into());
            changed = true;
        }
        Ok(if changed { out.write() } else { body.into() })
    }

    /// The members of a 2xx body, or the error that it is.
    pub fn top<'b>(&self, body: &'b Bytes) -> Result<(&'b str, Fields<'b>)> {
        let unreadable = |why: &str| self.origin.unreadable(self.status, body, why);
        let text = self.origin.text(self.status, body)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| unreadable(&not_json(&e)))?;
        let top: Fields<'b> = match json::read(raw) {
            Some(top) => top,
            // Gemini's compatible server wraps its errors in a list (O12).
            None if text.contains("\"error\"") => return Err(self.origin.from_error_object(raw)),
            None => return Err(unreadable("the answer is JSON, but not an object")),
        };
        let error = top.get("error").filter(|raw| !json::is_null(raw) && !matches!(raw.get(), "false" | "{}" | "\"\"" | "[]"));
        let is_error = |name: &str| top.get(name).is_some_and(|raw| raw.get() == "\"error\"");
        if error.is_some() || is_error("object") || is_error("type") {
            return Err(self.origin.from_error_object(raw));
        }
        Ok((text, top))
    }
}

fn not_json(error: &serde_json::Error) -> String {
    if error.is_eof() {
        "the answer is cut: its JSON does not end".to_owned()
    } else {
        format!("the answer is not JSON (column {} of line {})", error.column(), error.line())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What takes the place of a message's members.
#[derive(Default)]
struct New {
    content: Option<String>,
    reasoning: Option<String>,
    replaces_calls: bool,
    /// Content becomes null.
    null: bool,
}

impl New {
    /// Content that came as a list of texts and thoughts (Mistral's reasoning models). Other lists stay as they are.
    fn of_parts(content: Option<&&RawValue>) -> New {
        let Some(Value::Array(parts)) = content.filter(|raw| raw.get().starts_with('[')).and_then(|raw| json::read::<Value>(raw))
        else {
            return New::default();
        };
        let text = |part: &Value| match part["type"].as_str() {
            Some("text") => part["text"].as_str().map(str::to_owned),
            _ => None,
        };
        let (mut content, mut reasoning) = (String::new(), None);
        for part in &parts {
            match (text(part), part["type"].as_str(), &part["thinking"]) {
                (Some(text), ..) => content.push_str(&text),
                (None, Some("thinking"), Value::String(thought)) => reasoning.get_or_insert_with(String::new).push_str(thought),
                (None, Some("thinking"), Value::Array(thoughts)) => {
                    thoughts
                        .iter()
                        .filter_map(text)
                        .for_each(|thought| reasoning.get_or_insert_with(String::new).push_str(&thought));
                }
                _ => return New::default(),
            }
        }
        New { content: Some(content), reasoning, ..New::default() }
    }
}

/// Reasoning under one name, no empty list of calls, and what is new. None when the message can stay.
fn rewrite_message(message: &Fields<'_>, new: New) -> Option<String> {
    let present = |name: &str| message.get(name).is_some_and(|raw| !json::is_null(raw));
    let renamed = new.reasoning.is_none()
        && !present("reasoning_content")
        && message.get("reasoning").is_some_and(|raw| raw.get().starts_with('"'));
    let no_calls = new.replaces_calls || message.get("tool_calls").is_some_and(|raw| raw.get() == "[]");
    let no_role = !present("role");
    if !renamed && !no_calls && !no_role && !new.null && new.content.is_none() {
        return None;
    }
    let mut out = Body::default();
    for (name, raw) in message {
        match name.as_str() {
            "reasoning" if renamed => out.set("reasoning_content", Json::Raw(raw)),
            "reasoning_content" if renamed => {}
            "tool_calls" if no_calls => {}
            _ => out.set(name.as_str(), Json::Raw(raw)),
        }
    }
    if let Some(content) = new.content {
        out.set("content", Value::from(content).into());
    } else if new.null {
        out.set("content", Value::Null.into());
    }
    if let Some(reasoning) = new.reasoning {
        out.set("reasoning_content", Value::from(reasoning).into());
    }
    if no_role {
        out.set("role", Value::from("assistant").into());
    }
    String::from_utf8(out.write()).ok()
}

/// The arguments of the one call of `tool`.
fn arguments_of(tool: &str, calls: &RawValue) -> Option<String> {
    let calls: Value = json::read(calls)?;
    match calls.as_array()?.as_slice() {
        [call] if call["function"]["name"] == tool => call["function"]["arguments"].as_str().map(str::to_owned),
        _ => None,
    }
}

/// An item of an embedding list with its base64 vector as numbers; None when it holds none.
fn decoded(item: &RawValue) -> Option<String> {
    use base64::Engine;
    let fields: Fields<'_> = json::read(item)?;
    let encoded: String = json::read(fields.get("embedding")?)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut vector = String::with_capacity(floats.len() * 12);
    for (at, bytes) in floats.iter().enumerate() {
        let float = f32::from_le_bytes(*bytes);
        if !float.is_finite() {
            return None;
        }
        if at > 0 {
            vector.push(',');
        }
        // The shortest decimal that is this float: what a provider writes when it sends numbers.
        let _ = write!(vector, "{float:?}");
    }
    let mut out = Body::default();
    for (name, raw) in &fields {
        out.set(name.as_str(), Json::Raw(raw));
    }
    out.set("embedding", Json::Own(format!("[{vector}]")));
    String::from_utf8(out.write()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::providers::find;
    use proptest::prelude::*;

    fn origin(provider: &str) -> Origin {
        Origin::new(find(provider).unwrap(), crate::wire::Operation::Completion, "asked", None)
    }

    fn completion(provider: &str, body: &str) -> Result<Value> {
        let origin = origin(provider);
        let reader = Reader { origin: &origin, status: 200, json_tool: None, qualified: origin.row.qualified };
        reader.completion(Bytes::copy_from_slice(body.as_bytes())).map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    const USUAL: &str = r#"{"id":"c1","object":"chat.completion","created":17,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \u00e9","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"x":1e400},"own":[1,2]}"#;

    #[test]
    fn a_usual_answer_passes_byte_for_byte() {
        let origin = origin("openai");
        let reader = Reader { origin: &origin, status: 200, json_tool: None, qualified: origin.row.qualified };
        assert_eq!(reader.completion(Bytes::from_static(USUAL.as_bytes())).unwrap(), USUAL.as_bytes());
        let named = completion("nvidia_nim", &USUAL.replace("1e400", "1")).map(|v| v["model"].clone());
        assert_eq!(named.unwrap(), "nvidia_nim/m");
    }

    #[test]
    fn o10_reasoning_has_one_name() {
        let answer = |message: &str| {
            completion("openrouter", &format!(r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}]}}"#))
                .map(|v| v["choices"][0]["message"].clone())
                .unwrap()
        };
        let message =
            answer(r#"{"role":"assistant","content":"a","reasoning":"r","reasoning_details":[{"type":"x","data":"y"}]}"#);
        assert_eq!(message["reasoning_content"], "r");
        assert_eq!(message["reasoning_details"][0]["data"], "y");
        assert!(message.get("reasoning").is_none());
        assert_eq!(
            answer(r#"{"role":"assistant","content":"a","reasoning_content":"r","reasoning":"s"}"#)["reasoning_content"],
            "r"
        );
        assert_eq!(
            answer(r#"{"role":"assistant","content":"a","reasoning_content":null,"reasoning":"s"}"#)["reasoning_content"],
            "s"
        );
        let parts = answer(
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"42"}]}"#,
        );
        assert_eq!((&parts["content"], &parts["reasoning_content"]), (&"42".into(), &"hm".into()));
        let odd = r#"{"role":"assistant","content":[{"type":"image","data":"x"},{"type":"text","text":"42"}]}"#;
        assert!(answer(odd)["content"].is_array());
        // A structure is the provider's own.
        assert!(answer(r#"{"role":"assistant","content":"<think>t</think>a","reasoning":{"effort":"x"}}"#)
            .get("reasoning_content")
            .is_none());
    }

    #[test]
    fn o7_finish_reasons_are_openais() {
        let answer = |rest: &str| {
            completion(
                "openai",
                &format!(r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,{rest}}}]}}"#),
            )
            .unwrap()["choices"][0]
                .clone()
        };
        let calls =
            r#""message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
        assert_eq!(answer(&format!(r#"{calls},"finish_reason":"stop""#))["finish_reason"], "tool_calls");
        assert_eq!(answer(&format!(r#"{calls},"finish_reason":"length""#))["finish_reason"], "length");
        let text = r#""message":{"role":"assistant","content":"a","tool_calls":[]}"#;
        let none = answer(&format!(r#"{text},"finish_reason":null"#));
        assert_eq!(none["finish_reason"], "stop");
        assert!(none["message"].get("tool_calls").is_none());
        let odd = answer(&format!(r#"{text},"finish_reason":"eos_token""#));
        assert_eq!(
            (&odd["finish_reason"], &odd["provider_specific_fields"]["native_finish_reason"]),
            (&"stop".into(), &"eos_token".into())
        );
        let error = completion("openrouter", r#"{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":"error","error":{"code":502,"message":"down"}}]}"#).unwrap_err();
        assert_eq!((error.status_code, error.message.as_str()), (502, "down"));
    }

    #[test]
    fn o13_missing_and_odd_identities_are_made_whole() {
        let answer = completion("openai", r#"{"choices":[{"message":{"content":"a"}}],"created":1731000000.75}"#).unwrap();
        assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
        assert_eq!(
            (&answer["created"], &answer["model"], &answer["object"]),
            (&1731000000.into(), &"asked".into(), &"chat.completion".into())
        );
        assert_eq!((&answer["choices"][0]["index"], &answer["choices"][0]["message"]["role"]), (&0.into(), &"assistant".into()));
        let answer = completion("openai", r#"{"id":7,"created":"1731000000","choices":[]}"#).unwrap();
        assert_eq!((&answer["id"], &answer["created"]), (&"7".into(), &1731000000.into()));
        assert!(completion("openai", r#"{"choices":[]}"#).unwrap()["created"].as_u64().unwrap() > 1_700_000_000);
    }

    #[test]
    fn s14_what_is_no_answer_is_an_error_with_its_beginning() {
        let kind = |provider: &str, body: &str| {
            let error = completion(provider, body).unwrap_err();
            assert!(!error.message.is_empty() && error.provider == provider);
            (error.kind, error.status_code)
        };
        assert_eq!(kind("openai", "<html>x</html>"), (ErrorKind::InternalServer, 500));
        assert_eq!(kind("openai", ""), (ErrorKind::InternalServer, 500));
        assert_eq!(kind("openai", r#"{"id":"x","choices":["#), (ErrorKind::InternalServer, 500));
        assert_eq!(kind("xai", "[]"), (ErrorKind::Api, 200));
        assert_eq!(kind("azure", "{}"), (ErrorKind::Api, 500));
        assert_eq!(kind("openrouter", r#"{"error":{"code":502,"message":"m"}}"#), (ErrorKind::Api, 502));
        assert_eq!(kind("openai", r#"[{"error":{"code":429,"message":"m"}}]"#), (ErrorKind::RateLimit, 429));
        assert_eq!(kind("hosted_vllm", r#"{"object":"error","code":404,"message":"m"}"#), (ErrorKind::NotFound, 404));
        assert_eq!(kind("openai", &"[".repeat(200)), (ErrorKind::InternalServer, 500));
        assert!(completion("openai", r#"{"error":null,"choices":[]}"#).is_ok());
    }

    #[test]
    fn a_tool_that_stood_for_a_format_is_content() {
        let origin = origin("groq");
        let reader = Reader { origin: &origin, status: 200, json_tool: Some("json_tool_call"), qualified: false };
        let body = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"json_tool_call","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}]}"#;
        let answer: Value = serde_json::from_slice(&reader.completion(Bytes::from_static(body.as_bytes())).unwrap()).unwrap();
        let choice = &answer["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&"{\"a\":1}".into(), &"stop".into()));
        assert!(choice["message"].get("tool_calls").is_none());
    }

    #[test]
    fn vectors_in_base64_become_numbers_unless_asked_for() {
        use base64::Engine;
        let floats = [0.1f32, -1.5, 1e-7, 3.0];
        let bytes: Vec<u8> = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        let body = format!(
            r#"{{"object":"list","model":"m","data":[{{"object":"embedding","index":0,"embedding":"{encoded}"}}],"usage":{{"prompt_tokens":1}}}}"#
        );
        let origin = origin("azure");
        let reader = Reader { origin: &origin, status: 200, json_tool: None, qualified: origin.row.qualified };
        let answer: Value = serde_json::from_slice(&reader.embedding(Bytes::from(body.clone()), false).unwrap()).unwrap();
        let got: Vec<f32> =
            answer["data"][0]["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect();
        assert_eq!(got, floats);
        assert_eq!(reader.embedding(Bytes::from(body.clone()), true).unwrap(), body.as_bytes());
        let plain = r#"{"object":"list","model":"m","data":[{"embedding":[0.1]}]}"#;
        assert_eq!(reader.embedding(Bytes::from_static(plain.as_bytes()), false).unwrap(), plain.as_bytes());
        assert!(reader.embedding(Bytes::from_static(br#"{"data":["#), false).is_err());
        assert!(reader.embedding(Bytes::from_static(br#"{"object":"list"}"#), false).is_err());
    }

    proptest! {
        /// Whatever a provider sends with a 200: an answer of the promised form, or an error.
        #[test]
        fn any_body_is_an_answer_or_an_error(body in "([\\[\\]{}:,\"a-z0-9 ]|\"choices\"|\"message\"|\"error\"|null){0,40}") {
            if let Ok(answer) = completion("openai", &body) {
                prop_assert!(answer["choices"].is_array() && answer["id"].is_string() && answer["created"].is_u64());
            }
        }
    }
}
