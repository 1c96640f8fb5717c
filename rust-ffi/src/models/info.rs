//! What programs ask of a model: litellm's `get_model_info` and its `supports_…` functions.

use serde_json::Value;

use super::lookup::find;
use super::{table, Entry};

/// The members of litellm's answer. One that a model's entry does not hold is null there.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "annotation_cost_per_page", "annotation_cost_per_page_batches", "bedrock_converse_supports_strict_tools",
    "bedrock_output_config_effort_ceiling", "cache_creation_input_token_cost", "cache_creation_input_token_cost_above_1hr",
    "cache_creation_input_token_cost_above_200k_tokens", "cache_creation_input_token_cost_above_200k_tokens_batches",
    "cache_creation_input_token_cost_above_272k_tokens", "cache_creation_input_token_cost_above_272k_tokens_batches",
    "cache_creation_input_token_cost_above_272k_tokens_flex", "cache_creation_input_token_cost_above_272k_tokens_priority",
    "cache_creation_input_token_cost_above_272k_tokens_ultrafast", "cache_creation_input_token_cost_batches",
    "cache_creation_input_token_cost_flex", "cache_creation_input_token_cost_priority",
    "cache_creation_input_token_cost_ultrafast", "cache_read_input_audio_token_cost", "cache_read_input_token_cost",
    "cache_read_input_token_cost_above_200k_tokens", "cache_read_input_token_cost_above_200k_tokens_batches",
    "cache_read_input_token_cost_above_200k_tokens_priority", "cache_read_input_token_cost_above_272k_tokens",
    "cache_read_input_token_cost_above_272k_tokens_batches", "cache_read_input_token_cost_above_272k_tokens_flex",
    "cache_read_input_token_cost_above_272k_tokens_priority", "cache_read_input_token_cost_above_272k_tokens_ultrafast",
    "cache_read_input_token_cost_above_512k_tokens", "cache_read_input_token_cost_balanced",
    "cache_read_input_token_cost_batches", "cache_read_input_token_cost_flex", "cache_read_input_token_cost_priority",
    "cache_read_input_token_cost_ultrafast", "citation_cost_per_token", "cost_per_second", "default_reasoning_effort",
    "google_maps_grounding_cost_per_query", "input_cost_per_audio_per_second", "input_cost_per_audio_token",
    "input_cost_per_audio_token_batches", "input_cost_per_character", "input_cost_per_image", "input_cost_per_image_token",
    "input_cost_per_image_token_batches", "input_cost_per_query", "input_cost_per_second", "input_cost_per_token",
    "input_cost_per_token_above_128k_tokens", "input_cost_per_token_above_200k_tokens",
    "input_cost_per_token_above_200k_tokens_batches", "input_cost_per_token_above_200k_tokens_priority",
    "input_cost_per_token_above_272k_tokens", "input_cost_per_token_above_272k_tokens_batches",
    "input_cost_per_token_above_272k_tokens_flex", "input_cost_per_token_above_272k_tokens_priority",
    "input_cost_per_token_above_272k_tokens_ultrafast", "input_cost_per_token_above_512k_tokens", "input_cost_per_token_balanced",
    "input_cost_per_token_batches", "input_cost_per_token_flex", "input_cost_per_token_priority",
    "input_cost_per_token_ultrafast", "input_cost_per_video_per_second", "input_cost_per_video_token",
    "input_cost_per_video_token_batches", "litellm_provider", "max_input_tokens", "max_output_tokens", "max_tokens", "mode",
    "ocr_cost_per_credit", "ocr_cost_per_page", "ocr_cost_per_page_batches", "off_peak_pricing", "output_cost_per_audio_token",
    "output_cost_per_character", "output_cost_per_character_above_128k_tokens", "output_cost_per_image",
    "output_cost_per_image_token", "output_cost_per_image_token_batches", "output_cost_per_pixel",
    "output_cost_per_reasoning_token", "output_cost_per_reasoning_token_flex", "output_cost_per_reasoning_token_priority",
    "output_cost_per_second", "output_cost_per_second_1080p", "output_cost_per_second_2k", "output_cost_per_second_480p",
    "output_cost_per_second_4k", "output_cost_per_second_720p", "output_cost_per_second_768p", "output_cost_per_token",
    "output_cost_per_token_above_128k_tokens", "output_cost_per_token_above_200k_tokens",
    "output_cost_per_token_above_200k_tokens_batches", "output_cost_per_token_above_200k_tokens_priority",
    "output_cost_per_token_above_272k_tokens", "output_cost_per_token_above_272k_tokens_batches",
    "output_cost_per_token_above_272k_tokens_flex", "output_cost_per_token_above_272k_tokens_priority",
    "output_cost_per_token_above_272k_tokens_ultrafast", "output_cost_per_token_above_512k_tokens",
    "output_cost_per_token_balanced", "output_cost_per_token_batches", "output_cost_per_token_flex",
    "output_cost_per_token_priority", "output_cost_per_token_ultrafast", "output_cost_per_video_per_second",
    "output_cost_per_video_token", "output_vector_size", "prompt_cache_min_tokens", "provider_specific_entry",
    "reasoning_effort_levels", "regional_endpoint_uplift_multiplier", "regional_processing_uplift_multiplier_eu",
    "regional_processing_uplift_multiplier_us", "rpm", "search_context_cost_per_query", "search_free_requests",
    "supported_audio_formats", "supported_endpoints", "supports_adaptive_thinking", "supports_anthropic_compaction",
    "supports_anthropic_thinking_payload", "supports_assistant_prefill", "supports_audio_input", "supports_audio_output",
    "supports_box_questions", "supports_computer_use", "supports_embedding_image_input", "supports_function_calling",
    "supports_image_size", "supports_legacy_thinking", "supports_low_reasoning_effort", "supports_max_reasoning_effort",
    "supports_mid_conversation_system", "supports_minimal_reasoning_effort", "supports_native_streaming",
    "supports_native_structured_output", "supports_none_reasoning_effort", "supports_parallel_function_calling",
    "supports_pdf_input", "supports_prompt_cache_breakpoint", "supports_prompt_caching", "supports_reasoning",
    "supports_regex_lookaround", "supports_response_schema", "supports_system_messages", "supports_thinking_cache_preservation",
    "supports_tool_choice", "supports_tool_search", "supports_url_context", "supports_video_input", "supports_vision",
    "supports_web_search", "supports_xhigh_reasoning_effort", "thinking_always_on", "tiered_pricing", "token_count_framing",
    "token_count_model", "token_count_tokenizer", "tpm", "uses_embed_content", "vertex_ai_audio_api", "web_search_billing_unit",
];

/// Providers whose servers take a schema with every model. Source: litellm 1.106's `supports_response_schema`.
const SCHEMAS_ALWAYS: &[&str] = &["predibase", "fireworks_ai", "lm_studio", "nebius", "databricks"];

/// The facts of a model as litellm's `get_model_info` gives them, but for `supported_openai_params`. None for a model that is in no table.
pub fn info(provider: Option<&str>, model: &str, own: Option<&Entry>) -> Option<Entry> {
    let found = find(provider, model, own)?;
    let mut out = Entry::with_capacity(FIELDS.len() + 2);
    out.insert("key".to_owned(), found.key.into());
    for field in FIELDS {
        let value = found.entry.get(*field).cloned().unwrap_or(Value::Null);
        // A price that is not known is shown as 0 there.
        let free = value.is_null() && matches!(*field, "input_cost_per_token" | "output_cost_per_token");
        out.insert((*field).to_owned(), if free { 0.into() } else { value });
    }
    Some(out)
}

/// Does a model have a capability (`supports_vision`, …)? What is not known is false.
pub fn supports(provider: Option<&str>, model: &str, capability: &str, own: Option<&Entry>) -> bool {
    if capability == "supports_response_schema" && provider.is_some_and(|name| SCHEMAS_ALWAYS.contains(&name)) {
        return true;
    }
    match find(provider, model, own).map(|found| found.entry.get(capability).cloned().unwrap_or(Value::Null)) {
        Some(Value::Bool(answer)) => answer,
        // The entry of a provider says less than the model's own.
        Some(_) => table::entry(model).is_some_and(|(_, entry)| entry.get(capability) == Some(&Value::Bool(true))),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_s_facts_are_complete_and_unknown_ones_null() {
        let facts = info(Some("anthropic"), "claude-sonnet-4-5", None).unwrap();
        assert_eq!((facts["max_output_tokens"].as_u64(), &facts["rpm"]), (Some(64000), &Value::Null));
        assert!(info(None, "nonsense", None).is_none());
    }

    #[test]
    fn capabilities_are_known_or_false() {
        assert!(supports(Some("openai"), "gpt-4o", "supports_vision", None));
        assert!(!supports(Some("openai"), "gpt-4o", "supports_reasoning", None));
        assert!(supports(Some("lm_studio"), "whatever", "supports_response_schema", None));
        assert!(!supports(Some("openai"), "nonsense", "supports_vision", None));
    }
}
