//! The providers of the crate `edgequake-llm`, behind a guard.
//!
//! The crate's traits are narrower than the API of this library and its clients are careless with money: they repeat requests, drop
//! parameters, and call a stream that was cut off a success. This road therefore
//!
//! - sends one request, once. Nothing is sent again here, and the ways through the crate that repeat by themselves are not taken
//!   (`table.rs`); only Copilot's client still repeats a request that failed for want of a connection or with 429 or 503, up to three times;
//! - refuses what cannot be carried, before any network (`params.rs`, `messages.rs`);
//! - reads a stream only where its end can be told from a cut, and never after its first error or its end (`stream.rs`). Elsewhere the
//!   whole answer is fetched and handed on as chunks ([`table::Row::streams_live`] says which and why). Fetched whole, a cut answer is an
//!   unreadable body, hence an error, everywhere;
//! - turns a panic of the crate into an error, and checks credentials before they can cause one;
//! - shows no credential: Gemini's stands in the address that reqwest prints, and is removed (`errors.rs`).
//!
//! The engine sets the deadline by dropping the future; every future here may be dropped at any point, and its connection is closed.
//!
//! Environment: addresses and keys are read here by the names in `table.rs`, after those of the call. The crate itself reads
//! `EDGEQUAKE_PROMPT_CACHE` (0 keeps it from adding a `prompt_cache_key` to requests in OpenAI's protocol), `EDGEQUAKE_PROMPT_CACHE_TTL`,
//! `EDGEQUAKE_LLM_OMIT_TEMPERATURE` and `EDGEQUAKE_LLM_OMIT_REASONING_EFFORT`, the proxy variables, `VSCODE_COPILOT_*` with Copilot's
//! token files, and Google's application default credentials. Nothing here writes to the environment.

mod answer;
mod errors;
mod messages;
mod params;
mod pool;
pub mod rerank;
mod settings;
mod stream;
pub mod table;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use edgequake_llm::traits::StreamChunk;
use edgequake_llm::{ApiFormat, ChatMessage, ChatRole, LLMProvider, LLMResponse, ProviderCatalog};
use futures_util::stream::BoxStream;
use futures_util::FutureExt;

use self::params::{Gate, Inputs, Parameters};
use self::pool::{Backend, Spec, Use};
use self::table::{Kind, Row};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;
use crate::wire::Operation;

pub use pool::Pool;
pub use stream::Stream;

/// The prefix of model names that mean this road.
const PREFIX: &str = "edgequake";

/// "provider/model" when a request means this road: the model is `edgequake/<provider>/<model>`, or `custom_llm_provider` is `edgequake`,
/// or the provider is the crate's `mock`, which the other road does not know.
pub fn model_of(request: &Request<'_>) -> Result<Option<String>> {
    let model = request.str("model")?.unwrap_or_default();
    let provider = request.str("custom_llm_provider")?;
    let (first, rest) = model.split_once('/').unwrap_or((&model, ""));
    Ok(match provider.as_deref() {
        Some(PREFIX) => Some(if first == PREFIX { rest } else { &model }.to_owned()),
        Some("mock") => Some(if first == "mock" { model.into_owned() } else { format!("mock/{model}") }),
        Some(_) => None,
        None if first == PREFIX => Some(rest.to_owned()),
        None if first == "mock" => Some(model.into_owned()),
        None => None,
    })
}

/// A call that has been checked and can be sent, once.
pub struct Call {
    row: &'static Row,
    spec: Spec,
    backend: Arc<Backend>,
    work: Work,
}

enum Work {
    Completion { messages: Vec<ChatMessage>, parameters: Box<Parameters> },
    Embedding(Inputs),
}

/// Checks a request for `model` ("provider/model") on the caller's thread and finds its provider, which is built at first need.
pub fn prepare(pool: &Pool, operation: Operation, model: &str, request: &Request<'_>) -> Result<Call> {
    let (provider, model) = model.split_once('/').filter(|(_, model)| !model.is_empty()).ok_or_else(|| {
        Error::bad_request("the model must be edgequake/<provider>/<model>, such as edgequake/anthropic/claude-sonnet-4-5")
    })?;
    let row = table::find(provider).ok_or_else(|| unknown(provider))?;
    prepare_row(pool, operation, row, model, request).map_err(|error| error.at(row.id, model))
}

fn prepare_row(pool: &Pool, operation: Operation, row: &'static Row, model: &str, request: &Request<'_>) -> Result<Call> {
    let features = row.descriptor().features;
    let (able, verb) = match operation {
        Operation::Completion => (features.chat, "chat"),
        Operation::Embedding => (features.embedding, "embed"),
        other => return Err(other.unavailable(row.id)),
    };
    if !able {
        return Err(Error::bad_request(format!("the crate edgequake-llm does not {verb} with {}", row.id)));
    }
    if row.kind.is_compatible() && ApiFormat::from_env().map_or(true, ApiFormat::is_responses) {
        return Err(Error::bad_request(
            "EDGEQUAKE_LLM_API_FORMAT makes the crate use another API, on which it drops parameters; unset it, or use the model without \
             the prefix edgequake/",
        ));
    }
    let gate = Gate::new(row, model, request)?;
    let (work, usage) = match operation {
        Operation::Completion => {
            let raw = request.raw("messages").ok_or_else(|| Error::bad_request("`messages` is missing"))?;
            let messages = messages::messages(row, raw)?;
            let parameters = params::completion(&gate, request)?;
            check_gemini_cache(row, &messages, &parameters)?;
            (Work::Completion { messages, parameters: Box::new(parameters) }, Use::Chat)
        }
        Operation::Embedding => {
            let inputs = params::embedding(&gate, request)?;
            let usage = Use::Embedding { dimensions: inputs.dimensions };
            (Work::Embedding(inputs), usage)
        }
        other => return Err(other.unavailable(row.id)),
    };
    let spec = settings::spec(&gate, row, model, usage, request)?;
    let built = std::panic::catch_unwind(AssertUnwindSafe(|| pool.get(row, &spec))).unwrap_or_else(|_| Err(panicked()));
    let backend = built.map_err(|error| spec.finish(error))?;
    Ok(Call { row, spec, backend, work })
}

/// Without tools the crate first stores a system message in Google's cache, by a request of its own that may be billed for an hour, and
/// goes on naming the entry when it has expired.
fn check_gemini_cache(row: &Row, messages: &[ChatMessage], parameters: &Parameters) -> Result<()> {
    let stores = row.kind == Kind::Gemini && parameters.tools.is_empty() && edgequake_llm::provider_prompt_cache_enabled();
    if stores && messages.iter().any(|message| message.role == ChatRole::System) {
        return Err(Error::bad_request(
            "the crate edgequake-llm would store the system message in Google's cache by a second request that is billed by itself; set \
             EDGEQUAKE_PROMPT_CACHE=0, or use the model gemini/…",
        ));
    }
    Ok(())
}

fn unknown(provider: &str) -> Error {
    let known: Vec<&str> = table::ROWS.iter().map(|row| row.id).collect();
    let message = match ProviderCatalog::resolve_id(provider) {
        Some(id) => format!("the crate edgequake-llm makes only images with {id}"),
        None => format!("the crate edgequake-llm has no provider {provider:?}; it has {}", known.join(", ")),
    };
    Error::bad_request(message)
}

fn panicked() -> Error {
    Error::new(ErrorKind::InternalServer, "a defect in the crate edgequake-llm: it panicked on this call")
}

/// `prepare` pairs the work with its provider: an answer all the same, rather than a panic.
fn mismatch() -> Error {
    Error::new(ErrorKind::InternalServer, "a defect in the library: the call and its provider do not match")
}

impl Call {
    /// The answer as JSON in OpenAI's shape. One attempt; may be dropped at any point.
    pub async fn run(&self) -> Result<Vec<u8>> {
        self.guarded(async {
            match &self.work {
                Work::Completion { .. } => Ok(answer::completion(self.row.kind, &self.spec.model, &self.ask().await?)),
                Work::Embedding(inputs) => {
                    let vectors = match &*self.backend {
                        Backend::Embedding(provider) => provider.embed(&inputs.texts).await,
                        Backend::Vertex(vertex) => {
                            let provider = vertex.provider().await?;
                            edgequake_llm::EmbeddingProvider::embed(&*provider, &inputs.texts).await
                        }
                        _ => return Err(mismatch()),
                    };
                    answer::embedding(&self.spec.model, inputs.texts.len(), vectors.map_err(errors::from_llm)?)
                }
            }
        })
        .await
    }

    /// Opens a stream: the provider has accepted the request, or the whole answer has come. One attempt; may be dropped at any point.
    pub async fn stream(&self) -> Result<Stream<'_>> {
        self.guarded(async {
            if !self.row.streams_live(self.has_tools()) {
                return Ok(Stream::replay(self, &self.ask().await?));
            }
            Ok(Stream::live(self, self.open().await?))
        })
        .await
    }

    async fn ask(&self) -> Result<LLMResponse> {
        let Work::Completion { messages, parameters } = &self.work else { return Err(mismatch()) };
        let provider = self.chat_provider().await?;
        let Parameters { options, tools, tool_choice, .. } = &**parameters;
        // Vertex's path without tools stores the system message in Google's cache (see `check_gemini_cache`); its other path does not, and
        // takes an empty list of tools.
        let answer = if tools.is_empty() && self.row.kind != Kind::Vertex {
            provider.chat(messages, Some(options)).await
        } else {
            provider.chat_with_tools(messages, tools, tool_choice.clone(), Some(options)).await
        };
        answer.map_err(errors::from_llm)
    }

    async fn open(&self) -> Result<BoxStream<'static, edgequake_llm::Result<StreamChunk>>> {
        let Work::Completion { messages, parameters } = &self.work else { return Err(mismatch()) };
        let Parameters { options, tools, tool_choice, .. } = &**parameters;
        let provider = self.chat_provider().await?;
        provider.chat_with_tools_stream(messages, tools, tool_choice.clone(), Some(options)).await.map_err(errors::from_llm)
    }

    async fn chat_provider(&self) -> Result<Arc<dyn LLMProvider>> {
        match &*self.backend {
            Backend::Chat(provider) => Ok(provider.clone()),
            Backend::Vertex(vertex) => Ok(vertex.provider().await?),
            _ => Err(mismatch()),
        }
    }

    async fn guarded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(panicked())).map_err(|error| self.spec.finish(error))
    }

    fn has_tools(&self) -> bool {
        matches!(&self.work, Work::Completion { parameters, .. } if !parameters.tools.is_empty())
    }

    fn include_usage(&self) -> bool {
        matches!(&self.work, Work::Completion { parameters, .. } if parameters.include_usage)
    }
}

/// What is known of a provider, for `eq_query("providers")`.
#[derive(serde::Serialize)]
pub struct Provider {
    pub id: &'static str,
    pub aliases: &'static [&'static str],
    pub chat: bool,
    pub embedding: bool,
    pub image_generation: bool,
    pub model_discovery: bool,
    /// `live` or `replayed` (see [`table::Row::streams_live`]); null where it does not chat.
    pub streaming: Option<&'static str>,
    /// The completion parameters that reach it, without and with tools in the request.
    pub parameters: Vec<&'static str>,
    pub parameters_with_tools: Vec<&'static str>,
    /// Null where the caller must tell the address, or the crate has it built in.
    pub api_base: Option<&'static str>,
    pub api_base_env: &'static [&'static str],
    pub api_key_env: &'static [&'static str],
    /// The provider's name on the road that carries every parameter.
    pub wire: Option<&'static str>,
}

/// Every provider that the crate knows, those that only make images too.
pub fn catalog() -> Vec<Provider> {
    ProviderCatalog::all()
        .iter()
        .map(|known| {
            let row = table::ROWS.iter().find(|row| row.id == known.id);
            let parameters =
                |tools| row.filter(|_| known.features.chat).map(|row| table::parameters(row.kind, tools)).unwrap_or_default();
            Provider {
                id: known.id,
                aliases: known.aliases,
                chat: known.features.chat,
                embedding: known.features.embedding,
                image_generation: known.features.image_generation,
                model_discovery: known.features.model_discovery,
                streaming: row
                    .filter(|_| known.features.chat)
                    .map(|row| if row.streams_live(true) { "live" } else { "replayed" }),
                parameters: parameters(false),
                parameters_with_tools: parameters(true),
                api_base: row.and_then(|row| row.base),
                api_base_env: row.map(|row| row.base_env).unwrap_or_default(),
                api_key_env: row.map(|row| row.key_env).unwrap_or_default(),
                wire: row.map(|row| row.wire),
            }
        })
        .collect()
}

/// The parameters that reach the provider of "provider/model", with or without tools in the request; None for a provider that is not known
/// or does not do this.
pub fn supported_params(model: &str, operation: Operation) -> Option<Vec<&'static str>> {
    let row = table::find(model.split('/').next()?)?;
    let features = row.descriptor().features;
    match operation {
        Operation::Completion if features.chat => {
            let mut all = table::parameters(row.kind, false);
            let more = table::parameters(row.kind, true).into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>();
            all.extend(more);
            Some(all)
        }
        Operation::Embedding if features.embedding => Some(table::embedding_parameters(row.kind).to_vec()),
        _ => None,
    }
}
