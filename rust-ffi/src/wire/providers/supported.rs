//! What providers' chat models support, by the name of the model where it depends on that.

use super::openai_models::base_model;
use crate::wire::gemini::models;
use crate::wire::params::{Param, Supported};
use Param::*;

/// What litellm takes for granted of a server that speaks OpenAI's protocol.
pub const BASE: &[Param] = &[
    FrequencyPenalty,
    LogitBias,
    Logprobs,
    TopLogprobs,
    MaxTokens,
    MaxCompletionTokens,
    Modalities,
    Prediction,
    N,
    PresencePenalty,
    Seed,
    Stop,
    Stream,
    StreamOptions,
    Temperature,
    TopP,
    Tools,
    ToolChoice,
    FunctionCall,
    Functions,
    MaxRetries,
    ExtraHeaders,
    ParallelToolCalls,
    Audio,
    WebSearchOptions,
    ServiceTier,
    SafetyIdentifier,
    PromptCacheKey,
    PromptCacheRetention,
    Store,
    ResponseFormat,
];

/// What embedding models of such a server take.
pub const EMBEDDING: &[&str] = &["dimensions", "encoding_format", "user"];

/// A server of OpenAI's protocol of which no more is known.
pub fn compatible(model: &str) -> Supported {
    // litellm sends `user` where the model is one of OpenAI's by its name, whoever serves it.
    if super::model_owner(model) == Some("openai") {
        return Supported::new(BASE).with(&[User]);
    }
    Supported::new(BASE)
}

/// One that passes reasoning effort on.
pub fn compatible_with_effort(_: &str) -> Supported {
    Supported::new(BASE).with(&[ReasoningEffort])
}

pub fn everything(_: &str) -> Supported {
    Supported::new(BASE).with(&[User, ReasoningEffort, Thinking, ServerSideToolInvocations, Verbosity])
}

pub fn groq(model: &str) -> Supported {
    let base = Supported::new(BASE);
    let name = base_model(model);
    if model.contains("gpt-oss") {
        return base.without(&[MaxRetries, WebSearchOptions]).with(&[WebSearchOptions, ReasoningEffort]);
    }
    match name {
        "compound" | "compound-mini" => base.without(&[MaxRetries]),
        _ if name.starts_with("qwen3") || name.contains("deepseek-r1") => {
            base.without(&[MaxRetries, WebSearchOptions]).with(&[ReasoningEffort])
        }
        _ => base.without(&[MaxRetries, WebSearchOptions]),
    }
}

/// Claude, by its own protocol. `thinking::apply` of that dialect brings the last two into the model's form.
pub fn anthropic(model: &str) -> Supported {
    const CLAUDE: &[Param] = &[
        Stream,
        Stop,
        Temperature,
        TopP,
        MaxTokens,
        MaxCompletionTokens,
        Tools,
        ToolChoice,
        ExtraHeaders,
        ParallelToolCalls,
        ResponseFormat,
        User,
        WebSearchOptions,
        ContextManagement,
    ];
    let list = Supported::new(CLAUDE);
    if crate::wire::anthropic::models::Claude::of(model).thinks() {
        return list.with(&[Thinking, ReasoningEffort]);
    }
    list
}

/// Reasoning by `thinking` or `reasoning_effort`: DeepSeek.
pub fn deepseek(_: &str) -> Supported {
    Supported::new(BASE).with(&[Thinking, ReasoningEffort])
}

/// The same in the other order: OpenRouter and vLLM.
pub fn reasoning(_: &str) -> Supported {
    Supported::new(BASE).with(&[ReasoningEffort, Thinking])
}

/// Gemini's models by the Gemini API.
pub fn gemini(model: &str) -> Supported {
    const GEMINI: Supported = Supported::new(&[
        Temperature,
        TopP,
        MaxTokens,
        MaxCompletionTokens,
        Stream,
        Tools,
        ToolChoice,
        Functions,
        ResponseFormat,
        N,
        Stop,
        Logprobs,
        FrequencyPenalty,
        PresencePenalty,
        Seed,
        Modalities,
        ParallelToolCalls,
        WebSearchOptions,
        ServerSideToolInvocations,
        ServiceTier,
    ]);
    match (models::thinks(model), model.contains("tts")) {
        (true, true) => GEMINI.with(&[ReasoningEffort, Thinking, Audio]),
        (true, false) => GEMINI.with(&[ReasoningEffort, Thinking]),
        (false, true) => GEMINI.with(&[Audio]),
        (false, false) => GEMINI,
    }
}

/// Gemini's models on Vertex AI, and those of others there, by their names.
pub fn vertex(model: &str) -> Supported {
    if model.contains("claude") {
        return anthropic(model);
    }
    if model.starts_with("mistral") || model.starts_with("codestral") {
        return mistral(model);
    }
    if !(model.contains("gemini") || models::is_tuned(model)) {
        return Supported::new(BASE).without(&[MaxRetries]);
    }
    const VERTEX: Supported = Supported::new(&[
        Temperature,
        TopP,
        MaxTokens,
        MaxCompletionTokens,
        Stream,
        Tools,
        Functions,
        ToolChoice,
        ResponseFormat,
        N,
        Stop,
        ExtraHeaders,
        Seed,
        Logprobs,
        TopLogprobs,
        Modalities,
        Audio,
        ParallelToolCalls,
        WebSearchOptions,
        ServerSideToolInvocations,
        ServiceTier,
    ]);
    match (models::takes_penalties(model), models::thinks(model)) {
        (true, true) => VERTEX.with(&[FrequencyPenalty, PresencePenalty, ReasoningEffort, Thinking]),
        (true, false) => VERTEX.with(&[FrequencyPenalty, PresencePenalty]),
        (false, true) => VERTEX.with(&[ReasoningEffort, Thinking]),
        (false, false) => VERTEX,
    }
}

pub fn mistral(model: &str) -> Supported {
    const MISTRAL: Supported = Supported::new(&[
        Stream,
        Temperature,
        TopP,
        MaxTokens,
        MaxCompletionTokens,
        Tools,
        ToolChoice,
        Seed,
        Stop,
        ResponseFormat,
        ParallelToolCalls,
    ]);
    let name = base_model(model);
    if name.contains("magistral") {
        return MISTRAL.with(&[Thinking, ReasoningEffort]);
    }
    let thinks = ["mistral-medium", "mistral-large-4", "mistral-vibe", "mistral-small-26"].iter().any(|p| name.starts_with(p));
    if thinks || name == "mistral-small-latest" || name.contains("glm") {
        return MISTRAL.with(&[ReasoningEffort]);
    }
    MISTRAL
}

pub fn xai(model: &str) -> Supported {
    const XAI: Supported = Supported::new(&[
        LogitBias,
        Logprobs,
        MaxCompletionTokens,
        MaxTokens,
        N,
        ParallelToolCalls,
        PresencePenalty,
        ResponseFormat,
        Seed,
        Stream,
        StreamOptions,
        Temperature,
        ToolChoice,
        Tools,
        TopLogprobs,
        TopP,
        User,
        WebSearchOptions,
    ]);
    let name = base_model(model);
    let reasons = !name.contains("non-reasoning")
        && (name.contains("grok-3-mini")
            || name.starts_with("grok-4.")
            || name.starts_with("grok-code-fast")
            || name.starts_with("grok-build"));
    let mini = name.contains("grok-3-mini");
    let strict = name.contains("grok-4") || name.contains("grok-code-fast");
    match (reasons, mini, strict) {
        (_, true, _) => XAI.with(&[FrequencyPenalty, ReasoningEffort]),
        (true, _, true) => XAI.with(&[ReasoningEffort]),
        (false, _, true) => XAI,
        (true, _, false) => XAI.with(&[Stop, FrequencyPenalty, ReasoningEffort]),
        (false, _, false) => XAI.with(&[Stop, FrequencyPenalty]),
    }
}

pub fn ai21(_: &str) -> Supported {
    Supported::new(&[Tools, ResponseFormat, MaxTokens, MaxCompletionTokens, Temperature, Stop, N, Stream, Seed, ToolChoice])
}

pub fn amazon_nova(_: &str) -> Supported {
    Supported::new(&[
        TopP,
        Temperature,
        MaxTokens,
        MaxCompletionTokens,
        Stop,
        Stream,
        StreamOptions,
        Tools,
        ToolChoice,
        ReasoningEffort,
    ])
}

/// Azure AI Foundry: OpenAI's own models with OpenAI's own lists, Claude, and all others.
pub fn azure_ai(model: &str) -> Supported {
    if model.contains("claude") {
        return anthropic(model);
    }
    if super::model_owner(base_model(model)) == Some("openai") {
        return super::openai_models::openai(model);
    }
    compatible(model)
}

pub fn baseten(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        ResponseFormat,
        Seed,
        Stop,
        Stream,
        Temperature,
        TopP,
        ToolChoice,
        Tools,
        User,
        PresencePenalty,
        FrequencyPenalty,
        StreamOptions,
    ])
}

pub fn cerebras(model: &str) -> Supported {
    const CEREBRAS: Supported = Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        ResponseFormat,
        Seed,
        Stop,
        Stream,
        Temperature,
        TopP,
        ToolChoice,
        Tools,
        User,
        MaxRetries,
        ExtraHeaders,
    ]);
    if model.contains("gpt-oss") {
        return CEREBRAS.with(&[ReasoningEffort]);
    }
    CEREBRAS
}

pub fn clarifai(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        ResponseFormat,
        Stream,
        Temperature,
        TopP,
        ToolChoice,
        Tools,
        PresencePenalty,
        FrequencyPenalty,
        StreamOptions,
    ])
}

pub fn cohere(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        Temperature,
        MaxTokens,
        MaxCompletionTokens,
        TopP,
        FrequencyPenalty,
        PresencePenalty,
        Stop,
        N,
        Tools,
        ToolChoice,
        Seed,
        ExtraHeaders,
    ])
}

pub fn databricks(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        Stop,
        Temperature,
        TopP,
        MaxTokens,
        MaxCompletionTokens,
        N,
        ResponseFormat,
        Tools,
        ToolChoice,
        ReasoningEffort,
        Thinking,
    ])
}

pub fn deepinfra(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        FrequencyPenalty,
        FunctionCall,
        Functions,
        LogitBias,
        MaxTokens,
        MaxCompletionTokens,
        N,
        PresencePenalty,
        Stop,
        Temperature,
        TopP,
        ResponseFormat,
        Tools,
        ToolChoice,
    ])
}

pub fn featherless(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        FrequencyPenalty,
        FunctionCall,
        Functions,
        LogitBias,
        MaxTokens,
        MaxCompletionTokens,
        N,
        PresencePenalty,
        Stop,
        Temperature,
        TopP,
    ])
}

pub fn fireworks(model: &str) -> Supported {
    const FIREWORKS: Supported = Supported::new(&[
        Stream,
        MaxCompletionTokens,
        MaxTokens,
        Temperature,
        TopP,
        FrequencyPenalty,
        PresencePenalty,
        N,
        Stop,
        ResponseFormat,
        User,
        Logprobs,
        Seed,
        TopLogprobs,
        LogitBias,
        PromptCacheKey,
        ServiceTier,
        Prediction,
        StreamOptions,
        Tools,
        ParallelToolCalls,
        ToolChoice,
    ]);
    let name = base_model(model);
    if ["gpt-oss", "qwen3", "deepseek-r1", "deepseek-v3p", "deepseek-v4", "glm-", "kimi-k2-thinking", "kimi-k2p6", "kimi-k3"]
        .iter()
        .any(|family| name.contains(family))
    {
        return FIREWORKS.with(&[ReasoningEffort, Thinking]);
    }
    FIREWORKS
}

pub fn gradient_ai(_: &str) -> Supported {
    Supported::new(&[
        FrequencyPenalty,
        MaxTokens,
        MaxCompletionTokens,
        PresencePenalty,
        Stop,
        Stream,
        StreamOptions,
        Temperature,
        TopP,
    ])
}

pub fn maritalk(_: &str) -> Supported {
    Supported::new(&[
        FrequencyPenalty,
        PresencePenalty,
        TopP,
        Temperature,
        MaxTokens,
        N,
        Stop,
        Stream,
        StreamOptions,
        Tools,
        ToolChoice,
    ])
}

pub fn snowflake(_: &str) -> Supported {
    Supported::new(&[Temperature, MaxTokens, MaxCompletionTokens, TopP, Stream, Tools, ToolChoice])
}

pub fn hyperbolic(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        Temperature,
        TopP,
        MaxTokens,
        FrequencyPenalty,
        PresencePenalty,
        Stop,
        N,
        Tools,
        ToolChoice,
        ResponseFormat,
        Seed,
        User,
    ])
}

pub fn inception(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        Temperature,
        Stop,
        Tools,
        ToolChoice,
        Stream,
        StreamOptions,
        ResponseFormat,
        ReasoningEffort,
    ])
}

pub fn minimax(_: &str) -> Supported {
    Supported::new(BASE).with(&[Thinking])
}

pub fn moonshot(_: &str) -> Supported {
    Supported::new(BASE).without(&[Functions])
}

pub fn morph(_: &str) -> Supported {
    Supported::new(&[Stream])
}

pub fn nadir(_: &str) -> Supported {
    Supported::new(&[
        ExtraHeaders,
        FrequencyPenalty,
        MaxRetries,
        MaxTokens,
        PresencePenalty,
        ResponseFormat,
        Stream,
        Temperature,
        TopP,
    ])
}

pub fn nscale(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        N,
        Temperature,
        TopP,
        Stream,
        Logprobs,
        TopLogprobs,
        FrequencyPenalty,
        PresencePenalty,
        ResponseFormat,
        Stop,
        LogitBias,
    ])
}

pub fn nvidia_nim(_: &str) -> Supported {
    Supported::new(&[
        Stream,
        Temperature,
        TopP,
        FrequencyPenalty,
        PresencePenalty,
        MaxTokens,
        MaxCompletionTokens,
        Stop,
        Seed,
        Tools,
        ToolChoice,
        ParallelToolCalls,
        ResponseFormat,
    ])
}

pub fn ollama(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        Stream,
        TopP,
        Temperature,
        Seed,
        FrequencyPenalty,
        Stop,
        ResponseFormat,
        MaxCompletionTokens,
        ReasoningEffort,
    ])
}

pub fn ollama_chat(_: &str) -> Supported {
    Supported::new(&[
        MaxTokens,
        MaxCompletionTokens,
        Stream,
        TopP,
        Temperature,
        Seed,
        FrequencyPenalty,
        Stop,
        Tools,
        ToolChoice,
        Functions,
        ResponseFormat,
        ReasoningEffort,
    ])
}

pub fn perplexity(model: &str) -> Supported {
    const PERPLEXITY: Supported = Supported::new(&[
        FrequencyPenalty,
        MaxTokens,
        MaxCompletionTokens,
        PresencePenalty,
        ResponseFormat,
        Stream,
        Temperature,
        TopP,
        MaxRetries,
        ExtraHeaders,
    ]);
    let name = base_model(model);
    if name.contains("reasoning") || name.contains("deep-research") {
        return PERPLEXITY.with(&[ReasoningEffort, WebSearchOptions]);
    }
    if name.starts_with("sonar") {
        return PERPLEXITY.with(&[WebSearchOptions]);
    }
    PERPLEXITY
}

pub fn sail(_: &str) -> Supported {
    Supported::new(BASE)
        .without(&[FrequencyPenalty, LogitBias, Logprobs, TopLogprobs, PresencePenalty, Seed, Stop])
        .with(&[User, ReasoningEffort])
}

pub fn replicate(_: &str) -> Supported {
    Supported::new(&[Stream, Temperature, MaxTokens, TopP, Stop, Seed, Tools, ToolChoice, Functions, FunctionCall])
}

pub fn sambanova(_: &str) -> Supported {
    Supported::new(&[
        MaxCompletionTokens,
        MaxTokens,
        ResponseFormat,
        Stop,
        Stream,
        StreamOptions,
        Temperature,
        TopP,
        Tools,
        ToolChoice,
        ParallelToolCalls,
    ])
}

pub fn together(model: &str) -> Supported {
    if ["gpt-oss", "MiniMax-M3", "Kimi-K3", "GLM-4.6", "GLM-5"].iter().any(|family| model.contains(family)) {
        return Supported::new(BASE).with(&[ReasoningEffort]);
    }
    Supported::new(BASE)
}

pub fn v0(_: &str) -> Supported {
    Supported::new(&[Stream, Tools, ToolChoice])
}

pub fn volcengine(_: &str) -> Supported {
    Supported::new(&[
        FrequencyPenalty,
        LogitBias,
        Logprobs,
        TopLogprobs,
        MaxCompletionTokens,
        MaxTokens,
        N,
        PresencePenalty,
        Seed,
        Stop,
        Stream,
        StreamOptions,
        Temperature,
        TopP,
        Tools,
        ToolChoice,
        FunctionCall,
        Functions,
        MaxRetries,
        ExtraHeaders,
        Thinking,
    ])
}

pub fn watsonx(_: &str) -> Supported {
    Supported::new(&[
        Temperature,
        MaxTokens,
        TopP,
        FrequencyPenalty,
        Stop,
        Seed,
        Stream,
        Tools,
        ToolChoice,
        Logprobs,
        TopLogprobs,
        N,
        PresencePenalty,
        ResponseFormat,
        ReasoningEffort,
    ])
}

pub fn zai(model: &str) -> Supported {
    const ZAI: Supported = Supported::new(&[MaxTokens, Stream, StreamOptions, Temperature, TopP, Stop, Tools, ToolChoice]);
    if base_model(model).starts_with("glm-4.5")
        || base_model(model).starts_with("glm-4.6")
        || base_model(model).starts_with("glm-4.7")
        || base_model(model).starts_with("glm-5")
    {
        return ZAI.with(&[Thinking]);
    }
    ZAI
}

#[cfg(test)]
mod tests {
    use super::super::openai_models::{azure, openai};
    use super::*;

    #[test]
    fn lists_are_litellms() {
        let count = |list: Supported| list.names().len();
        assert_eq!(count(openai("gpt-4o")), 32);
        assert_eq!(count(openai("gpt-5")), 23);
        assert_eq!(count(openai("o3-mini")), 27);
        assert_eq!(count(azure("gpt-4o")), 28);
        assert_eq!(count(deepseek("deepseek-chat")), 33);
        assert_eq!(count(groq("llama-3.3-70b-versatile")), 29);
        assert!(!openai("gpt-4").set().has(ResponseFormat));
        assert!(openai("my-own-model").set().has(ReasoningEffort));
        assert!(!openai("gpt-4o").set().has(ReasoningEffort));
        assert!(mistral("magistral-medium-latest").set().has(Thinking));
        assert!(!xai("grok-4").set().has(Stop) && xai("grok-3").set().has(Stop));
    }
}
