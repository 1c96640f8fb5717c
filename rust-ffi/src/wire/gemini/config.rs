//! `generationConfig`: OpenAI's parameters under Gemini's names, and Gemini's own.
//!
//! Sources: Google's reference of `GenerationConfig` and its pages on thinking; litellm 1.106 for what each word of OpenAI's means here.

use serde_json::{json, Map, Value};

use super::{models, schema};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::body::{Body, Json};
use crate::wire::chat::schema::of_format;

/// Gemini's own members, as litellm spells them. A caller may write them in the other spelling, too.
const OWN: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "candidate_count",
    "max_output_tokens",
    "stop_sequences",
    "presence_penalty",
    "frequency_penalty",
    "response_mime_type",
    "response_schema",
    "response_json_schema",
    "responseFormat",
    "seed",
    "responseLogprobs",
    "logprobs",
    "responseModalities",
    "imageConfig",
    "thinkingConfig",
    "mediaResolution",
    "speechConfig",
];

/// Thinking budgets, in tokens, of OpenAI's words for effort (models before Gemini 3): litellm's figures.
const LOW: u32 = 1024;
const MEDIUM: u32 = 2048;
const HIGH: u32 = 4096;

/// Takes everything that belongs into `generationConfig` out of the body and writes it.
pub fn take<'r>(body: &mut Body<'r>, model: &str) -> Result<Body<'r>> {
    let names: Vec<String> = body.names().map(str::to_owned).collect();
    let mut config = Body::default();
    for name in names {
        let Some(value) = body.get(&name).cloned() else { continue };
        if !put(&mut config, &name, value, model)? {
            continue;
        }
        body.remove(&name);
    }
    if config.has("speechConfig") {
        let mut modalities: Vec<Value> = config.get("responseModalities").and_then(Json::read).unwrap_or_default();
        if !modalities.iter().any(|modality| modality == "AUDIO") {
            modalities.push("AUDIO".into());
            config.set("responseModalities", Value::from(modalities).into());
        }
    }
    if models::is_gemini_3(model) && !config.has("temperature") {
        // Google's advice for these models, and litellm's default: lower temperatures make them run in circles.
        config.set("temperature", json!(1.0).into());
    }
    Ok(config)
}

/// Puts one parameter into the configuration; false where it does not belong there.
fn put<'r>(config: &mut Body<'r>, name: &str, value: Json<'r>, model: &str) -> Result<bool> {
    let read = |value: &Json<'r>| value.read::<Value>().unwrap_or_default();
    match name {
        "n" => config.set("candidate_count", value),
        "max_tokens" | "max_completion_tokens" => config.set("max_output_tokens", value),
        "stop" => match value.text().starts_with('"') {
            true => config.set("stop_sequences", Json::Own(format!("[{}]", value.text()))),
            false => config.set("stop_sequences", value),
        },
        "logprobs" if matches!(value.text(), "true" | "false") => config.set("responseLogprobs", value),
        "top_logprobs" => config.set("logprobs", value),
        "frequency_penalty" | "presence_penalty" => {
            if models::takes_penalties(model) {
                config.set(name.to_owned(), value);
            }
        }
        "response_format" => response_format(config, &read(&value), model)?,
        "reasoning_effort" => {
            let value = read(&value);
            // OpenAI's agents write it as an object.
            if let Some(effort) = value.as_str().or_else(|| value["effort"].as_str()) {
                config.set("thinkingConfig", effort_config(effort, model)?.into());
            }
        }
        "thinking" => config.set("thinkingConfig", thinking(&read(&value), model).into()),
        "modalities" => {
            let modalities = read(&value);
            let modalities = modalities.as_array().ok_or_else(|| Error::bad_request("`modalities` must be a list"))?;
            let named: Vec<Value> = modalities.iter().map(|modality| modality_name(modality).into()).collect();
            config.set("responseModalities", Value::from(named).into());
        }
        "audio" => config.set("speechConfig", speech(&read(&value))?.into()),
        _ => match own_name(name) {
            Some(own) => config.set(own, value),
            None => return Ok(false),
        },
    }
    Ok(true)
}

/// A member of Gemini's own, in the spelling that is sent.
fn own_name(name: &str) -> Option<&'static str> {
    OWN.iter().find(|own| **own == name || camel(own) == camel(name)).copied()
}

/// `top_k` and `topK` are `topK`.
pub fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for c in name.chars() {
        match c {
            '_' => raise = true,
            c if raise => {
                out.extend(c.to_uppercase());
                raise = false;
            }
            c => out.push(c),
        }
    }
    out
}

fn modality_name(modality: &Value) -> &'static str {
    match modality.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
        "text" => "TEXT",
        "image" => "IMAGE",
        "audio" => "AUDIO",
        "video" => "VIDEO",
        _ => "MODALITY_UNSPECIFIED",
    }
}

/// OpenAI's `audio`: a voice of Gemini's speech models, which answer with raw samples only.
fn speech(audio: &Value) -> Result<Value> {
    if let Some(format) = audio["format"].as_str().filter(|format| *format != "pcm16") {
        return Err(Error::bad_request(format!(
            "`audio.format` is {format:?}; Gemini's speech models answer with raw samples only: write \"pcm16\""
        )));
    }
    let mut out = Map::new();
    if let Some(voice) = audio.get("voice") {
        out.insert("voiceConfig".to_owned(), json!({"prebuiltVoiceConfig": {"voiceName": voice}}));
    }
    if let Some(language) = audio.get("language_code") {
        out.insert("languageCode".to_owned(), language.clone());
    }
    Ok(out.into())
}

fn response_format(config: &mut Body<'_>, format: &Value, model: &str) -> Result<()> {
    let schema = of_format(format)?;
    let media_type = if schema.is_none() && format["type"] == "text" { "text/plain" } else { "application/json" };
    config.set("response_mime_type", Value::from(media_type).into());
    let Some(schema) = schema.filter(|schema| schema.as_object().is_some_and(|members| !members.is_empty())) else {
        return Ok(());
    };
    if models::takes_json_schema(model) {
        config.set("response_json_schema", schema.clone().into());
    } else {
        config.set("response_schema", schema::translate(schema, true)?.into());
    }
    Ok(())
}

fn effort_config(effort: &str, model: &str) -> Result<Value> {
    let name = model.to_ascii_lowercase();
    let minimal = models::thinks_minimally(model);
    if models::is_gemini_3(model) {
        let lowest = if minimal { "minimal" } else { "low" };
        let (level, shown) = match effort {
            "minimal" => (lowest, true),
            "low" => ("low", true),
            "medium" => ("medium", true),
            "high" => ("high", true),
            "none" | "disable" => (lowest, false),
            _ => return Err(unknown_effort(effort)),
        };
        return Ok(json!({"thinkingLevel": level, "includeThoughts": shown}));
    }
    let (budget, shown) = match effort {
        // The least that each model thinks.
        "minimal" if name.contains("gemini-2.5-flash-lite") => (512, true),
        "minimal" if name.contains("gemini-2.5-pro") => (128, true),
        "minimal" if name.contains("gemini-2.5-flash") => (1, true),
        "minimal" => (128, true),
        "low" => (LOW, true),
        "medium" => (MEDIUM, true),
        "high" => (HIGH, true),
        "none" | "disable" => (0, false),
        _ => return Err(unknown_effort(effort)),
    };
    Ok(json!({"thinkingBudget": budget, "includeThoughts": shown}))
}

fn unknown_effort(effort: &str) -> Error {
    Error::new(
        ErrorKind::UnsupportedParams,
        format!(
            "`reasoning_effort` is {effort:?}; Gemini knows \"none\", \"minimal\", \"low\", \"medium\" and \"high\" (and \"disable\", which is \
             \"none\")"
        ),
    )
}

/// Anthropic's `thinking`, which litellm takes for every provider.
fn thinking(given: &Value, model: &str) -> Value {
    let enabled = given["type"] == "enabled";
    let budget = given["budget_tokens"].as_i64();
    if models::is_gemini_3(model) {
        return json!({"includeThoughts": enabled && budget != Some(0)});
    }
    let mut out = Map::new();
    if enabled && budget != Some(0) {
        out.insert("includeThoughts".to_owned(), true.into());
    }
    if let Some(budget) = budget {
        out.insert("thinkingBudget".to_owned(), budget.into());
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn config(model: &str, given: Value) -> Result<Value> {
        let text = given.to_string();
        let fields: indexmap::IndexMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
        let mut body = Body::default();
        for (name, raw) in &fields {
            body.set(name.as_str(), Json::Raw(raw));
        }
        let config = take(&mut body, model)?;
        Ok(serde_json::from_slice(&config.write()).unwrap())
    }

    #[test]
    fn openais_parameters_have_geminis_names() {
        let given = json!({
            "n": 2, "max_tokens": 5, "stop": "x", "logprobs": true, "top_logprobs": 3, "modalities": ["text", "image"], "topK": 4,
            "thinking_config": {"thinkingBudget": 7}, "seed": 1,
        });
        assert_eq!(
            config("gemini-2.5-flash", given).unwrap(),
            json!({
                "candidate_count": 2, "max_output_tokens": 5, "stop_sequences": ["x"], "responseLogprobs": true, "logprobs": 3,
                "responseModalities": ["TEXT", "IMAGE"], "top_k": 4, "thinkingConfig": {"thinkingBudget": 7}, "seed": 1,
            })
        );
    }

    #[test]
    fn effort_is_a_budget_or_a_level() {
        let thinking =
            |model: &str, effort: &str| config(model, json!({"reasoning_effort": effort})).unwrap()["thinkingConfig"].clone();
        assert_eq!(thinking("gemini-2.5-flash", "minimal"), json!({"thinkingBudget": 1, "includeThoughts": true}));
        assert_eq!(thinking("gemini-2.5-flash-lite", "minimal"), json!({"thinkingBudget": 512, "includeThoughts": true}));
        assert_eq!(thinking("gemini-2.5-pro", "medium"), json!({"thinkingBudget": 2048, "includeThoughts": true}));
        assert_eq!(thinking("gemini-2.5-pro", "disable"), json!({"thinkingBudget": 0, "includeThoughts": false}));
        assert_eq!(thinking("gemini-3-pro-preview", "minimal"), json!({"thinkingLevel": "low", "includeThoughts": true}));
        assert_eq!(thinking("gemini-3-flash-preview", "none"), json!({"thinkingLevel": "minimal", "includeThoughts": false}));
        let error = config("gemini-2.5-pro", json!({"reasoning_effort": "much"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnsupportedParams);
    }

    #[test]
    fn newer_models_have_a_temperature_and_no_penalties() {
        assert_eq!(config("gemini-3-pro-preview", json!({"presence_penalty": 1})).unwrap(), json!({"temperature": 1.0}));
        assert_eq!(config("gemini-3-pro-preview", json!({"temperature": 0.5})).unwrap(), json!({"temperature": 0.5}));
    }

    #[test]
    fn g10_schemas_are_json_schema_where_the_model_takes_it() {
        let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "P", "strict": true, "schema": {
            "type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}, "additionalProperties": false,
        }}}});
        let newer = config("gemini-2.5-flash", format.clone()).unwrap();
        assert_eq!(newer["response_json_schema"], format["response_format"]["json_schema"]["schema"]);
        let older = config("gemini-1.5-pro", format).unwrap();
        assert_eq!(older["response_mime_type"], "application/json");
        assert_eq!(
            older["response_schema"],
            json!({"type": "object", "properties": {"a": {"type": "integer"}}, "propertyOrdering": ["a"]})
        );
        assert_eq!(
            config("gemini-2.5-flash", json!({"response_format": {"type": "text"}})).unwrap(),
            json!({"response_mime_type": "text/plain"})
        );
        for format in [
            json!({"type": "json_schema"}),
            json!({"type": "yaml"}),
            json!({"type": "json_object", "response_schema": "x"}),
            json!([]),
        ] {
            assert!(config("gemini-2.5-flash", json!({ "response_format": format })).is_err(), "{format}");
        }
    }

    #[test]
    fn speech_is_an_answer_in_sound() {
        assert_eq!(
            config("gemini-2.5-flash-preview-tts", json!({"audio": {"voice": "Kore", "format": "pcm16"}})).unwrap(),
            json!({"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}, "responseModalities": ["AUDIO"]})
        );
        assert!(config("gemini-2.5-flash-preview-tts", json!({"audio": {"format": "mp3"}})).is_err());
    }
}
