//! Whose a request is: its key, its user, its team, its tags.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::{string, Request};
use crate::engine::route;

/// By what a limit tells requests apart; each has a count of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Key,
    User,
    Team,
    Tag,
    Model,
    Provider,
    /// One of a router's; known only once it has chosen.
    Deployment,
    All,
}

impl Per {
    const ALL: [Per; 8] = [Per::Key, Per::User, Per::Team, Per::Tag, Per::Model, Per::Provider, Per::Deployment, Per::All];

    pub fn name(self) -> &'static str {
        match self {
            Per::Key => "key",
            Per::User => "user",
            Per::Team => "team",
            Per::Tag => "tag",
            Per::Model => "model",
            Per::Provider => "provider",
            Per::Deployment => "deployment",
            Per::All => "all",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|per| per.name() == name)
    }

    pub fn names() -> String {
        format!("one of {}", Self::ALL.map(Per::name).join(", "))
    }
}

/// What a request says of itself, under the names of litellm's API, of its proxy, and plain ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// By its hash.
    pub key: Option<String>,
    pub user: Option<String>,
    pub team: Option<String>,
    pub tags: Vec<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    /// How else the model may be written: as the request has it, and without its provider.
    spellings: Vec<String>,
    /// A router chooses the deployment, and with it provider and key, after the request was let in.
    pub routed: bool,
}

/// In the order in which they are looked at: the first that is there counts.
const KEYS: [&str; 2] = ["user_api_key_hash", "user_api_key"];
const USERS: [&str; 4] = ["user_api_key_user_id", "user_id", "user", "user_api_key_end_user_id"];
const TEAMS: [&str; 3] = ["user_api_key_team_id", "team_id", "team"];

/// The value under these names in `metadata`; values of any type but text are read past, since metadata is the program's own.
type Metadata<'a> = crate::engine::request::Fields<'a>;

impl Identity {
    pub fn of(request: &Request<'_>) -> Result<Self> {
        let metadata: Vec<Metadata<'_>> =
            ["litellm_metadata", "metadata"].iter().filter_map(|name| json::read(request.raw(name)?)).collect();
        let find = |names: &[&str]| {
            let named = names.iter().flat_map(|name| metadata.iter().filter_map(move |fields| fields.get(*name)));
            named.filter_map(|raw| json::read::<String>(raw)).find(|text| !text.is_empty())
        };
        let routed = request.has("router");
        let route = if routed { None } else { route::resolve_name(request).ok() };
        let key = match find(&KEYS) {
            Some(key) => Some(key),
            None => match request.str("api_key")?.filter(|key| !key.is_empty()) {
                Some(key) => Some(key.into_owned()),
                None if routed => None,
                // From the settings or the environment, as the call will find it.
                None => route::resolve(request).ok().and_then(|route| route.secret().map(|secret| secret.expose().to_owned())),
            },
        };
        let tags = request.raw("tags").and_then(list).into_iter();
        let mut tags: Vec<String> =
            tags.chain(metadata.iter().filter_map(|fields| list(fields.get("tags")?))).flatten().collect();
        tags.sort_unstable();
        tags.dedup();
        let asked = request.str("model")?.map(std::borrow::Cow::into_owned);
        Ok(Identity {
            key: key.map(|key| hashed(&key)),
            user: match request.raw("user").map(|raw| string("user", raw)).transpose()?.filter(|user| !user.is_empty()) {
                Some(user) => Some(user.into_owned()),
                None => find(&USERS),
            },
            team: find(&TEAMS),
            tags,
            // One model is counted once, however it is written.
            model: route.as_ref().map(|route| format!("{}/{}", route.provider, route.model)).or_else(|| asked.clone()),
            spellings: asked.into_iter().chain(route.as_ref().map(|route| route.model.clone())).collect(),
            provider: route.map(|route| route.provider),
            routed,
        })
    }

    /// Is a limit per `per` that is for some values only, as `is_for` says, for this `value` of the request?
    pub fn meets(&self, per: Per, value: &str, is_for: impl Fn(&str) -> bool) -> bool {
        is_for(value) || (per == Per::Model && self.spellings.iter().any(|spelling| is_for(spelling)))
    }

    /// The values that a limit per `per` counts; none where the request does not tell.
    pub fn values(&self, per: Per) -> Vec<&str> {
        fn one(value: &Option<String>) -> Vec<&str> {
            value.as_deref().into_iter().collect()
        }
        match per {
            Per::Key => one(&self.key),
            Per::User => one(&self.user),
            Per::Team => one(&self.team),
            Per::Tag => self.tags.iter().map(String::as_str).collect(),
            Per::Model => one(&self.model),
            Per::Provider => one(&self.provider),
            Per::Deployment => Vec::new(),
            Per::All => vec![""],
        }
    }
}

fn list(raw: &serde_json::value::RawValue) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Texts(Vec<Value>);
    let Texts(values) = json::read(raw)?;
    Some(values.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
}

/// What stands for a secret, or for a text of any length, wherever it is kept: 128 bits of its SHA-256. What is such a hash already, or the
/// longer one that litellm's proxy has, is taken as it is.
pub fn hashed(text: &str) -> String {
    let is_hash =
        matches!(text.len(), 32 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
    if is_hash {
        return text.to_owned();
    }
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Identity {
        Identity::of(&Request::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_model_is_one_however_it_is_written() {
        let (plain, full) = (of(r#"{"model":"gpt-4o"}"#), of(r#"{"model":"openai/gpt-4o"}"#));
        assert_eq!((plain.values(Per::Model), full.values(Per::Model)), (vec!["openai/gpt-4o"], vec!["openai/gpt-4o"]));
        for identity in [plain, full] {
            for pattern in ["gpt-4o", "openai/gpt-4o"] {
                assert!(identity.meets(Per::Model, "openai/gpt-4o", |text| text == pattern));
            }
            assert!(!identity.meets(Per::Model, "openai/gpt-4o", |text| text == "gpt-4"));
        }
    }

    #[test]
    fn a_request_says_whose_it_is_in_many_ways() {
        let plain = of(
            r#"{"model":"openai/gpt-4o","api_key":"sk-secret","user":"ann","metadata":{"team":"red","tags":["b","a",3]},"tags":["a"]}"#,
        );
        assert_eq!((plain.user.as_deref(), plain.team.as_deref()), (Some("ann"), Some("red")));
        assert_eq!((plain.values(Per::Tag), plain.values(Per::Model)), (vec!["a", "b"], vec!["openai/gpt-4o"]));
        assert_eq!(plain.provider.as_deref(), Some("openai"));
        assert_eq!(plain.key.as_deref(), Some(hashed("sk-secret").as_str()));
        let proxy = of(
            r#"{"model":"m","litellm_metadata":{"user_api_key_hash":"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
                "user_api_key_user_id":"bob","user_api_key_team_id":"blue"},"metadata":{"user_id":"other"}}"#,
        );
        assert_eq!(proxy.key.as_deref(), Some("88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"));
        assert_eq!((proxy.user.as_deref(), proxy.team.as_deref()), (Some("bob"), Some("blue")));
    }

    #[test]
    fn who_says_nothing_is_nobody() {
        let nobody = of(r#"{"model":"a-router's-group","metadata":"text","tags":"text"}"#);
        assert_eq!((nobody.user.clone(), nobody.team.clone(), nobody.tags.len(), nobody.provider.clone()), (None, None, 0, None));
        assert_eq!(nobody.values(Per::User), Vec::<&str>::new());
        assert_eq!(nobody.values(Per::All), [""]);
    }

    #[test]
    fn a_routers_group_tells_no_provider() {
        let routed = of(r#"{"model":"gpt-4o","router":"r","user":"ann"}"#);
        assert_eq!((routed.provider, routed.key, routed.model.as_deref()), (None, None, Some("gpt-4o")));
        assert!(of(r#"{"model":"gpt-4o"}"#).provider.is_some());
    }

    #[test]
    fn no_key_is_kept() {
        assert!(!hashed("sk-secret").contains("secret"));
        assert_eq!(hashed("sk-secret"), hashed(&hashed("sk-secret")), "a hash stands for itself");
    }
}
