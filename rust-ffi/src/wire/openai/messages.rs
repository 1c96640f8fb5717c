//! The messages of a chat request: checked, and rewritten only where a provider needs it.
//!
//! The usual list passes as the caller wrote it. What is rewritten is what litellm rewrites: members that are null are left out, `developer`
//! becomes `system` where a provider does not know it, short forms of images and files are completed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::Value;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Fields};
use crate::wire::body::{Body, Json};

/// How a provider wants its messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Treatment {
    /// `developer` is known; else it becomes `system`.
    pub developer: bool,
    pub marks: Marks,
    pub text: Text,
    /// Members of assistant messages that the provider refuses.
    pub without: &'static [&'static str],
    /// The one role whose messages may have a `name`.
    pub names_on: Option<&'static str>,
    /// An assistant message without content and calls is refused: it is left out.
    pub no_empty_assistant: bool,
}

/// What becomes of `cache_control` marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    #[default]
    TakenOut,
    AsWritten,
    /// A mark on a message moves to the last part of its content, where alone it is understood.
    OnParts,
}

/// Where lists of text parts are joined into one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Text {
    #[default]
    AsWritten,
    Everywhere,
    InToolMessages,
}

/// Checks the messages and gives back their JSON. All errors are BadRequest and name the message by its place.
pub fn write<'r>(raw: &'r RawValue, treatment: &Treatment) -> Result<Json<'r>> {
    let list: Vec<&'r RawValue> = json::read(raw)
        .ok_or_else(|| wrong_type("messages", "a list of messages, as in [{\"role\": \"user\", \"content\": \"Hello\"}]", raw))?;
    if list.is_empty() {
        return Err(Error::bad_request(
            "`messages` is empty; give at least one, as in [{\"role\": \"user\", \"content\": \"Hello\"}]",
        ));
    }
    // One search over all of the text, for keys that few requests hold.
    let marked =
        treatment.marks != Marks::AsWritten && memchr::memmem::find(raw.get().as_bytes(), b"\"cache_control\"").is_some();
    let mut out: Option<String> = None;
    for (at, message) in list.iter().enumerate() {
        let look = Look::of(message, at)?;
        let rewritten = if look.passes(treatment, marked) { None } else { rewrite(message, &look, treatment, marked, at)? };
        let dropped = treatment.no_empty_assistant && look.is_empty_assistant();
        if (dropped || rewritten.is_some()) && out.is_none() {
            out = Some(list[..at].iter().fold(String::with_capacity(raw.get().len()), |mut out, earlier| {
                push(&mut out, earlier.get());
                out
            }));
        }
        if let (Some(out), false) = (&mut out, dropped) {
            push(out, rewritten.as_deref().unwrap_or(message.get()));
        }
    }
    Ok(match out {
        None => Json::Raw(raw),
        Some(out) => Json::Own(format!("[{out}]")),
    })
}

fn push(out: &mut String, item: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(item);
}

/// Could a part of this list be a short form? Told by a search for its words, many times faster than reading: images have megabytes.
fn may_have_short_forms(content: &RawValue) -> bool {
    let text = content.get().as_bytes();
    let holds = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    let image_by_address_alone = || {
        memchr::memmem::find_iter(text, b"\"image_url\"").any(|at| {
            let rest = text[at + "\"image_url\"".len()..].trim_ascii_start();
            rest.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"\""))
        })
    };
    holds("\"format\"") || holds("\"file\"") || image_by_address_alone()
}

/// What has to be known of a message before it is sent.
#[derive(Default)]
struct Look<'r> {
    role: Cow<'r, str>,
    content: Option<&'r RawValue>,
    has_null: bool,
    has_name: bool,
    has_calls: bool,
    /// A member that only some providers refuse.
    rare: bool,
}

const RARE: &[&str] = &["reasoning_content", "thinking_blocks", "provider_specific_fields"];

struct Key<'r>(Cow<'r, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        Text::deserialize(deserializer).map(|text| Key(text.0))
    }
}

impl<'r> Look<'r> {
    fn of(message: &'r RawValue, at: usize) -> Result<Self> {
        let look = json::read::<Look<'r>>(message)
            .ok_or_else(|| wrong_type(&format!("messages[{at}]"), "an object with role and content", message))?;
        if look.role.is_empty() {
            return Err(Error::bad_request(format!(
                "messages[{at}] has no role; write \"role\": \"user\", \"assistant\", \"system\" or \"tool\""
            )));
        }
        Ok(look)
    }

    /// Nothing of it has to change?
    fn passes(&self, treatment: &Treatment, marked: bool) -> bool {
        let list = self.content.is_some_and(|content| content.get().starts_with('['));
        !(self.has_null
            || marked
            || (list && treatment.text != Text::AsWritten)
            || (list && self.role == "user" && self.content.is_some_and(may_have_short_forms))
            || (self.role == "developer" && !treatment.developer)
            || (self.rare && !treatment.without.is_empty())
            || (self.has_name && treatment.names_on.is_some_and(|role| self.role != role)))
    }

    fn is_empty_assistant(&self) -> bool {
        self.role == "assistant"
            && !self.has_calls
            && self.content.is_none_or(|content| matches!(content.get(), "\"\"" | "null" | "[]"))
    }
}

impl<'de> Deserialize<'de> for Look<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Look<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Look<'de>, A::Error> {
                let mut look = Look::default();
                while let Some(Key(key)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    let null = json::is_null(value);
                    look.has_null |= null;
                    match key.as_ref() {
                        "role" => {
                            look.role = serde_json::from_str::<Key<'de>>(value.get()).map(|text| text.0).unwrap_or_default()
                        }
                        "content" => look.content = Some(value),
                        "name" => look.has_name = !null,
                        "tool_calls" | "function_call" => look.has_calls |= !null && value.get() != "[]",
                        name => look.rare |= RARE.contains(&name),
                    }
                }
                Ok(look)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// None when the message can stay after all.
fn rewrite(message: &RawValue, look: &Look<'_>, treatment: &Treatment, marked: bool, at: usize) -> Result<Option<String>> {
    let Some(fields) = json::read::<Fields<'_>>(message) else { return Ok(None) };
    if marked && treatment.marks == Marks::OnParts {
        // The whole message is read here: so marks have to be taken out nowhere else.
        let moved = moved_mark(&fields);
        let plain = Treatment { marks: Marks::AsWritten, ..*treatment };
        return match moved.map(RawValue::from_string) {
            Some(Ok(moved)) => {
                Ok(Some(rewrite(&moved, &Look::of(&moved, at)?, &plain, false, at)?.unwrap_or_else(|| moved.get().to_owned())))
            }
            _ if look.passes(&plain, false) => Ok(None),
            _ => rewrite(message, look, &plain, false, at),
        };
    }
    let assistant = look.role == "assistant";
    let mut changed = false;
    let mut out = Body::default();
    for (name, raw) in &fields {
        let refused = json::is_null(raw)
            || (name == "cache_control" && marked)
            || (name == "name" && treatment.names_on.is_some_and(|role| look.role != role))
            || (assistant && treatment.without.contains(&name.as_str()));
        if refused {
            changed = true;
            continue;
        }
        let value = match name.as_str() {
            "role" if look.role == "developer" && !treatment.developer => Some(Json::Own("\"system\"".to_owned())),
            "content" if raw.get().starts_with('[') => content(raw, look, treatment, marked, at)?.map(Json::Own),
            _ if marked && raw.get().contains("\"cache_control\"") => unmarked(raw).map(Json::Own),
            _ => None,
        };
        changed |= value.is_some();
        out.set(name.as_str(), value.unwrap_or(Json::Raw(raw)));
    }
    // The bytes came from str and serde_json's own writer.
    Ok(changed.then(|| String::from_utf8(out.write()).unwrap_or_default()))
}

/// The message with its mark on the last part of its content; None when it has none.
fn moved_mark(fields: &Fields<'_>) -> Option<String> {
    let mark = fields.get("cache_control").filter(|mark| !json::is_null(mark))?;
    let mut out = Body::default();
    for (name, raw) in fields {
        match name.as_str() {
            "cache_control" => {}
            "content" if raw.get().starts_with('"') => {
                out.set(
                    "content",
                    Json::Own(format!("[{{\"type\":\"text\",\"text\":{},\"cache_control\":{}}}]", raw.get(), mark.get())),
                );
            }
            "content" if raw.get().starts_with('[') => {
                let parts: Vec<&RawValue> = json::read(raw)?;
                let Some((last, earlier)) = parts.split_last() else {
                    out.set("content", Json::Raw(raw));
                    continue;
                };
                let mut part = Body::default();
                for (name, raw) in &json::read::<Fields<'_>>(last)? {
                    part.set(name.clone(), Json::Own(raw.get().to_owned()));
                }
                part.set("cache_control", Json::Raw(mark));
                let mut list = earlier.iter().fold(String::new(), |mut list, part| {
                    push(&mut list, part.get());
                    list
                });
                push(&mut list, &String::from_utf8(part.write()).ok()?);
                out.set("content", Json::Own(format!("[{list}]")));
            }
            _ => out.set(name.as_str(), Json::Raw(raw)),
        }
    }
    String::from_utf8(out.write()).ok()
}

/// A list of content parts; None when it can stay.
fn content(raw: &RawValue, look: &Look<'_>, treatment: &Treatment, marked: bool, at: usize) -> Result<Option<String>> {
    let Some(parts) = json::read::<Vec<&RawValue>>(raw) else { return Ok(None) };
    let join = match treatment.text {
        Text::AsWritten => false,
        Text::Everywhere => true,
        Text::InToolMessages => look.role == "tool",
    };
    if join {
        // A list with anything but text stays as it is: an image must not vanish, and the provider says what it takes.
        let texts: Option<Vec<Cow<'_, str>>> = parts.iter().map(|part| text_of(part)).collect();
        if let Some(texts) = texts {
            return Ok(Some(Value::from(texts.concat()).to_string()));
        }
    }
    let mut out = String::new();
    let mut changed = false;
    for part in parts {
        let mut new = if look.role == "user" { complete(part, at)? } else { None };
        if marked {
            new = match new {
                Some(text) => serde_json::value::RawValue::from_string(text)
                    .ok()
                    .map(|raw| unmarked(&raw).unwrap_or_else(|| raw.get().to_owned())),
                None => unmarked(part),
            };
        }
        changed |= new.is_some();
        push(&mut out, new.as_deref().unwrap_or(part.get()));
    }
    Ok(changed.then(|| format!("[{out}]")))
}

#[derive(Deserialize)]
struct Part<'p> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<Cow<'p, str>>,
    #[serde(borrow, default)]
    text: Option<&'p RawValue>,
    #[serde(borrow, default)]
    image_url: Option<&'p RawValue>,
    #[serde(borrow, default)]
    file: Option<&'p RawValue>,
}

/// The text of a text part.
fn text_of(part: &RawValue) -> Option<Cow<'_, str>> {
    let part: Part<'_> = json::read(part)?;
    match part.kind.as_deref() {
        Some("text") | None => serde_json::from_str::<Key<'_>>(part.text?.get()).ok().map(|text| text.0),
        _ => None,
    }
}

/// Completes short forms of a user's part: an image by its address alone, a file without a name. litellm's own `format` is taken out.
fn complete(part: &RawValue, at: usize) -> Result<Option<String>> {
    let Some(look) = json::read::<Part<'_>>(part) else { return Ok(None) };
    let (name, value) = match (look.kind.as_deref(), look.image_url, look.file) {
        (Some("image_url"), Some(image), _) => match image.get().as_bytes().first() {
            Some(b'"') => ("image_url", format!("{{\"url\":{}}}", image.get())),
            Some(b'{') => match without_format(image, None) {
                Some(image) => ("image_url", image),
                None => return Ok(None),
            },
            _ => return Ok(None),
        },
        (Some("file"), _, None) => {
            return Err(Error::bad_request(format!("messages[{at}] has a part of type \"file\" without \"file\"")));
        }
        (Some("file"), _, Some(file)) => match without_format(file, Some(("filename", "\"my_file.pdf\""))) {
            Some(file) => ("file", file),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(fields) = json::read::<Fields<'_>>(part) else { return Ok(None) };
    let mut out = Body::default();
    for (member, raw) in &fields {
        out.set(member.as_str(), Json::Raw(raw));
    }
    out.set(name, Json::Own(value));
    Ok(String::from_utf8(out.write()).ok())
}

/// An object without `format`, and with a default for a member if it holds `file_data`; None when nothing changes.
fn without_format(raw: &RawValue, default: Option<(&'static str, &'static str)>) -> Option<String> {
    let fields: Fields<'_> = json::read(raw)?;
    let default = default.filter(|(name, _)| !fields.contains_key(*name) && fields.contains_key("file_data"));
    if !fields.contains_key("format") && default.is_none() {
        return None;
    }
    let mut out = Body::default();
    for (name, raw) in &fields {
        if name != "format" {
            out.set(name.as_str(), Json::Raw(raw));
        }
    }
    if let Some((name, value)) = default {
        out.set(name, Json::Own(value.to_owned()));
    }
    String::from_utf8(out.write()).ok()
}

/// The value without any `cache_control` in it; None when there is none.
pub fn unmarked(raw: &RawValue) -> Option<String> {
    fn clean(value: &mut Value) -> bool {
        match value {
            Value::Object(object) => {
                let gone = object.shift_remove("cache_control").is_some();
                object.values_mut().fold(gone, |any, inner| clean(inner) | any)
            }
            Value::Array(list) => list.iter_mut().fold(false, |any, inner| clean(inner) | any),
            _ => false,
        }
    }
    if !raw.get().contains("\"cache_control\"") {
        return None;
    }
    let mut value: Value = json::read(raw)?;
    clean(&mut value).then(|| value.to_string())
}

#[cfg(test)]
mod tests;
