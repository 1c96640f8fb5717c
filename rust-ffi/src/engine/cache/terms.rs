//! What a request says of the cache: whether it may be answered from there and kept there, under which key and for how long.

use std::time::Duration;

use serde_json::value::RawValue;

use super::config::{seconds, Config};
use super::key::{self, Target};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{string, wrong_type, Fields, Request};
use crate::engine::route::Route;
use crate::wire::Operation;

/// The members of a request's `cache`.
const MEMBERS: &str = "no-cache, no-store, s-maxage (or s-max-age), ttl, namespace, use-cache";

#[derive(Debug, PartialEq)]
pub struct Terms {
    /// May the answer come from the cache?
    pub read: bool,
    /// May the answer be kept?
    pub write: bool,
    /// How long it then holds; None is for ever.
    pub ttl: Option<Duration>,
    /// How old an answer may be, in milliseconds.
    pub max_age: Option<u64>,
    pub prefix: String,
}

impl Terms {
    /// The terms of a request under a cache's configuration; None where the cache has nothing to do with it.
    pub fn of(config: &Config, operation: Operation, request: &Request<'_>) -> Result<Option<Terms>> {
        // Read even where it does not apply: what is wrong in it is said by each call, not by some.
        let own = Own::read(request)?;
        let applies = config.operations.contains(&operation)
            && request.bool("caching")? != Some(false)
            && (!config.opt_in || own.use_cache)
            && config.max_messages.is_none_or(|most| messages(request) <= most);
        let terms = Terms {
            read: !own.no_cache,
            write: !own.no_store && own.ttl != Some(Duration::ZERO),
            ttl: own.ttl.or(config.ttl),
            max_age: own.max_age.map(|age| age.as_millis() as u64),
            prefix: match own.namespace.or_else(|| config.namespace.clone()) {
                Some(namespace) => format!("{namespace}:"),
                None => String::new(),
            },
        };
        Ok(Some(terms).filter(|terms| applies && (terms.read || terms.write)))
    }

    /// The key of the whole request: the program's own `cache_key` as it stands, else a digest behind the namespace.
    pub fn key(&self, operation: Operation, request: &Request<'_>, target: &Target<'_>) -> Result<String> {
        match request.str("cache_key")? {
            Some(key) => Ok(key.into_owned()),
            None => Ok(format!("{}{}", self.prefix, key::of(operation, request, target))),
        }
    }

    /// When an answer that is kept now is no more; None is never.
    pub fn expires(&self, now: u64) -> Option<u64> {
        self.ttl.map(|ttl| now.saturating_add(ttl.as_millis() as u64))
    }
}

/// Who answers, for a request's key: its `caching_groups` first, then its router's group and what that is made of, then its provider.
pub fn target<'a>(request: &Request<'a>, route: &'a Route, group: Option<(&'a str, &'a str)>) -> Target<'a> {
    let model = group.map_or(route.model.as_str(), |(name, _)| name);
    let metadata = ["metadata", "litellm_metadata"].iter().filter_map(|name| member(request, name, "caching_groups"));
    let mut groups = metadata.chain(request.raw("caching_groups")).filter_map(json::read::<Vec<&RawValue>>).flatten();
    match groups.find(|names| json::read::<Vec<String>>(names).is_some_and(|names| names.iter().any(|name| name == model))) {
        Some(names) => Target::Group(names.get()),
        None => group.map_or(Target::Route(route), |(group, among)| Target::Router { group, among }),
    }
}

/// The request's own `cache`.
#[derive(Default)]
struct Own {
    no_cache: bool,
    no_store: bool,
    use_cache: bool,
    ttl: Option<Duration>,
    max_age: Option<Duration>,
    namespace: Option<String>,
}

impl Own {
    fn read(request: &Request<'_>) -> Result<Own> {
        let mut own = Own::default();
        if let Some(raw) = request.raw("cache") {
            let members =
                json::read::<Fields<'_>>(raw).ok_or_else(|| wrong_type("cache", &format!("an object of {MEMBERS}"), raw))?;
            for (name, raw) in members {
                own.set(&name, raw)?;
            }
        }
        if own.namespace.is_none() {
            let given = member(request, "metadata", "redis_namespace").filter(|raw| !json::is_null(raw));
            own.namespace = given.and_then(json::text).filter(|text| !text.is_empty());
        }
        Ok(own)
    }

    fn set(&mut self, name: &str, raw: &RawValue) -> Result<()> {
        let null = json::is_null(raw);
        let flag = || match raw.get() {
            "true" | "1" => Ok(true),
            "false" | "0" | "null" => Ok(false),
            _ => Err(wrong_type(&format!("cache.{name}"), "true or false", raw)),
        };
        let time = || match seconds(raw) {
            None if !null => Err(Error::bad_request(format!("`cache.{name}` must be a number of seconds, 0 or more"))),
            time => Ok(time),
        };
        match name {
            "no-cache" => self.no_cache = flag()?,
            "no-store" => self.no_store = flag()?,
            "use-cache" => self.use_cache = flag()?,
            "ttl" => self.ttl = time()?,
            "s-maxage" | "s-max-age" => self.max_age = time()?.or(self.max_age),
            "namespace" if null => {}
            "namespace" => self.namespace = Some(string("cache.namespace", raw)?.into_owned()).filter(|text| !text.is_empty()),
            _ => return Err(Error::bad_request(format!("`cache` has no member {name:?}: it may have {MEMBERS}"))),
        }
        Ok(())
    }
}

/// A member of an object among the arguments.
fn member<'a>(request: &Request<'a>, object: &str, name: &str) -> Option<&'a RawValue> {
    json::read::<Fields<'a>>(request.raw(object)?)?.get(name).copied()
}

/// How many messages a conversation has, or items the input of a response. Texts to embed are no conversation.
fn messages(request: &Request<'_>) -> usize {
    let count = |raw| json::read::<Vec<&RawValue>>(raw).map_or(0, |items| items.iter().filter(|item| is_message(item)).count());
    match (request.raw("messages"), request.raw("input")) {
        (Some(messages), _) => json::read::<Vec<&RawValue>>(messages).map_or(0, |all| all.len()),
        (None, Some(input)) => count(input),
        _ => 0,
    }
}

fn is_message(item: &RawValue) -> bool {
    json::read::<Fields<'_>>(item).is_some_and(|fields| fields.get("type").is_none_or(|kind| kind.get() != "\"file\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(config: &str, request: &str) -> Result<Option<Terms>> {
        let config = Config::read("answers", serde_json::from_str(config).unwrap()).unwrap();
        Terms::of(&config, Operation::Completion, &Request::parse(request.as_bytes()).unwrap())
    }

    const MEMORY: &str = r#"{"type":"memory","namespace":"shop"}"#;

    #[test]
    fn a_request_is_answered_and_kept_unless_it_says_otherwise() {
        let usual = terms(MEMORY, "{}").unwrap().unwrap();
        assert_eq!((usual.read, usual.write, usual.ttl, usual.max_age), (true, true, Some(Duration::from_secs(600)), None));
        assert_eq!(usual.prefix, "shop:");
        let of = |request| terms(MEMORY, request).unwrap().unwrap();
        assert!(!of(r#"{"cache":{"no-cache":true}}"#).read && of(r#"{"cache":{"no-cache":true}}"#).write);
        assert!(!of(r#"{"cache":{"no-store":true}}"#).write && of(r#"{"cache":{"no-store":true}}"#).read);
        assert!(!of(r#"{"cache":{"ttl":0}}"#).write, "an answer that holds no time is none to keep");
        assert_eq!(of(r#"{"cache":{"ttl":5}}"#).ttl, Some(Duration::from_secs(5)));
        assert_eq!(of(r#"{"cache":{"s-maxage":2}}"#).max_age, Some(2000));
        assert_eq!(of(r#"{"cache":{"s-max-age":0}}"#).max_age, Some(0));
        assert_eq!(of(r#"{"cache":{"namespace":"other"}}"#).prefix, "other:");
        assert_eq!(of(r#"{"metadata":{"redis_namespace":"other"}}"#).prefix, "other:");
        assert!(terms(MEMORY, r#"{"caching":false}"#).unwrap().is_none());
        assert!(terms(MEMORY, r#"{"cache":{"no-cache":true,"no-store":true}}"#).unwrap().is_none());
    }

    #[test]
    fn where_caches_are_off_a_call_asks_for_one() {
        let off = r#"{"type":"memory","mode":"default_off"}"#;
        assert!(terms(off, r#"{"caching":true}"#).unwrap().is_none());
        assert!(terms(off, r#"{"cache":{"use-cache":true}}"#).unwrap().is_some());
    }

    #[test]
    fn long_conversations_are_left_out() {
        let short = r#"{"type":"memory","max_messages":2}"#;
        assert!(terms(short, r#"{"messages":[{},{}]}"#).unwrap().is_some());
        assert!(terms(short, r#"{"messages":[{},{},{}]}"#).unwrap().is_none());
        assert!(terms(short, r#"{"input":["a","b","c"]}"#).unwrap().is_some());
        assert!(terms(short, r#"{"input":[{"role":"user"},{},{"type":"file"}]}"#).unwrap().is_some());
        assert!(terms(short, r#"{"input":[{},{},{}]}"#).unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (request, word) in [
            (r#"{"cache":{"no_cache":true}}"#, "no-cache, no-store"),
            (r#"{"cache":{"no-cache":"yes"}}"#, "`cache.no-cache`"),
            (r#"{"cache":{"ttl":-3}}"#, "`cache.ttl`"),
            (r#"{"cache":{"s-maxage":"soon"}}"#, "`cache.s-maxage`"),
            (r#"{"cache":{"namespace":3}}"#, "`cache.namespace`"),
            (r#"{"cache":true}"#, "`cache` must be an object"),
            (r#"{"caching":"on"}"#, "`caching`"),
        ] {
            let message = terms(MEMORY, request).unwrap_err().message.clone();
            assert!(message.contains(word), "{request}: {message}");
        }
    }

    #[test]
    fn groups_share_their_answers() {
        let route = Route { provider: "openai".into(), model: "gpt-4o".into(), api_base: String::new(), api_key: None };
        let request = Request::parse(br#"{"metadata":{"caching_groups":[["gpt-4o","o3"],["a"]]}}"#).unwrap();
        assert!(matches!(target(&request, &route, None), Target::Group(r#"["gpt-4o","o3"]"#)));
        assert!(matches!(target(&request, &route, Some(("o3", ""))), Target::Group(r#"["gpt-4o","o3"]"#)));
        assert!(matches!(target(&request, &route, Some(("b", "1"))), Target::Router { group: "b", among: "1" }));
        let plain = Request::parse(b"{}").unwrap();
        assert!(matches!(target(&plain, &route, None), Target::Route(_)));
    }
}
