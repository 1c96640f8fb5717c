//! One request on its way through a router: which deployment takes it, and what happens when that one fails.
//!
//! Within a group, each retry takes another deployment where there is one. When a group has failed, the next order of it is tried, then what
//! is asked instead of it. One deadline spans all of it, and each retry is paid from the token bucket of the host and key that it goes to.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use serde_json::value::{to_raw_value, RawValue};
use tokio::time::Instant;

use super::filter::{Needs, Tags};
use super::live::Ask;
use super::names::Meaning;
use super::watch::{Slot, Watch};
use super::{count, read, Chosen, Router, Ticket};
use crate::engine::call::Call;
use crate::engine::client::Client;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::fallback::{raw_string, Rules, Walk};
use crate::engine::limits::Limits;
use crate::engine::objects::Named;
use crate::engine::plan::{Asked, Candidates, Course, Next};
use crate::engine::quota::Quota;
use crate::engine::request::Request;
use crate::engine::retry;

/// How many deployments without room in a shared quota are met before the request is refused: each costs a round trip to its store.
const MOST_FULL: usize = 16;

/// How long a request that waits for a place may not notice that its router was configured anew.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// litellm's switches to try one's fallbacks out: the first attempt fails so, without being sent.
const MOCKS: [(&str, ErrorKind); 4] = [
    ("mock_testing_fallbacks", ErrorKind::InternalServer),
    ("mock_testing_context_fallbacks", ErrorKind::ContextWindowExceeded),
    ("mock_testing_content_policy_fallbacks", ErrorKind::ContentPolicyViolation),
    ("mock_testing_rate_limit_error", ErrorKind::RateLimit),
];

pub struct Routed {
    router: Arc<Router>,
    walk: Walk,
    /// The name that was asked for.
    asked: String,
    stream: bool,
    /// `num_retries` of the request.
    retries: Option<u32>,
    tags: Option<Tags>,
    response_format: bool,
    /// The arguments that the request has.
    given: HashSet<String>,
    mock: Option<Error>,
    leg: Leg,
    /// What all processes share.
    quota: Option<Arc<Quota>>,
    slot: Slot,
    /// Calls that were sent.
    attempts: u32,
    total: Duration,
    deadline: Option<Instant>,
}

/// One group, with its retries.
struct Leg {
    model: String,
    params: Vec<(String, Box<RawValue>)>,
    order: Option<i64>,
    retries: u32,
    /// Those that failed for this request.
    tried: Vec<usize>,
    /// Those of them that would refuse it again.
    refused: Vec<usize>,
    /// Those that have no room in what all processes share.
    full: Vec<usize>,
    /// The deployment that was asked last.
    chosen: Option<Chosen>,
    needs: Option<Needs>,
}

impl Leg {
    fn new(model: String, params: Vec<(String, Box<RawValue>)>, order: Option<i64>) -> Leg {
        Leg {
            model,
            params,
            order,
            retries: 0,
            tried: Vec::new(),
            refused: Vec::new(),
            full: Vec::new(),
            chosen: None,
            needs: None,
        }
    }
}

/// May a failed call be made again?
#[derive(Clone, Copy, PartialEq)]
enum Again {
    No,
    /// Only by a deployment that was not asked yet.
    Elsewhere,
    Yes,
}

impl Routed {
    pub fn course(router: Arc<Router>, quotas: &Named<Quota>, request: &Request<'_>, stream: bool) -> Result<Course> {
        let quota = router.config.quota.as_ref().map(|name| quotas.find("quota", name)).transpose()?;
        let routed = Routed::of(router, quota, request, stream)?;
        let (watch, total) = (Watch::new(routed.slot.clone()), routed.total);
        Ok(Course { candidates: Box::new(routed), observers: vec![Box::new(watch)], total })
    }

    fn of(router: Arc<Router>, quota: Option<Arc<Quota>>, request: &Request<'_>, stream: bool) -> Result<Routed> {
        let config = &router.config;
        let missing = || Error::bad_request("`model` is missing; name a group of the router");
        let asked = request.str("model")?.filter(|name| !name.is_empty()).ok_or_else(missing)?.into_owned();
        let mut rules = config.fallbacks.clone();
        if request.bool("disable_fallbacks")? == Some(true) {
            rules = Arc::new(Rules { max: 0, ..Rules::default() });
        } else if request.fields.keys().any(|name| name.ends_with("fallbacks")) {
            Arc::make_mut(&mut rules).read(|name| request.raw(name).filter(|_| name != "default_fallbacks"))?;
        }
        let filtered = config.tags || request.bool("enable_tag_filtering")? == Some(true);
        let tags = filtered.then(|| Tags::of(request, config.any_tag)).transpose()?;
        if config.checks && request.has("allowed_model_region") {
            return Err(Error::bad_request(
                "`allowed_model_region` is not supported; give deployments of a region a tag, and the request that tag",
            ));
        }
        let lenient =
            request.bool("drop_params").unwrap_or(None) == Some(true) || request.setting_bool("drop_params")? == Some(true);
        let mut mock = None;
        for (name, kind) in MOCKS {
            if request.bool(name)? == Some(true) {
                mock = Some(Error::new(kind, format!("`{name}` lets the first attempt fail")).at("", &asked));
            }
        }
        Ok(Routed {
            walk: Walk::new(rules, &asked),
            stream,
            retries: match request.count("num_retries")? {
                Some(retries) => Some(retries),
                None => request.count("max_retries")?,
            },
            tags,
            response_format: config.checks && !lenient && request.has("response_format"),
            given: request.fields.keys().cloned().collect(),
            mock,
            leg: Leg::new(asked.clone(), Vec::new(), None),
            quota,
            slot: Slot::default(),
            attempts: 0,
            total: Limits::of(request)?.total,
            deadline: None,
            asked,
            router,
        })
    }

    /// A deployment for the leg, if there is one that was not asked yet, else one that was; and whether it is another.
    async fn pick(&mut self, asked: &Asked, deadline: Instant) -> Result<(Chosen, Ticket, bool)> {
        let needs = match &self.leg.needs {
            Some(needs) => needs.clone(),
            None => self.needs(asked)?,
        };
        let tokens = needs.tokens.unwrap_or(0);
        self.leg.needs = Some(needs);
        self.leg.full.clear();
        let mut refusal = None;
        loop {
            let (chosen, mut ticket) = match self.choose() {
                Ok(chosen) => chosen,
                Err(error) => match refusal {
                    None if self.leg.tried.is_empty() => self.place(error, deadline).await?,
                    refusal => return Err(refusal.unwrap_or(error)),
                },
            };
            if let Some(quota) = &self.quota {
                let deployment = chosen.deployment();
                match quota.take(&deployment.id, deployment.rates(), tokens, deadline).await {
                    Ok(hold) => ticket.hold = hold,
                    Err(error) if self.leg.full.len() < MOST_FULL => {
                        self.leg.full.push(chosen.number);
                        refusal = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            let other = !self.leg.tried.contains(&chosen.number);
            return Ok((chosen, ticket, other));
        }
    }

    /// Waits where deployments are only occupied, as litellm's `max_parallel_requests` do: a call more than they take at once is no
    /// failure. `error` says what it is otherwise.
    async fn place(&mut self, error: Error, deadline: Instant) -> Result<(Chosen, Ticket)> {
        loop {
            let router = self.router.clone();
            let mut freed = std::pin::pin!(router.freed.notified());
            // From here on no end of a call is missed.
            freed.as_mut().enable();
            if let Ok(chosen) = self.choose() {
                return Ok(chosen);
            }
            let Leg { model, order, full, needs, .. } = &self.leg;
            let needs = needs.clone().unwrap_or_default();
            let ask = Ask { needs: &needs, stream: self.stream, without: full, order: *order };
            if !self.router.is_occupied(model, &ask) || Instant::now() >= deadline {
                return Err(error);
            }
            // A router that is configured anew wakes nobody who waits for the old one.
            let _ = tokio::time::timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), freed).await;
        }
    }

    fn choose(&mut self) -> Result<(Chosen, Ticket)> {
        let Leg { model, order, tried, refused, full, needs, .. } = &self.leg;
        let needs = needs.clone().unwrap_or_default();
        let without = [&tried[..], full].concat();
        let ask = Ask { needs: &needs, stream: self.stream, without: &without, order: *order };
        let chosen = match self.router.choose(model, &ask) {
            Err(_) if tried.len() > refused.len() => {
                self.router.choose(model, &Ask { without: &[&refused[..], full].concat(), ..ask })
            }
            first => first,
        };
        let (chosen, ticket) = chosen?;
        if !Arc::ptr_eq(&chosen.router, &self.router) {
            // The router was configured anew: its numbers mean other deployments.
            self.router = chosen.router.clone();
            (self.leg.tried, self.leg.refused, self.leg.full) = (Vec::new(), Vec::new(), Vec::new());
        }
        Ok((chosen, ticket))
    }

    fn needs(&self, asked: &Asked) -> Result<Needs> {
        let tokens = if self.router.config.counted {
            let over: Vec<_> = self.leg.params.iter().map(|(name, raw)| (name.as_str(), &**raw)).collect();
            asked.with(&over, |request| Ok(count::tokens(request)))?
        } else {
            None
        };
        self.slot.input(tokens.unwrap_or(0));
        Ok(Needs { tags: self.tags.clone(), tokens, response_format: self.response_format })
    }

    /// The call of a deployment. The request's arguments go before the deployment's, and those before the router's.
    fn call(&self, client: &Arc<Client>, asked: &Asked, chosen: &Chosen) -> Result<Call> {
        let (model, none) = (raw_string(&chosen.model), zero());
        let mut more: Vec<(&str, &RawValue)> = vec![("model", &model), ("num_retries", &none)];
        more.extend(self.leg.params.iter().map(|(name, raw)| (name.as_str(), &**raw)));
        let mut known: HashSet<&str> = self.given.iter().map(String::as_str).collect();
        known.extend(self.leg.params.iter().map(|(name, _)| name.as_str()));
        for (name, raw) in chosen.deployment().params.iter().chain(&chosen.router.config.defaults) {
            if known.insert(name) {
                more.push((name, raw));
            }
        }
        let mut call = asked.call(client, &more)?;
        let deployment = chosen.deployment();
        let told = json!({
            "group": self.leg.model, "deployment": deployment.id, "fallbacks": self.walk.hops,
            "attempts": self.attempts + 1, "failed": self.walk.failed,
        });
        call.told.extend(to_raw_value(&told).ok().map(|told| ("router", told)));
        if self.walk.hops > 0 {
            let told = json!({ "model": self.leg.model, "position": self.walk.hops });
            call.told.extend(to_raw_value(&told).ok().map(|told| ("fallback", told)));
        }
        Ok(call)
    }

    /// The first call of a leg.
    async fn begin(&mut self, client: &Arc<Client>, asked: &Asked, deadline: Instant) -> Next {
        let (chosen, ticket, _) = self.pick(asked, deadline).await?;
        self.take(client, asked, chosen, ticket, Duration::ZERO)
    }

    fn take(&mut self, client: &Arc<Client>, asked: &Asked, chosen: Chosen, mut ticket: Ticket, wait: Duration) -> Next {
        let call = self.call(client, asked, &chosen);
        ticket.delay(wait);
        self.slot.put(ticket);
        self.leg.chosen = Some(chosen);
        let call = call?;
        self.attempts += 1;
        self.slot.sent();
        Ok((call, wait))
    }

    /// The leg's next call after `error`; None where there is to be none.
    async fn retry(&mut self, client: &Arc<Client>, asked: &Asked, error: &Error, deadline: Instant) -> Option<Next> {
        let again = self.again(error);
        if again == Again::No || self.leg.retries >= self.allowed(error) {
            return None;
        }
        let (chosen, ticket, other) = self.pick(asked, deadline).await.ok()?;
        let wait = match (other, again) {
            (true, _) => Duration::ZERO,
            (false, Again::Elsewhere) => return None,
            (false, _) => retry::delay(error, self.leg.retries + 1, fastrand::f64())?.max(self.router.config.retry_after),
        };
        if Instant::now() + wait >= deadline {
            return None;
        }
        self.leg.retries += 1;
        let taken = self.take(client, asked, chosen, ticket, wait);
        match taken {
            // The bucket of where it would go to cannot pay: nothing is sent.
            Ok((call, _)) if !client.buckets.take(call.bucket, error) => {
                self.attempts -= 1;
                self.slot.unsent();
                None
            }
            taken => Some(taken),
        }
    }

    /// How often a call that failed so may be made again.
    fn allowed(&self, error: &Error) -> u32 {
        if let Some(retries) = self.policy(error) {
            return retries;
        }
        let own = self.leg.chosen.as_ref().and_then(|chosen| chosen.deployment().retries);
        self.retries.or(own).or(self.router.config.retries).unwrap_or(retry::DEFAULT_RETRIES)
    }

    /// What the group's, else the router's, retry policy says of this kind of failure.
    fn policy(&self, error: &Error) -> Option<u32> {
        let config = &self.router.config;
        if self.retries == Some(0) {
            return None;
        }
        config.group_policies.get(&self.leg.model).unwrap_or(&config.retry_policy).of(error)
    }

    fn again(&self, error: &Error) -> Again {
        if self.policy(error).is_some() {
            return Again::Yes;
        }
        let rules = self.walk.rules();
        match error.kind {
            // Another window, another policy: that is what fallbacks for these are for.
            ErrorKind::ContextWindowExceeded if rules.context_window.is_some() => Again::No,
            ErrorKind::ContentPolicyViolation if rules.content_policy.is_some() => Again::No,
            ErrorKind::Cancelled | ErrorKind::BudgetExceeded => Again::No,
            // Another deployment has another key and another account.
            ErrorKind::Authentication | ErrorKind::PermissionDenied | ErrorKind::PaymentRequired => Again::Elsewhere,
            // The deployment's own time, not the request's: that is looked at by whoever asks.
            ErrorKind::Timeout => Again::Yes,
            _ if retry::is_retryable(error) => Again::Yes,
            ErrorKind::RateLimit if error.http_status.is_some() => Again::Elsewhere,
            // `mock_testing_rate_limit_error`
            ErrorKind::RateLimit if self.attempts == 0 && self.leg.chosen.is_none() && error.code.is_none() => Again::Yes,
            _ => Again::No,
        }
    }

    /// Notes that the call on its way has failed.
    fn settle(&mut self, error: &Error) {
        let chosen = self.leg.chosen.as_ref();
        self.walk.note(&self.leg.model, chosen.map(|chosen| chosen.deployment().id.as_str()), error);
        if !self.slot.failed(error) {
            return;
        }
        let Some(number) = chosen.map(|chosen| chosen.number) else { return };
        if !self.leg.tried.contains(&number) {
            self.leg.tried.push(number);
        }
        if self.again(error) == Again::Elsewhere && !self.leg.refused.contains(&number) {
            self.leg.refused.push(number);
        }
    }

    /// What to ask after the leg has failed: the group's next order, else what is asked instead of it.
    fn advance(&mut self, error: &Error) -> bool {
        let own = matches!(error.kind, ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicyViolation);
        if let Some(order) = self.next_order().filter(|_| !own && self.walk.hops < self.walk.rules().max) {
            self.walk.hop(error);
            self.leg = Leg::new(self.leg.model.clone(), std::mem::take(&mut self.leg.params), Some(order));
            return true;
        }
        let Some(target) = self.walk.next(&self.leg.model, error) else { return false };
        self.leg = Leg::new(target.model.unwrap_or_else(|| self.asked.clone()), target.params, None);
        true
    }

    /// The lowest order of the group above all that were tried.
    fn next_order(&self) -> Option<i64> {
        let config = &self.router.config;
        let highest = self.leg.tried.iter().filter_map(|number| config.deployments[*number].order).max()?;
        match self.router.meaning(&self.leg.model).ok()? {
            Meaning::Group(group) | Meaning::Wildcard(group, _) => {
                self.router.live().orders(group).find(|order| *order > highest)
            }
            _ => None,
        }
    }
}

impl Candidates for Routed {
    fn next<'a>(&'a mut self, client: &'a Arc<Client>, asked: &'a Asked, failed: Option<Error>) -> BoxFuture<'a, Next> {
        Box::pin(self.step(client, asked, failed))
    }
}

impl Routed {
    async fn step(&mut self, client: &Arc<Client>, asked: &Asked, failed: Option<Error>) -> Next {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.total);
        let mut failed = failed.or_else(|| self.mock.take());
        loop {
            let error = match failed.take() {
                Some(error) => error,
                None => match self.begin(client, asked, deadline).await {
                    Ok(call) => return Ok(call),
                    Err(error) => error,
                },
            };
            self.settle(&error);
            if error.kind == ErrorKind::Cancelled || Instant::now() >= deadline {
                return Err(self.walk.error(error, &self.asked));
            }
            match self.retry(client, asked, &error, deadline).await {
                Some(Ok(call)) => return Ok(call),
                Some(Err(error)) => failed = Some(error),
                None if self.advance(&error) => {}
                None => return Err(self.walk.error(error, &self.asked)),
            }
        }
    }
}

fn zero() -> Box<RawValue> {
    to_raw_value(&0).unwrap_or_default()
}

impl Router {
    /// `router_choose`: a request of the router, of which only the deployment is asked.
    pub fn choice(self: &Arc<Self>, asked: &Asked, request: &Request<'_>, stream: bool) -> Result<Vec<u8>> {
        let routed = Routed::of(self.clone(), None, request, stream)?;
        let needs = routed.needs(asked)?;
        let without: Vec<usize> =
            read::strings(request, "without")?.iter().filter_map(|id| self.config.names.deployment(id)).collect();
        let ask = Ask { needs: &needs, stream, without: &without, order: None };
        match self.would_choose(&routed.asked, &ask) {
            Err(_) if !without.is_empty() => self.would_choose(&routed.asked, &Ask { without: &[], ..ask }),
            chosen => chosen,
        }
    }
}
