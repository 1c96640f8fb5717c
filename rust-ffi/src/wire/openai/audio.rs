//! Speech: written down, and spoken.
//!
//! Source: OpenAI's API reference ("Audio").

use bytes::Bytes;

use super::answer::Reader;
use super::form;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::Request;
use crate::wire::body::{Body, Json};
use crate::wire::file;
use crate::wire::multipart::Form;
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::{Provider, Quirk};
use crate::wire::{Head, Operation, StreamDecode, StreamEvent};

/// `user` is for litellm's records: the audio endpoints do not know it.
const UNSENT: &[&str] = &["user"];

/// The form of a request to write down what a file says.
pub fn transcription(row: &Provider, model: &str, request: &Request<'_>, rules: &Rules<'_>) -> Result<(String, Vec<u8>)> {
    let file = file::one(request, "file")?
        .ok_or_else(|| Error::bad_request("`file` is missing; give the audio that shall be written down"))?;
    let known = Known { unsent: UNSENT, ..Known::default() };
    let mut body = sort::plain(row, model, request, rules, &known)?;
    body.remove("file");
    if row.has(Quirk::OpenAiFamilies) && model.contains("whisper") && !body.has("response_format") {
        // With it the answer tells the duration, by which whisper is billed. The newer models do not know it.
        body.set("response_format", Json::Own("\"verbose_json\"".to_owned()));
    }
    sort::finish(&mut body, row, Operation::Transcription, request, rules)?;
    let mut out = Form::new(file.bytes.len());
    form::write(&mut out, &body)?;
    out.file("file", &file.filename, &file.content_type, file.bytes);
    Ok(out.finish())
}

/// The body of a request to speak a text.
pub fn speech<'r>(row: &Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    if !request.has("input") {
        return Err(Error::bad_request("`input` is missing; give the text that shall be spoken"));
    }
    if request.raw("voice").is_none_or(|voice| !voice.get().starts_with(['"', '{'])) {
        return Err(Error::bad_request("`voice` is missing; name one of the provider's voices, as in voice=\"alloy\""));
    }
    let known = Known { unsent: UNSENT, ..Known::default() };
    let mut body = sort::plain(row, model, request, rules, &known)?;
    sort::finish(&mut body, row, Operation::Speech, request, rules)?;
    Ok(body)
}

impl Reader<'_> {
    /// `{"text", …}` as it came; subtitles and plain text (`response_format` "text", "srt", "vtt") become the `text` of such an object.
    pub fn transcription(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let content_type = head.header("content-type").unwrap_or_default();
        let says_json = content_type.contains("json");
        let text =
            std::str::from_utf8(&body).map_err(|_| self.origin.unreadable(head.status, &body, "the answer is not UTF-8"))?;
        let is_page = content_type.contains("html");
        if !says_json && !is_page && !text.trim_start().starts_with('{') && !text.trim().is_empty() {
            return Ok(serde_json::json!({ "text": text }).to_string().into_bytes());
        }
        let (_, top) = self.top(&body)?;
        if top.get("text").and_then(|raw| json::read::<String>(raw)).is_none() {
            return Err(self.origin.incomplete(&body, "the answer has no `text`"));
        }
        Ok(body.into())
    }
}

/// A stream of bytes. HTTP itself tells a cut from an end: by the length that was announced, or by the last chunk's mark.
#[derive(Default)]
pub struct Sound {
    begun: bool,
}

impl StreamDecode for Sound {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        if !bytes.is_empty() {
            self.begun = true;
            out.push(StreamEvent::Bytes(bytes.to_vec()));
        }
        Ok(false)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        Err(crate::wire::events::cut_off("the answer is empty: it has no sound"))
    }
}
