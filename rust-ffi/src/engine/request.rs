//! A caller's request: litellm's keyword arguments as one JSON object, read without a copy.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::error::{Error, Result};
use super::json;

/// Keyword arguments by name, each as the caller wrote it. Borrows the caller's buffer: the provider's body is written straight from
/// it, so a 20 MB image is copied once.
pub type Fields<'a> = IndexMap<String, &'a RawValue>;

/// The request of one call.
pub struct Request<'a> {
    /// Everything but `settings` and what is null (litellm's None: not given).
    pub fields: Fields<'a>,
    /// Program-wide settings that differ from their defaults.
    pub settings: Fields<'a>,
    /// Binary inputs (audio, images), which arguments name by their number: `{"attachment": 0, "filename": …}`.
    pub attachments: Vec<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Parses and checks the text. All errors are [`super::error::ErrorKind::BadRequest`] and say what to change.
    pub fn parse(text: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(text)
            .map_err(|e| Error::bad_request(format!("the request is not UTF-8 (byte {})", e.valid_up_to())))?;
        if let Some(flaw) = json::flaw(text.as_bytes(), true) {
            return Err(Error::bad_request(format!("the request cannot be sent: {}", flaw.message())));
        }
        let mut fields: Fields<'a> =
            serde_json::from_str(text).map_err(|e| Error::bad_request(format!("the request is not a JSON object: {e}")))?;
        let settings = match fields.shift_remove("settings") {
            Some(raw) if !json::is_null(raw) => {
                serde_json::from_str(raw.get()).map_err(|_| Error::bad_request("`settings` must be an object"))?
            }
            _ => Fields::new(),
        };
        fields.retain(|_, raw| !json::is_null(raw));
        Ok(Request { fields, settings, attachments: Vec::new() })
    }

    /// The same request with other values for some arguments.
    pub fn with<'r>(&self, others: &'r [(&'static str, Box<RawValue>)]) -> Request<'r>
    where
        'a: 'r,
    {
        let mut fields: Fields<'r> = self.fields.clone();
        fields.extend(others.iter().map(|(name, raw)| ((*name).to_owned(), &**raw)));
        Request { fields, settings: self.settings.clone(), attachments: self.attachments.clone() }
    }

    /// Sets a keyword argument, or takes it away where `value` is null.
    pub fn set(&mut self, name: &str, value: &'a RawValue) {
        if json::is_null(value) {
            self.fields.shift_remove(name);
        } else {
            self.fields.insert(name.to_owned(), value);
        }
    }

    /// The raw value of a keyword argument.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.get(name).copied()
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A string argument; an error that names it when it is something else.
    pub fn str(&self, name: &str) -> Result<Option<Cow<'a, str>>> {
        self.raw(name).map(|raw| string(name, raw)).transpose()
    }

    /// A boolean argument. litellm's users also write 0 and 1.
    pub fn bool(&self, name: &str) -> Result<Option<bool>> {
        self.raw(name).map(|raw| boolean(name, raw)).transpose()
    }

    /// A whole number that is not negative.
    pub fn count(&self, name: &str) -> Result<Option<u32>> {
        self.raw(name).map(|raw| count(name, raw)).transpose()
    }

    /// A string from the settings; the empty string counts as unset, as in litellm.
    pub fn setting_str(&self, name: &str) -> Result<Option<Cow<'a, str>>> {
        match self.settings.get(name) {
            Some(raw) if !json::is_null(raw) => Ok(Some(string(name, raw)?).filter(|s| !s.is_empty())),
            _ => Ok(None),
        }
    }

    pub fn setting_bool(&self, name: &str) -> Result<Option<bool>> {
        match self.settings.get(name) {
            Some(raw) if !json::is_null(raw) => boolean(name, raw).map(Some),
            _ => Ok(None),
        }
    }

    pub fn setting_count(&self, name: &str) -> Result<Option<u32>> {
        match self.settings.get(name) {
            Some(raw) if !json::is_null(raw) => count(name, raw).map(Some),
            _ => Ok(None),
        }
    }

    pub fn setting_raw(&self, name: &str) -> Option<&'a RawValue> {
        self.settings.get(name).copied().filter(|raw| !json::is_null(raw))
    }

    /// `stream_options.include_usage`: are the counts of tokens to be part of the stream? Only a stream has such options.
    pub fn includes_usage(&self) -> Result<bool> {
        #[derive(serde::Deserialize)]
        struct Options<'a> {
            #[serde(borrow)]
            include_usage: Option<&'a RawValue>,
        }
        let options = self.raw("stream_options").and_then(json::read::<Options<'_>>);
        Ok(self.is_stream()? && options.and_then(|options| options.include_usage).is_some_and(|raw| raw.get() == "true"))
    }

    /// `stream=True`?
    pub fn is_stream(&self) -> Result<bool> {
        Ok(self.bool("stream")?.unwrap_or(false))
    }
}

/// Text of a raw JSON string; borrowed where it has no escapes.
pub fn string<'a>(name: &str, raw: &'a RawValue) -> Result<Cow<'a, str>> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    json::read::<Text<'a>>(raw).map(|t| t.0).ok_or_else(|| wrong_type(name, "a string", raw))
}

fn boolean(name: &str, raw: &RawValue) -> Result<bool> {
    match raw.get() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong_type(name, "true or false", raw)),
    }
}

fn count(name: &str, raw: &RawValue) -> Result<u32> {
    json::read::<u32>(raw).ok_or_else(|| wrong_type(name, "a whole number, 0 or more", raw))
}

/// Says what was expected and what kind of value came. Never shows the value: it may be a secret.
pub fn wrong_type(name: &str, expected: &str, raw: &RawValue) -> Error {
    let got = match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        // Among numbers the number itself says what is wrong; elsewhere it may be a secret.
        _ if expected.contains("number") && raw.get().len() <= 24 => raw.get(),
        _ => "a number",
    };
    Error::bad_request(format!("`{name}` must be {expected}, not {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_counts_as_not_given_and_settings_stand_apart() {
        let request = Request::parse(br#"{"model":"m","n":null,"settings":{"api_key":"k","drop_params":true}}"#).unwrap();
        assert_eq!(request.str("model").unwrap().as_deref(), Some("m"));
        assert!(!request.has("n") && !request.has("settings"));
        assert_eq!(request.setting_str("api_key").unwrap().as_deref(), Some("k"));
        assert_eq!(request.setting_bool("drop_params").unwrap(), Some(true));
    }

    #[test]
    fn f2_numbers_keep_the_callers_text() {
        let request = Request::parse(br#"{"a":1e400,"b":-0,"c":123456789012345678901234567890,"d":1,"d":2.50}"#).unwrap();
        let text = |name| request.raw(name).unwrap().get();
        assert_eq!((text("a"), text("b"), text("c"), text("d")), ("1e400", "-0", "123456789012345678901234567890", "2.50"));
    }

    #[test]
    fn bad_requests_name_the_argument_but_not_its_value() {
        let request = Request::parse(br#"{"api_key":["sk-secret"],"num_retries":-1}"#).unwrap();
        let error = request.str("api_key").unwrap_err();
        assert_eq!(error.message, "`api_key` must be a string, not a list");
        assert_eq!(request.count("num_retries").unwrap_err().message, "`num_retries` must be a whole number, 0 or more, not -1");
        for bad in [&b"[1]"[..], b"{", b"\xff", b"{\"a\":NaN}", br#"{"a":"\ud800"}"#] {
            assert!(Request::parse(bad).is_err());
        }
    }
}
