//! OpenAI's parameters: their names, lists of what a provider supports, and which keys of a request are none of them.
//!
//! Source of the names: litellm 1.106's `completion` and `embedding`. The contract: a parameter is sent, or refused with an
//! `UnsupportedParamsError`, or left out because the caller asked for that (`drop_params`, `additional_drop_params`).

mod path;
pub mod sort;

use std::fmt;

macro_rules! parameters {
    ($($variant:ident = $name:literal,)*) => {
        /// A parameter of OpenAI's chat completions that a provider may or may not support.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Param { $($variant,)* }

        impl Param {
            pub const ALL: &'static [Param] = &[$(Param::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Param::$variant => $name,)* }
            }

            pub fn from_name(name: &str) -> Option<Param> {
                match name { $($name => Some(Param::$variant),)* _ => None }
            }
        }
    };
}

parameters! {
    Audio = "audio",
    ExtraHeaders = "extra_headers",
    FrequencyPenalty = "frequency_penalty",
    FunctionCall = "function_call",
    Functions = "functions",
    LogitBias = "logit_bias",
    Logprobs = "logprobs",
    MaxCompletionTokens = "max_completion_tokens",
    MaxRetries = "max_retries",
    MaxTokens = "max_tokens",
    Modalities = "modalities",
    N = "n",
    ParallelToolCalls = "parallel_tool_calls",
    Prediction = "prediction",
    PresencePenalty = "presence_penalty",
    PromptCacheKey = "prompt_cache_key",
    PromptCacheRetention = "prompt_cache_retention",
    ReasoningEffort = "reasoning_effort",
    ResponseFormat = "response_format",
    SafetyIdentifier = "safety_identifier",
    Seed = "seed",
    ServiceTier = "service_tier",
    Stop = "stop",
    Store = "store",
    Stream = "stream",
    StreamOptions = "stream_options",
    Temperature = "temperature",
    Thinking = "thinking",
    ToolChoice = "tool_choice",
    Tools = "tools",
    TopLogprobs = "top_logprobs",
    TopP = "top_p",
    User = "user",
    Verbosity = "verbosity",
    WebSearchOptions = "web_search_options",
    ServerSideToolInvocations = "include_server_side_tool_invocations",
    ContextManagement = "context_management",
    RequestMetadata = "requestMetadata",
    OutputConfig = "output_config",
}

/// A set of parameters.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Set(u64);

impl Set {
    pub const fn of(list: &[Param]) -> Set {
        let (mut bits, mut at) = (0, 0);
        while at < list.len() {
            bits |= 1 << list[at] as u8;
            at += 1;
        }
        Set(bits)
    }

    pub const fn has(self, param: Param) -> bool {
        self.0 & (1 << param as u8) != 0
    }

    pub fn insert(&mut self, param: Param) {
        self.0 |= 1 << param as u8;
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Param::ALL.iter().filter(|p| self.has(**p))).finish()
    }
}

/// What a model of a provider supports: a base list, less some, plus some. The order is litellm's, which
/// `get_supported_openai_params` shows.
#[derive(Clone, Copy, Debug)]
pub struct Supported {
    pub base: &'static [Param],
    pub without: Set,
    pub with: &'static [Param],
}

impl Supported {
    pub const fn new(base: &'static [Param]) -> Self {
        Supported { base, without: Set(0), with: &[] }
    }

    pub const fn without(self, without: &'static [Param]) -> Self {
        self.less(Set::of(without))
    }

    /// The same for a set that is put together by the model.
    pub const fn less(self, without: Set) -> Self {
        Supported { without, ..self }
    }

    pub const fn with(self, with: &'static [Param]) -> Self {
        Supported { with, ..self }
    }

    pub fn list(&self) -> impl Iterator<Item = Param> + '_ {
        self.base.iter().filter(|p| !self.without.has(**p)).chain(self.with).copied()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.list().map(Param::name).collect()
    }

    pub fn set(&self) -> Set {
        let mut set = Set::default();
        self.list().for_each(|param| set.insert(param));
        set
    }
}

/// Parameters that are not held against a provider that does not list them, as in litellm: they change nothing of the answer.
/// They are then not sent.
pub const UNCHECKED: Set = Set::of(&[Param::User, Param::Stream, Param::StreamOptions, Param::MaxRetries, Param::ExtraHeaders]);

/// Some providers' own parameters, which litellm lists for those. To every other provider they are like any name that it does not know.
pub const SOME_PROVIDERS_OWN: Set = Set::of(&[Param::RequestMetadata, Param::OutputConfig]);

/// Keys that steer a call and are never part of a body: litellm's own keyword arguments.
pub fn is_control(name: &str) -> bool {
    match name {
        // The call itself.
        "model" | "custom_llm_provider" | "api_key" | "api_base" | "base_url" | "api_version" | "api_type" | "organization" | "project"
        | "azure_ad_token" | "azure_ad_token_provider" | "azure_username" | "azure_password" | "azure_scope" | "azure" | "tenant_id"
        | "client_id" | "client_secret" | "deployment_id" | "base_model" | "timeout" | "request_timeout" | "stream_timeout" | "force_timeout"
        | "num_retries" | "max_retries" | "retry_strategy" | "retry_policy" | "cooldown_time" | "fallbacks" | "max_fallbacks"
        | "fallback_depth" | "context_window_fallbacks" | "content_policy_fallbacks" | "default_fallbacks" | "disable_fallbacks"
        | "context_window_fallback_dict" | "router" | "mock_testing_fallbacks" | "mock_testing_context_fallbacks"
        | "mock_testing_content_policy_fallbacks" | "mock_testing_rate_limit_error" | "include_fallback_errors" | "drop_params" | "additional_drop_params" | "allowed_openai_params"
        | "extra_headers" | "headers" | "default_headers" | "extra_body" | "extra_query" | "ssl_verify" | "client" | "shared_session"
        | "use_litellm_proxy" | "use_chat_completions_api" | "region_name" | "hf_model_name"
        // Answers without a provider.
        | "mock_response" | "mock_tool_calls" | "mock_timeout" | "mock_delay"
        // Caching, logging, cost and routing.
        | "cache" | "caching" | "cache_key" | "cache_name" | "preset_cache_key" | "ttl" | "metadata" | "litellm_metadata" | "tags" | "logger_fn" | "verbose"
        | "no-log" | "id" | "litellm_call_id" | "litellm_trace_id" | "litellm_session_id" | "litellm_logging_obj" | "traceparent" | "tracestate" | "litellm_request_debug"
        | "turn_off_message_logging" | "guardrails" | "callbacks" | "success_callback" | "failure_callback" | "model_list" | "model_info"
        | "model_config" | "model_alias_map" | "max_budget" | "budget_duration" | "max_parallel_requests" | "rpm" | "tpm" | "itpm" | "otpm"
        | "weight" | "order" | "fastest_response" | "silent_model" | "caching_groups" | "enable_tag_filtering" | "tag_regex" | "citation_cost_per_token"
        | "search_context_cost_per_query" | "timeout_by_service_tier" | "stream_timeout_by_service_tier" | "client_side_timeout" | "use_client"
        | "use_in_pass_through" | "self" | "tiered_pricing" | "cost_per_query" | "cost_per_second" | "output_vector_size" | "allowed_model_region"
        | "routing_strategy" | "enable_json_schema_validation" | "merge_reasoning_content_in_choices" | "text_completion" | "acompletion"
        | "aembedding" | "atext_completion" | "async_call" | "complete_response" | "completion_call_id" | "stream_response"
        | "stream_chunk_size" | "quota" | "proxy_server_request" | "secret_fields" | "provider_specific_header" | "litellm_credential_name"
        // Prompts that litellm formats.
        | "custom_prompt_dict" | "roles" | "initial_prompt_value" | "final_prompt_value" | "bos_token" | "eos_token" | "prompt_id"
        | "prompt_variables" | "prompt_version" | "prompt_label" | "prompt_environment" | "ensure_alternating_roles"
        | "user_continue_message" | "assistant_continue_message" | "supports_system_message" | "cache_control_injection_points"
        | "disable_add_transform_inline_image_block" | "settings"
        // OpenAI's Agents SDK says by it that it calls the tools itself.
        | "_skip_mcp_handler" => true,
        _ => PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
    }
}

/// Whole families of litellm's keyword arguments: prices, loggers' credentials, other clouds' credentials.
const PREFIXES: &[&str] = &[
    "_litellm_",
    "litellm_",
    "input_cost_per_",
    "output_cost_per_",
    "cache_creation_input_",
    "cache_read_input_",
    "langfuse_",
    "langsmith_",
    "arize_",
    "aws_",
    "vertex_",
    "s3_",
    "gcs_",
    "dd_",
    "posthog_",
    "wandb_",
    "newrelic_",
    "signoz_",
    "humanloop_",
    "ocr_cost_",
    "annotation_cost_",
    "regional_",
    "auto_router_",
    "adaptive_router_",
    "complexity_router_",
    "quality_router_",
    "anthropic_federation_",
    "anthropic_identity_",
    "anthropic_issuer_",
    "anthropic_keycloak_",
    "openai_identity_",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_fit_the_set() {
        assert!(Param::ALL.len() <= 64);
        for param in Param::ALL {
            assert_eq!(Param::from_name(param.name()), Some(*param));
        }
        assert_eq!(Param::from_name("top_k"), None);
    }

    #[test]
    fn a_list_keeps_its_order() {
        let supported = Supported::new(&[Param::Tools, Param::Stop, Param::N]).without(&[Param::Stop]).with(&[Param::Thinking]);
        assert_eq!(supported.names(), ["tools", "n", "thinking"]);
        assert!(supported.set().has(Param::Thinking) && !supported.set().has(Param::Stop));
    }

    #[test]
    fn control_keys_are_no_parameters() {
        for name in ["api_key", "input_cost_per_token_above_200k_tokens", "metadata", "langfuse_host", "num_retries"] {
            assert!(is_control(name), "{name}");
        }
        for name in ["top_k", "guided_choice", "messages", "temperature", "user_id"] {
            assert!(!is_control(name), "{name}");
        }
    }
}
