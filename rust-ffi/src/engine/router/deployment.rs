//! One deployment of a router: a model at a provider, with the arguments that reach it and the limits it has.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::config::check_times;
use super::errors::ByKind;
use super::read;
use crate::engine::environment;
use crate::engine::error::{Error, Result};
use crate::engine::fallback::raw_string;
use crate::engine::json;
use crate::engine::log;
use crate::engine::quota::Rates;
use crate::engine::request::{Fields, Request};
use crate::engine::route;
use crate::models;
use crate::wire::providers;
use crate::wire::Operation;

/// What litellm takes a token of a model without prices to cost, in US dollars: so much that it goes last.
const UNKNOWN_PRICE: f64 = 5.0;

/// Members of `litellm_params` that are the router's own, and no part of a call.
const ROUTERS: [&str; 13] = [
    "model",
    "weight",
    "order",
    "rpm",
    "tpm",
    "itpm",
    "otpm",
    "max_parallel_requests",
    "num_retries",
    "max_retries",
    "cooldown_time",
    "tags",
    "base_model",
];

/// Members that would mean a limit or a filter that is not kept here.
const UNKEPT: [(&str, &str); 3] = [
    ("max_budget", "name a shared quota with `quota` to bound what is spent"),
    ("budget_duration", "name a shared quota with `quota` to bound what is spent"),
    ("tag_regex", "use `tags`"),
];

#[derive(Debug)]
pub struct Deployment {
    pub id: String,
    /// Its owner gave it the id.
    pub named: bool,
    /// The name that callers ask for.
    pub group: String,
    /// The model that is called, with its provider; may have wildcards where the group has.
    pub model: String,
    /// Arguments of each call.
    pub params: Vec<(String, Box<RawValue>)>,
    /// `weight`, `rpm`, `tpm`: by which a choice at random is weighted.
    pub weights: [f64; 3],
    /// Lower ones are taken first; None goes last.
    pub order: Option<i64>,
    pub limits: Limits,
    /// Calls at the same time.
    pub parallel: Option<u64>,
    /// `max_parallel_requests`, where it was given.
    pub own_parallel: Option<u64>,
    pub traits: Traits,
    pub retries: Option<u32>,
    /// US dollars for a token in and a token out.
    pub price: f64,
    pub health: OwnHealth,
    /// Not to be called: taken out of service by its owner, or lacking something.
    pub blocked: bool,
    /// The environment's variable that it names and that is not set.
    pub lacks: Option<String>,
}

/// What a minute may have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
    pub input: Option<u64>,
    pub output: Option<u64>,
}

/// What decides on whether a deployment can serve a request at all. Those that are equal in it stand together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traits {
    /// Sorted.
    pub tags: Vec<String>,
    /// Tokens that a request may have.
    pub window: Option<u64>,
    pub no_response_format: bool,
}

/// What a deployment says of its own about being left alone.
#[derive(Debug, Default)]
pub struct OwnHealth {
    pub cooldown: Option<std::time::Duration>,
    pub allowed_fails: Option<u32>,
    pub allowed_by_kind: ByKind,
    /// One of a group with wildcards: what one model of many comes to says nothing of the others.
    pub never: bool,
}

/// What a router says of all its deployments.
pub struct Common {
    pub parallel: Option<u64>,
    /// Look at what models can take.
    pub checks: bool,
}

impl Deployment {
    /// What a shared quota counts of it.
    pub fn rates(&self) -> Rates {
        Rates { rpm: self.limits.requests, tpm: self.limits.tokens, parallel: self.own_parallel }
    }

    /// Provider, model and address: where its calls go, without what lets them in.
    pub fn destination(&self) -> [String; 3] {
        let model = raw_string(&self.model);
        let mut fields: Fields<'_> = self.params.iter().map(|(name, raw)| (name.clone(), &**raw)).collect();
        fields.insert("model".to_owned(), &model);
        let question = Request { fields, settings: Default::default(), attachments: Vec::new() };
        match route::resolve_name(&question) {
            Ok(route) => [route.provider, route.model, without_credentials(&route.api_base)],
            Err(_) => [String::new(), self.model.clone(), String::new()],
        }
    }

    pub fn read(raw: &RawValue, common: &Common) -> Result<Deployment> {
        let entry = read::object("model_list[]", raw)?;
        read::only(&entry, &["model_name", "litellm_params", "model_info", "rpm", "tpm", "blocked"])?;
        let group = entry.str("model_name")?.ok_or_else(|| Error::bad_request("`model_name` is missing"))?.into_owned();
        let at = |mut error: Error| {
            error.message = format!("the deployment of {group:?}: {}", error.message);
            error
        };
        Deployment::of(&entry, group.clone(), common).map_err(at)
    }

    fn of(entry: &Request<'_>, group: String, common: &Common) -> Result<Deployment> {
        let raw = entry.raw("litellm_params").ok_or_else(|| Error::bad_request("`litellm_params` is missing"))?;
        let params = read::object("litellm_params", raw)?;
        let info = Request { fields: read::members(entry, "model_info")?, settings: Default::default(), attachments: Vec::new() };
        let missing = || Error::bad_request("`litellm_params.model` is missing");
        let model = params.str("model")?.filter(|model| !model.is_empty()).ok_or_else(missing)?.into_owned();
        if let Some((name, cure)) = UNKEPT.iter().find(|(name, _)| params.has(name)) {
            return Err(Error::bad_request(format!("`litellm_params.{name}` is not supported; {cure}")));
        }
        let limit = |name: &str| -> Result<Option<u64>> {
            Ok(match read::whole(&params, name)? {
                Some(limit) => Some(limit),
                None => read::whole(entry, name)?.or(read::whole(&info, name)?),
            })
        };
        let limits = Limits { requests: limit("rpm")?, tokens: limit("tpm")?, input: limit("itpm")?, output: limit("otpm")? };
        let order = match (params.raw("order"), info.raw("order")) {
            (Some(raw), _) | (None, Some(raw)) => {
                Some(json::read::<i64>(raw).ok_or_else(|| crate::engine::request::wrong_type("order", "a whole number", raw))?)
            }
            (None, None) => None,
        };
        let base_model = match info.str("base_model")? {
            Some(base) => Some(base),
            None => params.str("base_model")?,
        };
        let facts = Facts::of(base_model.as_deref().unwrap_or(&model), &params)?;
        let mut tags = read::strings(&params, "tags")?;
        tags.sort_unstable();
        let window = match read::whole(&info, "max_input_tokens")? {
            Some(window) => Some(window),
            None => facts.window(),
        };
        let traits = Traits {
            tags,
            window: window.filter(|_| common.checks),
            no_response_format: common.checks && facts.lacks("response_format"),
        };
        let weight = |limit: Option<u64>| limit.unwrap_or(0) as f64;
        let id = match info.raw("id") {
            // litellm takes numbers, too.
            Some(raw) => json::text(raw).unwrap_or_else(|| raw.get().to_owned()),
            None => stable_id(&group, &params),
        };
        let (arguments, lacks) = arguments(&params);
        check_times(&arguments)?;
        if let Some(variable) = &lacks {
            log::record(log::Level::Warning, || {
                let fields = serde_json::json!({ "deployment": id, "variable": variable }).to_string();
                (format!("a deployment of {group:?} gets no calls: {variable}, which it names, is not set"), fields)
            });
        }
        let allowed = info.raw("allowed_fails_policy").map(|raw| read::object("allowed_fails_policy", raw)).transpose()?;
        let own_parallel = read::whole(&params, "max_parallel_requests")?;
        let cooldown = match read::seconds(&info, "cooldown_time")? {
            Some(time) => Some(time),
            None => read::seconds(&params, "cooldown_time")?,
        };
        Ok(Deployment {
            id,
            named: info.has("id"),
            weights: [read::number(&params, "weight")?.unwrap_or(0.0), weight(limits.requests), weight(limits.tokens)],
            order,
            limits,
            parallel: parallel(own_parallel, limits, common.parallel),
            own_parallel,
            traits,
            retries: match params.count("num_retries")? {
                Some(retries) => Some(retries),
                None => params.count("max_retries")?,
            },
            price: facts.price(&params)?,
            health: OwnHealth {
                cooldown,
                allowed_fails: info.count("allowed_fails")?,
                allowed_by_kind: allowed.map(|policy| ByKind::read(&policy, "AllowedFails")).transpose()?.unwrap_or_default(),
                never: group.contains('*'),
            },
            blocked: entry.bool("blocked")?.or(info.bool("blocked")?).unwrap_or(false) || lacks.is_some(),
            params: arguments,
            lacks,
            group,
            model,
        })
    }
}

/// The arguments of a call, and what one of them lacks: litellm reads `os.environ/NAME` as the environment's variable NAME. Without it the
/// call would go out with another key than the one that was meant.
fn arguments(params: &Request<'_>) -> (Vec<(String, Box<RawValue>)>, Option<String>) {
    let (mut arguments, mut lacks) = (Vec::with_capacity(params.fields.len()), None);
    for (name, raw) in params.fields.iter().filter(|(name, _)| !ROUTERS.contains(&name.as_str())) {
        match json::read::<String>(raw).as_deref().and_then(environment::variable) {
            Some(variable) => match std::env::var(variable) {
                Ok(value) => arguments.push((name.clone(), raw_string(&value))),
                Err(_) => lacks = Some(variable.to_owned()),
            },
            None => arguments.push((name.clone(), (*raw).to_owned())),
        }
    }
    (arguments, lacks)
}

/// Scheme, host, port and path of an address. A password may stand before the host, and a key in the query.
fn without_credentials(address: &str) -> String {
    match reqwest::Url::parse(address) {
        Ok(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            // Only an address without a host cannot be without a name.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => String::new(),
    }
}

/// litellm's `calculate_max_parallel_requests`; six requests for each thousand tokens are Azure's measure.
fn parallel(own: Option<u64>, limits: Limits, default: Option<u64>) -> Option<u64> {
    own.or(limits.requests).or(limits.tokens.map(|tokens| (tokens * 6 / 1000).max(1))).or(default).filter(|limit| *limit > 0)
}

/// The same for the same arguments, and not to be undone into them.
fn stable_id(group: &str, params: &Request<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(group);
    for (name, raw) in &params.fields {
        for part in [name.as_str(), raw.get()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is known of the model behind a deployment.
struct Facts {
    entry: Option<models::Entry>,
    supported: Option<Vec<&'static str>>,
}

impl Facts {
    fn of(model: &str, params: &Request<'_>) -> Result<Facts> {
        let mut fields = Fields::new();
        let name = raw_string(model);
        fields.insert("model".to_owned(), &name);
        for key in ["custom_llm_provider", "api_base"] {
            fields.extend(params.raw(key).map(|raw| (key.to_owned(), raw)));
        }
        let question = Request { fields, settings: Default::default(), attachments: Vec::new() };
        // A provider that nobody knows is an error of the call, not of the router: it may never be called.
        let route = route::resolve_name(&question).ok();
        let (provider, name) = route.map_or((None, model.to_owned()), |route| (Some(route.provider), route.model));
        let entry = models::find(provider.as_deref(), &name, None).map(|found| found.entry);
        let supported = provider.and_then(|provider| Some(providers::find(&provider)?.supported(&name, Operation::Completion)));
        Ok(Facts { entry, supported })
    }

    fn window(&self) -> Option<u64> {
        self.entry.as_ref()?.get("max_input_tokens")?.as_u64()
    }

    fn lacks(&self, param: &str) -> bool {
        self.supported.as_ref().is_some_and(|list| !list.contains(&param))
    }

    /// A token in and a token out: the deployment's own prices before the model's, each by itself, as litellm adds them.
    fn price(&self, params: &Request<'_>) -> Result<f64> {
        let mut sum = 0.0;
        for name in ["input_cost_per_token", "output_cost_per_token"] {
            let own = read::number(params, name)?.filter(|price| *price > 0.0);
            let known = || self.entry.as_ref()?.get(name)?.as_f64();
            sum += own.or_else(known).unwrap_or(UNKNOWN_PRICE);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(text: &str) -> Result<Deployment> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        Deployment::read(raw, &Common { parallel: Some(50), checks: true })
    }

    #[test]
    fn what_is_the_routers_is_no_part_of_a_call() {
        std::env::set_var("EQ_ROUTER_TEST_KEY", "from-the-environment");
        let text = r#"{"model_name":"g","litellm_params":{"model":"openai/gpt-4o","rpm":5,"weight":2,"order":1,"tags":["b","a"],
            "api_key":"os.environ/EQ_ROUTER_TEST_KEY","timeout":3}}"#;
        let lacking = deployment(&text.replace("TEST_KEY", "TEST_NOT_SET")).unwrap();
        assert_eq!((lacking.lacks.as_deref(), lacking.blocked), (Some("EQ_ROUTER_TEST_NOT_SET"), true));
        let deployment = deployment(text).unwrap();
        let params: Vec<(&str, &str)> = deployment.params.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
        assert_eq!(params, [("api_key", "\"from-the-environment\""), ("timeout", "3")]);
        assert_eq!((deployment.weights, deployment.order, deployment.parallel), ([2.0, 5.0, 0.0], Some(1), Some(5)));
        assert_eq!(deployment.traits.tags, ["a", "b"]);
        assert!(deployment.traits.window.is_some_and(|window| window >= 100_000));
        assert!(deployment.price < 1e-4, "gpt-4o has a price: {}", deployment.price);
    }

    #[test]
    fn ids_are_stable_and_show_nothing() {
        let text = |key: &str| format!(r#"{{"model_name":"g","litellm_params":{{"model":"openai/x","api_key":"{key}"}}}}"#);
        let id = |key: &str| deployment(&text(key)).unwrap().id;
        assert_eq!(id("sk-one"), id("sk-one"));
        assert_ne!(id("sk-one"), id("sk-two"));
        assert!(id("sk-one").len() == 64 && !id("sk-one").contains("sk-one"));
        let own = deployment(r#"{"model_name":"g","litellm_params":{"model":"x"},"model_info":{"id":7}}"#).unwrap();
        assert_eq!(own.id, "7");
    }

    #[test]
    fn what_cannot_be_kept_or_read_is_refused_by_name() {
        for (text, named) in [
            (r#"{"litellm_params":{"model":"x"}}"#, "model_name"),
            (r#"{"model_name":"g"}"#, "litellm_params"),
            (r#"{"model_name":"g","litellm_params":{}}"#, "litellm_params.model"),
            (r#"{"model_name":"g","litellm_params":{"model":"x","rpm":"many"}}"#, "rpm"),
            (r#"{"model_name":"g","litellm_params":{"model":"x","weight":-1}}"#, "weight"),
            (r#"{"model_name":"g","litellm_params":{"model":"x","max_budget":3}}"#, "max_budget"),
            (r#"{"model_name":"g","litellm_params":{"model":"x"},"wieght":3}"#, "wieght"),
        ] {
            let error = deployment(text).unwrap_err();
            assert!(error.message.contains(named), "{}", error.message);
        }
    }
}
