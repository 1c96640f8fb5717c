//! The providers of the crate that this road reaches, one row each: how it is built, where it lives, whose credentials it takes, and what
//! of a request it really sends.
//!
//! Read in the source of edgequake-llm 0.10.10. Rows of the kind [`Kind::Compatible`] go through the crate's `OpenAICompatibleProvider`
//! instead of the type of their name, because that type
//! - repeats a failed request by itself, for up to 15 minutes (OpenAI and Azure, through async-openai) or three times (OpenRouter);
//! - writes to the process environment (Hugging Face), or lets the environment win over an address that the caller gave (xAI, Mistral);
//! - drops parameters by the model's name (xAI), invents `max_tokens` or `num_ctx`, flattens a conversation into one text, or loads models
//!   by running another program (LM Studio, Ollama).
//!
//! The protocol on the wire is the same; `OpenAICompatibleProvider` sends a request once and takes key and address as values.

use edgequake_llm::{ProviderCatalog, ProviderDescriptor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// OpenAI's protocol at an address that is complete as it stands.
    Compatible,
    /// OpenAI's protocol below `/v1` of a host.
    CompatibleHost,
    /// OpenAI's protocol below `/openai/v1` of an Azure resource, where the model is the deployment.
    Azure,
    Anthropic,
    Cohere,
    Gemini,
    Vertex,
    Nvidia,
    Copilot,
    Jina,
    Mock,
}

impl Kind {
    /// Does it go through the crate's `OpenAICompatibleProvider`?
    pub fn is_compatible(self) -> bool {
        matches!(self, Kind::Compatible | Kind::CompatibleHost | Kind::Azure)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A key, from the call or one of `key_env`.
    Key,
    /// The same, but local servers work without.
    OptionalKey,
    /// Found by the crate itself (Copilot's sign-in, Google's application default credentials), or none needed.
    Own,
}

#[derive(Debug)]
pub struct Row {
    /// The crate's name of the provider.
    pub id: &'static str,
    pub kind: Kind,
    /// Where it lives unless told otherwise; None: the caller must tell.
    pub base: Option<&'static str>,
    /// Variables that tell another address, first set wins.
    pub base_env: &'static [&'static str],
    pub credentials: Credentials,
    pub key_env: &'static [&'static str],
    /// The provider on the other road, which carries every parameter.
    pub wire: &'static str,
}

const fn row(id: &'static str, kind: Kind, credentials: Credentials, wire: &'static str) -> Row {
    Row { id, kind, base: None, base_env: &[], credentials, key_env: &[], wire }
}

impl Row {
    const fn at(self, base: &'static str, base_env: &'static [&'static str]) -> Self {
        Row { base: Some(base), base_env, ..self }
    }

    const fn keys(self, key_env: &'static [&'static str]) -> Self {
        Row { key_env, ..self }
    }

    /// Whether the crate says that the provider chats, embeds, …
    pub fn descriptor(&self) -> &'static ProviderDescriptor {
        ProviderCatalog::get(self.id).expect("every row is in the crate's catalog: a test compares them")
    }

    /// Can the address be given at all? Gemini's and Vertex's are constants of the crate.
    pub fn takes_base(&self) -> bool {
        !matches!(self.kind, Kind::Gemini | Kind::Vertex | Kind::Mock)
    }

    /// Is a stream read from the provider as it comes, or is the whole answer fetched and then handed on as chunks?
    ///
    /// As it comes only where the crate's stream tells the truth about its end. `OpenAICompatibleProvider` never says why a stream
    /// finished, gives no usage, reads one tool call of a chunk, and loses the text of a chunk that has reasoning too; NVIDIA's streams
    /// run through it; Copilot's lose the text of the chunk that finishes. Reporting "stop" for an answer that was cut off by its token
    /// limit would be a lie, so these are replayed. Gemini without tools has no stream that takes the options.
    pub fn streams_live(&self, tools: bool) -> bool {
        match self.kind {
            Kind::Anthropic | Kind::Cohere | Kind::Vertex => true,
            Kind::Gemini => tools,
            _ => false,
        }
    }
}

pub static ROWS: &[Row] = &[
    row("openai", Kind::Compatible, Credentials::Key, "openai")
        .at("https://api.openai.com/v1", &["OPENAI_BASE_URL", "OPENAI_API_BASE"])
        .keys(&["OPENAI_API_KEY"]),
    Row {
        base_env: &["AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"],
        ..row("azure", Kind::Azure, Credentials::Key, "azure").keys(&["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"])
    },
    Row {
        base_env: &["OPENAI_COMPATIBLE_BASE_URL"],
        ..row("openai-compatible", Kind::Compatible, Credentials::OptionalKey, "openai").keys(&["OPENAI_COMPATIBLE_API_KEY"])
    },
    row("xai", Kind::Compatible, Credentials::Key, "xai")
        .at("https://api.x.ai/v1", &["XAI_BASE_URL", "XAI_API_BASE"])
        .keys(&["XAI_API_KEY"]),
    row("mistral", Kind::Compatible, Credentials::Key, "mistral")
        .at("https://api.mistral.ai/v1", &["MISTRAL_BASE_URL", "MISTRAL_API_BASE"])
        .keys(&["MISTRAL_API_KEY"]),
    row("openrouter", Kind::Compatible, Credentials::Key, "openrouter")
        .at("https://openrouter.ai/api/v1", &["OPENROUTER_API_BASE"])
        .keys(&["OPENROUTER_API_KEY"]),
    row("huggingface", Kind::Compatible, Credentials::Key, "huggingface")
        .at("https://router.huggingface.co/hf-inference/v1", &["HF_BASE_URL"])
        .keys(&["HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGINGFACE_API_KEY"]),
    row("ollama", Kind::CompatibleHost, Credentials::OptionalKey, "ollama")
        .at("http://localhost:11434", &["OLLAMA_HOST", "OLLAMA_API_BASE"])
        .keys(&["OLLAMA_API_KEY"]),
    row("lmstudio", Kind::CompatibleHost, Credentials::OptionalKey, "lm_studio")
        .at("http://localhost:1234", &["LMSTUDIO_HOST", "LM_STUDIO_API_BASE"])
        .keys(&["LM_STUDIO_API_KEY"]),
    row("omlx", Kind::CompatibleHost, Credentials::OptionalKey, "openai")
        .at("http://127.0.0.1:9050", &["OMLX_HOST", "OMLX_BASE_URL"])
        .keys(&["OMLX_API_KEY"]),
    row("mtplx", Kind::CompatibleHost, Credentials::OptionalKey, "openai")
        .at("http://127.0.0.1:8000", &["MTPLX_HOST", "MTPLX_BASE_URL"])
        .keys(&["MTPLX_API_KEY"]),
    row("llamacpp", Kind::CompatibleHost, Credentials::OptionalKey, "openai")
        .at("http://127.0.0.1:8080", &["LLAMACPP_HOST", "LLAMA_SERVER_HOST", "LLAMACPP_BASE_URL", "LLAMA_SERVER_BASE_URL"])
        .keys(&["LLAMACPP_API_KEY", "LLAMA_SERVER_API_KEY"]),
    row("vllm-mlx", Kind::CompatibleHost, Credentials::OptionalKey, "openai")
        .at("http://127.0.0.1:8000", &["VLLM_MLX_HOST", "VLLM_MLX_BASE_URL"])
        .keys(&["VLLM_MLX_API_KEY"]),
    row("mlx-lm", Kind::CompatibleHost, Credentials::OptionalKey, "openai")
        .at("http://127.0.0.1:8080", &["MLX_LM_HOST", "MLX_LM_BASE_URL", "MLXLM_HOST"])
        .keys(&["MLX_LM_API_KEY", "MLXLM_API_KEY"]),
    row("anthropic", Kind::Anthropic, Credentials::Key, "anthropic")
        .at("https://api.anthropic.com", &["ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"])
        .keys(&["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]),
    row("cohere", Kind::Cohere, Credentials::Key, "cohere")
        .at("https://api.cohere.com/v2", &["COHERE_BASE_URL"])
        .keys(&["COHERE_API_KEY"]),
    row("gemini", Kind::Gemini, Credentials::Key, "gemini").keys(&["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    row("vertexai", Kind::Vertex, Credentials::Own, "vertex_ai").keys(&["GOOGLE_ACCESS_TOKEN"]),
    row("nvidia", Kind::Nvidia, Credentials::Key, "nvidia_nim")
        .at("https://integrate.api.nvidia.com/v1", &["NVIDIA_BASE_URL"])
        .keys(&["NVIDIA_API_KEY"]),
    Row { base_env: &["VSCODE_COPILOT_PROXY_URL"], ..row("vscode-copilot", Kind::Copilot, Credentials::Own, "github_copilot") },
    row("jina", Kind::Jina, Credentials::Key, "jina_ai").at("https://api.jina.ai", &["JINA_BASE_URL"]).keys(&["JINA_API_KEY"]),
    row("mock", Kind::Mock, Credentials::Own, "openai"),
];

/// The row of a provider by the crate's name or one of its aliases.
pub fn find(name: &str) -> Option<&'static Row> {
    let id = ProviderCatalog::resolve_id(name)?;
    ROWS.iter().find(|row| row.id == id)
}

/// The parameters that reach the provider. `tools`: for a request that has tools, whose path through the crate carries others.
pub fn parameters(kind: Kind, tools: bool) -> Vec<&'static str> {
    let mut list = vec!["max_tokens", "max_completion_tokens", "temperature"];
    match kind {
        Kind::Compatible | Kind::CompatibleHost | Kind::Azure => {
            list.extend(["top_p", "stop", "frequency_penalty", "presence_penalty", "reasoning_effort", "prompt_cache_key"]);
            list.push(if tools { "parallel_tool_calls" } else { "response_format" });
        }
        Kind::Anthropic => list.extend(["top_p", "stop", "reasoning_effort"]),
        // The crate sends top_p and stop under names that Cohere's v2 API does not know (it calls them p and stop_sequences).
        Kind::Cohere => list.extend(["frequency_penalty", "presence_penalty", "response_format"]),
        Kind::Gemini | Kind::Vertex => list.extend(["top_p", "stop", "reasoning_effort", "response_format"]),
        Kind::Nvidia => list.extend([
            "top_p",
            "stop",
            "frequency_penalty",
            "presence_penalty",
            "reasoning_effort",
            "prompt_cache_key",
            "response_format",
        ]),
        Kind::Copilot => list.extend(["top_p", "stop", "frequency_penalty", "presence_penalty", "response_format"]),
        Kind::Jina => list.clear(),
        // It answers the same whatever it is asked.
        Kind::Mock => {
            list.extend(["top_p", "stop", "frequency_penalty", "presence_penalty", "reasoning_effort", "response_format"])
        }
    }
    if kind != Kind::Jina {
        list.extend(["tools", "tool_choice", "stream", "stream_options"]);
    }
    list
}

/// An embedding's parameters that reach the provider.
pub fn embedding_parameters(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Gemini | Kind::Vertex => &["dimensions"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_of_the_crate_that_chats_or_embeds_has_one_row() {
        for known in ProviderCatalog::all().iter().filter(|d| d.features.chat || d.features.embedding) {
            assert_eq!(ROWS.iter().filter(|row| row.id == known.id).count(), 1, "{}", known.id);
        }
        for row in ROWS {
            let features = row.descriptor().features;
            assert!(features.chat || features.embedding, "{}", row.id);
            assert!(row.base.is_some() || !row.base_env.is_empty() || !row.takes_base(), "{}", row.id);
        }
    }

    #[test]
    fn aliases_lead_to_their_row() {
        for (alias, id) in [("claude", "anthropic"), ("google", "gemini"), ("copilot", "vscode-copilot"), ("MOCK", "mock")] {
            assert_eq!(find(alias).map(|row| row.id), Some(id));
        }
        assert!(find("fal-ai").is_none() && find("no-such").is_none());
    }
}
