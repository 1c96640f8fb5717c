//! Marks for a provider's prompt cache, put where `cache_control_injection_points` says.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::messages::{is, members};
use super::{raw, Members};
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::{string, wrong_type, Fields, Request};

pub const POINTS: &str = "cache_control_injection_points";
/// Anthropic takes no more marks in a request, and AWS neither.
const MOST: usize = 4;
const MARKS: [&str; 2] = ["cache_control", "prompt_cache_breakpoint"];

/// Where a mark goes, and which.
pub struct Point<'a> {
    place: Place<'a>,
    control: Cow<'a, RawValue>,
}

enum Place<'a> {
    /// The message of a number, from the end where it is negative.
    Message(i64),
    /// Each message of a role.
    Role(Cow<'a, str>),
    /// The last tool.
    Tools,
    /// A place that litellm has no meaning for.
    Nowhere,
}

/// The points of a request, in the caller's order.
pub fn points<'a>(request: &Request<'a>) -> Result<Vec<Point<'a>>> {
    let Some(given) = request.raw(POINTS) else { return Ok(Vec::new()) };
    let list: Vec<Fields<'a>> = json::read(given).ok_or_else(|| wrong_type(POINTS, "a list of objects", given))?;
    list.into_iter().map(point).collect()
}

fn point(fields: Fields<'_>) -> Result<Point<'_>> {
    let given = |name: &str| fields.get(name).copied().filter(|raw| !json::is_null(raw));
    let location = given("location").map(|raw| string("cache_control_injection_points.location", raw)).transpose()?;
    let place = match location.as_deref() {
        Some("message") => match (given("index"), given("role")) {
            (Some(index), _) => {
                let number = index.get().trim_matches('"').parse().ok();
                let wrong = || wrong_type("cache_control_injection_points.index", "a whole number", index);
                Place::Message(number.ok_or_else(wrong)?)
            }
            (None, Some(role)) => Place::Role(string("cache_control_injection_points.role", role)?),
            (None, None) => Place::Nowhere,
        },
        Some("tool_config") => Place::Tools,
        _ => Place::Nowhere,
    };
    let control = match given("control") {
        Some(control) => Cow::Borrowed(control),
        None => Cow::Owned(raw(&serde_json::json!({"type": "ephemeral"}))?),
    };
    Ok(Point { place, control })
}

/// Sets the marks in the messages; the answer is the tools where one of them got one. What the caller has marked keeps its mark, and
/// takes one of the places that there are.
pub fn set<'a>(points: &[Point<'a>], messages: &mut [Members<'a>], request: &Request<'a>) -> Result<Option<Box<RawValue>>> {
    let tools: Option<Vec<Fields<'a>>> = request.raw("tools").and_then(json::read);
    let on_tools = tools.iter().flatten().filter(|tool| is_marked(tool)).count();
    let outside = on_tools + usize::from(request.has("cache_control"));
    let for_tools = points.iter().find(|point| matches!(point.place, Place::Tools));
    let room = MOST.saturating_sub(outside + usize::from(for_tools.is_some()));
    let mut used: usize = messages.iter().map(count).sum();
    'points: for point in points {
        for at in targets(&point.place, messages) {
            if used >= room {
                warn(format!("a request has room for {MOST} marks of the prompt cache: the others are left out"));
                break 'points;
            }
            if count(&messages[at]) == 0 && mark(&mut messages[at], point.control.clone())? {
                used += 1;
            }
        }
    }
    match (for_tools, tools) {
        (Some(point), Some(tools)) if on_tools == 0 && used + outside < MOST => mark_last(tools, point.control.clone()),
        _ => Ok(None),
    }
}

fn targets(place: &Place<'_>, messages: &[Members<'_>]) -> Vec<usize> {
    match place {
        Place::Message(index) => {
            let at = if *index < 0 { index + messages.len() as i64 } else { *index };
            let found = usize::try_from(at).ok().filter(|at| *at < messages.len());
            if found.is_none() {
                warn(format!("cache_control_injection_points: there is no message {index} among {}", messages.len()));
            }
            found.into_iter().collect()
        }
        Place::Role(role) => (0..messages.len()).filter(|at| is(&messages[*at], role)).collect(),
        Place::Tools | Place::Nowhere => Vec::new(),
    }
}

/// Marks a message: itself where its content is a text, else the last part of it.
fn mark<'a>(message: &mut Members<'a>, control: Cow<'a, RawValue>) -> Result<bool> {
    let Some(content) = message.get("content") else { return Ok(false) };
    if content.get().starts_with('"') {
        message.insert("cache_control".to_owned(), control);
        return Ok(true);
    }
    let marked = {
        let Some(mut parts) = json::read::<Vec<&RawValue>>(content) else { return Ok(false) };
        let Some(last) = parts.pop().and_then(json::read::<Fields<'_>>) else { return Ok(false) };
        let mut last = members(last);
        last.insert("cache_control".to_owned(), Cow::Borrowed(&*control));
        let mut parts: Vec<Cow<'_, RawValue>> = parts.into_iter().map(Cow::Borrowed).collect();
        parts.push(Cow::Owned(raw(&last)?));
        raw(&parts)?
    };
    message.insert("content".to_owned(), Cow::Owned(marked));
    Ok(true)
}

/// The tools, with a mark on the last that can carry one: a tool that searches for tools is written without.
fn mark_last<'a>(tools: Vec<Fields<'a>>, control: Cow<'a, RawValue>) -> Result<Option<Box<RawValue>>> {
    let mut tools: Vec<Members<'a>> = tools.into_iter().map(members).collect();
    let searches = |tool: &Members<'_>| tool.get("type").is_some_and(|raw| raw.get().starts_with("\"tool_search_tool_"));
    let Some(last) = tools.iter_mut().rev().find(|tool| !searches(tool)) else { return Ok(None) };
    last.insert("cache_control".to_owned(), control);
    raw(&tools).map(Some)
}

/// The marks of a message: its own, its parts' and its calls'.
fn count(message: &Members<'_>) -> usize {
    let within = |name: &str| {
        let list = message.get(name).and_then(|raw| json::read::<Vec<&RawValue>>(raw)).unwrap_or_default();
        list.into_iter()
            .filter(|item| json::read::<Fields<'_>>(item).is_some_and(|fields| has_mark(|name| fields.get(name).copied())))
            .count()
    };
    usize::from(has_mark(|name| message.get(name).map(|raw| &**raw))) + within("content") + within("tool_calls")
}

fn is_marked(tool: &Fields<'_>) -> bool {
    let function = tool.get("function").and_then(|raw| json::read::<Fields<'_>>(raw)).unwrap_or_default();
    has_mark(|name| tool.get(name).copied()) || has_mark(|name| function.get(name).copied())
}

fn has_mark<'r>(member: impl Fn(&str) -> Option<&'r RawValue>) -> bool {
    MARKS.iter().any(|name| member(name).is_some_and(|raw| !json::is_null(raw)))
}

fn warn(message: String) {
    log::record(log::Level::Warning, || (message, String::new()));
}
