//! What is asked instead of a model that fails: litellm's `fallbacks`, `context_window_fallbacks` and `content_policy_fallbacks`.

use std::collections::{HashSet, VecDeque};

use serde_json::value::{to_raw_value, RawValue};

use super::error::{Error, ErrorKind, Result};
use super::json;
use super::request::{string, wrong_type, Fields, Request};
use crate::wire::providers;

/// litellm's `ROUTER_MAX_FALLBACKS`.
pub const DEFAULT_MAX: usize = 5;
/// The key of the list that holds for every model.
const ANY: &str = "*";

/// Something to ask instead.
#[derive(Clone, Debug)]
pub struct Target {
    /// None keeps the model: then only arguments differ.
    pub model: Option<String>,
    /// Arguments that take the place of the request's.
    pub params: Vec<(String, Box<RawValue>)>,
    /// What tells it from others; no target is asked twice for one request.
    identity: String,
}

impl Target {
    pub fn model(name: &str) -> Target {
        Target { model: Some(name.to_owned()), params: Vec::new(), identity: name.to_owned() }
    }

    /// A name, or an object of arguments with `model` among them.
    fn read(name: &str, raw: &RawValue) -> Result<Target> {
        let Some(fields) = json::read::<Fields<'_>>(raw) else {
            return Ok(Target::model(&string(name, raw)?));
        };
        let mut target = Target { model: None, params: Vec::new(), identity: raw.get().to_owned() };
        for (key, value) in fields {
            if key == "model" {
                target.model = Some(string(&format!("{name}.model"), value)?.into_owned());
            } else {
                target.params.push((key, value.to_owned()));
            }
        }
        if target.params.is_empty() {
            target.identity = target.model.clone().ok_or_else(|| Error::bad_request(format!("an entry of `{name}` is empty")))?;
        }
        Ok(target)
    }

    fn show(&self) -> &str {
        self.model.as_deref().unwrap_or("the same model with other arguments")
    }
}

/// Which targets a model has.
#[derive(Clone, Debug)]
pub enum Chains {
    /// The same for every model, in this order: `["a", {"model": "b", …}]`.
    Direct(Vec<Target>),
    /// By model: `[{"a": ["b", "c"]}, {"*": ["d"]}]`.
    Keyed(Vec<(String, Vec<Target>)>),
}

impl Chains {
    /// None for an empty list.
    pub fn read(name: &str, raw: &RawValue) -> Result<Option<Chains>> {
        let expected = "a list of models, of objects of arguments, or of objects {model: [models]}";
        let list: Vec<&RawValue> = json::read(raw).ok_or_else(|| wrong_type(name, expected, raw))?;
        let (mut direct, mut keyed) = (Vec::new(), Vec::new());
        for item in list {
            let fields = json::read::<Fields<'_>>(item);
            match fields.filter(|fields| !fields.is_empty() && fields.values().all(|value| value.get().starts_with('['))) {
                Some(fields) => {
                    for (model, targets) in fields {
                        let inner = format!("{name}.{model}");
                        let targets: Vec<&RawValue> =
                            json::read(targets).ok_or_else(|| wrong_type(&inner, "a list of models", targets))?;
                        let targets = targets.into_iter().map(|target| Target::read(&inner, target));
                        keyed.push((model, targets.collect::<Result<_>>()?));
                    }
                }
                None => direct.push(Target::read(name, item)?),
            }
        }
        match (direct.is_empty(), keyed.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => Ok(Some(Chains::Direct(direct))),
            (true, false) => Ok(Some(Chains::Keyed(keyed))),
            (false, false) => Err(Error::bad_request(format!(
                "`{name}` mixes models to ask for any request with lists for one model; use one form: [\"a\", \"b\"] or [{{\"model\": [\"a\", \"b\"]}}]"
            ))),
        }
    }

    /// litellm's `context_window_fallback_dict`: {model: model}.
    fn of_pairs(name: &str, raw: &RawValue) -> Result<Option<Chains>> {
        let pairs = json::read::<Fields<'_>>(raw).ok_or_else(|| wrong_type(name, "an object {model: model}", raw))?;
        let keyed = pairs.into_iter().map(|(model, target)| Ok((model, vec![Target::model(&string(name, target)?)])));
        let keyed = keyed.collect::<Result<Vec<_>>>()?;
        Ok((!keyed.is_empty()).then_some(Chains::Keyed(keyed)))
    }

    /// The targets of `model`: those under its name; under its name without or with its provider; under `*`.
    fn targets(&self, model: &str) -> Option<&[Target]> {
        let keyed = match self {
            Chains::Direct(targets) => return Some(targets),
            Chains::Keyed(keyed) => keyed,
        };
        let of = |wanted: &dyn Fn(&str) -> bool| keyed.iter().find(|(key, _)| wanted(key)).map(|(_, targets)| &targets[..]);
        let bare = model.split_once('/').filter(|(provider, _)| providers::find(provider).is_some()).map(|(_, bare)| bare);
        let with_provider = |key: &str| key.split_once('/').is_some_and(|(provider, name)| name == model && owns(provider, model));
        of(&|key| key == model)
            .or_else(|| of(&|key| bare == Some(key)))
            .or_else(|| of(&|key| !model.contains('/') && with_provider(key)))
            .or_else(|| of(&|key| key == ANY))
    }

    fn add_any(chains: &mut Option<Chains>, targets: Vec<Target>) {
        match chains.get_or_insert_with(|| Chains::Keyed(Vec::new())) {
            Chains::Keyed(keyed) => keyed.push((ANY.to_owned(), targets)),
            Chains::Direct(direct) => direct.extend(targets),
        }
    }
}

/// Is a bare name a model of this provider?
fn owns(provider: &str, model: &str) -> bool {
    providers::model_owner(model) == Some(provider)
}

/// What is asked instead, by what went wrong.
#[derive(Clone, Debug)]
pub struct Rules {
    pub general: Option<Chains>,
    pub context_window: Option<Chains>,
    pub content_policy: Option<Chains>,
    /// How many targets are asked for one request at most.
    pub max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { general: None, context_window: None, content_policy: None, max: DEFAULT_MAX }
    }
}

impl Rules {
    pub fn is_empty(&self) -> bool {
        self.general.is_none() && self.context_window.is_none() && self.content_policy.is_none()
    }

    /// Those of a request (without a router), and of its settings where the request has none of a kind.
    pub fn of(request: &Request<'_>) -> Result<Rules> {
        let mut rules = Rules::default();
        rules.read(|name| request.setting_raw(name))?;
        rules.read(|name| request.raw(name))?;
        if let Some(raw) = request.raw("context_window_fallback_dict") {
            rules.context_window = Chains::of_pairs("context_window_fallback_dict", raw)?.or(rules.context_window);
        }
        if request.bool("disable_fallbacks")? == Some(true) {
            return Ok(Rules::default());
        }
        Ok(rules)
    }

    /// Takes over what `raw` has under litellm's names.
    pub fn read<'r>(&mut self, raw: impl Fn(&str) -> Option<&'r RawValue>) -> Result<()> {
        for (name, chains) in [
            ("fallbacks", &mut self.general),
            ("context_window_fallbacks", &mut self.context_window),
            ("content_policy_fallbacks", &mut self.content_policy),
        ] {
            if let Some(raw) = raw(name) {
                *chains = Chains::read(name, raw)?;
            }
        }
        if let Some(raw) = raw("default_fallbacks") {
            let list: Vec<&RawValue> = json::read(raw).ok_or_else(|| wrong_type("default_fallbacks", "a list of models", raw))?;
            let targets = list.into_iter().map(|item| Target::read("default_fallbacks", item)).collect::<Result<Vec<_>>>()?;
            if !targets.is_empty() {
                Chains::add_any(&mut self.general, targets);
            }
        }
        if let Some(raw) = raw("max_fallbacks") {
            self.max = json::read::<u16>(raw).ok_or_else(|| wrong_type("max_fallbacks", "a whole number, 0 or more", raw))?.into();
        }
        Ok(())
    }

    /// The targets of a model that failed so. As in litellm, a list for one kind of failure takes the place of the general one, also where
    /// it has nothing for this model.
    fn targets(&self, model: &str, error: &Error) -> &[Target] {
        let own = match error.kind {
            ErrorKind::ContextWindowExceeded => self.context_window.as_ref(),
            ErrorKind::ContentPolicyViolation => self.content_policy.as_ref(),
            _ => None,
        };
        let chains = match (&self.general, own) {
            (Some(direct @ Chains::Direct(_)), _) => Some(direct),
            (general, own) => own.or(general.as_ref()),
        };
        chains.and_then(|chains| chains.targets(model)).unwrap_or_default()
    }
}

/// A call that failed, as an answer's `meta` and the last error tell of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Failed {
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    pub kind: &'static str,
    pub http_status: Option<u16>,
}

/// The way of one request along its targets.
pub struct Walk {
    rules: Rules,
    asked: HashSet<String>,
    waiting: VecDeque<Target>,
    /// How many targets have been asked.
    pub hops: usize,
    pub failed: Vec<Failed>,
    /// What the model that was asked for came to.
    first: Option<Error>,
    names: Vec<String>,
}

impl Walk {
    pub fn new(rules: Rules, model: &str) -> Walk {
        Walk {
            rules,
            asked: HashSet::from([model.to_owned()]),
            waiting: VecDeque::new(),
            hops: 0,
            failed: Vec::new(),
            first: None,
            names: Vec::new(),
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Notes a call that failed.
    pub fn note(&mut self, model: &str, deployment: Option<&str>, error: &Error) {
        let (kind, http_status) = (error.kind.name(), error.http_status);
        self.failed.push(Failed { model: model.to_owned(), deployment: deployment.map(str::to_owned), kind, http_status });
    }

    /// Puts a target before all others, if it was not asked yet.
    pub fn push_front(&mut self, target: Target, identity: String) {
        self.waiting.push_front(Target { identity, ..target });
    }

    /// What to ask after `model` has failed for good; None when there is nothing left.
    pub fn next(&mut self, model: &str, error: &Error) -> Option<Target> {
        if self.first.is_none() {
            self.first = Some(error.clone());
        }
        // Depth first, as litellm: a target's own targets are asked before those that stand behind it.
        let targets = self.rules.targets(model, error).to_vec();
        targets.into_iter().rev().for_each(|target| self.waiting.push_front(target));
        while self.hops < self.rules.max {
            let target = self.waiting.pop_front()?;
            if self.asked.insert(target.identity.clone()) {
                self.hops += 1;
                self.names.push(target.show().to_owned());
                return Some(target);
            }
        }
        None
    }

    /// The error of the request: what the model that was asked for came to, and what else was tried.
    pub fn error(&mut self, last: Error, model: &str) -> Error {
        let mut error = self.first.take().unwrap_or_else(|| last.clone());
        if self.names.is_empty() {
            return error;
        }
        // Programs that look into litellm's messages look for these two names.
        let tried = self.names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let more = format!(". Received Model Group={model}\nAvailable Model Group Fallbacks=[{tried}]\nThe last of them failed with {last}");
        error.message.push_str(&more);
        error
    }
}

/// A JSON string.
pub fn raw_string(text: &str) -> Box<RawValue> {
    // A string is always JSON.
    to_raw_value(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(text: &str) -> Result<Option<Chains>> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        Chains::read("fallbacks", raw)
    }

    fn shown(targets: Option<&[Target]>) -> Vec<String> {
        targets.unwrap_or_default().iter().map(|target| target.show().to_owned()).collect()
    }

    #[test]
    fn lists_are_found_by_name_by_provider_and_for_all() {
        let chains = chains(r#"[{"gpt-4o":["a",{"model":"b","temperature":0}]},{"openai/o1":["c"]},{"*":["d"]}]"#).unwrap().unwrap();
        assert_eq!(shown(chains.targets("gpt-4o")), ["a", "b"]);
        assert_eq!(shown(chains.targets("openai/gpt-4o")), ["a", "b"]);
        assert_eq!(shown(chains.targets("o1")), ["c"]);
        assert_eq!(shown(chains.targets("unknown/gpt-4o")), ["d"]);
        let params = &chains.targets("gpt-4o").unwrap()[1].params;
        assert_eq!((params[0].0.as_str(), params[0].1.get()), ("temperature", "0"));
    }

    #[test]
    fn plain_lists_hold_for_every_model_and_mixtures_are_refused() {
        let direct = chains(r#"["a",{"model":"b","messages":[]}]"#).unwrap().unwrap();
        assert_eq!(shown(direct.targets("x")), ["a", "b"]);
        assert!(chains("[]").unwrap().is_none());
        assert!(chains(r#"["a",{"b":["c"]}]"#).unwrap_err().message.contains("mixes"));
        for bad in [r#"{"a":["b"]}"#, "[3]", r#"["a",{}]"#, r#"[{"a":[3]}]"#] {
            assert!(chains(bad).is_err(), "{bad}");
        }
    }

    fn rules(request: &str) -> Rules {
        Rules::of(&Request::parse(request.as_bytes()).unwrap()).unwrap()
    }

    fn walk(request: &str, mut failing: impl FnMut(&str) -> ErrorKind) -> (Vec<String>, String) {
        let mut walk = Walk::new(rules(request), "m");
        let (mut model, mut order) = ("m".to_owned(), Vec::new());
        loop {
            let error = Error::new(failing(&model), format!("{model} fails"));
            match walk.next(&model, &error) {
                Some(target) => model = target.model.unwrap_or(model),
                None => return (order, walk.error(error, "m").message.clone()),
            }
            order.push(model.clone());
        }
    }

    #[test]
    fn each_target_is_asked_once_depth_first_and_the_first_error_is_the_requests() {
        let graph = r#"{"fallbacks":[{"m":["a","b"]},{"a":["m","c","b"]},{"c":["a"]}]}"#;
        let (order, message) = walk(graph, |_| ErrorKind::InternalServer);
        assert_eq!(order, ["a", "c", "b"]);
        assert!(message.starts_with("m fails") && message.contains("['a', 'c', 'b']") && message.contains("b fails"), "{message}");
        assert_eq!(walk("{}", |_| ErrorKind::InternalServer), (vec![], "m fails".to_owned()));
        assert_eq!(walk(r#"{"max_fallbacks":2,"fallbacks":["a","b","c"]}"#, |_| ErrorKind::Api).0, ["a", "b"]);
    }

    #[test]
    fn a_list_for_a_kind_of_failure_takes_the_place_of_the_general_one() {
        let request = r#"{"fallbacks":[{"m":["general"]}],"context_window_fallbacks":[{"m":["large"]}],
            "content_policy_fallbacks":[{"other":["lax"]}]}"#;
        assert_eq!(walk(request, |_| ErrorKind::ContextWindowExceeded).0, ["large"]);
        assert_eq!(walk(request, |_| ErrorKind::ContentPolicyViolation).0, [""; 0]);
        assert_eq!(walk(request, |_| ErrorKind::RateLimit).0, ["general"]);
        let pairs = r#"{"context_window_fallback_dict":{"m":"large"}}"#;
        assert_eq!(walk(pairs, |_| ErrorKind::ContextWindowExceeded).0, ["large"]);
        assert_eq!(walk(pairs, |_| ErrorKind::Api).0, [""; 0]);
    }

    #[test]
    fn the_request_goes_before_the_settings_and_can_turn_all_off() {
        let both = r#"{"fallbacks":["own"],"settings":{"fallbacks":[{"m":["set"]}],"default_fallbacks":["any"]}}"#;
        assert_eq!(walk(both, |_| ErrorKind::Api).0, ["own"]);
        let settings = r#"{"settings":{"fallbacks":[{"x":["y"]}],"default_fallbacks":["any"]}}"#;
        assert_eq!(walk(settings, |_| ErrorKind::Api).0, ["any"]);
        assert!(rules(r#"{"disable_fallbacks":true,"fallbacks":["a"]}"#).is_empty());
    }
}
