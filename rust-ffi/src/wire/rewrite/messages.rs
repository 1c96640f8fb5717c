//! Roles: messages put between those of one role, and system messages for models that know none.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{raw, Members};
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};

pub const ALTERNATE: &str = "ensure_alternating_roles";
pub const NO_SYSTEM: &str = "supports_system_message";

/// What is said where the caller gives no message of their own; litellm's words.
const CONTINUE: &str = "Please continue.";

/// None where `messages` is no list of objects.
pub fn read(messages: &RawValue) -> Option<Vec<Members<'_>>> {
    json::read::<Vec<Fields<'_>>>(messages).map(|list| list.into_iter().map(members).collect())
}

pub fn members(fields: Fields<'_>) -> Members<'_> {
    fields.into_iter().map(|(name, raw)| (name, Cow::Borrowed(raw))).collect()
}

/// Puts `user_continue_message` before an assistant's message that begins the conversation, behind one that ends it and between two
/// of the assistant's, and `assistant_continue_message` between two of the user's. What tools say, and messages that call them, do
/// not count.
pub fn alternate<'a>(list: &mut Vec<Members<'a>>, request: &Request<'a>) -> Result<()> {
    let user = between(request, "user_continue_message", "user")?;
    let assistant = between(request, "assistant_continue_message", "assistant")?;
    let mut turns: Vec<Members<'a>> = Vec::with_capacity(list.len() + 2);
    for message in std::mem::take(list) {
        let follows = match turns.last() {
            None => is(&message, "assistant"),
            Some(before) => {
                speaker(&message) == Some("assistant")
                    && (is(before, "assistant") || turns.iter().rev().find_map(speaker) == Some("assistant"))
            }
        };
        if follows {
            turns.push(user.clone());
        }
        turns.push(message);
    }
    if turns.last().is_some_and(|last| is(last, "assistant")) {
        turns.push(user);
    }
    // What was put between is the user's too, so this comes second.
    let mut said_by = None;
    for message in turns {
        if let Some(now) = speaker(&message) {
            if now == "user" && said_by == Some("user") {
                list.push(assistant.clone());
            }
            said_by = Some(now);
        }
        list.push(message);
    }
    Ok(())
}

/// Who speaks in a message that counts.
fn speaker(message: &Members<'_>) -> Option<&'static str> {
    if is(message, "user") {
        Some("user")
    } else {
        (is(message, "assistant") && !calls_tools(message)).then_some("assistant")
    }
}

/// The caller's message of a name, or the default one.
fn between<'a>(request: &Request<'a>, name: &str, role: &str) -> Result<Members<'a>> {
    match request.raw(name) {
        Some(given) => json::read::<Fields<'a>>(given).map(members).ok_or_else(|| wrong_type(name, "a message", given)),
        None => message(role, CONTINUE),
    }
}

fn message<'a>(role: &str, content: &str) -> Result<Members<'a>> {
    Ok([("role", raw(&role)?), ("content", raw(&content)?)].map(|(name, raw)| (name.to_owned(), Cow::Owned(raw))).into())
}

/// The same conversation without system messages: each becomes the beginning of the user's or assistant's message behind it, or a
/// message of the user's where none is.
pub fn without_system(list: Vec<Members<'_>>) -> Result<Vec<Members<'_>>> {
    let mut out = Vec::with_capacity(list.len());
    let mut rest = list.into_iter().peekable();
    while let Some(mut message) = rest.next() {
        if !(is(&message, "system") || is(&message, "developer")) {
            out.push(message);
            continue;
        }
        let content = message.get("content").filter(|raw| !json::is_null(raw));
        let joined = match (content, rest.peek_mut().filter(|next| is(next, "user") || is(next, "assistant"))) {
            (Some(own), Some(next)) => match next.get("content").and_then(|theirs| join(own, theirs)) {
                Some(both) => {
                    next.insert("content".to_owned(), Cow::Owned(both?));
                    true
                }
                None => false,
            },
            // It says nothing.
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !joined {
            message.insert("role".to_owned(), Cow::Owned(raw(&"user")?));
            out.push(message);
        }
    }
    Ok(out)
}

/// Two contents as one: texts with a space between, or the parts of both. None where one is neither text nor parts.
fn join(own: &RawValue, theirs: &RawValue) -> Option<Result<Box<RawValue>>> {
    if let (Ok(own), Ok(theirs)) = (string("content", own), string("content", theirs)) {
        return Some(raw(&format!("{own} {theirs}")));
    }
    let parts = |content: &RawValue| -> Option<Vec<Box<RawValue>>> {
        match string("content", content) {
            Ok(text) => {
                serde_json::value::to_raw_value(&serde_json::json!({"type": "text", "text": text})).ok().map(|part| vec![part])
            }
            Err(_) => json::read(content),
        }
    };
    let mut both = parts(own)?;
    both.extend(parts(theirs)?);
    Some(raw(&both))
}

pub fn is(message: &Members<'_>, role: &str) -> bool {
    message.get("role").is_some_and(|raw| string("role", raw).is_ok_and(|name| name == role))
}

fn calls_tools(message: &Members<'_>) -> bool {
    message.get("tool_calls").and_then(|raw| json::read::<Vec<&RawValue>>(raw)).is_some_and(|calls| !calls.is_empty())
}
