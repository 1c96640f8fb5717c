//! Reading a router's configuration: JSON objects whose members are taken one by one, so that none is left unread.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Fields, Request};

/// Longest time that a setting may name; beyond it timers overflow.
const LONGEST: f64 = 30.0 * 86_400.0;

/// A JSON object. Nulls count as not given.
pub fn object<'a>(name: &str, raw: &'a RawValue) -> Result<Request<'a>> {
    let mut fields: Fields<'a> = json::read(raw).ok_or_else(|| wrong_type(name, "an object", raw))?;
    fields.retain(|_, value| !json::is_null(value));
    Ok(Request { fields, settings: Fields::new(), attachments: Vec::new() })
}

/// Refuses members that nobody reads: a mistyped limit would silently not apply.
pub fn only(object: &Request<'_>, known: &[&str]) -> Result<()> {
    match object.fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::bad_request(format!("`{name}` is not a setting here; there are {}", known.join(", ")))),
        None => Ok(()),
    }
}

/// A number that is not negative.
pub fn number(object: &Request<'_>, name: &str) -> Result<Option<f64>> {
    let read = |raw: &RawValue| json::read::<f64>(raw).filter(|n| n.is_finite() && *n >= 0.0);
    object.raw(name).map(|raw| read(raw).ok_or_else(|| wrong_type(name, "a number, 0 or more", raw))).transpose()
}

/// Programs compute limits, and some come out as floats.
pub fn whole(object: &Request<'_>, name: &str) -> Result<Option<u64>> {
    Ok(number(object, name)?.map(|n| n as u64))
}

pub fn seconds(object: &Request<'_>, name: &str) -> Result<Option<Duration>> {
    Ok(number(object, name)?.map(|s| Duration::from_secs_f64(s.min(LONGEST))))
}

pub fn strings(object: &Request<'_>, name: &str) -> Result<Vec<String>> {
    let Some(raw) = object.raw(name) else { return Ok(Vec::new()) };
    json::read(raw).ok_or_else(|| wrong_type(name, "a list of strings", raw))
}

pub fn list<'a>(object: &Request<'a>, name: &str) -> Result<Vec<&'a RawValue>> {
    let Some(raw) = object.raw(name) else { return Ok(Vec::new()) };
    json::read(raw).ok_or_else(|| wrong_type(name, "a list", raw))
}

/// The members of an object that is one of a configuration's settings.
pub fn members<'a>(object: &Request<'a>, name: &str) -> Result<Fields<'a>> {
    Ok(object.raw(name).map(|raw| self::object(name, raw)).transpose()?.map(|object| object.fields).unwrap_or_default())
}
