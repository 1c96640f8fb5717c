//! Finish reasons: OpenAI's five, and what compatible servers say instead.

/// OpenAI's finish reason for a provider's, and the provider's own where it is another word (it is kept beside).
///
/// Sources: OpenAI's API reference; Hugging Face TGI (`eos_token`, `eos`), Together (`eos`), Mistral (`model_length`), Cohere and Gemini through
/// their compatible servers (upper case).
pub fn known(reason: &str) -> (&'static str, Option<&str>) {
    match reason {
        "stop" => ("stop", None),
        "length" => ("length", None),
        "tool_calls" => ("tool_calls", None),
        "content_filter" => ("content_filter", None),
        "function_call" => ("function_call", None),
        "eos" | "eos_token" | "stop_sequence" | "end_turn" | "COMPLETE" | "STOP" | "STOP_SEQUENCE" => ("stop", Some(reason)),
        "max_tokens" | "model_length" | "MAX_TOKENS" => ("length", Some(reason)),
        "tool_use" | "TOOL_CALL" => ("tool_calls", Some(reason)),
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "refusal" | "content_filtered" => {
            ("content_filter", Some(reason))
        }
        _ => ("stop", Some(reason)),
    }
}
