//! What a cache does for one request.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::FutureExt;
use serde_json::{json, Value};
use tokio::time::Instant;

use super::assemble::Assembly;
use super::embedding::{self, Fresh, Kept};
use super::entry::{Entry, Kind};
use super::flight::{Landing, Lead, Part};
use super::terms::{self, Terms};
use super::{key, now, replay, Backend, Cache};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json as text;
use crate::engine::observe::Observer;
use crate::engine::plan::{Asked, Found, Store};
use crate::engine::request::{Fields, Request};
use crate::engine::route::Route;
use crate::wire::{Operation, StreamEvent};

/// An answer waits that long until it is stored, so that a program that ends with its last answer leaves it in the cache.
const WRITE_TIME: Duration = Duration::from_millis(250);
/// More answers that wait to be stored are not stored: where a store is that slow, they would only fill the memory.
const MOST_WRITES: usize = 64;

/// A cache's part in one request.
pub struct Session {
    cache: Arc<Cache>,
    operation: Operation,
    stream: bool,
    /// Is a stream to say how many tokens it took?
    usage: bool,
    terms: Terms,
    key: String,
    route: Route,
    /// Of a request for embeddings, one after another.
    items: Vec<Item>,
    /// May other models answer than the one that is asked for? Their vectors are no company for those that were kept.
    others: bool,
    lead: Option<Lead>,
    recorded: Arc<Mutex<Recording>>,
}

struct Item {
    key: String,
    text: Box<serde_json::value::RawValue>,
    kept: Option<Kept>,
}

impl Session {
    /// None where the cache has nothing to do with the request. `route` is what is asked for; `group` the group of a router and what it is
    /// made of.
    pub fn new(
        cache: Arc<Cache>,
        operation: Operation,
        request: &Request<'_>,
        route: Route,
        group: Option<(&str, &str)>,
    ) -> Result<Option<Session>> {
        let Some(terms) = Terms::of(&cache.config, operation, request)? else { return Ok(None) };
        let target = terms::target(request, &route, group);
        let key = terms.key(operation, request, &target)?;
        let mut items = Vec::new();
        // An answer under the program's own key is kept whole: the key is of all of it.
        if operation == Operation::Embedding && !request.has("cache_key") {
            for item in embedding::items(request).into_iter().flatten() {
                let key = format!("{}{}", terms.prefix, key::of_item(request, &target, item.get()));
                items.push(Item { key, text: item.to_owned(), kept: None });
            }
        }
        let stream = operation.streams() && request.is_stream()?;
        let usage = stream && request.includes_usage()?;
        let recorded = Arc::default();
        Ok(Some(Session { cache, operation, stream, usage, terms, key, route, items, others: false, lead: None, recorded }))
    }

    /// Whom the request asks, the answer and its meta, where it is in memory and is not a stream: no thread needs to be woken for it.
    pub fn ready(&self) -> Option<(Route, Vec<u8>, Vec<u8>)> {
        let Backend::Memory(memory) = &*self.cache.backend else { return None };
        if self.stream || !self.terms.read {
            return None;
        }
        let now = now();
        if self.items.is_empty() {
            let entry = memory.get(&self.key, now)?;
            let (_, answer, meta) = self.serve(&entry, now)?;
            return Some((self.route.clone(), answer, meta));
        }
        let found: Option<Vec<_>> = self.items.iter().map(|item| memory.get(&item.key, now)).collect();
        let kept: Option<Vec<Kept>> = found?.iter().map(|entry| self.item(entry, now)).collect();
        let entry = self.joined(&kept?.iter().collect::<Vec<_>>(), now);
        let (_, answer, meta) = self.serve(&entry, now)?;
        Some((self.route.clone(), answer, meta))
    }

    /// The request has fallbacks or a choice of deployments.
    pub fn may_be_answered_by_others(&mut self) {
        self.others = true;
    }

    /// What takes down the stream that this request may become.
    pub fn observer(&self) -> Option<Box<dyn Observer>> {
        (self.stream && self.terms.write).then(|| Box::new(Recorder(self.recorded.clone())) as Box<dyn Observer>)
    }

    /// The request as it is answered from `entry`: events, answer, meta.
    fn serve(&self, entry: &Entry, now: u64) -> Option<(Vec<StreamEvent>, Vec<u8>, Vec<u8>)> {
        // What a program has put there itself may be anything.
        let odd = || entry.provider.is_empty() && !is_answer(self.operation, &entry.answer);
        if !entry.holds(Kind::Answer(self.operation), now, self.terms.max_age) || !(self.stream || entry.counted) || odd() {
            return None;
        }
        let meta = json!({
            "provider": entry.provider,
            "model": entry.model,
            "api_base": self.route.api_base,
            "status": null,
            "request_id": null,
            "attempts": 0,
            "headers": {},
            "cache": {"hit": true, "key": self.key, "age_ms": entry.age(now)},
        });
        let meta = meta.to_string().into_bytes();
        if self.stream {
            return Some((replay::events(self.operation, &entry.answer, self.usage)?, Vec::new(), meta));
        }
        Some((Vec::new(), entry.answer.clone(), meta))
    }

    fn item(&self, entry: &Entry, now: u64) -> Option<Kept> {
        entry.holds(Kind::Item, now, self.terms.max_age).then(|| Kept::read(&entry.answer))?
    }

    /// The answer that consists of items that were all kept.
    fn joined(&self, kept: &[&Kept], now: u64) -> Entry {
        let answer = embedding::join(None, kept, embedding::tokens(kept.iter().copied()));
        self.entry(Kind::Answer(Operation::Embedding), now, true, answer, &self.route.provider, &self.route.model)
    }

    fn entry(&self, kind: Kind, now: u64, counted: bool, answer: Vec<u8>, provider: &str, model: &str) -> Entry {
        let expires = self.terms.expires(now);
        Entry { kind, stored: now, expires, counted, provider: provider.to_owned(), model: model.to_owned(), answer }
    }

    async fn look_up(&mut self, asked: &mut Asked) -> Option<Arc<Entry>> {
        let now = now();
        if self.items.is_empty() {
            return self.cache.backend.get(std::slice::from_ref(&self.key), now).await.pop().flatten();
        }
        let keys: Vec<String> = self.items.iter().map(|item| item.key.clone()).collect();
        let found = self.cache.backend.get(&keys, now).await;
        let kept: Vec<Option<Kept>> = found.into_iter().map(|entry| entry.and_then(|entry| self.item(&entry, now))).collect();
        if kept.iter().all(Option::is_some) {
            let kept: Vec<&Kept> = kept.iter().flatten().collect();
            return Some(Arc::new(self.joined(&kept, now)));
        }
        if self.others {
            return None;
        }
        self.items.iter_mut().zip(kept).for_each(|(item, kept)| item.kept = kept);
        let missing: Vec<_> = self.items.iter().filter(|item| item.kept.is_none()).map(|item| &*item.text).collect();
        if missing.len() < self.items.len() {
            asked.over.extend(embedding::input(&missing).map(|input| ("input".to_owned(), input)));
        }
        None
    }

    async fn found(&mut self, asked: &mut Asked, deadline: Instant) -> Found {
        if self.terms.read {
            if self.terms.write && self.cache.config.single_flight {
                match self.cache.flights.join(&self.key) {
                    Part::Lead(lead) => self.lead = Some(lead),
                    Part::Follow(follow) => match follow.landing(deadline).await {
                        Landing::Answer(entry) => {
                            if let Some((events, answer, meta)) = self.serve(&entry, now()) {
                                return Found::Hit { events, answer, meta };
                            }
                        }
                        Landing::Lead(lead) => self.lead = Some(lead),
                        Landing::Alone => {}
                    },
                }
            }
            // A store that hangs is a miss before it can use up a short time limit.
            let patience = deadline.saturating_duration_since(Instant::now()) / 4;
            if let Some(entry) = tokio::time::timeout(patience, self.look_up(asked)).await.ok().flatten() {
                if let Some((events, answer, meta)) = self.serve(&entry, now()) {
                    if let Some(lead) = self.lead.take() {
                        lead.land(entry);
                    }
                    return Found::Hit { events, answer, meta };
                }
            }
        }
        if self.stream && self.terms.write {
            let limit = usize::try_from(self.cache.config.max_entry).unwrap_or(usize::MAX).saturating_mul(4);
            *lock(&self.recorded) = Recording { assembly: Some(Assembly::new(self.operation, limit)), lead: self.lead.take() };
        }
        Found::Miss
    }

    /// What is to be kept of the answer, and the whole of it for those who wait. None where nothing is.
    fn parts(&mut self, answer: &mut Vec<u8>, source: &Source, told: &mut Value) -> Result<Option<Parts>> {
        let now = now();
        let Source { provider, model, .. } = source;
        let kind = Kind::Answer(self.operation);
        if self.stream {
            let finished = lock(&self.recorded).assembly.take().and_then(Assembly::finish);
            let kept = finished.filter(|(answer, _)| is_answer(self.operation, answer));
            let entry = kept.map(|(answer, counted)| Arc::new(self.entry(kind, now, counted, answer, provider, model)));
            return Ok(entry.map(|entry| Parts { entries: vec![(self.key.clone(), entry.clone())], whole: entry }));
        }
        if self.items.is_empty() {
            let entry = || Arc::new(self.entry(kind, now, true, answer.clone(), provider, model));
            let entry = is_answer(self.operation, answer).then(entry);
            return Ok(entry.map(|entry| Parts { entries: vec![(self.key.clone(), entry.clone())], whole: entry }));
        }
        let missing = self.items.iter().filter(|item| item.kept.is_none()).count();
        let partly = missing < self.items.len();
        let Some(fresh) = Fresh::read(answer, missing) else {
            // Of a whole request the answer is the caller's, whatever it is; with a part of it nothing can be put together.
            return if partly { Err(mismatch(missing)) } else { Ok(None) };
        };
        let Fresh { rest, items: mut fresh } = fresh;
        let entries = self.items.iter().filter(|item| item.kept.is_none()).zip(&fresh);
        let entries = entries.map(|(item, kept)| {
            let entry = self.entry(Kind::Item, now, kept.is_counted(), kept.write(), provider, model);
            (item.key.clone(), Arc::new(entry))
        });
        let entries = entries.collect();
        if partly {
            told["cached_items"] = (self.items.len() - missing).into();
            told["sent_usage"] = rest.get("usage").cloned().unwrap_or(Value::Null);
            let kept = embedding::tokens(self.items.iter().filter_map(|item| item.kept.as_ref()));
            let mut fresh = fresh.drain(..);
            let all: Vec<Kept> = self.items.iter_mut().filter_map(|item| item.kept.take().or_else(|| fresh.next())).collect();
            *answer = embedding::join(Some(rest), &all.iter().collect::<Vec<_>>(), kept);
        }
        let whole = Arc::new(self.entry(kind, now, true, answer.clone(), provider, model));
        Ok(Some(Parts { entries, whole }))
    }

    async fn kept(&mut self, answer: &mut Vec<u8>, meta: &mut Vec<u8>) -> Result<()> {
        let mut told = json!({"hit": false, "key": self.key});
        let source = Source::read(meta);
        let parts = if self.terms.write && !source.fell_back {
            self.parts(answer, &source, &mut told)?
        } else {
            self.completed(answer, &mut told)?
        };
        add(meta, &told);
        let lead = self.lead.take().or_else(|| lock(&self.recorded).lead.take());
        match parts {
            Some(parts) => self.write(parts, lead).await,
            None => lead.into_iter().for_each(Lead::part),
        }
        Ok(())
    }

    /// Of a request whose answer is not to be kept: only completes it.
    fn completed(&mut self, answer: &mut Vec<u8>, told: &mut Value) -> Result<Option<Parts>> {
        if self.items.iter().any(|item| item.kept.is_some()) {
            self.parts(answer, &Source::default(), told)?;
        }
        Ok(None)
    }

    async fn write(&self, parts: Parts, lead: Option<Lead>) {
        let Parts { mut entries, whole } = parts;
        entries.retain(|(_, entry)| entry.size() as u64 <= self.cache.config.max_entry);
        if let Some(lead) = &lead {
            lead.land(whole);
        }
        if let Backend::Memory(memory) = &*self.cache.backend {
            entries.into_iter().for_each(|(key, entry)| memory.put(&key, entry));
            return;
        }
        let cache = self.cache.clone();
        if cache.writes.fetch_add(1, Ordering::Relaxed) >= MOST_WRITES {
            cache.writes.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        // A task of its own: a caller that goes away, or no longer waits, does not end it half-way. Equal calls have the answer until then.
        let task = tokio::spawn(async move {
            let _ = cache.backend.put(entries).await;
            cache.writes.fetch_sub(1, Ordering::Relaxed);
            drop(lead);
        });
        let _ = tokio::time::timeout(WRITE_TIME, task).await;
    }
}

impl Store for Session {
    fn find<'a>(&'a mut self, asked: &'a mut Asked, deadline: Instant) -> BoxFuture<'a, Found> {
        self.found(asked, deadline).boxed()
    }

    fn keep<'a>(&'a mut self, answer: &'a mut Vec<u8>, meta: &'a mut Vec<u8>) -> BoxFuture<'a, Result<()>> {
        self.kept(answer, meta).boxed()
    }
}

struct Parts {
    entries: Vec<(String, Arc<Entry>)>,
    whole: Arc<Entry>,
}

/// Who answered.
#[derive(Default)]
struct Source {
    provider: String,
    model: String,
    /// Was it another model than the one that was asked for? Its answer is for this once.
    fell_back: bool,
}

impl Source {
    fn read(meta: &[u8]) -> Source {
        let fields: Fields<'_> = serde_json::from_slice(meta).unwrap_or_default();
        let text = |name| fields.get(name).and_then(|raw| text::text(raw)).unwrap_or_default();
        Source { provider: text("provider"), model: text("model"), fell_back: fields.contains_key("fallback") }
    }
}

/// Adds what the cache has to say to a `meta`.
fn add(meta: &mut Vec<u8>, told: &Value) {
    if meta.pop_if(|last| *last == b'}').is_some() {
        if meta.last() != Some(&b'{') {
            meta.push(b',');
        }
        meta.extend_from_slice(format!("\"cache\":{told}}}").as_bytes());
    }
}

fn mismatch(expected: usize) -> Error {
    let message = format!("the provider was asked for {expected} embeddings and sent another number, or numbered them wrongly");
    Error::new(ErrorKind::ApiResponseValidation, message)
}

/// Is it an answer that says something? An empty one may be a provider's bad moment: it is not to be had again for hours.
fn is_answer(operation: Operation, answer: &[u8]) -> bool {
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(answer) else { return false };
    let some = |name: &str| {
        let list = fields.get(name).and_then(|raw| text::read::<Vec<&serde_json::value::RawValue>>(raw));
        list.is_some_and(|list| !list.is_empty())
    };
    match operation {
        Operation::Completion | Operation::TextCompletion => some("choices"),
        Operation::Responses => some("output") && fields.get("status").is_none_or(|status| status.get() == "\"completed\""),
        Operation::Embedding => some("data"),
        _ => !fields.contains_key("error"),
    }
}

/// A stream that is being taken down, and those who wait for it.
#[derive(Default)]
struct Recording {
    assembly: Option<Assembly>,
    lead: Option<Lead>,
}

struct Recorder(Arc<Mutex<Recording>>);

impl Observer for Recorder {
    fn event(&mut self, event: &StreamEvent) {
        let mut recording = lock(&self.0);
        if let Some(assembly) = &mut recording.assembly {
            assembly.add(event);
        }
        if let Some(lead) = &recording.lead {
            lead.moves();
        }
    }

    fn failed(&mut self, _error: &Error) {
        *lock(&self.0) = Recording::default();
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
