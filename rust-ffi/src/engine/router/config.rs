//! A router's configuration: litellm's arguments of `Router`, read and checked as a whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::deployment::{Common, Deployment};
use super::errors::ByKind;
use super::names::Names;
use super::read;
use super::shared::Shared;
use crate::engine::error::{Error, Result};
use crate::engine::fallback::Rules;
use crate::engine::json::is_null;
use crate::engine::limits::Limits;
use crate::engine::redis::Servers;
use crate::engine::request::{string, Request};

const KNOWN: [&str; 28] = [
    "model_list",
    "routing_strategy",
    "routing_strategy_args",
    "num_retries",
    "timeout",
    "stream_timeout",
    "retry_after",
    "retry_policy",
    "model_group_retry_policy",
    "allowed_fails",
    "allowed_fails_policy",
    "cooldown_time",
    "disable_cooldowns",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "default_fallbacks",
    "max_fallbacks",
    "model_group_alias",
    "enable_pre_call_checks",
    "enable_tag_filtering",
    "tag_filtering_match_any",
    "default_max_parallel_requests",
    "default_litellm_params",
    "quota",
    "redis",
    "max_retries",
    "request_timeout",
];

/// How a deployment of a group is chosen, by litellm's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    /// `simple-shuffle`
    Shuffle,
    /// `least-busy`: the fewest calls on their way.
    LeastBusy,
    /// `latency-based-routing`
    Latency(LatencyRules),
    /// `usage-based-routing`, `usage-based-routing-v2`: the fewest tokens, then the fewest requests, in this minute.
    Usage,
    /// `cost-based-routing`
    Cost,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyRules {
    /// How far above the lowest time a deployment may be and still be chosen: 0.5 is half more.
    pub buffer: f64,
    /// Times kept of each deployment.
    pub samples: usize,
    /// Of the times to a first token, which part must be at most the one that counts; None counts their mean.
    pub percentile: Option<f64>,
    /// Times older than this count no more: a slow deployment is tried again.
    pub ttl: Duration,
}

impl Strategy {
    fn read(config: &Request<'_>) -> Result<Strategy> {
        let name = config.str("routing_strategy")?;
        let raw = config.raw("routing_strategy_args");
        let args = raw.map(|raw| read::object("routing_strategy_args", raw)).transpose()?;
        let none = |known: &[&str]| args.as_ref().map_or(Ok(()), |args| read::only(args, known));
        let strategy = match name.as_deref().unwrap_or("simple-shuffle") {
            "simple-shuffle" => Strategy::Shuffle,
            "least-busy" => Strategy::LeastBusy,
            // The older name counted by itself in each process; `quota` is what counts for all of them.
            "usage-based-routing" | "usage-based-routing-v2" => Strategy::Usage,
            "cost-based-routing" => Strategy::Cost,
            "latency-based-routing" => {
                none(&["ttl", "lowest_latency_buffer", "max_latency_list_size", "ttft_percentile"])?;
                let number = |name: &str| args.as_ref().map_or(Ok(None), |args| read::number(args, name));
                let percentile = number("ttft_percentile")?;
                if percentile.is_some_and(|part| part <= 0.0 || part > 1.0) {
                    return Err(Error::bad_request("`ttft_percentile` must be above 0 and at most 1"));
                }
                return Ok(Strategy::Latency(LatencyRules {
                    buffer: number("lowest_latency_buffer")?.unwrap_or(0.0),
                    samples: (number("max_latency_list_size")?.unwrap_or(10.0) as usize).clamp(1, 1000),
                    percentile,
                    ttl: Duration::from_secs_f64(number("ttl")?.unwrap_or(3600.0).min(86_400.0)),
                }));
            }
            other => {
                return Err(Error::bad_request(format!(
                    "`routing_strategy` {other:?} is unknown; there are simple-shuffle, least-busy, latency-based-routing, \
                     usage-based-routing, usage-based-routing-v2 and cost-based-routing"
                )))
            }
        };
        // litellm's other strategies know a time for which they keep their counts; a count of a minute is kept for that minute here.
        none(&["ttl"])?;
        Ok(strategy)
    }

    /// Are the limits of a minute more than weights?
    fn keeps_limits(self) -> bool {
        matches!(self, Strategy::Latency(_) | Strategy::Usage | Strategy::Cost)
    }
}

/// When a deployment that fails is left alone.
#[derive(Clone, Debug)]
pub struct HealthRules {
    /// Failures that are let pass; None leaves a deployment alone after [`super::health::FAILURES`] in a row.
    pub allowed: Option<u32>,
    pub allowed_by_kind: ByKind,
    /// For how long; None doubles with each time.
    pub cooldown: Option<Duration>,
    pub off: bool,
}

pub struct Config {
    pub deployments: Vec<Deployment>,
    pub names: Names,
    /// The numbers of each group's deployments.
    pub groups: Vec<Vec<usize>>,
    pub strategy: Strategy,
    /// Are `rpm` and `tpm` more than weights?
    pub limited: bool,
    pub checks: bool,
    /// Does a choice need to know how many tokens a request has?
    pub counted: bool,
    pub tags: bool,
    /// One of a request's tags is enough.
    pub any_tag: bool,
    pub retries: Option<u32>,
    pub retry_after: Duration,
    pub retry_policy: ByKind,
    pub group_policies: HashMap<String, ByKind>,
    pub health: HealthRules,
    pub fallbacks: Arc<Rules>,
    /// Arguments of every call, where neither the request nor the deployment has them.
    pub defaults: Vec<(String, Box<RawValue>)>,
    /// Counts the limits of deployments for all processes.
    pub quota: Option<String>,
    /// Tells other processes which deployments are left alone.
    pub shared: Option<Arc<Shared>>,
}

impl Config {
    pub fn read(name: &str, raw: &RawValue, servers: &Servers) -> Result<Config> {
        Config::of(raw, servers).map_err(|mut error| {
            error.message = format!("the router {name:?}: {}", error.message);
            error
        })
    }

    fn of(raw: &RawValue, servers: &Servers) -> Result<Config> {
        let config = read::object("routers", raw)?;
        read::only(&config, &KNOWN)?;
        let strategy = Strategy::read(&config)?;
        let checks = config.bool("enable_pre_call_checks")?.unwrap_or(false);
        let common = Common { parallel: read::whole(&config, "default_max_parallel_requests")?, checks };
        let aliases = read::members(&config, "model_group_alias")?;
        let aliases = aliases.into_iter().map(|(alias, raw)| Ok((alias, target(raw)?))).collect::<Result<_>>()?;
        let mut names = Names::new(aliases);
        let (mut deployments, mut groups) = (Vec::new(), Vec::<Vec<usize>>::new());
        for raw in read::list(&config, "model_list")? {
            let mut deployment = Deployment::read(raw, &common)?;
            let number = deployments.len();
            if !names.add_deployment(&deployment.id, &deployment.model, number) {
                if deployment.named {
                    return Err(Error::bad_request(format!(
                        "two deployments have the id {:?} (`model_info.id`); ids must differ",
                        deployment.id
                    )));
                }
                // The same deployment twice has twice the share; each is counted by itself.
                deployment.id = format!("{}-{number}", deployment.id);
                names.add_deployment(&deployment.id, &deployment.model, number);
            }
            let group = names.add_group(&deployment.group, groups.len());
            if group == groups.len() {
                groups.push(Vec::new());
            }
            groups[group].push(number);
            deployments.push(deployment);
        }
        let mut fallbacks = Rules::default();
        fallbacks.read(|name| config.raw(name))?;
        let policy = |name: &str, raw: &RawValue| ByKind::read(&read::object(name, raw)?, "Retries");
        let group_policies = read::members(&config, "model_group_retry_policy")?;
        let allowed = config.raw("allowed_fails_policy").map(|raw| read::object("allowed_fails_policy", raw)).transpose()?;
        let quota = config.str("quota")?.map(std::borrow::Cow::into_owned);
        let limited = strategy.keeps_limits() || checks;
        let counts = |deployment: &Deployment| {
            deployment.traits.window.is_some()
                || deployment.limits.input.is_some()
                || ((limited || quota.is_some()) && deployment.limits.tokens.is_some())
        };
        Ok(Config {
            counted: deployments.iter().any(counts),
            limited,
            strategy,
            checks,
            tags: config.bool("enable_tag_filtering")?.unwrap_or(false),
            any_tag: config.bool("tag_filtering_match_any")?.unwrap_or(true),
            retries: match config.count("num_retries")? {
                Some(retries) => Some(retries),
                None => config.count("max_retries")?,
            },
            retry_after: read::seconds(&config, "retry_after")?.unwrap_or_default(),
            retry_policy: config.raw("retry_policy").map(|raw| policy("retry_policy", raw)).transpose()?.unwrap_or_default(),
            group_policies: group_policies
                .into_iter()
                .map(|(group, raw)| Ok((group, policy("model_group_retry_policy", raw)?)))
                .collect::<Result<_>>()?,
            health: HealthRules {
                allowed: config.count("allowed_fails")?,
                allowed_by_kind: allowed.map(|policy| ByKind::read(&policy, "AllowedFails")).transpose()?.unwrap_or_default(),
                cooldown: read::seconds(&config, "cooldown_time")?,
                off: config.bool("disable_cooldowns")?.unwrap_or(false),
            },
            fallbacks: Arc::new(fallbacks),
            defaults: defaults(&config)?,
            quota,
            shared: config.raw("redis").map(|raw| Shared::read(raw, servers)).transpose()?,
            deployments,
            names,
            groups,
        })
    }
}

/// What an alias stands for: a name, or `{"model": name, "hidden": …}`.
fn target(raw: &RawValue) -> Result<String> {
    if raw.get().starts_with('{') {
        let item = read::object("model_group_alias", raw)?;
        read::only(&item, &["model", "hidden"])?;
        let missing = || Error::bad_request("an item of `model_group_alias` lacks `model`");
        return Ok(item.str("model")?.ok_or_else(missing)?.into_owned());
    }
    Ok(string("model_group_alias", raw)?.into_owned())
}

/// A time limit that no call could have is the configuration's fault, and not that of each call.
pub fn check_times(arguments: &[(String, Box<RawValue>)]) -> Result<()> {
    let times = arguments.iter().filter(|(name, _)| ["timeout", "stream_timeout"].contains(&name.as_str()));
    times.filter(|(_, raw)| !is_null(raw)).try_for_each(|(name, raw)| Limits::check(name, raw))
}

/// `default_litellm_params`, and the router's own time limits, which are those of each call.
fn defaults(config: &Request<'_>) -> Result<Vec<(String, Box<RawValue>)>> {
    let given = read::members(config, "default_litellm_params")?;
    let mut defaults: Vec<(String, Box<RawValue>)> = Vec::new();
    for (name, raw) in given {
        if !["max_retries", "num_retries", "model"].contains(&name.as_str()) && !is_null(raw) {
            defaults.push((name, raw.to_owned()));
        }
    }
    for (setting, name) in [("request_timeout", "timeout"), ("timeout", "timeout"), ("stream_timeout", "stream_timeout")] {
        if let Some(raw) = config.raw(setting).filter(|_| !defaults.iter().any(|(known, _)| known == name)) {
            defaults.push((name.to_owned(), raw.to_owned()));
        }
    }
    check_times(&defaults)?;
    Ok(defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config> {
        Config::read("main", serde_json::from_str(text).unwrap(), &Servers::default())
    }

    #[test]
    fn groups_are_the_deployments_of_one_name() {
        let text = r#"{"model_list":[{"model_name":"a","litellm_params":{"model":"x"}},{"model_name":"b","litellm_params":{"model":"y"}},
            {"model_name":"a","litellm_params":{"model":"x"}}],"model_group_alias":{"c":{"model":"a","hidden":true},"d":"b"}}"#;
        let config = config(text).unwrap();
        assert_eq!(config.groups[0], [0, 2]);
        assert_ne!(config.deployments[0].id, config.deployments[2].id);
        assert_eq!((config.names.alias("c"), config.names.alias("d")), (Some("a"), Some("b")));
        assert_eq!((config.strategy, config.limited), (Strategy::Shuffle, false));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (text, named) in [
            (r#"{"routing_stratgy":"least-busy"}"#, "routing_stratgy"),
            (r#"{"routing_strategy":"fastest"}"#, "least-busy"),
            (r#"{"routing_strategy":"latency-based-routing","routing_strategy_args":{"buffer":1}}"#, "lowest_latency_buffer"),
            (r#"{"routing_strategy":"latency-based-routing","routing_strategy_args":{"ttft_percentile":2}}"#, "ttft_percentile"),
            (r#"{"routing_strategy_args":{"lowest_latency_buffer":1}}"#, "lowest_latency_buffer"),
            (r#"{"retry_policy":{"Retries":1}}"#, "Retries"),
            (r#"{"model_group_alias":{"a":{"modell":"b"}}}"#, "modell"),
            (r#"{"cooldown_time":-1}"#, "cooldown_time"),
            (r#"{"fallbacks":"a"}"#, "fallbacks"),
        ] {
            let error = config(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(error.message.contains(named) && error.message.contains("\"main\""), "{}", error.message);
        }
        let twice = r#"{"model_list":[{"model_name":"a","litellm_params":{"model":"x"},"model_info":{"id":"1"}},
            {"model_name":"b","litellm_params":{"model":"y"},"model_info":{"id":"1"}}]}"#;
        assert!(config(twice).err().unwrap().message.contains("ids must differ"));
    }
}
