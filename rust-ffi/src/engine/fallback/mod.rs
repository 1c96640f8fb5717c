//! What is asked instead of a model that fails: litellm's `fallbacks`, `context_window_fallbacks` and `content_policy_fallbacks`.

mod list;
mod walk;

use serde_json::value::{to_raw_value, RawValue};

use super::error::{Error, ErrorKind, Result};
use super::json;
use super::request::{string, wrong_type, Fields, Request};
use crate::wire::providers;

pub use self::list::Listed;
pub use self::walk::Walk;

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
        let with_provider =
            |key: &str| key.split_once('/').is_some_and(|(provider, name)| name == model && owns(provider, model));
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
            self.max =
                json::read::<u16>(raw).ok_or_else(|| wrong_type("max_fallbacks", "a whole number, 0 or more", raw))?.into();
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
        let chains =
            chains(r#"[{"gpt-4o":["a",{"model":"b","temperature":0}]},{"openai/o1":["c"]},{"*":["d"]}]"#).unwrap().unwrap();
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
}
