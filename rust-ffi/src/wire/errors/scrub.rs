//! Keeps secrets out of what is shown: providers repeat keys in their refusals.

use std::borrow::Cow;

use serde_json::Value;

use super::Origin;
use crate::engine::route::Secret;

impl Origin {
    /// A body without keys, also not as JSON escapes (`\\u0073k-…`), which whoever decodes it would read again.
    pub(super) fn scrub_body(&self, body: &str) -> String {
        if body.contains("\\u") || body.contains("\\/") {
            if let Ok(value) = serde_json::from_str::<Value>(body) {
                let clean = self.scrub_value(value.clone());
                if clean != value {
                    return clean.to_string();
                }
            }
        }
        self.scrub(body).into_owned()
    }

    fn scrub_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.scrub(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.scrub_value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, item)| (self.scrub(&name).into_owned(), self.scrub_value(item))).collect()
            }
            other => other,
        }
    }

    /// Takes the call's key, and whatever looks like a key, out of a text: providers repeat it in their refusals.
    pub(super) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let own = self.key.as_ref().map(Secret::expose).filter(|key| key.len() >= 6 && self.row.default_key != Some(key));
        let text = match own.filter(|key| text.contains(key)) {
            Some(key) => Cow::Owned(text.replace(key, "***")),
            None => Cow::Borrowed(text),
        };
        match without_keys(&text) {
            Some(clean) => Cow::Owned(clean),
            None => text,
        }
    }
}

/// The text without `sk-…`, `Bearer …`, JSON web tokens and Google's access tokens; None when it holds none. What a provider has masked itself (`sk-ab***yz`) stays.
pub fn without_keys(text: &str) -> Option<String> {
    const STARTS: &[&str] = &["sk-", "Bearer ", "bearer ", "eyJ", "ya29."];
    /// Shorter ones are words: "sk-learn", "Bearer token".
    const SHORTEST: usize = 16;
    let mut out = String::new();
    let mut rest = text;
    let mut from = 0;
    while let Some((at, start)) = STARTS.iter().filter_map(|s| Some((rest[from..].find(s)? + from, *s))).min() {
        let secret = &rest[at + start.len()..];
        let end = secret.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+/=*".contains(c))).unwrap_or(secret.len());
        let boundary = !rest[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        if boundary && end >= SHORTEST && !secret[..end].contains('*') {
            out.push_str(&rest[..at + start.len()]);
            out.push_str("***");
            rest = &secret[end..];
            from = 0;
        } else {
            from = at + start.len();
        }
    }
    (rest.len() != text.len()).then(|| out + rest)
}
