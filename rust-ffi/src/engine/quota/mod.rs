//! Limits on what calls may use together: requests and tokens within a window, calls at once, and money within a period; for each key,
//! user, team, tag, model, provider or deployment, in this process or, through Redis, in all that share it.
//!
//! A call takes its part of all its limits at once before anything is sent, and settles afterwards what it really used. A store that cannot be
//! reached fails no call (unless a limit says so): then this process counts by itself.

mod config;
mod gate;
mod guess;
mod identity;
mod memory;
mod period;
mod shared;
mod store;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::config::{Config, Limit};
use self::gate::refusal;
use self::guess::Guess;
use self::identity::{hashed, Identity, Per};
use self::memory::Memory;
use self::shared::Shared;
use self::store::{Kind, Met, Taken, Want};
use super::error::{Error, ErrorKind, Result};
use super::id;
use super::log;
use super::objects::Named;
use super::observe::Observer;
use super::plan::Gate;
use super::redis::{Failure, Servers};
use super::request::Request;
use crate::models::Entry;

/// Settlements that wait for their store to come back. One is some hundred bytes.
const WAITING: usize = 10_000;
/// Between two looks whether there is room, where nothing says when there will be.
const LOOK: Duration = Duration::from_millis(50);

/// What was taken, and what was used of it.
type Settlement = (Taken, Vec<u64>);
type Late = Mutex<Vec<Settlement>>;
/// What lets a request in, and what watches its stream for it.
pub type Guarded = (Box<dyn Gate>, Box<dyn Observer>);
/// What was taken, or the limit that was met; and the store that said so, where it is shared.
type Attempt = (std::result::Result<Taken, Met>, Option<Arc<Shared>>);

/// A named set of limits, and what counts for them.
pub struct Quota {
    name: String,
    config: Config,
    memory: Arc<Memory>,
    /// What could not be told to the store yet.
    late: Arc<Late>,
    unpriced: Mutex<HashSet<String>>,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Requests,
    Tokens,
    Calls,
    Budget,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Requests => "requests",
            What::Tokens => "tokens",
            What::Calls => "parallel",
            What::Budget => "budget",
        }
    }
}

/// What a call takes from one limit.
#[derive(Clone)]
struct Part {
    limit: String,
    per: Per,
    value: String,
    what: What,
    want: Want,
    wait: Duration,
    deny: bool,
}

/// Limits that are not the quota's own: those of a router's deployment. None: unlimited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub rpm: Option<u64>,
    pub tpm: Option<u64>,
    pub parallel: Option<u64>,
}

/// The gate of a request that names a quota, and who watches for it. `routers` is the quota in which the request's router counts its
/// deployments, where it has both.
pub fn gate(quotas: &Named<Quota>, request: &Request<'_>, routers: Option<&str>) -> Result<Option<Guarded>> {
    let name = match request.str("quota")? {
        Some(name) => name,
        None => match request.setting_str("quota")? {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    let quota = quotas.find("quota", &name)?;
    if routers != Some(&*name) {
        quota.has_none_of_deployments(request.has("router"))?;
    }
    Ok(Some(gate::Entrance::guard(quota)))
}

impl Quota {
    /// Goes on with what `old`, which this takes the place of, has counted in memory: a changed limit forgets nothing.
    pub fn new(name: &str, config: &RawValue, old: Option<&Quota>, servers: &Servers) -> Result<Self> {
        Ok(Quota {
            name: name.to_owned(),
            config: Config::read(name, config, servers)?,
            memory: old.map(|old| old.memory.clone()).unwrap_or_default(),
            late: old.map(|old| old.late.clone()).unwrap_or_default(),
            unpriced: Mutex::default(),
        })
    }

    /// Limits per deployment are counted by a router that is configured with the quota: in another call they would limit nothing.
    fn has_none_of_deployments(&self, routed: bool) -> Result<()> {
        let Some(limit) = self.config.limits.iter().find(|limit| limit.per == Per::Deployment) else { return Ok(()) };
        let why = if routed { "this call's router is not configured with it" } else { "this call goes through no router" };
        Err(Error::bad_request(format!(
            "limit {:?} of quota {:?} is per deployment, and {why}: it would limit nothing. Hold the call to limits per model or per key, and give \
             a router's deployments `rpm`, `tpm` and `max_parallel_requests`, or the router's configuration this `quota`",
            limit.name, self.name
        )))
    }

    fn counts_tokens(&self) -> bool {
        self.config.limits.iter().any(|limit| limit.tpm.is_some() || limit.budget.is_some())
    }

    fn counts_money(&self) -> bool {
        self.config.limits.iter().any(|limit| limit.budget.is_some())
    }

    fn prices(&self) -> Option<&Entry> {
        self.config.prices.as_ref()
    }

    /// Once for each model.
    fn warn_of_price(&self, model: &str) {
        let first = self.unpriced.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(model.to_owned());
        if first {
            log::record(log::Level::Warning, || {
                let fields = serde_json::json!({ "quota": self.name, "model": model }).to_string();
                (
                    format!("the price of {model:?} is not known: no budget of quota {:?} counts it; set `prices`", self.name),
                    fields,
                )
            });
        }
    }

    /// What a request takes from every limit that is for it.
    fn parts(&self, identity: &Identity, guess: Guess, cost: u64) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        for limit in &self.config.limits {
            if limit.per == Per::Provider && identity.routed {
                return Err(Error::bad_request(format!(
                    "limit {:?} of quota {:?} is per provider, which a router chooses after the request was let in: limit it per model, or name \
                     the quota in calls without a router",
                    limit.name, self.name
                )));
            }
            let values = identity.values(limit.per);
            if values.is_empty() && limit.required && limit.per != Per::Deployment {
                return Err(Error::bad_request(format!(
                    "the request names no {}, which limit {:?} of quota {:?} requires",
                    limit.per.name(),
                    limit.name,
                    self.name
                )));
            }
            let met = |value: &&str| identity.meets(limit.per, value, |text| limit.is_for(text));
            for value in values.into_iter().filter(met) {
                push_parts(&mut parts, limit, value, guess, cost);
            }
        }
        Ok(parts)
    }

    /// Takes a call's part for a router's deployment: of `rates`, which are its own, and of the quota's limits per deployment. What is taken is
    /// given back when the hold is settled or dropped. An error is a `RateLimitError`, which says how long there is no room.
    pub async fn take(&self, deployment: &str, rates: Rates, tokens: u64, deadline: Instant) -> Result<Option<Hold>> {
        let (mut parts, guess) = (Vec::new(), Guess { prompt: tokens, most: 0 });
        let own = Limit::of_deployment(rates);
        let limits = self.config.limits.iter().filter(|limit| limit.per == Per::Deployment && limit.is_for(deployment));
        for limit in limits.chain([&own]) {
            push_parts(&mut parts, limit, deployment, guess, 0);
        }
        self.reserve(parts, deadline).await
    }

    /// Waits for room where every limit that has none allows a wait.
    async fn reserve(&self, parts: Vec<Part>, deadline: Instant) -> Result<Option<Hold>> {
        if parts.is_empty() {
            return Ok(None);
        }
        let (wants, began) = (parts.iter().map(|part| part.want.clone()).collect::<Vec<_>>(), Instant::now());
        loop {
            let id = id::unique("");
            let met = match self.try_reserve(&id, &wants, &parts, deadline).await? {
                (Ok(taken), shared) => return Ok(Some(Hold::new(self, taken, parts, shared))),
                (Err(met), _) => met,
            };
            let part = &parts[met.index];
            let until = deadline.min(began + part.wait);
            let next = Instant::now() + met.wait.unwrap_or(LOOK);
            if next > until || (met.wait.is_none() && part.what != What::Calls) {
                return Err(refusal(&self.name, part, met.used, met.wait));
            }
            tokio::time::sleep_until(next).await;
        }
    }

    async fn try_reserve(&self, id: &str, wants: &[Want], parts: &[Part], deadline: Instant) -> Result<Attempt> {
        if let Some(shared) = &self.config.shared {
            // A store that hangs counts as dead before it can use up a short time limit.
            let patience = deadline.saturating_duration_since(Instant::now()) / 4;
            let late = |_| Err(Failure::Down(format!("no answer within {:.1} s", patience.as_secs_f64())));
            match tokio::time::timeout(patience, shared.reserve(id, wants)).await.unwrap_or_else(late) {
                Ok(outcome) => {
                    self.tell_late(shared);
                    return Ok((outcome, Some(shared.clone())));
                }
                Err(failure) => self.without_store(parts, &failure)?,
            }
        }
        Ok((self.memory.reserve(id, wants), None))
    }

    fn without_store(&self, parts: &[Part], failure: &Failure) -> Result<()> {
        match parts.iter().find(|part| part.deny) {
            Some(part) => Err(Error::new(
                ErrorKind::ServiceUnavailable,
                format!(
                    "limit {:?} of quota {:?} cannot be checked, and lets no call through unchecked: {failure}",
                    part.limit, self.name
                ),
            )),
            None => Ok(()),
        }
    }

    /// Tells the store, which answers again, what it has not heard.
    fn tell_late(&self, shared: &Arc<Shared>) {
        let late = std::mem::take(&mut *lock_late(&self.late));
        if late.is_empty() {
            return;
        }
        let (shared, all) = (shared.clone(), self.late.clone());
        tokio::spawn(async move {
            let mut late = late.into_iter();
            while let Some((taken, used)) = late.next() {
                if shared.settle(&taken, &used).await.is_err() {
                    lock_late(&all).extend(std::iter::once((taken, used)).chain(late));
                    return;
                }
            }
        });
    }
}

fn lock_late(late: &Late) -> std::sync::MutexGuard<'_, Vec<Settlement>> {
    late.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The parts of one limit for one value.
fn push_parts(parts: &mut Vec<Part>, limit: &Limit, value: &str, guess: Guess, cost: u64) {
    // Users' names may be long, and secret.
    let whose = hashed(value);
    let mut push = |what: What, kind: Kind, most: Option<u64>, amount: u64, span: Duration| {
        let Some(most) = most else { return };
        // A window of another length has other slices. A period that changes goes on with what was spent.
        let span_of_key = if kind == Kind::Window { span.as_millis() } else { 0 };
        let key = format!("{}:{}:{span_of_key}:{whose}", limit.name, what.name());
        let want = Want { key, kind, limit: most, amount, span };
        let (limit, per, value) = (limit.name.clone(), limit.per, value.to_owned());
        parts.push(Part { limit, per, value, what, want, wait: Duration::ZERO, deny: false });
    };
    push(What::Requests, Kind::Window, limit.rpm, 1, limit.window);
    // An answer may be shorter than it is allowed to be: that alone keeps no request out for ever.
    let tokens = limit.tpm.map_or(0, |most| guess.total().min(most.max(guess.prompt)));
    push(What::Tokens, Kind::Window, limit.tpm, tokens, limit.window);
    push(What::Calls, Kind::Parallel, limit.parallel, 1, Duration::ZERO);
    let period = limit.period.map_or(Duration::ZERO, |period| period.length(SystemTime::now()));
    push(What::Budget, Kind::Budget, limit.budget, cost, period);
    for part in parts.iter_mut().filter(|part| part.limit == limit.name) {
        (part.wait, part.deny) = (limit.wait, limit.deny);
    }
}

impl Limit {
    fn of_deployment(Rates { rpm, tpm, parallel }: Rates) -> Limit {
        Limit {
            // No limit that is configured is named so: an empty name is refused.
            name: String::new(),
            per: Per::Deployment,
            matching: None,
            rpm,
            tpm,
            window: Duration::from_secs(60),
            parallel,
            budget: None,
            period: None,
            wait: Duration::ZERO,
            required: false,
            deny: false,
        }
    }
}

/// What a call has taken. While it lives, its leases are renewed. Settle it, or what it reserved counts as used.
#[derive(Clone)]
pub struct Hold(Arc<Held>);

struct Held {
    taken: Taken,
    whats: Vec<What>,
    memory: Arc<Memory>,
    shared: Option<Arc<Shared>>,
    late: Arc<Late>,
    renewal: Option<AbortHandle>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
    }
}

impl Hold {
    fn new(quota: &Quota, taken: Taken, parts: Vec<Part>, shared: Option<Arc<Shared>>) -> Self {
        let held = taken.wants.iter().zip(&taken.places).filter(|(want, _)| want.kind != Kind::Window);
        let (wants, places): (Vec<_>, Vec<_>) = held.map(|(want, place)| (want.clone(), *place)).unzip();
        let renewal = shared.clone().filter(|_| !wants.is_empty()).map(|shared| {
            let leased = Taken { wants, places, id: taken.id.clone() };
            let task = tokio::spawn(async move {
                loop {
                    tokio::time::sleep(shared.lease / 3).await;
                    // A renewal that fails is made up for by the next.
                    let _ = shared.renew(&leased).await;
                }
            });
            task.abort_handle()
        });
        let whats = parts.iter().map(|part| part.what).collect();
        Hold(Arc::new(Held { taken, whats, memory: quota.memory.clone(), shared, late: quota.late.clone(), renewal }))
    }

    /// Replaces what was reserved by what was used; `cost` in billionths of a dollar. Never fails: a store that does not answer is told later.
    pub async fn settle(&self, requests: u64, tokens: u64, cost: u64) {
        let held = &*self.0;
        if let Some(renewal) = &held.renewal {
            renewal.abort();
        }
        let used = held.used(requests, tokens, cost);
        match &held.shared {
            None => held.memory.settle(&held.taken, &used),
            Some(shared) => {
                if shared.settle(&held.taken, &used).await.is_err() {
                    held.tell_later(used);
                }
            }
        }
    }

    /// Where nobody can wait for it.
    pub fn settle_later(self, requests: u64, tokens: u64, cost: u64) {
        match (&self.0.shared, tokio::runtime::Handle::try_current()) {
            (Some(_), Ok(runtime)) => {
                runtime.spawn(async move { self.settle(requests, tokens, cost).await });
            }
            (Some(_), Err(_)) => self.0.tell_later(self.0.used(requests, tokens, cost)),
            (None, _) => self.0.memory.settle(&self.0.taken, &self.0.used(requests, tokens, cost)),
        }
    }
}

impl Held {
    fn used(&self, requests: u64, tokens: u64, cost: u64) -> Vec<u64> {
        let used = |what: &What| match what {
            What::Requests => requests,
            What::Tokens => tokens,
            What::Calls => 0,
            What::Budget => cost,
        };
        self.whats.iter().map(used).collect()
    }

    fn tell_later(&self, used: Vec<u64>) {
        let mut late = lock_late(&self.late);
        if late.len() < WAITING {
            late.push((self.taken.clone(), used));
        } else {
            log::record(log::Level::Error, || {
                ("Redis was away for too long: what a call used is not counted by its quota".to_owned(), "{}".to_owned())
            });
        }
    }
}

#[cfg(test)]
mod tests;
