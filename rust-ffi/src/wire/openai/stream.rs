//! Chat completion streams of OpenAI's protocol.
//!
//! Most chunks of a stream differ from the one before in one string. The first of a kind is parsed; the position of that string makes a
//! [`Template`], and a chunk that has the template's bytes around another string is read by comparing bytes. Whatever fits no template is
//! parsed in full, so nothing is ever guessed.
//!
//! Sources: OpenAI's API reference ("Chat Completions: streaming"), and what compatible servers are known to send otherwise.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::wire::sse::Event;
use crate::wire::{StreamDecode, StreamEvent};

use super::finish_reason;
use super::template::{Hole, Template, Templates};
use crate::wire::events::{self, cut_off, Blame, Decoder, Events};

type Object<'a> = IndexMap<String, &'a RawValue>;

/// What the decoder has to know of its call.
pub struct Settings {
    /// The `model` that chunks show; None keeps the provider's.
    pub model: Option<String>,
    /// `stream_options.include_usage`: without it usage is not part of any chunk.
    pub include_usage: bool,
    /// Makes an error of the provider's error object.
    pub error: Blame<RawValue>,
    /// Makes an error of a body that is no event stream at all.
    pub foreign_body: Blame<[u8]>,
}

/// A reader for one stream.
pub fn decoder(settings: Settings) -> Box<dyn StreamDecode> {
    Box::new(Decoder::new(Stream::new(settings)))
}

/// What is known of one choice so far.
#[derive(Default)]
struct Choice {
    index: i32,
    finished: bool,
    has_role: bool,
    tools: Vec<Tool>,
    /// The place in `tools` of the call that the last piece was of.
    last_tool: Option<usize>,
}

/// A tool call as it is being streamed.
struct Tool {
    /// The provider's index, where it gives one.
    index: Option<i64>,
    id: String,
    slot: i32,
}

struct Stream {
    settings: Settings,
    choices: Vec<Choice>,
    templates: Templates,
    /// Everything of the last chunk but its choices (and what differs in each chunk): what "equals the last chunk" means.
    top: Option<Vec<u8>>,
    seen_event: bool,
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let data = event.data;
        if let Some(read) = self.templates.read(data) {
            out.push(read);
            return Ok(false);
        }
        let text = data.trim();
        if text.is_empty() {
            return Ok(false);
        }
        self.seen_event = true;
        if event.is_done() {
            return Ok(true);
        }
        self.chunk(event.event, text, out)?;
        Ok(false)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        if !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished) {
            return Ok(());
        }
        let what = if self.choices.is_empty() {
            "the stream ended before its first choice"
        } else {
            "the stream was cut: it ended without a finish reason and without its end mark"
        };
        Err(cut_off(what))
    }

    fn begun(&self) -> bool {
        self.seen_event
    }

    fn foreign(&self, body: &[u8]) -> Error {
        (self.settings.foreign_body)(body)
    }
}

impl Stream {
    fn new(settings: Settings) -> Self {
        Stream { settings, choices: Vec::new(), templates: Templates::default(), top: None, seen_event: false }
    }

    fn chunk(&mut self, name: &str, text: &str, out: &mut Vec<StreamEvent>) -> Result<()> {
        let invalid = |what: &str| events::invalid(what, text);
        if let Some(flaw) = json::flaw(text.as_bytes(), false) {
            return Err(invalid(&format!("a chunk of the stream is unreadable: {}", flaw.message())));
        }
        let mut top: Object<'_> = match serde_json::from_str(text) {
            Ok(top) => top,
            Err(_) => {
                return Err(match error_without_object(name, text) {
                    Some(raw) => (self.settings.error)(&raw),
                    None => invalid("a chunk of the stream is not a JSON object"),
                })
            }
        };
        if let Some(error) = error_object(name, &top) {
            return Err(match error {
                ErrorObject::Member(raw) => (self.settings.error)(raw),
                ErrorObject::Whole => match serde_json::from_str(text) {
                    Ok(raw) => (self.settings.error)(raw),
                    Err(_) => invalid("the stream reports an error"),
                },
            });
        }
        let choices = match top.shift_remove("choices") {
            Some(raw) if !json::is_null(raw) => {
                json::read::<Vec<&RawValue>>(raw).ok_or_else(|| invalid("`choices` of a chunk is not a list"))?
            }
            _ => Vec::new(),
        };
        let usage = top.shift_remove("usage").filter(|raw| !json::is_null(raw));
        let unwanted = usage.is_some() && !self.settings.include_usage;
        if choices.is_empty() && (unwanted || (usage.is_none() && top.is_empty())) {
            // Usage that the caller did not ask for, or an empty object, which is a keep-alive.
            return Ok(());
        }
        let usage = usage.filter(|_| !unwanted);
        let pad = top.shift_remove("obfuscation");
        let same_top = self.note_top(&top);
        let mut parsed = Vec::with_capacity(choices.len());
        for raw in choices {
            parsed.push(self.choice(raw).ok_or_else(|| invalid("a choice of a chunk is not what the protocol says"))??);
        }
        if let ([choice], None, true) = (parsed.as_slice(), usage, same_top) {
            if let Some(event) = self.simple(text, choice, pad) {
                out.push(event);
                return Ok(());
            }
        }
        out.push(self.whole(&top, &parsed, usage, pad));
        Ok(())
    }

    /// Remembers the top-level members; true when they equal the last chunk's.
    fn note_top(&mut self, top: &Object<'_>) -> bool {
        let mut text = Vec::with_capacity(self.top.as_ref().map_or(0, Vec::len));
        for (name, raw) in top {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend_from_slice(raw.get().as_bytes());
            text.push(b'\n');
        }
        if self.top.as_ref() == Some(&text) {
            return true;
        }
        self.top = Some(text);
        self.templates.clear();
        false
    }

    /// Reads a choice and brings what this project promises into it. None: it is not what the protocol says.
    fn choice<'a>(&mut self, raw: &'a RawValue) -> Option<Result<ParsedChoice<'a>>> {
        let mut fields: Object<'a> = json::read(raw)?;
        let index = match fields.shift_remove("index") {
            // A guess would merge the texts of two choices.
            Some(raw) if !json::is_null(raw) => i32::try_from(json::integer(raw)?).ok()?,
            _ => 0,
        };
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        let mut delta: Object<'a> = match fields.shift_remove("delta") {
            Some(raw) if !json::is_null(raw) => json::read(raw)?,
            _ => Object::new(),
        };
        // OpenRouter, vLLM and Groq say `reasoning`; litellm's name is `reasoning_content`.
        if !delta.contains_key("reasoning_content") {
            if let Some(position) = delta.get_index_of("reasoning").filter(|at| delta[*at].get().starts_with('"')) {
                let raw = delta[position];
                delta.shift_remove_index(position);
                delta.shift_insert(position, "reasoning_content".to_owned(), raw);
            }
        }
        let tools = match delta.get("tool_calls") {
            Some(raw) if !json::is_null(raw) => {
                let calls: Vec<Object<'a>> = json::read(raw)?;
                Some(self.slots(at, &calls)?)
            }
            _ => None,
        };
        let state = &mut self.choices[at];
        let mut native = None;
        let finish_reason = fields.shift_remove("finish_reason").filter(|raw| !json::is_null(raw)).and_then(json::read::<String>);
        let finish_reason = finish_reason.filter(|reason| !reason.is_empty()).map(|reason| {
            state.finished = true;
            if reason == "error" {
                return Err(Error::new(ErrorKind::Api, "the provider ended the stream with the finish reason \"error\""));
            }
            let (mut known, original) = finish_reason::known(&reason);
            native = original.map(str::to_owned);
            // Gemini's and other compatible servers say "stop" after tool calls.
            if known == "stop" && !state.tools.is_empty() {
                known = "tool_calls";
            }
            Ok(known)
        });
        let finish_reason = match finish_reason.transpose() {
            Ok(reason) => reason,
            Err(error) => return Some(Err(error)),
        };
        // After the first role of a choice its repetition says nothing.
        let role_again = state.has_role && delta.get("role").is_some_and(|raw| raw.get() == "\"assistant\"");
        state.has_role |= delta.get("role").is_some_and(|raw| !json::is_null(raw));
        if fields.get("logprobs").is_some_and(|raw| json::is_null(raw)) {
            fields.shift_remove("logprobs");
        }
        Some(Ok(ParsedChoice { index, fields, delta, tools, finish_reason, native, role_again }))
    }

    /// Numbers the tool calls of a delta: by the provider's index, by id where there is none, as the call of the piece before where there is
    /// neither, and as a new call where the same index comes with another id (Ollama's and Gemini's compatible servers). Returns each
    /// call's slot; None for an index that is no number.
    fn slots<'a>(&mut self, choice: usize, calls: &[Object<'a>]) -> Option<Vec<(Object<'a>, i32)>> {
        let Stream { choices, templates, .. } = self;
        let Choice { tools, last_tool, .. } = &mut choices[choice];
        let mut numbered = Vec::with_capacity(calls.len());
        for call in calls {
            let index = match call.get("index") {
                Some(raw) if !json::is_null(raw) => Some(json::integer(raw)?),
                _ => None,
            };
            let id = call.get("id").and_then(|raw| json::read::<String>(raw)).unwrap_or_default();
            let found = match index {
                Some(index) => {
                    tools.iter().rposition(|t| t.index == Some(index) && (id.is_empty() || t.id.is_empty() || t.id == id))
                }
                None if id.is_empty() => *last_tool,
                None => tools.iter().position(|tool| tool.id == id),
            };
            let at = found.unwrap_or_else(|| {
                let free = tools.iter().map(|tool| tool.slot + 1).max().unwrap_or(0);
                let wanted =
                    index.and_then(|index| i32::try_from(index).ok()).filter(|slot| tools.iter().all(|t| t.slot != *slot));
                tools.push(Tool { index, id: String::new(), slot: wanted.unwrap_or(free) });
                tools.len() - 1
            });
            if last_tool.replace(at) != Some(at) {
                // The templates of another call of this choice would send it the pieces that name no call.
                templates.clear();
            }
            if tools[at].id.is_empty() {
                tools[at].id = id;
            }
            numbered.push((call.clone(), tools[at].slot));
        }
        Some(numbered)
    }

    /// The event of a chunk that only adds a piece of one text, and the template for the next of its kind.
    fn simple(&mut self, text: &str, choice: &ParsedChoice<'_>, pad: Option<&RawValue>) -> Option<StreamEvent> {
        if choice.finish_reason.is_some() || choice.fields.values().any(|raw| !json::is_null(raw)) {
            return None;
        }
        let mut member = None;
        for (name, raw) in &choice.delta {
            if json::is_null(raw) || (name == "role" && choice.role_again) {
                continue;
            }
            if member.replace((name.as_str(), *raw)).is_some() {
                return None;
            }
        }
        let (hole, raw) = match member? {
            ("content", raw) => (Hole::Content { index: choice.index }, raw),
            ("reasoning_content", raw) => (Hole::Reasoning { index: choice.index }, raw),
            ("tool_calls", _) => {
                let [(call, slot)] = choice.tools.as_ref()?.as_slice() else { return None };
                let function: Object<'_> = json::read(call.get("function")?)?;
                let only = |object: &Object<'_>, known: &[&str]| {
                    object.iter().all(|(name, raw)| json::is_null(raw) || known.contains(&name.as_str()))
                };
                // `type` is the same in every piece, so it says nothing new after the first.
                if !only(call, &["index", "function", "type"]) || !only(&function, &["arguments"]) {
                    return None;
                }
                (Hole::Arguments { index: choice.index, slot: *slot }, *function.get("arguments")?)
            }
            _ => return None,
        };
        let template = Template::new(text, hole, raw, pad)?;
        let event = template.read(text)?;
        self.templates.add(template);
        Some(event)
    }

    /// A chunk as JSON of its own.
    fn whole(
        &self,
        top: &Object<'_>,
        choices: &[ParsedChoice<'_>],
        usage: Option<&RawValue>,
        pad: Option<&RawValue>,
    ) -> StreamEvent {
        let mut out = ObjectWriter::new();
        let mut had_model = false;
        for (name, raw) in top {
            match (name.as_str(), &self.settings.model) {
                ("model", Some(model)) => {
                    had_model = true;
                    out.text("model", model);
                }
                _ => out.raw(name, raw.get()),
            }
        }
        if let (Some(model), false) = (&self.settings.model, had_model) {
            out.text("model", model);
        }
        out.name("choices");
        out.bytes.push(b'[');
        for (at, choice) in choices.iter().enumerate() {
            if at > 0 {
                out.bytes.push(b',');
            }
            choice.write(&mut out.bytes);
        }
        out.bytes.push(b']');
        if let Some(usage) = usage {
            out.raw("usage", usage.get());
        }
        if let Some(pad) = pad {
            out.raw("obfuscation", pad.get());
        }
        let (index, text) = match choices {
            [only] => (only.index, only.delta.get("content").and_then(|raw| json::text(raw)).unwrap_or_default()),
            _ => (0, String::new()),
        };
        StreamEvent::Chunk { json: out.close(), index, text }
    }
}

/// The error of an event whose data is no object: a list of errors (Gemini's compatible server), or anything in an event named `error`.
fn error_without_object(name: &str, text: &str) -> Option<Box<RawValue>> {
    let reports = |first: &Object<'_>| first.get("error").is_some_and(|raw| !json::is_null(raw));
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(raw)
            if name == "error" || json::read::<Vec<Object<'_>>>(&raw).is_some_and(|list| list.first().is_some_and(reports)) =>
        {
            Some(raw)
        }
        Err(_) if name == "error" => serde_json::value::to_raw_value(text).ok(),
        _ => None,
    }
}

enum ErrorObject<'a> {
    Member(&'a RawValue),
    Whole,
}

/// The error that an event reports in one of the forms that servers use inside a 200.
fn error_object<'a>(name: &str, top: &Object<'a>) -> Option<ErrorObject<'a>> {
    if let Some(raw) = top.get("error").filter(|raw| !json::is_null(raw)) {
        return Some(ErrorObject::Member(raw));
    }
    let says = |member: &str| top.get(member).is_some_and(|raw| raw.get() == "\"error\"");
    // watsonx reports a list of them.
    let list = top.get("errors").is_some_and(|raw| raw.get().starts_with("[{")) && !top.contains_key("choices");
    (name == "error" || says("type") || says("object") || list).then_some(ErrorObject::Whole)
}

struct ParsedChoice<'a> {
    index: i32,
    /// The provider's other members; logprobs only where there are some.
    fields: Object<'a>,
    delta: Object<'a>,
    tools: Option<Vec<(Object<'a>, i32)>>,
    finish_reason: Option<&'static str>,
    /// The provider's own finish reason, where it is not one of OpenAI's.
    native: Option<String>,
    role_again: bool,
}

impl ParsedChoice<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut choice = ObjectWriter::new();
        choice.raw("index", &self.index.to_string());
        choice.name("delta");
        let mut delta = ObjectWriter::new();
        for (name, raw) in &self.delta {
            match (&self.tools, name.as_str()) {
                (Some(tools), "tool_calls") => {
                    delta.name(name);
                    delta.bytes.push(b'[');
                    for (at, (call, slot)) in tools.iter().enumerate() {
                        if at > 0 {
                            delta.bytes.push(b',');
                        }
                        let mut out = ObjectWriter::new();
                        out.raw("index", &slot.to_string());
                        call.iter().filter(|(name, _)| *name != "index").for_each(|(name, raw)| out.raw(name, raw.get()));
                        delta.bytes.extend_from_slice(&out.close());
                    }
                    delta.bytes.push(b']');
                }
                _ => delta.raw(name, raw.get()),
            }
        }
        choice.bytes.extend_from_slice(&delta.close());
        match self.finish_reason {
            Some(reason) => choice.text("finish_reason", reason),
            None => choice.raw("finish_reason", "null"),
        }
        for (name, raw) in &self.fields {
            choice.raw(name, raw.get());
        }
        if let Some(native) = &self.native {
            choice.name("provider_specific_fields");
            let mut fields = ObjectWriter::new();
            fields.text("native_finish_reason", native);
            choice.bytes.extend_from_slice(&fields.close());
        }
        out.extend_from_slice(&choice.close());
    }
}

/// Writes a JSON object from raw members.
struct ObjectWriter {
    bytes: Vec<u8>,
}

impl ObjectWriter {
    fn new() -> Self {
        ObjectWriter { bytes: vec![b'{'] }
    }

    fn name(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        json::push_string(&mut self.bytes, name);
        self.bytes.push(b':');
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        json::push_string(&mut self.bytes, value);
    }

    fn close(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }
}
