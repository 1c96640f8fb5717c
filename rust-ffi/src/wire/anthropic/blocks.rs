//! Content blocks of a request, and how the parts of OpenAI's messages become them.
//!
//! Source: Anthropic's API reference ("Messages", "Vision", "PDF support", "Files API").

use std::borrow::Cow;

use base64::Engine;
use serde_json::value::RawValue;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::chat::messages::{DataUri, File, Kind, Media, Part};
use crate::wire::remote::Remotes;

/// Members that are carried over as they are: `cache_control`, `citations`.
pub type Own<'a> = Vec<(&'static str, &'a RawValue)>;

/// A block of a message's content. It borrows from the caller's text: an image is copied once, into the body.
#[derive(Debug)]
pub struct Block<'a> {
    pub what: What<'a>,
    pub own: Own<'a>,
}

#[derive(Debug)]
pub enum What<'a> {
    Text(Cow<'a, str>),
    /// `kind` is "image" or "document"; the data begins at `at` of `uri`.
    Base64 {
        kind: &'static str,
        media_type: Cow<'a, str>,
        uri: Cow<'a, str>,
        at: usize,
    },
    ToolUse {
        id: String,
        name: String,
        /// A JSON object.
        input: Cow<'a, str>,
    },
    ToolResult {
        id: String,
        content: Output<'a>,
        is_error: Option<&'a RawValue>,
    },
    /// A block as it is sent, as JSON.
    Whole(Cow<'a, str>),
}

/// What a tool gave back.
#[derive(Debug)]
pub enum Output<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
}

impl<'a> Block<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Block { what: What::Text(text.into()), own: Own::new() }
    }

    /// A block that the caller wrote in Anthropic's own form.
    pub fn whole(raw: &'a RawValue) -> Self {
        Block { what: What::Whole(Cow::Borrowed(raw.get())), own: Own::new() }
    }

    fn made(text: String) -> Self {
        Block { what: What::Whole(Cow::Owned(text)), own: Own::new() }
    }

    /// Anthropic refuses text without a visible character; it says nothing either.
    pub fn is_blank(&self) -> bool {
        matches!(&self.what, What::Text(text) if text.trim().is_empty())
    }

    pub fn has_own(&self, name: &str) -> bool {
        self.own.iter().any(|(own, _)| *own == name)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.what {
            What::Text(text) => {
                out.extend_from_slice(br#"{"type":"text","text":"#);
                json::push_string(out, text);
            }
            What::Base64 { kind, media_type, uri, at } => {
                out.extend_from_slice(format!(r#"{{"type":"{kind}","source":{{"type":"base64","media_type":"#).as_bytes());
                json::push_string(out, media_type);
                out.extend_from_slice(br#","data":"#);
                json::push_string(out, &uri[*at..]);
                out.push(b'}');
            }
            What::ToolUse { id, name, input } => {
                out.extend_from_slice(br#"{"type":"tool_use","id":"#);
                json::push_string(out, id);
                out.extend_from_slice(br#","name":"#);
                json::push_string(out, name);
                out.extend_from_slice(br#","input":"#);
                out.extend_from_slice(input.as_bytes());
            }
            What::ToolResult { id, content, is_error } => {
                out.extend_from_slice(br#"{"type":"tool_result","tool_use_id":"#);
                json::push_string(out, id);
                out.extend_from_slice(br#","content":"#);
                match content {
                    Output::Text(text) => json::push_string(out, text),
                    Output::Blocks(blocks) => write_list(out, blocks),
                }
                if let Some(raw) = is_error {
                    out.extend_from_slice(br#","is_error":"#);
                    out.extend_from_slice(raw.get().as_bytes());
                }
            }
            What::Whole(text) => {
                let open = text.trim_end().strip_suffix('}').unwrap_or(text).trim_end();
                out.extend_from_slice(open.as_bytes());
            }
        }
        for (name, raw) in &self.own {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            out.extend_from_slice(raw.get().as_bytes());
        }
        out.push(b'}');
    }
}

/// Writes blocks as a JSON list.
pub fn write_list(out: &mut Vec<u8>, blocks: &[Block<'_>]) {
    out.push(b'[');
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        block.write(out);
    }
    out.push(b']');
}

/// What of a host's surface decides on blocks.
pub struct Surface {
    /// The provider, for errors.
    pub name: &'static str,
    /// The host fetches images and documents from addresses, if they are `https`.
    pub fetches: bool,
    /// Files that are read before the request is sent.
    pub remotes: Remotes,
}

/// The block of a part. `place` names it in errors. None for a part that says nothing.
pub fn of_part<'a>(part: Part<'a>, place: &str, surface: &mut Surface) -> Result<Option<Block<'a>>> {
    let Part { kind, fields } = part;
    let mut block = match kind {
        Kind::Text(text) => Block::text(text),
        Kind::Image(media) => of_image(media, place, surface)?,
        Kind::File(file) => of_file(file, place, surface)?,
        Kind::Audio { .. } | Kind::Video(_) => {
            return Err(Error::bad_request(format!(
                "`{place}` is audio or video, which {}'s Claude models do not take; leave it out, or write what it says as text",
                surface.name
            )))
        }
        Kind::Other(kind) => match (kind.as_ref(), fields.get("refusal")) {
            // An assistant's own refusal, in OpenAI's form.
            ("refusal", Some(raw)) => Block::text(json::text(raw).unwrap_or_default()),
            ("thinking", _) if !is_signed(&fields) => return Ok(None),
            // A block of Anthropic's own: sent as it is.
            _ => return Ok(Some(Block::made(object(&fields)))),
        },
    };
    if block.is_blank() {
        return Ok(None);
    }
    let carried: &[&'static str] =
        if matches!(block.what, What::Text(_)) { &["cache_control", "citations"] } else { &["cache_control"] };
    for name in carried {
        if let Some(raw) = fields.get(*name) {
            block.own.push((name, raw));
        }
    }
    Ok(Some(block))
}

/// A block of thinking counts only with its signature: the API refuses others.
pub fn is_signed(fields: &Fields<'_>) -> bool {
    fields.get("signature").is_some_and(|raw| raw.get().len() > 2 && raw.get().starts_with('"'))
}

/// An object of members as they stand.
fn object(fields: &Fields<'_>) -> String {
    let mut out = Vec::new();
    for (name, raw) in fields {
        out.push(if out.is_empty() { b'{' } else { b',' });
        json::push_string(&mut out, name);
        out.push(b':');
        out.extend_from_slice(raw.get().as_bytes());
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

fn of_image<'a>(media: Media<'a>, place: &str, surface: &mut Surface) -> Result<Block<'a>> {
    if is_address(&media.url) {
        let document = media.format.as_deref() == Some("application/pdf");
        return Ok(of_address(if document { "document" } else { "image" }, &media.url, place, surface));
    }
    of_data(media.url, media.format, place, |media_type| if is_document(media_type) { "document" } else { "image" })
}

fn of_file<'a>(file: File<'a>, place: &str, surface: &mut Surface) -> Result<Block<'a>> {
    if let Some(data) = file.data {
        if is_address(&data) {
            return Ok(of_address("document", &data, place, surface));
        }
        return of_data(data, file.format, place, |media_type| if is_image(media_type) { "image" } else { "document" });
    }
    let Some(id) = file.id else {
        return Err(Error::bad_request(format!("`{place}.file` has neither `file_data` nor `file_id`; give one of them")));
    };
    let id_json = serde_json::Value::from(id.as_ref());
    Ok(match file.format.as_deref() {
        None if is_address(&id) => of_address("document", &id, place, surface),
        Some(format) if is_document(format) => {
            Block::made(format!(r#"{{"type":"document","source":{{"type":"file","file_id":{id_json}}}}}"#))
        }
        Some(format) if is_image(format) => {
            Block::made(format!(r#"{{"type":"image","source":{{"type":"file","file_id":{id_json}}}}}"#))
        }
        _ => Block::made(format!(r#"{{"type":"container_upload","file_id":{id_json}}}"#)),
    })
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Media types that a document may have.
fn is_document(media_type: &str) -> bool {
    matches!(media_type, "application/pdf" | "text/plain")
}

fn is_image(media_type: &str) -> bool {
    media_type.starts_with("image/")
}

/// What stands at an address: the host fetches it, or it is read before the request is sent.
fn of_address<'a>(kind: &str, url: &str, place: &str, surface: &mut Surface) -> Block<'a> {
    let source = if surface.fetches && url.starts_with("https://") {
        format!(r#"{{"type":"url","url":{}}}"#, serde_json::Value::from(url))
    } else {
        surface.remotes.add(place, url, |file| {
            serde_json::json!({"type": "base64", "media_type": file.media_type, "data": file.base64}).to_string()
        })
    };
    Block::made(format!(r#"{{"type":"{kind}","source":{source}}}"#))
}

/// The block of a data URI, or of plain base64 whose media type is told beside it.
fn of_data<'a>(
    uri: Cow<'a, str>,
    format: Option<Cow<'a, str>>,
    place: &str,
    kind: fn(&str) -> &'static str,
) -> Result<Block<'a>> {
    let (media_type, at) = match (DataUri::parse(&uri), format) {
        (Some(data), format) => {
            let at = uri.len() - data.base64.len();
            (format.unwrap_or_else(|| Cow::Owned(data.media_type.to_owned())), at)
        }
        (None, Some(format)) if !uri.starts_with("data:") => (format, 0),
        _ => {
            return Err(Error::bad_request(format!(
                "`{place}` must be an address (https://…) or a data URI in base64, as in data:image/png;base64,iVBORw0…"
            )))
        }
    };
    if media_type == "text/plain" {
        return plain_text(&uri[at..], place);
    }
    let kind = kind(&media_type);
    Ok(Block { what: What::Base64 { kind, media_type, uri, at }, own: Own::new() })
}

/// A document of plain text travels as text, not in base64.
fn plain_text<'a>(base64: &str, place: &str) -> Result<Block<'a>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64.trim()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        Error::bad_request(format!("`{place}` is said to be text/plain, but its data is not UTF-8 text in base64"))
    })?;
    let data = serde_json::Value::from(text);
    Ok(Block::made(format!(r#"{{"type":"document","source":{{"type":"text","media_type":"text/plain","data":{data}}}}}"#)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::Request;
    use crate::wire::chat::messages::{self, Content};
    use serde_json::{json, Value};

    fn part_with(part: &Value, fetches: bool) -> Result<Option<Value>> {
        let text = json!({"messages": [{"role": "user", "content": [part]}]}).to_string();
        let request = Request::parse(text.as_bytes()).unwrap();
        let list = messages::read(&request)?;
        let Content::Parts(mut parts) = list[0].content()? else { panic!() };
        let mut surface = Surface { name: "anthropic", fetches, remotes: Remotes::default() };
        let block = of_part(parts.remove(0), "messages[0].content[0]", &mut surface)?;
        Ok(block.map(|block| {
            let mut out = Vec::new();
            block.write(&mut out);
            serde_json::from_slice(&out).unwrap()
        }))
    }

    fn part(part: Value) -> Value {
        part_with(&part, true).unwrap().unwrap()
    }

    #[test]
    fn a11_images_and_documents_by_address_and_by_data() {
        let image = |url: &str| part(json!({"type": "image_url", "image_url": {"url": url}}));
        assert_eq!(image("https://h/i.png"), json!({"type": "image", "source": {"type": "url", "url": "https://h/i.png"}}));
        assert_eq!(
            image("data:image/png;base64,QUJD"),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}})
        );
        assert_eq!(
            image("data:application/pdf;base64,QUJD"),
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}})
        );
        let marked =
            json!({"type": "image_url", "image_url": "data:image/png;base64,QQ==", "cache_control": {"type": "ephemeral"}});
        assert_eq!(part(marked)["cache_control"]["type"], "ephemeral");
        let format = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "format": "image/webp"}});
        assert_eq!(part(format)["source"]["media_type"], "image/webp");
    }

    #[test]
    fn files_by_data_by_id_and_by_address() {
        let file = |file: Value| part(json!({"type": "file", "file": file}));
        assert_eq!(file(json!({"file_data": "data:application/pdf;base64,QQ=="}))["type"], "document");
        assert_eq!(file(json!({"file_data": "data:image/png;base64,QQ=="}))["type"], "image");
        assert_eq!(
            file(json!({"file_data": "data:text/plain;base64,w6k="}))["source"],
            json!({"type": "text", "media_type": "text/plain", "data": "é"})
        );
        assert_eq!(file(json!({"file_data": "QQ==", "format": "application/pdf"}))["source"]["data"], "QQ==");
        assert_eq!(file(json!({"file_id": "https://h/a.pdf"}))["source"], json!({"type": "url", "url": "https://h/a.pdf"}));
        assert_eq!(
            file(json!({"file_id": "f1", "format": "application/pdf"}))["source"],
            json!({"type": "file", "file_id": "f1"})
        );
        assert_eq!(file(json!({"file_id": "f1", "format": "image/png"}))["type"], "image");
        assert_eq!(file(json!({"file_id": "f1"})), json!({"type": "container_upload", "file_id": "f1"}));
    }

    #[test]
    fn blocks_of_anthropics_own_go_as_they_are() {
        let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": "T", "citations": {"enabled": true}});
        assert_eq!(part(document.clone()), document);
        assert_eq!(part(json!({"type": "redacted_thinking", "data": "x"})), json!({"type": "redacted_thinking", "data": "x"}));
        assert_eq!(part_with(&json!({"type": "thinking", "thinking": "t"}), true).unwrap(), None);
    }

    #[test]
    fn a10_blank_text_is_left_out() {
        assert_eq!(part_with(&json!({"type": "text", "text": " \n"}), true).unwrap(), None);
        assert_eq!(part(json!({"type": "refusal", "refusal": "no"})), json!({"type": "text", "text": "no"}));
    }

    #[test]
    fn what_cannot_be_carried_is_named_by_its_place() {
        let refused = |part: Value| part_with(&part, true).unwrap_err().message.clone();
        for (part, word) in [
            (json!({"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}), "audio"),
            (json!({"type": "image_url", "image_url": "iVBORw0"}), "data URI"),
            (json!({"type": "file", "file": {"filename": "x"}}), "file_id"),
            (json!({"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}}), "UTF-8"),
        ] {
            let message = refused(part);
            assert!(message.contains("messages[0].content[0]") && message.contains(word), "{message}");
        }
    }

    #[test]
    fn addresses_that_the_host_does_not_fetch_are_read_before() {
        for (url, fetches, kind) in [("https://h/i", false, "image_url"), ("http://h/i", true, "image_url")] {
            let text =
                json!({"messages": [{"role": "user", "content": [{"type": kind, "image_url": {"url": url}}]}]}).to_string();
            let request = Request::parse(text.as_bytes()).unwrap();
            let list = messages::read(&request).unwrap();
            let Content::Parts(mut parts) = list[0].content().unwrap() else { panic!() };
            let mut surface = Surface { name: "vertex_ai", fetches, remotes: Remotes::default() };
            let block = of_part(parts.remove(0), "messages[0].content[0]", &mut surface).unwrap().unwrap();
            let mut out = Vec::new();
            block.write(&mut out);
            assert_eq!((surface.remotes.0.len(), surface.remotes.0[0].url.as_str()), (1, url));
            let file = crate::wire::remote::File { media_type: "image/png".into(), base64: "QQ==".into() };
            let block: Value = serde_json::from_slice(&surface.remotes.fill(&out, vec![file]).unwrap()).unwrap();
            assert_eq!(block["source"], json!({"type": "base64", "media_type": "image/png", "data": "QQ=="}));
        }
    }
}
