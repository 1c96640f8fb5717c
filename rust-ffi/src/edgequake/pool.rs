//! The crate's providers, built once and used again.
//!
//! Building one costs milliseconds (an HTTP client with its TLS roots) and would open a new connection for each call. A pool belongs to one
//! client of the engine: the connections live on that client's threads and die with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use edgequake_llm::google_auth::{self, AccessToken, GoogleCredentials, TokenSource};
use edgequake_llm::model_config::{ProviderConfig, ProviderType};
use edgequake_llm::providers::gemini::GeminiProvider;
use edgequake_llm::{
    AnthropicProvider, CohereProvider, EmbeddingProvider, JinaProvider, LLMProvider, LlmError, MistralProvider, MockProvider,
    NvidiaProvider, OpenAICompatibleProvider, VsCodeCopilotProvider,
};

use super::errors::{from_llm, scrub};
use super::table::{Kind, Row};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::route::Secret;

/// Providers kept. Programs use a few; more means that models or keys are being generated.
const MAX_PROVIDERS: usize = 256;
/// The crate's clients have one limit for a whole call; the engine's own is the one that counts.
const NO_LIMIT: u64 = 30 * 86_400;

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    Chat,
    Embedding { dimensions: Option<usize> },
}

/// All that a provider is built from: what the pool knows it by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Spec {
    pub id: &'static str,
    pub usage: Use,
    pub model: String,
    /// Empty where the provider has no address of its own to be told.
    pub base: String,
    pub key: Option<Secret>,
    /// Sent with every request of this provider.
    pub headers: Vec<(String, String)>,
    /// Google's project and location.
    pub place: Option<(String, String)>,
    /// litellm's `vertex_credentials`: a file's name or its content.
    pub google: Option<Secret>,
}

impl Spec {
    /// Names the provider and the model, and removes credentials.
    pub fn finish(&self, mut error: Error) -> Error {
        // A header's value may be a credential; what is shorter is none, and would tear holes into sentences.
        let headers = self.headers.iter().map(|(_, value)| value.as_str()).filter(|value| value.len() >= 8);
        let secrets: Vec<&str> = self.key.iter().chain(&self.google).map(Secret::expose).chain(headers).collect();
        scrub(&mut error, &secrets);
        error.at(self.id, &self.model)
    }
}

pub enum Backend {
    Chat(Arc<dyn LLMProvider>),
    Embedding(Arc<dyn EmbeddingProvider>),
    Vertex(Box<Vertex>),
}

#[derive(Default)]
pub struct Pool(Mutex<HashMap<Spec, Arc<Backend>>>);

impl Pool {
    /// The provider for these settings, built at first need.
    pub fn get(&self, row: &Row, spec: &Spec) -> Result<Arc<Backend>> {
        let mut known = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(backend) = known.get(spec) {
            return Ok(backend.clone());
        }
        let backend = Arc::new(build(row, spec)?);
        if known.len() >= MAX_PROVIDERS {
            known.clear();
        }
        known.insert(spec.clone(), backend.clone());
        Ok(backend)
    }
}

fn build(row: &Row, spec: &Spec) -> Result<Backend> {
    let key = spec.key.as_ref().map_or("", Secret::expose);
    let (model, base) = (spec.model.as_str(), spec.base.as_str());
    let chat = |provider: Arc<dyn LLMProvider>| Ok(Backend::Chat(provider));
    let embedding = |provider: Arc<dyn EmbeddingProvider>| Ok(Backend::Embedding(provider));
    match (row.kind, spec.usage) {
        // Mistral's own type sorts the vectors by their index and keeps to its batches of 256.
        (_, Use::Embedding { .. }) if row.id == "mistral" => embedding(Arc::new(
            MistralProvider::new(key.into(), model.into(), model.into(), Some(base.into())).map_err(from_llm)?,
        )),
        (Kind::Compatible | Kind::CompatibleHost | Kind::Azure, usage) => {
            let provider = Arc::new(OpenAICompatibleProvider::from_config(compatible(row, spec, key)).map_err(from_llm)?);
            match usage {
                Use::Chat => chat(provider),
                Use::Embedding { .. } => embedding(provider),
            }
        }
        (Kind::Anthropic, _) => chat(Arc::new(AnthropicProvider::new(key).with_base_url(base).with_model(model))),
        (Kind::Cohere, usage) => {
            let provider = CohereProvider::new(key).with_base_url(base);
            match usage {
                Use::Chat => chat(Arc::new(provider.with_model(model))),
                Use::Embedding { .. } => embedding(Arc::new(provider.with_embed_model(model))),
            }
        }
        (Kind::Gemini, usage) => {
            let provider = GeminiProvider::new(key);
            match usage {
                Use::Chat => chat(Arc::new(provider.with_model(model))),
                Use::Embedding { dimensions } => embedding(Arc::new(embedder(provider, model, dimensions))),
            }
        }
        (Kind::Vertex, _) => Ok(Backend::Vertex(Box::new(Vertex::new(spec)?))),
        (Kind::Nvidia, usage) => {
            let provider = NvidiaProvider::new(key.into(), model.into(), Some(base.into())).map_err(from_llm)?;
            match usage {
                Use::Chat => chat(Arc::new(provider)),
                Use::Embedding { .. } => {
                    let own = EmbeddingProvider::model(&provider).to_owned();
                    if own != model {
                        return Err(Error::bad_request(format!("the crate embeds with one model of NVIDIA's only: {own}")));
                    }
                    embedding(Arc::new(provider))
                }
            }
        }
        (Kind::Copilot, usage) => {
            let mut builder = VsCodeCopilotProvider::new().model(model).embedding_model(model).with_vision(true);
            if !base.is_empty() {
                builder = builder.proxy_url(base);
            }
            let provider =
                Arc::new(builder.timeout(std::time::Duration::from_secs(NO_LIMIT)).build().map_err(|e| from_llm(e.into()))?);
            match usage {
                Use::Chat => chat(provider),
                Use::Embedding { .. } => embedding(provider),
            }
        }
        // Unasked, the crate would have the vectors normalised.
        (Kind::Jina, _) => embedding(Arc::new(
            JinaProvider::builder()
                .api_key(key)
                .base_url(base)
                .embedding_model(model)
                .normalized(false)
                .build()
                .map_err(from_llm)?,
        )),
        (Kind::Mock, Use::Chat) => chat(Arc::new(MockProvider::new())),
        (Kind::Mock, Use::Embedding { .. }) => embedding(Arc::new(MockProvider::new())),
    }
}

fn compatible(row: &Row, spec: &Spec, key: &str) -> ProviderConfig {
    ProviderConfig {
        // Stands in the crate's errors, and decides over reasoning efforts.
        name: row.id.to_owned(),
        display_name: row.id.to_owned(),
        provider_type: ProviderType::OpenAICompatible,
        api_key: Some(key.to_owned()),
        base_url: Some(spec.base.clone()),
        default_llm_model: Some(spec.model.clone()),
        default_embedding_model: Some(spec.model.clone()),
        headers: spec.headers.iter().cloned().collect(),
        timeout_seconds: NO_LIMIT,
        ..Default::default()
    }
}

fn embedder(provider: GeminiProvider, model: &str, dimensions: Option<usize>) -> GeminiProvider {
    let provider = provider.with_embedding_model(model);
    match dimensions {
        Some(count) => provider.with_embedding_dimension(count),
        None => provider,
    }
}

/// Vertex AI: Gemini with access tokens that last an hour. The crate takes one token for good, so a provider is built for each.
pub struct Vertex {
    spec: Spec,
    tokens: Tokens,
    current: tokio::sync::Mutex<Option<(Instant, Arc<GeminiProvider>)>>,
}

enum Tokens {
    /// A token that the caller gave, good until the server says otherwise.
    Given(Secret),
    Source(TokenSource),
}

impl Vertex {
    fn new(spec: &Spec) -> Result<Self> {
        let tokens = match (&spec.google, &spec.key) {
            (Some(credentials), _) => Tokens::Source(credentials_of(credentials)?.into_source()),
            (None, Some(token)) => Tokens::Given(token.clone()),
            (None, None) => Tokens::Source(google_auth::resolve().map_err(no_credentials)?.0),
        };
        Ok(Vertex { spec: spec.clone(), tokens, current: Default::default() })
    }

    pub async fn provider(&self) -> Result<Arc<GeminiProvider>> {
        // Held while a token is fetched, so that calls that start together fetch one.
        let mut current = self.current.lock().await;
        match (&*current, &self.tokens) {
            (Some((_, provider)), Tokens::Given(_)) => return Ok(provider.clone()),
            (Some((until, provider)), Tokens::Source(_)) if Instant::now() < *until => return Ok(provider.clone()),
            _ => {}
        }
        let token = match &self.tokens {
            Tokens::Given(token) => AccessToken::fixed(token.expose()),
            Tokens::Source(source) => source.refresh().await.map_err(no_credentials)?,
        };
        let Some((project, location)) = &self.spec.place else {
            return Err(Error::bad_request("Vertex AI needs a project and a location"));
        };
        let provider = GeminiProvider::vertex_ai(project, location, token.token).with_model(&self.spec.model);
        let provider = Arc::new(match self.spec.usage {
            Use::Chat => provider,
            Use::Embedding { dimensions } => embedder(provider, &self.spec.model, dimensions),
        });
        *current = Some((token.refresh_at, provider.clone()));
        Ok(provider)
    }
}

fn credentials_of(given: &Secret) -> Result<GoogleCredentials> {
    let text = given.expose().trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|_| {
            Error::bad_request("`vertex_credentials` is neither a service account's key file nor what `gcloud auth application-default login` writes")
        });
    }
    GoogleCredentials::from_file(std::path::Path::new(text)).map_err(from_llm)
}

fn no_credentials(error: LlmError) -> Error {
    let message = format!(
        "no access token for Vertex AI: {}. Set `vertex_credentials`, `api_key` (an access token), GOOGLE_APPLICATION_CREDENTIALS, or run \
         `gcloud auth application-default login`",
        from_llm(error).message.trim_end_matches('.')
    );
    Error::new(ErrorKind::Authentication, message)
}

#[cfg(test)]
mod tests {
    use super::super::table::find;
    use super::*;

    fn spec(id: &'static str) -> Spec {
        let place = Some(("p".to_owned(), "us-central1".to_owned()));
        let (base, key) = ("http://127.0.0.1:9/v1".to_owned(), Some(Secret::new("k")));
        Spec { id, usage: Use::Chat, model: "m".into(), base, key, headers: Vec::new(), place, google: None }
    }

    #[test]
    fn a_provider_is_built_once_for_its_settings() {
        let (pool, row) = (Pool::default(), find("openai").unwrap());
        let first = pool.get(row, &spec("openai")).unwrap();
        assert!(Arc::ptr_eq(&first, &pool.get(row, &spec("openai")).unwrap()));
        for other in [
            Spec { model: "n".into(), ..spec("openai") },
            Spec { key: Some(Secret::new("other")), ..spec("openai") },
            Spec { base: "http://127.0.0.1:8/v1".into(), ..spec("openai") },
            Spec { headers: vec![("a".into(), "b".into())], ..spec("openai") },
            Spec { usage: Use::Embedding { dimensions: None }, ..spec("openai") },
        ] {
            assert!(!Arc::ptr_eq(&first, &pool.get(row, &other).unwrap()));
        }
    }

    #[test]
    fn every_row_can_be_built() {
        let pool = Pool::default();
        for row in super::super::table::ROWS {
            let features = row.descriptor().features;
            if features.chat {
                assert!(pool.get(row, &spec(row.id)).is_ok(), "{}", row.id);
            }
            if features.embedding && row.id != "nvidia" {
                assert!(
                    pool.get(row, &Spec { usage: Use::Embedding { dimensions: None }, ..spec(row.id) }).is_ok(),
                    "{}",
                    row.id
                );
            }
        }
    }

    #[tokio::test]
    async fn vertex_keeps_a_given_token() {
        let pool = Pool::default();
        let backend = pool.get(find("vertexai").unwrap(), &spec("vertexai")).unwrap();
        let Backend::Vertex(vertex) = &*backend else { panic!("Vertex is built for each token") };
        let first = vertex.provider().await.unwrap();
        assert!(Arc::ptr_eq(&first, &vertex.provider().await.unwrap()));
    }

    #[test]
    fn wrong_google_credentials_are_named_but_not_shown() {
        let spec = Spec { google: Some(Secret::new("{\"private_key\":\"sk-secret\"}")), ..spec("vertexai") };
        let error = Pool::default().get(find("vertexai").unwrap(), &spec).err().unwrap();
        assert!(error.message.contains("vertex_credentials") && !error.message.contains("sk-secret"));
    }
}
