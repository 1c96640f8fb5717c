//! Lets a request in where its limits have room, and settles what it used when it has ended.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::config::units_of;
use super::guess::Guess;
use super::{Guarded, Hold, Part, Quota};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::observe::Observer;
use crate::engine::plan::{Asked, Ended, Gate};
use crate::engine::request::Fields;
use crate::engine::usage::Usage;
use crate::models::{self, Entry, Tokens};
use crate::tokenizer::encoding_of;
use crate::wire::StreamEvent;

/// The text of a stream is kept up to here, to be counted where the stream tells no counts or does not come to its end.
const KEPT: usize = 1 << 20;

/// What a request's stream has told; the observer writes, the gate reads.
#[derive(Default)]
struct Seen {
    usage: Option<Usage>,
    text: String,
}

type Notes = Arc<Mutex<Seen>>;

fn lock(notes: &Notes) -> MutexGuard<'_, Seen> {
    notes.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct Watch(Notes);

impl Observer for Watch {
    fn event(&mut self, event: &StreamEvent) {
        let mut seen = lock(&self.0);
        match event {
            StreamEvent::Chunk { json, text, .. } => {
                if let Some(told) = Usage::read(json) {
                    seen.usage.get_or_insert_default().take(told);
                }
                push(&mut seen.text, text);
                if let Some(more) = unspoken(json) {
                    push(&mut seen.text, &more);
                }
            }
            StreamEvent::Content { text, .. } | StreamEvent::Reasoning { text, .. } | StreamEvent::Arguments { text, .. } => {
                push(&mut seen.text, text);
            }
            StreamEvent::Bytes(_) => {}
        }
    }
}

fn push(kept: &mut String, text: &str) {
    if kept.len() < KEPT {
        kept.push_str(text);
    }
}

/// What an event of the Messages API brings that was generated and is no text of the answer: thoughts, and the input of tools.
fn unspoken(event: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        delta: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Delta {
        thinking: Option<String>,
        partial_json: Option<String>,
    }
    // Most events bring none.
    memmem::find(event, b"\"thinking\"").or_else(|| memmem::find(event, b"\"partial_json\""))?;
    let event: Event<'_> = serde_json::from_slice(event).ok()?;
    let delta: Delta = json::read(event.delta?)?;
    delta.thinking.or(delta.partial_json)
}

/// A request before its limits.
pub struct Entrance {
    quota: Arc<Quota>,
    notes: Notes,
    model: String,
    guess: Guess,
    /// The request's own prices, where it names some.
    own: Option<Entry>,
    hold: Option<Hold>,
}

impl Entrance {
    pub fn guard(quota: Arc<Quota>) -> Guarded {
        let notes = Notes::default();
        let entrance =
            Entrance { quota, notes: notes.clone(), model: String::new(), guess: Guess::default(), own: None, hold: None };
        (Box::new(entrance), Box::new(Watch(notes)))
    }

    async fn enter(&mut self, asked: &Asked, deadline: Instant) -> Result<()> {
        let parts = asked.with(&[], |request| {
            let identity = super::identity::Identity::of(request)?;
            self.model = identity.model.clone().unwrap_or_default();
            self.guess = if self.quota.counts_tokens() { Guess::of(request)? } else { Guess::default() };
            self.own = own_prices(&self.model, &request.fields);
            let tokens = Tokens { prompt: self.guess.prompt, completion: self.guess.most, ..Tokens::default() };
            let cost = self.cost(identity.provider.as_deref(), &self.model, &tokens).unwrap_or(0);
            self.quota.parts(&identity, self.guess, cost)
        })?;
        self.hold = self.quota.reserve(parts, deadline).await?;
        Ok(())
    }

    /// Billionths of a dollar; None where nobody knows the model's price.
    fn cost(&self, provider: Option<&str>, model: &str, tokens: &Tokens) -> Option<u64> {
        if !self.quota.counts_money() {
            return Some(0);
        }
        let own = self.own.as_ref().or(self.quota.prices());
        let found = models::find(provider, model, own)?;
        let cost = models::cost(&found.entry, tokens, None, None);
        Some(units_of(cost.prompt + cost.completion + cost.tools))
    }

    /// What the request has used, as far as anyone can tell.
    fn used(&self, ended: &Ended<'_>) -> (u64, Tokens) {
        let seen = lock(&self.notes);
        // A stream that did not come to its end may have told its counts as they were at its beginning.
        let arrived = || {
            let told = seen.usage.unwrap_or_default();
            let text = encoding_of(&self.model).count(&seen.text) as u64;
            Tokens {
                prompt: told.input().unwrap_or(self.guess.prompt),
                completion: told.output().unwrap_or(0).max(text),
                ..told.tokens()
            }
        };
        match ended {
            Ended::Done { answer, .. } => {
                let told = Usage::read(answer).or(seen.usage);
                (1, told.as_ref().map_or_else(arrived, Usage::tokens))
            }
            // The provider has read the prompt, and may have written more than what arrived.
            Ended::Failed(error) if error.mid_stream || matches!(error.kind, ErrorKind::Timeout | ErrorKind::Cancelled) => {
                (u64::from(error.attempts.max(1)), arrived())
            }
            Ended::Failed(error) => (u64::from(error.attempts), Tokens::default()),
        }
    }

    fn bill(&self, ended: &Ended<'_>) -> Option<(Hold, u64, u64, u64)> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Meta {
            provider: String,
            model: String,
            attempts: u64,
        }
        let hold = self.hold.clone()?;
        let (mut requests, tokens) = self.used(ended);
        let meta: Meta = match ended {
            Ended::Done { meta, .. } => serde_json::from_slice(meta).unwrap_or_default(),
            Ended::Failed(error) => Meta { provider: error.provider.clone(), model: error.model.clone(), attempts: 0 },
        };
        requests = requests.max(meta.attempts);
        let model = if meta.model.is_empty() { &self.model } else { &meta.model };
        let provider = Some(meta.provider.as_str()).filter(|name| !name.is_empty());
        let cost = match self.cost(provider, model, &tokens) {
            Some(cost) => cost,
            None => {
                self.quota.warn_of_price(model);
                0
            }
        };
        Some((hold, requests, tokens.prompt.saturating_add(tokens.completion), cost))
    }
}

impl Gate for Entrance {
    fn enter<'a>(&'a mut self, asked: &'a Asked, deadline: Instant) -> BoxFuture<'a, Result<()>> {
        Box::pin(Entrance::enter(self, asked, deadline))
    }

    fn leave<'a>(&'a mut self, ended: Ended<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some((hold, requests, tokens, cost)) = self.bill(&ended) {
                // Not before it is settled: a request that is dropped meanwhile is settled by its drop.
                hold.settle(requests, tokens, cost).await;
                self.hold = None;
            }
        })
    }
}

impl Drop for Entrance {
    /// The request was cancelled, or dropped with its client.
    fn drop(&mut self) {
        let cancelled = Error::new(ErrorKind::Cancelled, "the call was cancelled");
        if let Some((hold, requests, tokens, cost)) = self.bill(&Ended::Failed(&cancelled)) {
            hold.settle_later(requests, tokens, cost);
        }
    }
}

/// `input_cost_per_token=…` and the like in the request itself.
fn own_prices(model: &str, fields: &Fields<'_>) -> Option<Entry> {
    let number = |raw: &RawValue| json::read::<serde_json::Number>(raw).map(serde_json::Value::from);
    let prices = fields.iter().filter(|(name, _)| name.contains("_cost_per_") || name.contains("token_cost"));
    let prices: Entry = prices.filter_map(|(name, raw)| Some((name.clone(), number(raw)?))).collect();
    let entry = |prices: Entry| Entry::from_iter([(model.to_owned(), serde_json::Value::Object(prices))]);
    (!prices.is_empty()).then(|| entry(prices))
}

/// A limit's part in words, for who meets it.
pub(super) fn refusal(quota: &str, part: &Part, used: u64, wait: Option<Duration>) -> Error {
    use super::config::dollars;
    use super::identity::Per;
    let whose = match part.per {
        Per::All => String::new(),
        Per::Key => " of this key".to_owned(),
        per => format!(" of {} {:?}", per.name(), part.value),
    };
    let (limit, amount) = (part.want.limit, part.want.amount);
    let seconds = part.want.span.as_secs_f64();
    let again = match wait {
        Some(wait) => format!("; there is room in {:.1} s", wait.as_secs_f64()),
        None => String::new(),
    };
    let name = &part.limit;
    let mut error = match part.what {
        super::What::Budget => {
            let (used, limit) = (dollars(used), dollars(limit));
            let rest = if amount > 0 { format!(", and this request may cost {}", dollars(amount)) } else { String::new() };
            Error::new(
                ErrorKind::BudgetExceeded,
                format!(
                    "Budget has been exceeded! Current cost: {used}, Max budget: {limit} (limit {name:?}{whose} of quota {quota:?}{rest}{again})"
                ),
            )
        }
        super::What::Tokens if amount > limit => Error::new(
            ErrorKind::RateLimit,
            format!(
                "the request has about {amount} tokens, and limit {name:?}{whose} of quota {quota:?} allows {limit} in {seconds} s: it never fits"
            ),
        ),
        what => {
            let (unit, within) = match what {
                super::What::Requests => ("requests", format!(" in {seconds} s")),
                super::What::Tokens => ("tokens", format!(" in {seconds} s")),
                _ => ("calls at once", String::new()),
            };
            Error::new(
                ErrorKind::RateLimit,
                format!("limit {name:?}{whose} of quota {quota:?} is met: {used} of {limit} {unit}{within} are used{again}"),
            )
        }
    };
    error.retry_after = wait;
    error.code = Some(if part.what == super::What::Budget { "budget_exceeded" } else { "rate_limit_exceeded" }.to_owned());
    let mut body = serde_json::json!({
        "quota": quota, "limit": name, "per": part.per.name(), "value": part.value, "counts": part.what.name(),
    });
    let number = |units: u64| match part.what {
        super::What::Budget => serde_json::Value::from(dollars(units)),
        _ => units.into(),
    };
    (body["used"], body["max"]) = (number(used), number(limit));
    error.body = Some(body.to_string());
    error
}
