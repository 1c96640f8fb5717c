//! A quota as it is configured: where it counts, and its limits.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::identity::{hashed, Per};
use super::period;
use super::shared::Shared;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::redis::{Servers, Settings};
use crate::engine::request::wrong_type;
use crate::models::Entry;

const DEFAULT_WINDOW: Duration = Duration::from_secs(60);
const DEFAULT_LEASE: Duration = Duration::from_secs(60);
const DEFAULT_NAMESPACE: &str = "edgequake";
/// Billionths of a dollar: an input token costs hundreds of them.
pub const UNITS: u32 = 1_000_000_000;
/// Longest span that can be set.
const LONGEST: f64 = 366.0 * 86_400.0;

pub struct Config {
    pub shared: Option<Arc<Shared>>,
    pub limits: Vec<Limit>,
    /// Models' prices that the library does not know, by model.
    pub prices: Option<Entry>,
}

/// Each part that is set counts by itself.
pub struct Limit {
    pub name: String,
    pub per: Per,
    /// For which values it is; None: for each. A `*` at the end stands for whatever follows.
    pub matching: Option<Vec<String>>,
    /// Requests and tokens in a window.
    pub rpm: Option<u64>,
    pub tpm: Option<u64>,
    pub window: Duration,
    pub parallel: Option<u64>,
    /// Billionths of a dollar.
    pub budget: Option<u64>,
    /// None: for ever.
    pub period: Option<period::Period>,
    /// How long a call may wait for room.
    pub wait: Duration,
    /// A request that does not say whose it is is refused.
    pub required: bool,
    /// Where the store fails: refuse, rather than count in this process alone.
    pub deny: bool,
}

impl Config {
    pub fn read(name: &str, raw: &RawValue, servers: &Servers) -> Result<Self> {
        let at = |mut error: Error| {
            error.message = format!("quota {name:?}: {}", error.message);
            error
        };
        let mut config: Map<String, Value> = json::read(raw).ok_or_else(|| at(wrong_type("quotas", "an object", raw)))?;
        let shared = match config.remove("store") {
            None | Some(Value::Null) => None,
            Some(Value::Object(store)) => shared(store, servers).map_err(at)?,
            Some(_) => return Err(at(expected("store", "an object"))),
        };
        let limits = match config.remove("limits") {
            Some(Value::Array(limits)) if !limits.is_empty() => limits,
            _ => return Err(at(expected("limits", "a list of at least one limit"))),
        };
        let limits: Vec<Limit> = limits.into_iter().map(limit).collect::<Result<_>>().map_err(at)?;
        for (n, limit) in limits.iter().enumerate() {
            if limits[..n].iter().any(|other| other.name == limit.name) {
                return Err(at(Error::bad_request(format!(
                    "two limits are named {:?}: they would count as one; give each a `name`",
                    limit.name
                ))));
            }
        }
        let prices = match config.remove("prices") {
            None | Some(Value::Null) => None,
            Some(Value::Object(prices)) => Some(prices),
            Some(_) => return Err(at(expected("prices", "an object of entries by model"))),
        };
        unknown(&config, "a quota").map_err(at)?;
        Ok(Config { shared, limits, prices })
    }
}

fn shared(mut store: Map<String, Value>, servers: &Servers) -> Result<Option<Arc<Shared>>> {
    match store.remove("type").as_ref().map(|kind| kind.as_str().unwrap_or_default()) {
        None | Some("memory") => unknown(&store, "a store in memory").map(|()| None),
        Some("redis") => {
            let namespace = match store.remove("namespace") {
                None | Some(Value::Null) => DEFAULT_NAMESPACE.to_owned(),
                // Braces would change which slot of a cluster the keys are in.
                Some(Value::String(name)) if !name.is_empty() && !name.contains(['{', '}']) => name,
                Some(_) => return Err(expected("namespace", "a text without braces")),
            };
            let lease = seconds(&mut store, "lease")?.unwrap_or(DEFAULT_LEASE);
            let redis = servers.get(Settings::take(&mut store)?)?;
            unknown(&store, "a store in Redis")?;
            Ok(Some(Arc::new(Shared::new(redis, namespace, lease))))
        }
        Some(_) => Err(expected("type", "\"memory\" or \"redis\"")),
    }
}

fn limit(value: Value) -> Result<Limit> {
    let Value::Object(mut limit) = value else { return Err(expected("limits", "a list of objects")) };
    let per = match limit.remove("per") {
        None | Some(Value::Null) => Per::All,
        Some(Value::String(name)) => Per::from_name(&name).ok_or_else(|| expected("per", &Per::names()))?,
        Some(_) => return Err(expected("per", &Per::names())),
    };
    let matching = match limit.remove("match") {
        None | Some(Value::Null) => None,
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(many)) => {
            let text =
                |value: Value| value.as_str().map(str::to_owned).ok_or_else(|| expected("match", "a text or a list of texts"));
            Some(many.into_iter().map(text).collect::<Result<Vec<_>>>()?)
        }
        Some(_) => return Err(expected("match", "a text or a list of texts")),
    };
    if matching.is_some() && per == Per::All {
        return Err(Error::bad_request("`match` says for which values a limit is, and a limit per \"all\" has none; set `per`"));
    }
    // A key is kept by its hash alone.
    let matching = match per {
        Per::Key => matching.map(|keys| keys.iter().map(|key| hashed(key)).collect()),
        _ => matching,
    };
    let name = match limit.remove("name") {
        None | Some(Value::Null) => match &matching {
            Some(values) => format!("{}:{}", per.name(), values.join(",")),
            None => per.name().to_owned(),
        },
        Some(Value::String(name)) if !name.is_empty() => name,
        Some(_) => return Err(expected("name", "a text")),
    };
    let budget = match limit.remove("budget") {
        None | Some(Value::Null) => None,
        Some(value) => Some(money(&value).ok_or_else(|| expected("budget", "a number of dollars, 0 or more"))?),
    };
    let period = match limit.remove("budget_duration") {
        None | Some(Value::Null) => None,
        Some(value) => Some(period::parse(&value)?),
    };
    if period.is_some() && budget.is_none() {
        return Err(Error::bad_request("`budget_duration` is set without a `budget`"));
    }
    let deny = match limit.remove("on_store_failure").as_ref().map(|value| value.as_str().unwrap_or_default()) {
        None | Some("allow") => false,
        Some("deny") => true,
        Some(_) => return Err(expected("on_store_failure", "\"allow\" or \"deny\"")),
    };
    let limit = Limit {
        rpm: number(&mut limit, "rpm")?,
        tpm: number(&mut limit, "tpm")?,
        parallel: number(&mut limit, "parallel")?,
        window: seconds(&mut limit, "window")?.unwrap_or(DEFAULT_WINDOW),
        wait: seconds(&mut limit, "wait")?.unwrap_or_default(),
        required: match limit.remove("required") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(required)) => required,
            Some(_) => return Err(expected("required", "true or false")),
        },
        name,
        per,
        matching,
        budget,
        period,
        deny,
    }
    .checked(&limit)?;
    Ok(limit)
}

impl Limit {
    fn checked(self, left: &Map<String, Value>) -> Result<Self> {
        unknown(left, "a limit")?;
        if [self.rpm, self.tpm, self.parallel, self.budget].iter().all(Option::is_none) {
            return Err(Error::bad_request(format!(
                "the limit {:?} limits nothing: set `rpm`, `tpm`, `parallel` or `budget`",
                self.name
            )));
        }
        if self.per == Per::Deployment && self.budget.is_some() {
            return Err(Error::bad_request(format!(
                "the limit {:?} is a budget per deployment, which nobody counts: set the budget per model",
                self.name
            )));
        }
        Ok(self)
    }

    /// Is it for this value?
    pub fn is_for(&self, value: &str) -> bool {
        self.matching.as_ref().is_none_or(|patterns| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => value.starts_with(beginning),
                None => pattern == value,
            })
        })
    }
}

fn number(config: &mut Map<String, Value>, name: &str) -> Result<Option<u64>> {
    match config.remove(name) {
        None | Some(Value::Null) => Ok(None),
        // Lua counts exactly up to here.
        Some(value) => {
            match value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0).map(|n| n as u64)) {
                Some(number) if number < 1 << 53 => Ok(Some(number)),
                _ => Err(expected(name, "a whole number, 0 or more")),
            }
        }
    }
}

fn seconds(config: &mut Map<String, Value>, name: &str) -> Result<Option<Duration>> {
    match config.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|n| *n >= 0.1 && *n <= LONGEST) {
            Some(number) => Ok(Some(Duration::from_secs_f64(number))),
            None => Err(expected(name, "a number of seconds, 0.1 or more")),
        },
    }
}

/// Dollars as billionths of one, rounded up.
fn money(value: &Value) -> Option<u64> {
    let text = value.is_number().then(|| value.to_string())?;
    let dollars = text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()?;
    units(dollars).filter(|units| *units < 1 << 53)
}

pub fn units(dollars: Decimal) -> Option<u64> {
    dollars.checked_mul(UNITS.into())?.ceil().to_u64()
}

/// Of what arithmetic with floats gave.
pub fn units_of(dollars: f64) -> u64 {
    Decimal::from_f64(dollars.max(0.0)).and_then(units).unwrap_or(0)
}

pub fn dollars(units: u64) -> f64 {
    units as f64 / f64::from(UNITS)
}

fn expected(name: &str, what: &str) -> Error {
    Error::bad_request(format!("`{name}` must be {what}"))
}

fn unknown(left: &Map<String, Value>, of: &str) -> Result<()> {
    match left.keys().next() {
        Some(name) => Err(Error::bad_request(format!("{name:?} is no setting of {of}"))),
        None => Ok(()),
    }
}
