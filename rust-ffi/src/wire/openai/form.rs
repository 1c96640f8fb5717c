//! A body's members as fields of a form.

use std::borrow::Cow;

use serde_json::Value;

use crate::engine::error::{Error, Result};
use crate::wire::body::{Body, Json};
use crate::wire::multipart::Form;

/// Writes every member, as OpenAI's libraries do: lists as `name[]`, members of objects as `name[member]`, numbers as the caller wrote them.
pub fn write(form: &mut Form, body: &Body<'_>) -> Result<()> {
    for name in body.names() {
        if let Some(value) = body.get(name) {
            member(form, name, value)?;
        }
    }
    Ok(())
}

fn member(form: &mut Form, name: &str, json: &Json<'_>) -> Result<()> {
    match json.text().as_bytes().first() {
        Some(b'{' | b'[' | b'"') => {
            let value: Value =
                json.read().ok_or_else(|| Error::bad_request(format!("`{name}` cannot be written as a field of a form")))?;
            field(form, name, &value);
        }
        // A number's own text: 0.10 stays 0.10.
        _ => form.text(name, json.text()),
    }
    Ok(())
}

fn field(form: &mut Form, name: &str, value: &Value) {
    let text: Cow<'_, str> = match value {
        Value::Null => return,
        Value::Array(list) => return list.iter().for_each(|item| field(form, &format!("{name}[]"), item)),
        Value::Object(object) => return object.iter().for_each(|(member, item)| field(form, &format!("{name}[{member}]"), item)),
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    };
    form.text(name, &text);
}
