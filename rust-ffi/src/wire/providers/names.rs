//! Names: every provider that litellm knows, and which provider a plain model name means.

/// litellm's provider names. The library reaches some of them only; all are told apart from a model's own prefix.
const KNOWN: &[&str] = &[
    "a2a", "a2a_agent", "abliteration", "ai21", "ai21_chat", "aihubmix", "aiml", "aiohttp_openai", "amazon_nova", "anthropic", "anthropic_text",
    "apertis", "assemblyai", "auto_router", "aws_polly", "aws_textract", "azure", "azure_ai", "azure_speech", "azure_text", "baseten", "bedrock",
    "bedrock_mantle", "black_forest_labs", "bytez", "cerebras", "charity_engine", "chatgpt", "chutes", "clarifai", "cloudflare", "codestral",
    "cognition", "cohere", "cohere_chat", "cometapi", "compactifai", "cortecs", "crusoe", "cursor", "custom", "custom_openai", "darkbloom",
    "dashscope", "databricks", "datarobot", "deepgram", "deepinfra", "deepseek", "docker_model_runner", "dotprompt", "edenai", "elevenlabs",
    "empiriolabs", "empower", "fal_ai", "featherless_ai", "fireworks_ai", "friendliai", "galadriel", "gdc", "gemini", "gigachat", "github",
    "github_copilot", "gmi", "gradient_ai", "groq", "helicone", "heroku", "hosted_vllm", "huggingface", "humanloop", "hyperbolic", "inception",
    "infinity", "jina_ai", "lambda_ai", "langflow", "langfuse", "langgraph", "lemonade", "libertai", "litellm_agent", "litellm_proxy",
    "llamafile", "llamagate", "lm_studio", "manus", "maritalk", "meta", "meta_llama", "milvus", "minimax", "mistral", "modelscope", "mongodb",
    "moonshot", "morph", "nadir", "nano-gpt", "nebius", "neosantara", "nlp_cloud", "novita", "nscale", "nvidia_nim", "nvidia_riva", "oci",
    "ollama", "ollama_chat", "oobabooga", "openai", "openai_like", "openrouter", "ovhcloud", "parasail", "perplexity", "petals", "pg_vector",
    "pinstripes", "poe", "predibase", "prism", "publicai", "qwen_ai_platform", "qwencloud", "ragflow", "recraft", "reducto", "reka", "replicate",
    "runwayml", "s3_vectors", "sagemaker", "sagemaker_chat", "sagemaker_nova", "sail", "sambanova", "sap", "sarvam", "scaleway", "scx-ai",
    "snowflake", "soniox", "stability", "strands_decider", "synthetic", "tencent", "tensormesh", "text-completion-codestral",
    "text-completion-inception", "text-completion-openai", "together_ai", "topaz", "transcribe", "triton", "typesafe", "v0", "valkey", "veniceai",
    "vercel_ai_gateway", "vertex_ai", "vertex_ai_beta", "vllm", "volcengine", "voyage", "wandb", "watsonx", "watsonx_text", "xai", "xiaomi_mimo",
    "xinference", "zai",
];

/// Is this litellm's name of a provider?
pub fn is_known(name: &str) -> bool {
    KNOWN.binary_search(&name).is_ok()
}

/// Plain model names and their owners, by exact name or (ending in `*`) by beginning; the first that fits counts.
const OWNERS: &[(&str, &str)] = &[
    ("gpt-3.5-turbo-instruct*", "text-completion-openai"),
    ("babbage-002", "text-completion-openai"),
    ("davinci-002", "text-completion-openai"),
    ("ft:babbage-002*", "text-completion-openai"),
    ("ft:davinci-002*", "text-completion-openai"),
    ("gpt-*", "openai"),
    ("ft:gpt-*", "openai"),
    ("chatgpt-*", "openai"),
    ("chat-latest", "openai"),
    ("o1", "openai"),
    ("o1-*", "openai"),
    ("o3", "openai"),
    ("o3-*", "openai"),
    ("o4-*", "openai"),
    ("codex-mini*", "openai"),
    ("computer-use-preview*", "openai"),
    ("dall-e-*", "openai"),
    ("daybreak-*", "openai"),
    ("omni-moderation*", "openai"),
    ("sora-*", "openai"),
    ("text-embedding-3-*", "openai"),
    ("text-embedding-ada-002*", "openai"),
    ("text-moderation*", "openai"),
    ("tts-1*", "openai"),
    ("whisper-1", "openai"),
    ("anthropic.*", "bedrock"),
    ("amazon.*", "bedrock"),
    ("ai21.j*", "bedrock"),
    ("cohere.*", "bedrock"),
    ("meta.*", "bedrock"),
    ("mistral.*", "bedrock"),
    ("us.*", "bedrock"),
    ("eu.*", "bedrock"),
    ("au.*", "bedrock"),
    ("apac.*", "bedrock"),
    ("global.*", "bedrock"),
    ("claude-*", "anthropic"),
    ("gemini-*", "vertex_ai"),
    ("imagen-*", "vertex_ai"),
    ("veo-*", "vertex_ai"),
    ("medlm-*", "vertex_ai"),
    ("multimodalembedding*", "vertex_ai"),
    ("text-embedding-0*", "vertex_ai"),
    ("text-multilingual-embedding-*", "vertex_ai"),
    ("text-unicorn*", "vertex_ai"),
    ("command-r*", "cohere_chat"),
    ("command-a-*", "cohere_chat"),
    ("c4ai-aya-*", "cohere_chat"),
    ("command-*", "cohere"),
    ("embed-*", "cohere"),
    ("rerank-*", "cohere"),
    ("jamba-*", "ai21_chat"),
    ("j2-*", "ai21_chat"),
    ("dolphin", "nlp_cloud"),
    ("chatdolphin", "nlp_cloud"),
];

/// The provider that a model name without a prefix means: `gpt-4o` → openai, `claude-sonnet-4-5` → anthropic.
pub fn model_owner(model: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => model.starts_with(start),
        None => model == pattern,
    };
    OWNERS.iter().find(|(pattern, _)| fits(pattern)).map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_its_search() {
        assert!(KNOWN.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", KNOWN.windows(2).find(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn plain_names_have_owners() {
        for (model, owner) in [
            ("gpt-4o", Some("openai")),
            ("o3-mini", Some("openai")),
            ("o1", Some("openai")),
            ("chatgpt-4o-latest", Some("openai")),
            ("ft:gpt-4o-mini:acme", Some("openai")),
            ("text-embedding-3-small", Some("openai")),
            ("text-embedding-004", Some("vertex_ai")),
            ("gpt-3.5-turbo-instruct", Some("text-completion-openai")),
            ("claude-sonnet-4-5", Some("anthropic")),
            ("anthropic.claude-v2:1", Some("bedrock")),
            ("gemini-2.5-pro", Some("vertex_ai")),
            ("command-r-plus-08-2024", Some("cohere_chat")),
            ("nonsense-model", None),
            ("olmo-7b", None),
            ("mixtral", None),
        ] {
            assert_eq!(model_owner(model), owner, "{model}");
            assert!(owner.is_none_or(is_known));
        }
    }
}
