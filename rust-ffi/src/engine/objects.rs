//! What a client is configured with, by name: replaced as a whole, read without a lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use serde_json::value::RawValue;

use super::cache::Cache;
use super::error::{Error, Result};
use super::json;
use super::quota::Quota;
use super::redis;
use super::request::{wrong_type, Fields};
use super::router::Router;
use super::telemetry::Telemetry;

/// What a client has by name.
#[derive(Default)]
pub struct Objects {
    /// Those that caches and quotas are kept in.
    pub redis: redis::Servers,
    pub routers: Named<Router>,
    pub quotas: Named<Quota>,
    /// One, not several by name.
    pub telemetry: ArcSwapOption<Telemetry>,
    pub caches: Named<Cache>,
}

impl Objects {
    /// Sets what `config` gives: {KIND: {NAME: {…} or null, …}, …}, and {`telemetry`: {…} or null}. An object takes the place of the one of its
    /// name, null removes it. Nothing is changed where anything is wrong.
    pub fn configure(&self, config: &Fields<'_>) -> Result<()> {
        let (mut routers, mut quotas, mut caches, mut telemetry) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (kind, raw) in config {
            match kind.as_str() {
                "telemetry" if json::is_null(raw) => telemetry = Some(None),
                "telemetry" => telemetry = Some(Some(Arc::new(Telemetry::new(raw, self.telemetry.load().as_deref())?))),
                _ if json::is_null(raw) => {}
                "routers" => routers = read(kind, raw, |name, raw| Router::new(name, raw, &self.redis))?,
                "caches" => {
                    caches = read(kind, raw, |name, raw| Cache::new(name, raw, self.caches.get(name).as_deref(), &self.redis))?
                }
                "quotas" => {
                    quotas = read(kind, raw, |name, raw| Quota::new(name, raw, self.quotas.get(name).as_deref(), &self.redis))?
                }
                _ => return Err(Error::bad_request(format!("{kind:?} is nothing that a client is configured with"))),
            }
        }
        for (name, router) in &routers {
            if let (Some(new), Some(old)) = (router, self.routers.get(name)) {
                new.succeed(&old);
            }
        }
        self.routers.replace(routers);
        self.quotas.replace(quotas);
        if let Some(telemetry) = telemetry {
            self.telemetry.store(telemetry);
        }
        self.caches.replace(caches);
        Ok(())
    }
}

/// The objects of one kind that a configuration gives, each made by `new` from its name and its JSON.
pub fn read<T>(
    kind: &str,
    config: &RawValue,
    new: impl Fn(&str, &RawValue) -> Result<T>,
) -> Result<Vec<(String, Option<Arc<T>>)>> {
    let named = json::read::<Fields<'_>>(config).ok_or_else(|| wrong_type(kind, "an object of objects by name", config))?;
    let object = |(name, config): (String, &RawValue)| {
        let object = if json::is_null(config) { None } else { Some(Arc::new(new(&name, config)?)) };
        Ok((name, object))
    };
    named.into_iter().map(object).collect()
}

/// Objects of one kind by their names.
pub struct Named<T>(ArcSwap<HashMap<String, Arc<T>>>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(ArcSwap::default())
    }
}

impl<T> Named<T> {
    pub fn get(&self, name: &str) -> Option<Arc<T>> {
        self.0.load().get(name).cloned()
    }

    /// The object of that name, or what to do where there is none.
    pub fn find(&self, kind: &str, name: &str) -> Result<Arc<T>> {
        self.get(name).ok_or_else(|| {
            let mut known: Vec<String> = self.0.load().keys().map(|name| format!("{name:?}")).collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let how = if kind == "quota" { " (register_quota of the Python package)" } else { "" };
            Error::bad_request(format!("there is no {kind} {name:?} (known: {known}): configure it first{how}"))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    /// Sets the objects that are given and removes those that are None. Requests on their way keep what they have.
    pub fn replace(&self, changes: Vec<(String, Option<Arc<T>>)>) {
        self.0.rcu(|old| {
            let mut new = HashMap::clone(old);
            for (name, object) in &changes {
                match object {
                    Some(object) => new.insert(name.clone(), object.clone()),
                    None => new.remove(name),
                };
            }
            new
        });
    }
}
