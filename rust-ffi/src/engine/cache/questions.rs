//! What a program asks of a cache beside its calls. These questions may wait for a disk or a server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;

use super::config::seconds;
use super::entry::{Entry, Kind};
use super::terms::{self, Terms};
use super::{now, Cache};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json as text;
use crate::engine::objects::Named;
use crate::engine::request::{string, wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::Operation;

/// The questions by name:
///
/// - `cache_get` {cache, key, max_age}: the answer under that key, or null.
/// - `cache_put` {cache, operation, key, answer, ttl}: keeps an answer as if a call had got it; null.
/// - `cache_remove` {cache, keys}: how many of them there were.
/// - `cache_clear` {cache}, `cache_ping` {cache}: null, or the error that says why not.
pub const NAMES: [&str; 5] = ["cache_get", "cache_put", "cache_remove", "cache_clear", "cache_ping"];

/// A question to a cache, checked.
pub struct Question {
    cache: Arc<Cache>,
    what: What,
}

enum What {
    Get { key: String, max_age: Option<u64> },
    Put { key: String, entry: Entry },
    Remove(Vec<String>),
    Clear,
    Ping,
}

impl Question {
    pub fn new(caches: &Named<Cache>, name: &str, request: &Request<'_>) -> Result<Question> {
        let needed = |name: &str| match request.raw(name) {
            Some(raw) => Ok(raw),
            None => Err(Error::bad_request(format!("`{name}` is missing"))),
        };
        let text = |name: &str| -> Result<String> { Ok(string(name, needed(name)?)?.into_owned()) };
        let time = |name: &str| match request.raw(name) {
            None => Ok(None),
            Some(raw) => match seconds(raw) {
                Some(time) => Ok(Some(time)),
                None => Err(Error::bad_request(format!("`{name}` must be a number of seconds, 0 or more"))),
            },
        };
        let cache = caches.find("cache", &text("cache")?)?;
        let what = match name {
            "cache_get" => What::Get { key: text("key")?, max_age: time("max_age")?.map(|age| age.as_millis() as u64) },
            "cache_put" => {
                let ttl = time("ttl")?.or(cache.config.ttl);
                What::Put { key: text("key")?, entry: entry(&text("operation")?, needed("answer")?, ttl)? }
            }
            "cache_remove" => {
                let raw = needed("keys")?;
                What::Remove(text::read(raw).ok_or_else(|| wrong_type("keys", "a list of strings", raw))?)
            }
            "cache_clear" => What::Clear,
            _ => What::Ping,
        };
        Ok(Question { cache, what })
    }

    pub async fn answer(self) -> Result<Vec<u8>> {
        let backend = &self.cache.backend;
        let done = match self.what {
            What::Get { key, max_age } => {
                let now = now();
                let found = backend.get(&[key], now).await.pop().flatten();
                let found = found.filter(|entry| entry.holds(entry.kind, now, max_age));
                return Ok(found.map_or_else(|| b"null".to_vec(), |entry| entry.answer.clone()));
            }
            What::Put { key, entry } => backend.put(vec![(key, Arc::new(entry))]).await.map(|()| json!(null)),
            What::Remove(keys) => backend.remove(keys).await.map(|count| json!(count)),
            What::Clear => backend.clear().await.map(|()| json!(null)),
            What::Ping => backend.ping().await.map(|()| json!(null)),
        };
        match done {
            Ok(answer) => Ok(answer.to_string().into_bytes()),
            Err(why) => Err(Error::new(ErrorKind::ServiceUnavailable, format!("the cache does not work: {why}"))),
        }
    }
}

fn entry(operation: &str, answer: &RawValue, ttl: Option<Duration>) -> Result<Entry> {
    let operation = Operation::from_name(operation)
        .ok_or_else(|| Error::bad_request(format!("{operation:?} is not an operation of this library")))?;
    let now = now();
    Ok(Entry {
        kind: Kind::Answer(operation),
        stored: now,
        expires: ttl.map(|ttl| now.saturating_add(ttl.as_millis() as u64)),
        counted: true,
        provider: String::new(),
        model: String::new(),
        answer: answer.get().as_bytes().to_vec(),
    })
}

/// The key under which the cache that `question` names keeps the answer to `request`, as JSON. Whether it does is another matter.
pub fn key(
    caches: &Named<Cache>,
    question: &Request<'_>,
    operation: Operation,
    request: &Request<'_>,
    route: &Route,
) -> Result<Vec<u8>> {
    let cache = caches.find("cache", &question.str("cache")?.unwrap_or_default())?;
    let terms = Terms::of(&cache.config, operation, request)?;
    let prefix = cache.config.namespace.as_ref().map(|namespace| format!("{namespace}:")).unwrap_or_default();
    let terms = terms.unwrap_or(Terms { read: false, write: false, ttl: None, max_age: None, prefix });
    Ok(json!(terms.key(operation, request, &terms::target(request, route, None))?).to_string().into_bytes())
}
