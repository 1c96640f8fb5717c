//! The messages of a chat request as a dialect reads them: borrowed from the caller's text, so that an image of 20 MB is copied only into
//! the provider's body.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::Value;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `system` and `developer`.
    System,
    User,
    Assistant,
    /// `tool` and the older `function`.
    Tool,
}

/// One message.
#[derive(Debug)]
pub struct Message<'a> {
    pub role: Role,
    /// Its place in the list, for errors.
    pub at: usize,
    /// All members but those that are null.
    pub fields: Fields<'a>,
}

/// What a message says.
#[derive(Debug)]
pub enum Content<'a> {
    None,
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

/// A part of a message's content.
#[derive(Debug)]
pub struct Part<'a> {
    pub kind: Kind<'a>,
    /// All of its members: `cache_control` and others that only some providers know.
    pub fields: Fields<'a>,
}

#[derive(Debug)]
pub enum Kind<'a> {
    Text(Cow<'a, str>),
    Image(Media<'a>),
    Video(Media<'a>),
    Audio {
        data: Cow<'a, str>,
        format: Cow<'a, str>,
    },
    File(File<'a>),
    /// `thinking`, `redacted_thinking`, `tool_result`, `document`, …: by its `type`.
    Other(Cow<'a, str>),
}

/// An image or a video: an address, a data URI, or a cloud's name for it (`gs://…`).
#[derive(Debug, Default)]
pub struct Media<'a> {
    pub url: Cow<'a, str>,
    pub detail: Option<Cow<'a, str>>,
    /// litellm's `format`: the media type that the caller names.
    pub format: Option<Cow<'a, str>>,
}

#[derive(Debug, Default)]
pub struct File<'a> {
    /// A data URI, or base64.
    pub data: Option<Cow<'a, str>>,
    /// An id or an address at the provider.
    pub id: Option<Cow<'a, str>>,
    pub filename: Option<Cow<'a, str>>,
    pub format: Option<Cow<'a, str>>,
    pub detail: Option<Cow<'a, str>>,
}

/// A call of an assistant's message.
#[derive(Debug)]
pub struct ToolCall<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// JSON as text, as the model wrote it: perhaps not JSON at all.
    pub arguments: Cow<'a, str>,
    /// Other members of the call: `provider_specific_fields`, `cache_control`, …
    pub fields: Fields<'a>,
}

/// Reads `messages`. All errors are BadRequest and name the message by its place.
pub fn read<'a>(request: &Request<'a>) -> Result<Vec<Message<'a>>> {
    let raw = request.raw("messages").ok_or_else(|| {
        Error::bad_request("`messages` is missing; give at least one, as in [{\"role\": \"user\", \"content\": \"Hello\"}]")
    })?;
    let list: Vec<&'a RawValue> = json::read(raw)
        .ok_or_else(|| wrong_type("messages", "a list of messages, as in [{\"role\": \"user\", \"content\": \"Hello\"}]", raw))?;
    if list.is_empty() {
        return Err(Error::bad_request(
            "`messages` is empty; give at least one, as in [{\"role\": \"user\", \"content\": \"Hello\"}]",
        ));
    }
    list.into_iter().enumerate().map(|(at, raw)| message(at, raw)).collect()
}

fn message<'a>(at: usize, raw: &'a RawValue) -> Result<Message<'a>> {
    let name = || format!("messages[{at}]");
    let mut fields: Fields<'a> = json::read(raw).ok_or_else(|| wrong_type(&name(), "an object", raw))?;
    fields.retain(|_, raw| !json::is_null(raw));
    let role = match fields.get("role") {
        None => return Err(Error::bad_request(format!("`{}` has no role; give it one, such as \"user\"", name()))),
        Some(raw) => string(&format!("{}.role", name()), raw)?,
    };
    let role = match role.as_ref() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        other => {
            return Err(Error::bad_request(format!(
                "`{}.role` is {other:?}; it must be system, developer, user, assistant, tool or function",
                name()
            )))
        }
    };
    Ok(Message { role, at, fields })
}

impl<'a> Message<'a> {
    /// A string member.
    pub fn str(&self, name: &str) -> Result<Option<Cow<'a, str>>> {
        self.fields.get(name).map(|raw| string(&format!("messages[{}].{name}", self.at), raw)).transpose()
    }

    /// A member as JSON.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.fields.get(name).and_then(|raw| json::read(raw))
    }

    /// What the message says. An assistant that only refused has said its refusal.
    pub fn content(&self) -> Result<Content<'a>> {
        let Some(raw) = self.fields.get("content") else {
            let refusal = if self.role == Role::Assistant { self.str("refusal")? } else { None };
            return Ok(refusal.map_or(Content::None, Content::Text));
        };
        let name = || format!("messages[{}].content", self.at);
        match raw.get().as_bytes().first() {
            Some(b'"') => Ok(Content::Text(string(&name(), raw)?)),
            Some(b'[') => {
                let parts: Vec<&'a RawValue> =
                    json::read(raw).ok_or_else(|| wrong_type(&name(), "a string or a list of parts", raw))?;
                let parts = parts.into_iter().enumerate().map(|(number, raw)| part(&format!("{}[{number}]", name()), raw));
                Ok(Content::Parts(parts.collect::<Result<_>>()?))
            }
            _ => Err(wrong_type(&name(), "a string or a list of parts", raw)),
        }
    }

    /// All of the content's text, joined.
    pub fn text(&self) -> Result<String> {
        Ok(match self.content()? {
            Content::None => String::new(),
            Content::Text(text) => text.into_owned(),
            Content::Parts(parts) => parts
                .iter()
                .filter_map(|part| if let Kind::Text(text) = &part.kind { Some(text.as_ref()) } else { None })
                .collect(),
        })
    }

    /// The calls of an assistant's message, the older `function_call` among them (its id is empty).
    pub fn tool_calls(&self) -> Result<Vec<ToolCall<'a>>> {
        let mut out = Vec::new();
        if let Some(raw) = self.fields.get("tool_calls") {
            let name = format!("messages[{}].tool_calls", self.at);
            let calls: Vec<&'a RawValue> = json::read(raw).ok_or_else(|| wrong_type(&name, "a list of calls", raw))?;
            for (number, raw) in calls.into_iter().enumerate() {
                let name = format!("{name}[{number}]");
                let mut fields: Fields<'a> = json::read(raw).ok_or_else(|| wrong_type(&name, "an object", raw))?;
                fields.retain(|_, raw| !json::is_null(raw));
                let function = fields.shift_remove("function").ok_or_else(|| {
                    Error::bad_request(format!("`{name}` has no `function` with the name and arguments of the call"))
                })?;
                let id = fields.shift_remove("id").map(|raw| string(&format!("{name}.id"), raw)).transpose()?.unwrap_or_default();
                out.push(call(&name, function, id, fields)?);
            }
        }
        if let Some(raw) = self.fields.get("function_call").filter(|_| self.role == Role::Assistant) {
            out.push(call(&format!("messages[{}].function_call", self.at), raw, Cow::Borrowed(""), Fields::new())?);
        }
        Ok(out)
    }
}

impl<'a> ToolCall<'a> {
    /// The arguments as JSON objects, for protocols that take nothing else: mostly one. None at all are an object without members. Anything
    /// else, such as a text that was cut off, is an error that names the message: nobody may be shown what nobody wrote.
    pub fn objects(&self, at: usize) -> Result<Vec<&RawValue>> {
        let mut out = Vec::new();
        for value in serde_json::Deserializer::from_str(&self.arguments).into_iter::<&RawValue>() {
            match value {
                Ok(raw) if raw.get().starts_with('{') => out.push(raw),
                _ => return Err(self.not_one_object(at)),
            }
        }
        Ok(out)
    }

    /// The error of arguments that are not what [`ToolCall::objects`] takes.
    pub fn not_one_object(&self, at: usize) -> Error {
        Error::bad_request(format!(
            "the arguments of the call {:?} in messages[{at}] are not a JSON object (perhaps they were cut off at max_tokens); mend them, or \
             leave the call and its result out",
            self.id
        ))
    }
}

fn call<'a>(name: &str, function: &'a RawValue, id: Cow<'a, str>, mut fields: Fields<'a>) -> Result<ToolCall<'a>> {
    let parts: Fields<'a> = json::read(function).ok_or_else(|| wrong_type(&format!("{name}.function"), "an object", function))?;
    // litellm's objects carry them on the function, too.
    if let Some(own) = parts.get("provider_specific_fields").filter(|raw| !json::is_null(raw)) {
        fields.entry("provider_specific_fields".to_owned()).or_insert(own);
    }
    let text = |member: &str| -> Result<Cow<'a, str>> {
        match parts.get(member) {
            Some(raw) if !json::is_null(raw) => match raw.get().as_bytes().first() {
                // Programs that keep arguments as an object mean its text.
                Some(b'{') if member == "arguments" => Ok(Cow::Borrowed(raw.get())),
                _ => string(&format!("{name}.function.{member}"), raw),
            },
            _ => Ok(Cow::Borrowed("")),
        }
    };
    Ok(ToolCall { id, name: text("name")?, arguments: text("arguments")?, fields })
}

fn part<'a>(name: &str, raw: &'a RawValue) -> Result<Part<'a>> {
    if raw.get().starts_with('"') {
        return Ok(Part { kind: Kind::Text(string(name, raw)?), fields: Fields::new() });
    }
    let mut fields: Fields<'a> = json::read(raw).ok_or_else(|| wrong_type(name, "an object with a `type`", raw))?;
    fields.retain(|_, raw| !json::is_null(raw));
    let text = |fields: &Fields<'a>, member: &str| -> Result<Option<Cow<'a, str>>> {
        fields.get(member).map(|raw| string(&format!("{name}.{member}"), raw)).transpose()
    };
    let object = |member: &str| -> Result<Fields<'a>> {
        let raw = fields.get(member).ok_or_else(|| Error::bad_request(format!("`{name}` has no `{member}`")))?;
        json::read(raw).ok_or_else(|| wrong_type(&format!("{name}.{member}"), "an object", raw))
    };
    // litellm's name of it, and two that programs use as well.
    let media_type = |object: &Fields<'a>| -> Result<Option<Cow<'a, str>>> {
        for member in ["format", "mime_type", "content_type"] {
            if let Some(found) = text(object, member)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    };
    let kind = text(&fields, "type")?.ok_or_else(|| Error::bad_request(format!("`{name}` has no `type`, such as \"text\"")))?;
    let media = |member: &str| -> Result<Media<'a>> {
        // The short form: an address instead of an object.
        if let Some(raw) = fields.get(member).filter(|raw| raw.get().starts_with('"')) {
            return Ok(Media { url: string(&format!("{name}.{member}"), raw)?, ..Media::default() });
        }
        let object = object(member)?;
        let url = text(&object, "url")?.ok_or_else(|| Error::bad_request(format!("`{name}.{member}` has no `url`")))?;
        Ok(Media { url, detail: text(&object, "detail")?, format: media_type(&object)? })
    };
    let kind = match kind.as_ref() {
        "text" | "input_text" => Kind::Text(text(&fields, "text")?.unwrap_or_default()),
        "image_url" => Kind::Image(media("image_url")?),
        "video_url" => Kind::Video(media("video_url")?),
        "input_audio" => {
            let object = object("input_audio")?;
            let data = text(&object, "data")?
                .ok_or_else(|| Error::bad_request(format!("`{name}.input_audio` has no `data`: the audio in base64")))?;
            Kind::Audio { data, format: text(&object, "format")?.unwrap_or(Cow::Borrowed("wav")) }
        }
        "file" => {
            let object = object("file")?;
            Kind::File(File {
                data: text(&object, "file_data")?,
                id: text(&object, "file_id")?,
                filename: text(&object, "filename")?,
                format: media_type(&object)?,
                detail: text(&object, "detail")?,
            })
        }
        _ => Kind::Other(kind),
    };
    Ok(Part { kind, fields })
}

impl Kind<'_> {
    /// The part's `type`.
    pub fn name(&self) -> &str {
        match self {
            Kind::Text(_) => "text",
            Kind::Image(_) => "image_url",
            Kind::Video(_) => "video_url",
            Kind::Audio { .. } => "input_audio",
            Kind::File(_) => "file",
            Kind::Other(name) => name,
        }
    }
}

impl Part<'_> {
    /// A member as JSON, such as `cache_control`.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.fields.get(name).and_then(|raw| json::read(raw))
    }
}

/// The two parts of a data URI (RFC 2397) in base64.
#[derive(Debug, PartialEq)]
pub struct DataUri<'u> {
    /// Without parameters.
    pub media_type: &'u str,
    pub base64: &'u str,
}

impl<'u> DataUri<'u> {
    /// None when it is not a data URI in base64.
    pub fn parse(uri: &'u str) -> Option<Self> {
        let rest = uri.strip_prefix("data:")?;
        let (head, base64) = rest.split_once(',')?;
        let head = head.strip_suffix(";base64")?;
        Some(DataUri { media_type: head.split(';').next().unwrap_or_default(), base64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(messages: &str) -> String {
        format!("{{\"messages\":{messages}}}")
    }

    fn refused(messages: &str) -> String {
        let text = request(messages);
        let request = Request::parse(text.as_bytes()).unwrap();
        let result = read(&request).and_then(|list| {
            list.iter().try_for_each(|message| {
                message.content()?;
                message.tool_calls().map(|_| ())
            })
        });
        result.unwrap_err().message.clone()
    }

    #[test]
    fn parts_and_calls_are_read_where_they_stand() {
        let text = request(
            r#"[{"role":"developer","content":"s"},
                {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},
                    {"type":"image_url","image_url":"http://h/i"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"low"}},
                    {"type":"file","file":{"file_data":"data:application/pdf;base64,BB"}},{"type":"new","x":1}]},
                {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
                {"role":"tool","tool_call_id":"1","content":"done"}]"#,
        );
        let request = Request::parse(text.as_bytes()).unwrap();
        let list = read(&request).unwrap();
        assert_eq!(list[0].role, Role::System);
        let Content::Parts(parts) = list[1].content().unwrap() else { panic!() };
        assert!(matches!(&parts[0].kind, Kind::Text(text) if text == "a"));
        assert_eq!(parts[0].value("cache_control").unwrap()["type"], "ephemeral");
        assert!(matches!(&parts[1].kind, Kind::Image(media) if media.url == "http://h/i"));
        let Kind::Image(media) = &parts[2].kind else { panic!() };
        assert_eq!(DataUri::parse(&media.url), Some(DataUri { media_type: "image/png", base64: "AA" }));
        assert!(matches!(&parts[4].kind, Kind::Other(kind) if kind == "new"));
        let calls = list[2].tool_calls().unwrap();
        assert_eq!((calls[0].id.as_ref(), calls[0].name.as_ref(), calls[0].arguments.as_ref()), ("1", "f", "{}"));
        assert_eq!((list[3].role, list[3].text().unwrap()), (Role::Tool, "done".to_owned()));
    }

    #[test]
    fn what_an_assistant_refused_with_is_what_it_said() {
        let text = request(r#"[{"role":"assistant","content":null,"refusal":"I cannot"},{"role":"user","refusal":"x"}]"#);
        let request = Request::parse(text.as_bytes()).unwrap();
        let list = read(&request).unwrap();
        assert_eq!((list[0].text().unwrap().as_str(), list[1].text().unwrap().as_str()), ("I cannot", ""));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        assert!(refused("[]").contains("empty"));
        assert!(refused(r#"[{"content":"x"}]"#).contains("messages[0]"));
        assert!(refused(r#"[{"role":"robot"}]"#).contains("\"robot\""));
        assert!(refused(r#"[{"role":"user","content":[{"text":"x"}]}]"#).contains("messages[0].content[0]"));
        assert!(refused(r#"[{"role":"user","content":5}]"#).contains("messages[0].content"));
        assert!(refused(r#"[{"role":"assistant","tool_calls":[{"id":"1"}]}]"#).contains("messages[0].tool_calls[0]"));
    }

    #[test]
    fn other_addresses_are_no_data_uris() {
        assert_eq!(DataUri::parse("https://h/x"), None);
        assert_eq!(DataUri::parse("data:text/plain,hello"), None);
        let with_parameter = DataUri::parse("data:text/plain;charset=utf-8;base64,QQ==").unwrap();
        assert_eq!((with_parameter.media_type, with_parameter.base64), ("text/plain", "QQ=="));
    }
}
