//! Fallbacks of a request without a router: each model has the retries that the request allows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use serde_json::value::{to_raw_value, RawValue};
use tokio::time::Instant;

use super::{raw_string, Rules, Target, Walk};
use crate::engine::call::Call;
use crate::engine::client::Client;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::limits::Limits;
use crate::engine::plan::{Asked, Candidates, Course, Next};
use crate::engine::request::Request;
use crate::engine::route;

/// What reaches one provider and is nothing for another.
const REACH: [&str; 10] = [
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "organization",
    "project",
    "azure_ad_token",
    "custom_llm_provider",
    "headers",
    "extra_headers",
];

/// A request and what is asked instead of its model.
pub struct Listed {
    walk: Walk,
    /// What was asked for.
    asked: String,
    /// The model that is asked now.
    model: String,
    provider: Option<String>,
    total: Duration,
    deadline: Option<Instant>,
}

impl Listed {
    /// None where the request has nothing that is asked instead.
    pub fn course(request: &Request<'_>) -> Result<Option<Course>> {
        let concerns = |name: &String| name.ends_with("fallbacks") || name == "context_window_fallback_dict";
        if !request.fields.keys().chain(request.settings.keys()).any(concerns) {
            return Ok(None);
        }
        let rules = Rules::of(request)?;
        if rules.is_empty() {
            return Ok(None);
        }
        let asked = request.str("model")?.unwrap_or_default().into_owned();
        let (walk, total) = (Walk::new(Arc::new(rules), &asked), Limits::of(request)?.total);
        let listed = Listed { walk, model: asked.clone(), asked, provider: provider_of(request), total, deadline: None };
        Ok(Some(Course { candidates: Box::new(listed), observers: Vec::new(), total }))
    }

    fn call(&self, client: &Arc<Client>, asked: &Asked, target: Option<&Target>) -> Result<Call> {
        let Some(target) = target else { return asked.call(client, &[]) };
        let (model, null) = (raw_string(&self.model), RawValue::NULL);
        let mut more: Vec<(&str, &RawValue)> = vec![("model", &model)];
        more.extend(target.params.iter().map(|(name, raw)| (name.as_str(), &**raw)));
        let provider = asked.with(&[("model", &*model), ("custom_llm_provider", null)], |request| Ok(provider_of(request)))?;
        if provider != self.provider {
            // A key must not travel to another provider than the one that it is for.
            let given = |name: &str| target.params.iter().any(|(known, _)| known == name);
            more.extend(REACH.iter().filter(|name| !given(name)).map(|name| (*name, null)));
        }
        let mut call = asked.call(client, &more)?;
        let told = json!({ "model": self.model, "position": self.walk.hops, "failed": self.walk.failed });
        call.told.extend(to_raw_value(&told).ok().map(|told| ("fallback", told)));
        Ok(call)
    }
}

impl Candidates for Listed {
    fn next<'a>(&'a mut self, client: &'a Arc<Client>, asked: &'a Asked, failed: Option<Error>) -> BoxFuture<'a, Next> {
        Box::pin(std::future::ready(self.step(client, asked, failed)))
    }
}

impl Listed {
    fn step(&mut self, client: &Arc<Client>, asked: &Asked, failed: Option<Error>) -> Next {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.total);
        let mut failed = failed;
        let mut target = None;
        loop {
            if let Some(error) = failed.take() {
                self.walk.note(&self.model, None, &error);
                if error.kind == ErrorKind::Cancelled || Instant::now() >= deadline {
                    return Err(self.walk.error(error, &self.asked));
                }
                let Some(next) = self.walk.next(&self.model, &error) else {
                    return Err(self.walk.error(error, &self.asked));
                };
                self.model = next.model.clone().unwrap_or_else(|| self.asked.clone());
                target = Some(next);
            }
            match self.call(client, asked, target.as_ref()) {
                Ok(call) => return Ok((call, Duration::ZERO)),
                Err(error) => failed = Some(error),
            }
        }
    }
}

fn provider_of(request: &Request<'_>) -> Option<String> {
    route::resolve_name(request).ok().map(|route| route.provider)
}
