//! Answers that are kept, so that an equal request needs no provider: in memory, on disk, or where several processes share them.
//!
//! A cache is one of a client's objects by name ([`config::Config`] is its JSON); a request names it by `cache_name`. [`session`] is
//! what it does for one request. A cache never fails a request, and never sends it twice: what goes wrong with it is a miss.

mod assemble;
mod backend;
mod config;
mod disk;
mod embedding;
mod entry;
mod flight;
pub mod key;
mod memory;
mod questions;
mod replay;
mod session;
mod terms;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use self::backend::Backend;
use self::config::Config;
use self::flight::Flights;
use super::error::Result;
use super::objects::Named;
use super::redis;
use super::request::Request;

pub use self::questions::{key, Question, NAMES};
pub use self::session::Session;

/// One cache of a client.
pub struct Cache {
    config: Config,
    /// Shared with the cache that takes this one's place, where only its terms are other.
    backend: Arc<Backend>,
    flights: Arc<Flights>,
    /// Answers that are being stored.
    writes: AtomicUsize,
}

impl Cache {
    /// The cache `name`. What `old`, the one that had the name before, has kept is this one's too, where both keep it at the same place.
    pub fn new(name: &str, config: &RawValue, old: Option<&Cache>, servers: &redis::Servers) -> Result<Cache> {
        let config = Config::read(name, config)?;
        let same = old.filter(|old| old.config.place == config.place && old.config.max_entry == config.max_entry);
        let (backend, flights) = match same {
            Some(old) => (old.backend.clone(), old.flights.clone()),
            None => (Arc::new(Backend::new(name, &config, servers)?), Arc::default()),
        };
        Ok(Cache { config, backend, flights, writes: AtomicUsize::new(0) })
    }
}

/// The cache that a request names, by itself or by its settings.
pub fn of(caches: &Named<Cache>, request: &Request<'_>) -> Result<Option<Arc<Cache>>> {
    let name = match request.str("cache_name")? {
        Some(name) => name,
        None => match request.setting_str("cache_name")? {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    caches.find("cache", &name).map(Some)
}

/// Milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
