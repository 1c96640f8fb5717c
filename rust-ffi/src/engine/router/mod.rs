//! litellm's `Router`: several deployments under one name, of which each call takes one.
//!
//! `config.rs` reads and checks what a router is given, `names.rs` tells which group a name means, `live.rs` chooses and keeps count (with
//! `tree.rs`, `filter.rs` and `health.rs`), `request.rs` leads one request through it.

mod config;
mod count;
mod deployment;
mod errors;
mod filter;
mod health;
mod live;
mod names;
mod outside;
mod questions;
mod read;
mod request;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod tree;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::config::Config;
use self::deployment::Deployment;
use self::filter::{Needs, Refusal};
use self::live::{Ask, Live, Nobody};
use self::names::Meaning;
pub use self::request::Routed;
use self::state::{Outcome, Usage};
use super::cache::key::hex;
use super::error::{Error, ErrorKind, Result};
use super::fallback::raw_string;
use super::json;
use super::quota::Hold;
use super::redis::Servers;
use super::request::{Fields, Request};
use super::route;

/// How many groups an error lists.
const LISTED: usize = 20;

pub struct Router {
    name: String,
    config: Config,
    /// Of its whole configuration.
    digest: String,
    live: Mutex<Live>,
    /// A call has ended: whoever waits for a place looks again.
    freed: Notify,
}

/// A deployment that takes a call.
pub struct Chosen {
    router: Arc<Router>,
    number: usize,
    /// What its wildcards, if it has any, stand for in this call.
    pub model: String,
}

impl Router {
    pub fn new(name: &str, config: &RawValue, servers: &Servers) -> Result<Router> {
        let digest = hex(&Sha256::digest(config.get().as_bytes()));
        let config = Config::read(name, config, servers)?;
        let live = Mutex::new(Live::new(&config));
        Ok(Router { name: name.to_owned(), config, digest, live, freed: Notify::new() })
    }

    /// The quota that counts its deployments.
    pub fn quota(&self) -> Option<&str> {
        self.config.quota.as_deref()
    }

    /// What a request is chosen an answer among, for a cache: routers of the same configuration, and requests of the same tags, share it.
    pub fn among(&self, request: &Request<'_>) -> String {
        let mut among = self.digest.clone();
        let of = |name: &str| json::read::<Fields<'_>>(request.raw(name)?)?.get("tags").copied();
        for tags in [request.raw("tags"), of("metadata"), of("litellm_metadata")].into_iter().flatten() {
            among.push('\n');
            among.push_str(tags.get());
        }
        among
    }

    /// Goes on where another router stops: what is known of deployments with the same ids stays known.
    pub fn succeed(self: &Arc<Self>, old: &Arc<Router>) {
        let mut before = old.live();
        if before.successor.is_none() && !Arc::ptr_eq(self, old) {
            self.live().adopt(&self.config, &mut before, &old.config);
            before.successor = Some(self.clone());
        }
    }

    /// A deployment for `model`, which counts as busy from now on.
    fn choose(self: &Arc<Self>, model: &str, ask: &Ask<'_>) -> Result<(Chosen, Ticket)> {
        let meaning = self.meaning(model)?;
        let mut live = self.live();
        if let Some(successor) = live.successor.clone() {
            drop(live);
            return successor.choose(model, &Ask { without: &[], ..*ask });
        }
        let now = live.epoch.elapsed();
        let chosen = live.choose(&self.config, &meaning, ask, now, &mut fastrand::f64);
        let number = chosen.map_err(|nobody| self.nobody(model, &meaning, &nobody, ask.needs))?;
        live.start(&self.config, number);
        drop(live);
        if let Some(shared) = &self.config.shared {
            shared.look(self);
        }
        let ticket =
            Ticket { router: self.clone(), number, began: Instant::now(), first: None, hold: None, sent: false, ended: false };
        Ok((Chosen { router: self.clone(), number, model: self.model(number, model, &meaning) }, ticket))
    }

    /// Another process leaves a deployment alone for so long.
    fn told(&self, member: &str, time: Duration) {
        let number = shared::id_of(member).and_then(|id| self.config.names.deployment(id));
        if let Some(number) = number.filter(|number| shared::member(&self.config.deployments[*number]) == member) {
            let mut live = self.live();
            let now = live.epoch.elapsed();
            live.told(&self.config, number, time, now);
        }
    }

    fn meaning(&self, model: &str) -> Result<Meaning<'_>> {
        self.config.names.find(model, provider_of).ok_or_else(|| {
            let known = self.config.names.known();
            let more = if known.len() > LISTED { ", …" } else { "" };
            let list = known.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
            // The first words are litellm's, which programs look for.
            let mut error = Error::bad_request(format!(
                "You passed in model={model}. There are no healthy deployments for this model: no deployment of the router serves it, \
                 which has {list}{more}"
            ));
            error.code = Some("no_healthy_deployments".to_owned());
            error.at("", model)
        })
    }

    /// Is there a deployment for `model` that nothing but its number of calls at once keeps from taking this one?
    fn is_occupied(&self, model: &str, ask: &Ask<'_>) -> bool {
        self.meaning(model).is_ok_and(|meaning| self.live().is_occupied(&self.config, &meaning, ask))
    }

    fn model(&self, number: usize, asked: &str, meaning: &Meaning<'_>) -> String {
        let own = &self.config.deployments[number].model;
        match meaning {
            Meaning::Wildcard(_, segments) => names::fill(own, self.config.names.alias(asked).unwrap_or(asked), segments),
            _ => own.clone(),
        }
    }

    /// The variable that all deployments of a name lack.
    fn lacking(&self, meaning: &Meaning<'_>) -> Option<&str> {
        let numbers = match meaning {
            Meaning::Group(group) | Meaning::Wildcard(group, _) => &self.config.groups[*group],
            Meaning::Deployments(numbers) => *numbers,
            Meaning::Deployment(number) => std::slice::from_ref(number),
        };
        let lacks = |number: &usize| self.config.deployments[*number].lacks.as_deref();
        numbers.iter().all(|number| lacks(number).is_some()).then(|| lacks(numbers.first()?)).flatten()
    }

    fn nobody(&self, model: &str, meaning: &Meaning<'_>, nobody: &Nobody, needs: &Needs) -> Error {
        if let (Nobody::Busy(_), Some(variable)) = (nobody, self.lacking(meaning)) {
            let message =
                format!("the deployments of {model:?} name the environment's variable {variable}, which is not set; set it");
            return Error::new(ErrorKind::Authentication, message).at("", model);
        }
        // The first words are litellm's, which programs look for.
        let (kind, code, message) = match nobody {
            Nobody::Busy(_) => (
                ErrorKind::RateLimit,
                "no_deployments_available",
                format!(
                    "No deployments available for selected model {model:?}: each is at its limit of requests, tokens or parallel calls, \
                     has failed for this request, or is out of service"
                ),
            ),
            Nobody::Unfit(Refusal::Tags) => (
                ErrorKind::BadRequest,
                "no_deployments_with_tag_routing",
                format!("Not allowed to access model due to tags configuration: no deployment of {model:?} has the tags of this request"),
            ),
            Nobody::Unfit(Refusal::Window(window)) => (
                ErrorKind::ContextWindowExceeded,
                "context_length_exceeded",
                format!(
                    "the request has {} tokens, and no deployment of {model:?} takes more than {window}",
                    needs.tokens.unwrap_or_default()
                ),
            ),
            Nobody::Unfit(Refusal::ResponseFormat) => (
                ErrorKind::UnsupportedParams,
                "unsupported_params",
                format!("no deployment of {model:?} supports `response_format`; leave it out, or pass drop_params=True"),
            ),
        };
        let mut error = Error::new(kind, message);
        error.code = Some(code.to_owned());
        if let (Nobody::Busy(wait), true) = (nobody, self.config.limited) {
            error.retry_after = Some(*wait);
        }
        error.at("", model)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Chosen {
    fn deployment(&self) -> &Deployment {
        &self.router.config.deployments[self.number]
    }
}

/// The provider that a bare name means.
fn provider_of(name: &str) -> Option<String> {
    let mut fields = Fields::new();
    let raw = raw_string(name);
    fields.insert("model".to_owned(), &raw);
    route::resolve_name(&Request { fields, settings: Fields::new(), attachments: Vec::new() }).ok().map(|route| route.provider)
}

/// A call that a deployment is busy with. Ends with it, whatever comes of it.
struct Ticket {
    router: Arc<Router>,
    number: usize,
    began: Instant,
    /// Of a stream, how long its first piece took.
    first: Option<Duration>,
    /// Its part of what all processes share.
    hold: Option<Hold>,
    sent: bool,
    ended: bool,
}

impl Ticket {
    /// The call is not sent at once: its time begins later.
    fn delay(&mut self, wait: Duration) {
        self.began += wait;
    }

    fn first_piece(&mut self) {
        if self.first.is_none() {
            self.first = Some(self.began.elapsed());
        }
    }

    fn answered(mut self, usage: Usage) {
        let (took, first) = (self.began.elapsed(), self.first);
        self.end(&Outcome::Answered { took, first, usage });
    }

    fn failed(mut self, error: &Error) {
        self.end(&Outcome::Failed(error));
    }

    fn end(&mut self, outcome: &Outcome<'_>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(hold) = self.hold.take() {
            let used = match outcome {
                Outcome::Answered { usage, .. } => usage.input + usage.output,
                _ => 0,
            };
            hold.settle_later(u64::from(self.sent), used, 0);
        }
        let (mut router, mut number) = (self.router.clone(), self.number);
        loop {
            let mut live = router.live();
            let Some(successor) = live.successor.clone() else {
                let now = live.epoch.elapsed();
                let rests = live.finish(&router.config, number, outcome, now);
                drop(live);
                router.freed.notify_waiters();
                if let (Some(time), Some(shared)) = (rests, &router.config.shared) {
                    shared.tell(&router.config.deployments[number], time);
                }
                return;
            };
            drop(live);
            let id = &router.config.deployments[number].id;
            // A deployment that is no more counts nowhere.
            let Some(there) = successor.config.names.deployment(id) else { return };
            (router, number) = (successor, there);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(if self.sent { &Outcome::Gone } else { &Outcome::Unsent });
    }
}
