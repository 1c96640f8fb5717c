//! Chunks that differ in one string, read by comparing bytes.

use serde_json::value::RawValue;

use crate::wire::StreamEvent;

/// Templates kept at once: one for each choice and kind of a usual stream.
const KEPT: usize = 8;

/// What the differing string is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hole {
    Content { index: i32 },
    Reasoning { index: i32 },
    Arguments { index: i32, slot: i32 },
}

/// The bytes of a chunk around its differing string, and around its padding where it has one.
pub struct Template {
    hole: Hole,
    before: Box<str>,
    /// Between the string and the padding; all that follows the string where there is no padding.
    after: Box<str>,
    behind_pad: Option<Box<str>>,
}

impl Template {
    /// `value` and `pad` are raw values within `chunk`. None where they are not strings, or the padding comes first.
    pub fn new(chunk: &str, hole: Hole, value: &RawValue, pad: Option<&RawValue>) -> Option<Template> {
        let (start, end) = span(chunk, value)?;
        let (after, behind_pad) = match pad {
            None => (&chunk[end..], None),
            Some(pad) => {
                let (pad_start, pad_end) = span(chunk, pad)?;
                (chunk.get(end..pad_start)?, Some(chunk[pad_end..].into()))
            }
        };
        Some(Template { hole, before: chunk[..start].into(), after: after.into(), behind_pad })
    }

    /// The event of a chunk that fits; None when it does not.
    pub fn read(&self, chunk: &str) -> Option<StreamEvent> {
        let rest = chunk.strip_prefix(&*self.before)?;
        let (text, rest) = string(rest)?;
        let rest = rest.strip_prefix(&*self.after)?;
        let (pad, rest) = match &self.behind_pad {
            None => ("", rest),
            Some(behind) => {
                let (pad, rest) = string(rest)?;
                (&pad[1..pad.len() - 1], rest.strip_prefix(&**behind)?)
            }
        };
        if !rest.is_empty() {
            return None;
        }
        let (text, pad) = (unescape(text)?, pad.to_owned());
        Some(match self.hole {
            Hole::Content { index } => StreamEvent::Content { index, text, pad },
            Hole::Reasoning { index } => StreamEvent::Reasoning { index, text, pad },
            Hole::Arguments { index, slot } => StreamEvent::Arguments { index, slot, text, pad },
        })
    }
}

/// Where a raw string value stands within the text it was read from.
fn span(text: &str, value: &RawValue) -> Option<(usize, usize)> {
    let value = value.get();
    if !value.starts_with('"') {
        return None;
    }
    let start = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = start + value.len();
    (text.get(start..end)? == value).then_some((start, end))
}

/// Splits off the JSON string (with its quotes) at the start.
fn string(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(text.split_at(at + 1));
        }
        at += 2;
    }
}

/// The text of a JSON string. None where it is not valid JSON (a control character, half a surrogate): the full parser decides then.
fn unescape(quoted: &str) -> Option<String> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.bytes().all(|byte| byte >= 0x20 && byte != b'\\') {
        return Some(inner.to_owned());
    }
    serde_json::from_str(quoted).ok()
}

/// The templates of a stream, the last used first.
#[derive(Default)]
pub struct Templates(Vec<Template>);

impl Templates {
    pub fn read(&mut self, chunk: &str) -> Option<StreamEvent> {
        for at in 0..self.0.len() {
            if let Some(event) = self.0[at].read(chunk) {
                self.0.swap(0, at);
                return Some(event);
            }
        }
        None
    }

    pub fn add(&mut self, template: Template) {
        self.0.retain(|other| other.hole != template.hole);
        self.0.truncate(KEPT - 1);
        self.0.insert(0, template);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(text: &str, pad: &str) -> String {
        format!(r#"{{"id":"c","choices":[{{"delta":{{"content":{text}}}}}],"obfuscation":{pad}}}"#)
    }

    fn template(chunk: &str) -> Template {
        #[derive(serde::Deserialize)]
        struct Chunk<'a> {
            #[serde(borrow)]
            choices: Vec<std::collections::HashMap<&'a str, std::collections::HashMap<&'a str, &'a RawValue>>>,
            #[serde(borrow)]
            obfuscation: &'a RawValue,
        }
        let parsed: Chunk<'_> = serde_json::from_str(chunk).unwrap();
        Template::new(chunk, Hole::Content { index: 0 }, parsed.choices[0]["delta"]["content"], Some(parsed.obfuscation)).unwrap()
    }

    #[test]
    fn another_shape_does_not_fit() {
        let template = template(&chunk("\"a\"", "\"p\""));
        for other in [
            chunk("null", "\"p\""),
            chunk("\"a\",\"role\":\"x\"", "\"p\""),
            chunk("\"a\"", "\"p\",\"more\":1"),
            chunk("\"a\\", "\"p\""),
            chunk("\"a\u{1}\"", "\"p\""),
            chunk("\"\\ud800\"", "\"p\""),
        ] {
            assert_eq!(template.read(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_string_comes_through(text in any::<String>(), pad in "[a-zA-Z0-9]{0,20}") {
            let template = template(&chunk("\"first\"", "\"p\""));
            let quoted = serde_json::to_string(&text).unwrap();
            let event = template.read(&chunk(&quoted, &format!("\"{pad}\"")));
            prop_assert_eq!(event, Some(StreamEvent::Content { index: 0, text, pad }));
        }
    }
}
