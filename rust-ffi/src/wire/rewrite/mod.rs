//! Arguments that change a request before any protocol writes it: `provider_specific_header`, `ensure_alternating_roles`,
//! `supports_system_message` and `cache_control_injection_points`. Source of their meaning: litellm 1.106.
//!
//! Few calls have one of them, and the others pay a look at their names. What changes is written anew here; all else stays the caller's
//! own text, byte for byte.

mod marks;
mod messages;

use indexmap::IndexMap;
use serde_json::value::{to_raw_value, RawValue};

use super::Operation;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};

/// Arguments in the place of the caller's, by name.
pub type Rewritten = Vec<(&'static str, Box<RawValue>)>;

const HEADERS: &str = "provider_specific_header";

/// What those arguments make of the request; mostly nothing. `provider` finds out where the call goes, which only headers depend on.
pub fn rewrite(operation: Operation, request: &Request<'_>, provider: impl FnOnce() -> Result<String>) -> Result<Rewritten> {
    let mut out = Rewritten::new();
    if let Some(raw) = request.raw(HEADERS) {
        out.extend(headers(raw, request, &provider()?)?.map(|headers| ("extra_headers", headers)));
    }
    let given = |name: &str| request.has(name);
    if operation == Operation::Completion && (given(messages::ALTERNATE) || given(messages::NO_SYSTEM) || given(marks::POINTS)) {
        conversation(request, &mut out)?;
    }
    Ok(out)
}

/// The order is litellm's: places are counted after messages were put between, and marks move with what becomes the user's.
fn conversation(request: &Request<'_>, out: &mut Rewritten) -> Result<()> {
    let alternate = request.bool(messages::ALTERNATE)? == Some(true);
    let no_system = request.bool(messages::NO_SYSTEM)? == Some(false);
    let points = marks::points(request)?;
    if !(alternate || no_system || !points.is_empty()) {
        return Ok(());
    }
    // Whoever writes the request says what is wrong with messages that cannot be read.
    let Some(mut list) = request.raw("messages").and_then(messages::read) else { return Ok(()) };
    if alternate {
        messages::alternate(&mut list, request)?;
    }
    if !points.is_empty() {
        out.extend(marks::set(&points, &mut list, request)?.map(|tools| ("tools", tools)));
    }
    if no_system {
        list = messages::without_system(list)?;
    }
    out.push(("messages", raw(&list)?));
    Ok(())
}

/// `extra_headers` with those for the provider of the call. Each entry names its providers, with commas between.
fn headers(given: &RawValue, request: &Request<'_>, provider: &str) -> Result<Option<Box<RawValue>>> {
    let wrong = || wrong_type(HEADERS, "an object with `custom_llm_provider` and `extra_headers`, or a list of such", given);
    let entries: Vec<Fields<'_>> = match json::read::<Fields<'_>>(given) {
        Some(entry) => vec![entry],
        None => json::read(given).ok_or_else(wrong)?,
    };
    let mut headers: Fields<'_> = match request.raw("extra_headers") {
        Some(raw) => json::read(raw).ok_or_else(|| wrong_type("extra_headers", "an object of strings", raw))?,
        None => Fields::new(),
    };
    let mut concerned = false;
    for entry in &entries {
        let names = entry.get("custom_llm_provider").filter(|raw| !json::is_null(raw)).ok_or_else(wrong)?;
        if !string(HEADERS, names)?.split(',').any(|name| name.trim() == provider) {
            continue;
        }
        let Some(raw) = entry.get("extra_headers").filter(|raw| !json::is_null(raw)) else { continue };
        for (name, value) in json::read::<Fields<'_>>(raw).ok_or_else(wrong)? {
            concerned = true;
            // Under one spelling: of two the one that is written last would win, which may be the caller's general one.
            headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
            headers.insert(name, value);
        }
    }
    concerned.then(|| raw(&headers)).transpose()
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>> {
    to_raw_value(value).map_err(|e| Error::new(ErrorKind::InternalServer, format!("the request cannot be written: {e}")))
}

/// The members of an object, the caller's own and new ones.
type Members<'a> = IndexMap<String, std::borrow::Cow<'a, RawValue>>;

#[cfg(test)]
mod tests;
