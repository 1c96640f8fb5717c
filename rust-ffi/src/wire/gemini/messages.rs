//! A chat request's messages as Gemini's `contents` and `system_instruction`.
//!
//! Source: Google's references of `Content` and `Part`, and "Thought signatures". The JSON is written straight from the caller's text, so that
//! an image is copied once on its way into the body.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::media::{self, Blob};
use super::models;
use super::signatures::{self, split_id};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::Request;
use crate::wire::chat::messages::{self, Content, DataUri, Kind, Message, Part, Role, ToolCall};
use crate::wire::remote::Remotes;

/// The conversation as Gemini takes it.
#[derive(Debug)]
pub struct Conversation {
    /// A JSON array.
    pub contents: String,
    pub system_instruction: Option<Value>,
    /// The highest `detail` of its images, for models that have one for the whole request.
    pub detail: Option<Detail>,
}

/// OpenAI's `detail`, and Gemini's own highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    Low,
    Medium,
    High,
    UltraHigh,
}

impl Detail {
    fn read(name: Option<&str>) -> Option<Self> {
        Some(match name? {
            "low" => Detail::Low,
            "medium" => Detail::Medium,
            "high" => Detail::High,
            "ultra_high" => Detail::UltraHigh,
            _ => return None,
        })
    }

    /// Gemini's `MediaResolution`.
    pub fn resolution(self) -> &'static str {
        match self {
            Detail::Low => "MEDIA_RESOLUTION_LOW",
            Detail::Medium => "MEDIA_RESOLUTION_MEDIUM",
            Detail::High => "MEDIA_RESOLUTION_HIGH",
            Detail::UltraHigh => "MEDIA_RESOLUTION_ULTRA_HIGH",
        }
    }
}

/// Writes the conversation. `reads_addresses`: see [`media::blob`]. Files that have to be read first are noted in `remotes`.
pub fn write(request: &Request<'_>, model: &str, reads_addresses: bool, remotes: &mut Remotes) -> Result<Conversation> {
    let list = messages::read(request)?;
    let newer = models::is_gemini_3(model);
    let mut writer = Writer {
        out: String::from("["),
        open: None,
        has_text: false,
        parts: 0,
        calls: Vec::new(),
        newer,
        reads_addresses,
        detail: None,
        signature: None,
        remotes,
    };
    let mut system = Vec::new();
    let apart = models::has_system_instruction(model);
    let mut spoken = 0;
    for message in &list {
        match message.role {
            Role::System if apart => {
                if !matches!(message.content()?, Content::None) {
                    system.push(json!({"text": message.text()?}));
                }
                continue;
            }
            Role::System | Role::User => {
                writer.turn(Turn::User);
                writer.said(message)?;
            }
            Role::Assistant => {
                writer.turn(Turn::Model);
                writer.assistant(message)?;
            }
            Role::Tool => {
                writer.turn(Turn::Function);
                writer.tool_result(message)?;
            }
        }
        spoken += 1;
    }
    if spoken == 0 && !system.is_empty() {
        // Gemini refuses a request without contents.
        writer.turn(Turn::User);
        writer.part(&[("text", json!(".").to_string())]);
    }
    let (contents, detail) = writer.finish();
    let system_instruction = (!system.is_empty()).then(|| json!({ "parts": system }));
    Ok(Conversation { contents, system_instruction, detail })
}

/// Whose turn it is. The results of functions are a user's turn of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    User,
    Model,
    Function,
}

struct Writer<'w> {
    out: String,
    open: Option<Turn>,
    has_text: bool,
    /// Parts of the open turn.
    parts: usize,
    /// Ids and names of all calls so far.
    calls: Vec<(String, String)>,
    newer: bool,
    reads_addresses: bool,
    detail: Option<Detail>,
    /// Of the medium that is written next.
    signature: Option<String>,
    remotes: &'w mut Remotes,
}

impl Writer<'_> {
    /// Goes on with a turn, or begins another. Where it holds nothing it is not written.
    fn turn(&mut self, turn: Turn) {
        if self.open == Some(turn) {
            return;
        }
        self.close();
        self.open = Some(turn);
        (self.has_text, self.parts) = (false, 0);
    }

    fn close(&mut self) {
        if self.parts == 0 {
            return;
        }
        if self.open == Some(Turn::User) && !self.has_text {
            // Gemini refuses a user's turn without text; a space says nothing.
            self.part(&[("text", json!(" ").to_string())]);
        }
        self.out.push_str("]}");
        self.parts = 0;
    }

    fn finish(mut self) -> (String, Option<Detail>) {
        self.close();
        if self.out == "[" {
            self.out.push_str(r#"{"role":"user","parts":[{"text":" "}]}"#);
        }
        self.out.push(']');
        (self.out, self.detail)
    }

    /// Writes a part of these members, each as JSON.
    fn part(&mut self, members: &[(&str, String)]) {
        self.begin_part();
        for (at, (name, value)) in members.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.out.push('"');
            self.out.push_str(name);
            self.out.push_str("\":");
            self.out.push_str(value);
        }
        self.out.push('}');
        self.has_text |= members.iter().any(|(name, _)| *name == "text");
    }

    fn begin_part(&mut self) {
        if self.parts == 0 {
            if self.out.len() > 1 {
                self.out.push(',');
            }
            let role = if self.open == Some(Turn::Model) { "model" } else { "user" };
            self.out.push_str("{\"role\":\"");
            self.out.push_str(role);
            self.out.push_str("\",\"parts\":[");
        } else {
            self.out.push(',');
        }
        self.out.push('{');
        self.parts += 1;
    }

    fn text(&mut self, text: &str) {
        self.part(&[("text", quoted(text))]);
    }

    /// A user's or the system's words.
    fn said(&mut self, message: &Message<'_>) -> Result<()> {
        match message.content()? {
            Content::None => Ok(()),
            Content::Text(text) => {
                self.text(&text);
                Ok(())
            }
            Content::Parts(parts) => {
                parts.iter().enumerate().try_for_each(|(at, part)| self.content_part(message, at, part, false))
            }
        }
    }

    fn content_part(&mut self, message: &Message<'_>, at: usize, part: &Part<'_>, by_model: bool) -> Result<()> {
        let place = |member: &str| format!("messages[{}].content[{at}].{member}", message.at);
        match &part.kind {
            Kind::Text(text) => {
                // Gemini refuses a part with an empty text beside others.
                if !text.is_empty() {
                    self.text(text);
                }
            }
            Kind::Image(media) => {
                let detail = media.detail.as_deref();
                self.media(&place("image_url.url"), &media.url, media.format.clone(), detail, None)?;
            }
            Kind::Video(media) => {
                let object = part.fields.get("video_url").copied();
                self.media(&place("video_url.url"), &media.url, media.format.clone(), media.detail.as_deref(), object)?;
            }
            Kind::Audio { data, format } => {
                let media_type = if format.starts_with("audio/") { format.to_string() } else { format!("audio/{format}") };
                // A data URI names its type itself; the caller's word for it counts.
                let data = DataUri::parse(data).map_or(data.as_ref(), |uri| uri.base64);
                self.inline(&media_type, data, None, None);
            }
            Kind::File(file) => {
                let Some(source) = file.id.as_deref().or(file.data.as_deref()) else {
                    return Err(Error::bad_request(format!("`{}` has neither `file_data` nor `file_id`", place("file"))));
                };
                let object = part.fields.get("file").copied();
                self.media(&place("file"), source, file.format.clone(), file.detail.as_deref(), object)?;
            }
            Kind::Other(kind) if by_model && matches!(kind.as_ref(), "thinking" | "redacted_thinking") => {}
            Kind::Other(kind) => {
                return Err(Error::bad_request(format!(
                    "`{}` is {kind:?}, which Gemini has no part for; it takes text, image_url, video_url, input_audio and file",
                    place("type")
                )));
            }
        }
        Ok(())
    }

    fn media(
        &mut self,
        place: &str,
        url: &str,
        given: Option<Cow<'_, str>>,
        detail: Option<&str>,
        object: Option<&RawValue>,
    ) -> Result<()> {
        let detail = Detail::read(detail);
        self.detail = self.detail.max(detail);
        let video = object.and_then(video_metadata);
        match media::blob(place, url, given, self.reads_addresses)? {
            Blob::Inline { media_type, data } => self.inline(&media_type, &data, detail, video.as_ref()),
            Blob::Address { media_type, url } => {
                let mut file = Map::new();
                if let Some(media_type) = media_type {
                    file.insert("mime_type".to_owned(), media_type.as_ref().into());
                }
                file.insert("file_uri".to_owned(), url.into());
                let mut members = vec![("file_data", Value::from(file).to_string())];
                self.marks(&mut members, detail, video.as_ref());
                self.part(&members);
            }
            Blob::Remote { media_type, url } => {
                let given = media_type.map(Cow::into_owned);
                let token = self.remotes.add(place, url, move |file| {
                    let media_type = given.clone().unwrap_or(file.media_type);
                    format!("{{\"data\":\"{}\",\"mime_type\":{}}}", file.base64, quoted(&media_type))
                });
                let mut members = vec![("inline_data", token)];
                self.marks(&mut members, detail, video.as_ref());
                self.part(&members);
            }
        }
        Ok(())
    }

    fn inline(&mut self, media_type: &str, data: &str, detail: Option<Detail>, video: Option<&Value>) {
        self.begin_part();
        self.out.push_str("\"inline_data\":");
        push_blob(&mut self.out, media_type, data);
        let mut members = Vec::new();
        self.marks(&mut members, detail, video);
        for (name, value) in members {
            self.out.push_str(",\"");
            self.out.push_str(name);
            self.out.push_str("\":");
            self.out.push_str(&value);
        }
        self.out.push('}');
    }

    /// What belongs to a medium's part beside its data.
    fn marks(&mut self, members: &mut Vec<(&str, String)>, detail: Option<Detail>, video: Option<&Value>) {
        if let Some(detail) = detail.filter(|_| self.newer) {
            members.push(("media_resolution", json!({"level": detail.resolution()}).to_string()));
        }
        if let Some(video) = video {
            members.push(("video_metadata", video.to_string()));
        }
        members.extend(self.signature.take().map(|signature| ("thoughtSignature", quoted(&signature))));
    }

    fn assistant(&mut self, message: &Message<'_>) -> Result<()> {
        let fields = message.value("provider_specific_fields").unwrap_or_default();
        let calls = message.tool_calls()?;
        let mut thoughts = signatures::of(message, &calls, &fields)?;
        for (text, signature) in thoughts.parts.drain(..) {
            let mut members = vec![("thought", "true".to_owned()), ("text", quoted(&text))];
            members.extend(signature.map(|signature| ("thoughtSignature", quoted(&signature))));
            self.part(&members);
        }
        let mut loose = thoughts.loose;
        let mut text = |writer: &mut Self, text: &str| {
            let mut members = vec![("text", quoted(text))];
            members.extend(loose.pop_front().map(|signature| ("thoughtSignature", quoted(&signature))));
            writer.part(&members);
        };
        match message.content()? {
            Content::None => {}
            Content::Text(said) => text(self, &said),
            Content::Parts(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    match &part.kind {
                        Kind::Text(said) if !said.is_empty() => text(self, said),
                        _ => self.content_part(message, at, part, true)?,
                    }
                }
            }
        }
        // Text that came in several signed parts is one now: the other signatures stand on parts without text, as Gemini itself writes them.
        for signature in loose {
            self.part(&[("text", quoted("")), ("thoughtSignature", quoted(&signature))]);
        }
        if let Some(Value::Array(images)) = message.value("images") {
            for (at, image) in images.iter().enumerate() {
                let image = &image["image_url"];
                let Some(url) = image["url"].as_str().or_else(|| image.as_str()) else { continue };
                let given = ["format", "mime_type", "content_type"].iter().find_map(|name| image[*name].as_str());
                let place = format!("messages[{}].images[{at}]", message.at);
                self.signature = signatures::of_image(&images[at]).map(str::to_owned);
                self.media(&place, url, given.map(|text| text.to_owned().into()), image["detail"].as_str(), None)?;
            }
        }
        for (at, call) in calls.iter().enumerate() {
            self.call(message, at, call)?;
        }
        if let Some(invocations) = fields["server_side_tool_invocations"].as_array() {
            invocations.iter().for_each(|invocation| self.invocation(invocation));
        }
        Ok(())
    }

    fn call(&mut self, message: &Message<'_>, at: usize, call: &ToolCall<'_>) -> Result<()> {
        let arguments = match call.arguments.trim() {
            "" => "{}",
            text => text,
        };
        // Written as it is, so that it has to be JSON.
        let is_object = arguments.starts_with('{') && serde_json::from_str::<&RawValue>(arguments).is_ok();
        if !is_object {
            return Err(Error::bad_request(format!(
                "`messages[{}].tool_calls[{at}].function.arguments` is not the text of a JSON object, which Gemini needs",
                message.at
            )));
        }
        let (id, _) = split_id(&call.id);
        let mut function = format!("{{\"name\":{},\"args\":{arguments}", quoted(&call.name));
        if self.newer && !id.is_empty() {
            function.push_str(",\"id\":");
            function.push_str(&quoted(id));
        }
        function.push('}');
        let mut members = vec![("function_call", function)];
        // Gemini signs the first call of a turn, and from Gemini 3 on refuses a history without that.
        let missing = || (self.newer && at == 0).then(|| signatures::MISSING.to_owned());
        if let Some(signature) = signatures::of_call(call).or_else(missing) {
            members.push(("thoughtSignature", quoted(&signature)));
        }
        self.calls.push((call.id.clone().into_owned(), call.name.clone().into_owned()));
        self.part(&members);
        Ok(())
    }

    /// A tool that Gemini itself called, given back to it.
    fn invocation(&mut self, invocation: &Value) {
        let tool = json!({"toolType": invocation["tool_type"], "id": invocation["id"], "args": invocation["args"]});
        let mut members = vec![("toolCall", tool.to_string())];
        if let Some(signature) = invocation["thought_signature"].as_str() {
            members.push(("thoughtSignature", quoted(signature)));
        }
        self.part(&members);
        let Some(response) = invocation.get("response") else { return };
        let mut answer = json!({"id": invocation["id"], "response": response});
        if let Some(kind) = invocation["tool_type"].as_str() {
            answer["toolType"] = kind.into();
        }
        let mut members = vec![("toolResponse", answer.to_string())];
        if let Some(signature) = invocation["response_thought_signature"].as_str() {
            members.push(("thoughtSignature", quoted(signature)));
        }
        self.part(&members);
    }

    fn tool_result(&mut self, message: &Message<'_>) -> Result<()> {
        let full_id = message.str("tool_call_id")?.unwrap_or_default();
        let (id, _) = split_id(&full_id);
        let called =
            self.calls.iter().rev().find(|(call, _)| !id.is_empty() && split_id(call).0 == id).map(|(_, name)| name.clone());
        let name = match called {
            Some(name) => name,
            None => message.str("name")?.filter(|name| !name.is_empty()).map(Cow::into_owned).ok_or_else(|| {
                Error::bad_request(format!(
                    "`messages[{}]` answers the tool call {full_id:?}, which no message before it made; Gemini needs the name of the function: \
                     keep the assistant's message with that call, or add `name`",
                    message.at
                ))
            })?,
        };
        let (text, blobs) = self.result_content(message)?;
        let mut function = format!("{{\"name\":{},\"response\":", quoted(&name));
        // Gemini's responses are objects: what a tool wrote as one goes as it is.
        let object = text.trim();
        if object.starts_with('{') && serde_json::from_str::<&RawValue>(object).is_ok() {
            function.push_str(object);
        } else {
            function.push_str("{\"content\":");
            function.push_str(&quoted(&text));
            function.push('}');
        }
        if self.newer && !id.is_empty() {
            function.push_str(",\"id\":");
            function.push_str(&quoted(id));
        }
        if !blobs.is_empty() {
            function.push_str(",\"parts\":[");
            function.push_str(&blobs.join(","));
            function.push(']');
        }
        function.push('}');
        self.part(&[("function_response", function)]);
        Ok(())
    }

    /// The text of a tool's result, and its images and files as parts of the response.
    fn result_content(&mut self, message: &Message<'_>) -> Result<(String, Vec<String>)> {
        let parts = match message.content()? {
            Content::None => return Ok((String::new(), Vec::new())),
            Content::Text(text) => {
                return Ok(match DataUri::parse(&text).filter(|uri| uri.media_type.starts_with("image/")) {
                    Some(uri) => (String::new(), vec![blob_part(uri.media_type, uri.base64)]),
                    None => (text.into_owned(), Vec::new()),
                })
            }
            Content::Parts(parts) => parts,
        };
        let (mut text, mut blobs) = (String::new(), Vec::new());
        for (at, part) in parts.iter().enumerate() {
            let place = format!("messages[{}].content[{at}]", message.at);
            let source = match &part.kind {
                Kind::Text(piece) => {
                    text.push_str(piece);
                    continue;
                }
                Kind::Image(media) | Kind::Video(media) => Some((media.url.clone().into_owned(), media.format.clone())),
                Kind::File(file) => file.data.clone().map(|data| (data.into_owned(), file.format.clone())),
                Kind::Audio { data, format } => {
                    blobs.push(blob_part(&format!("audio/{format}"), data));
                    continue;
                }
                Kind::Other(kind) => match kind.as_ref() {
                    "input_image" => {
                        let image = part.value("image_url").unwrap_or_default();
                        image.as_str().or_else(|| image["url"].as_str()).map(|url| (url.to_owned(), None))
                    }
                    "input_file" => {
                        part.value("file_data").and_then(|data| data.as_str().map(str::to_owned)).map(|data| (data, None))
                    }
                    // Anthropic's form of an image.
                    "image" => part.value("source").and_then(|source| {
                        let media_type = source["media_type"].as_str().unwrap_or("image/jpeg");
                        Some((format!("data:{media_type};base64,{}", source["data"].as_str()?), None))
                    }),
                    _ => None,
                },
            };
            let Some((url, format)) = source else {
                return Err(Error::bad_request(format!(
                    "`{place}` cannot be part of a tool's result for Gemini; give text, an image or a file with its data"
                )));
            };
            match media::blob(&place, &url, format, false)? {
                Blob::Inline { media_type, data } => blobs.push(blob_part(&media_type, &data)),
                Blob::Address { media_type, url } => {
                    blobs.push(json!({"file_data": {"mime_type": media_type, "file_uri": url}}).to_string());
                }
                Blob::Remote { media_type, url } => {
                    let given = media_type.map(Cow::into_owned);
                    let token = self.remotes.add(&place, url, move |file| {
                        let media_type = given.clone().unwrap_or(file.media_type);
                        format!("{{\"data\":\"{}\",\"mime_type\":{}}}", file.base64, quoted(&media_type))
                    });
                    blobs.push(format!("{{\"inline_data\":{token}}}"));
                }
            }
        }
        Ok((text, blobs))
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::push_string(&mut out, text);
    // serde_json writes UTF-8 only.
    String::from_utf8(out).unwrap_or_default()
}

fn push_blob(out: &mut String, media_type: &str, data: &str) {
    out.push_str("{\"data\":");
    // Base64 needs no escapes; anything else is escaped like any string.
    if data.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
        out.reserve(data.len() + media_type.len() + 32);
        out.push('"');
        out.push_str(data);
        out.push('"');
    } else {
        out.push_str(&quoted(data));
    }
    out.push_str(",\"mime_type\":");
    out.push_str(&quoted(media_type));
    out.push('}');
}

fn blob_part(media_type: &str, data: &str) -> String {
    let mut out = String::from("{\"inline_data\":");
    push_blob(&mut out, media_type, data);
    out.push('}');
    out
}

/// litellm's `video_metadata` in Gemini's names.
fn video_metadata(object: &RawValue) -> Option<Value> {
    let given = json::read::<Value>(object)?;
    let given = given.get("video_metadata")?;
    let mut out = Map::new();
    for (name, own) in [("fps", "fps"), ("start_offset", "startOffset"), ("end_offset", "endOffset")] {
        if let Some(value) = given.get(name).or_else(|| given.get(own)) {
            out.insert(own.to_owned(), value.clone());
        }
    }
    (!out.is_empty()).then(|| out.into())
}

#[cfg(test)]
mod tests;
