//! What of a request the crate's traits carry, what is refused, and what is dropped because the caller asked for that.
//!
//! litellm's contract: a parameter is sent, or refused with an `UnsupportedParamsError`, or left out under `drop_params` or
//! `additional_drop_params`. The crate drops a good deal in silence, by provider, by model and by whether there are tools; all of that is
//! found here, before any network.

use edgequake_llm::providers::gemini::GeminiProvider;
use edgequake_llm::{
    clamp_reasoning_effort, omit_reasoning_effort_from_env, omit_temperature_from_env, provider_prompt_cache_enabled,
    reasoning_capabilities_for, CompletionOptions, ToolChoice, ToolDefinition,
};
use serde_json::value::RawValue;
use serde_json::Value;

use super::messages;
use super::table::{embedding_parameters, parameters, Kind, Row};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::wire::params::is_control;
use crate::wire::params::sort::Rules;

/// A completion's parameters as the crate takes them.
#[derive(Default)]
pub struct Parameters {
    pub options: CompletionOptions,
    pub tools: Vec<ToolDefinition>,
    pub tool_choice: Option<ToolChoice>,
    /// `stream_options.include_usage`: a last chunk with the tokens.
    pub include_usage: bool,
}

/// Decides over one parameter at a time.
pub struct Gate<'a> {
    row: &'a Row,
    model: &'a str,
    rules: Rules<'a>,
}

impl<'a> Gate<'a> {
    pub fn new(row: &'a Row, model: &'a str, request: &Request<'a>) -> Result<Self> {
        let gate = Gate { row, model, rules: Rules::of(request)? };
        if let Some(path) = gate.rules.without.iter().find(|name| name.contains(['.', '['])) {
            let why = format!("it takes whole parameters here, no path such as {path:?}");
            return Err(gate.refuse_control("additional_drop_params", &why));
        }
        Ok(gate)
    }

    /// The caller wants it left out, whether it is supported or not.
    fn is_dropped(&self, name: &str) -> bool {
        self.rules.without.iter().any(|dropped| dropped == name)
    }

    /// Ok when it may be left out.
    pub fn refuse(&self, name: &str, why: &str) -> Result<()> {
        if self.rules.drop || self.is_dropped(name) {
            return Ok(());
        }
        Err(self.error(name, why, "leave it out, set drop_params=True, or "))
    }

    /// For what must not be dropped, as it does not concern the model's answer but the way of the call.
    pub fn refuse_control(&self, name: &str, why: &str) -> Error {
        self.error(name, why, "leave it out, or ")
    }

    fn error(&self, name: &str, why: &str, cure: &str) -> Error {
        let Row { id, wire, .. } = self.row;
        let message = format!(
            "`{name}` does not reach {id} over the road edgequake/: {why}. To cure it, {cure}use the model {wire}/{}",
            self.model
        );
        let mut error = Error::new(ErrorKind::UnsupportedParams, message);
        error.param = Some(name.to_owned());
        error
    }
}

/// Reads a completion's parameters.
pub fn completion(gate: &Gate<'_>, request: &Request<'_>) -> Result<Parameters> {
    let row = gate.row;
    let mut out = Parameters::default();
    if let Some(raw) = request.raw("tools").filter(|_| !gate.is_dropped("tools")) {
        out.tools = messages::tools(row, raw)?;
    }
    let has_tools = !out.tools.is_empty();
    let carried = parameters(row.kind, has_tools);
    for (name, raw) in &request.fields {
        let name = name.as_str();
        if name == "messages" || name == "tools" || is_control(name) || gate.is_dropped(name) || is_default(name, raw) {
            continue;
        }
        if !carried.contains(&name) {
            if row.kind != Kind::Mock {
                let why = match has_tools {
                    true if parameters(row.kind, false).contains(&name) => "the crate drops it from requests with tools",
                    false if parameters(row.kind, true).contains(&name) => "it is for requests with tools",
                    _ => "the crate's traits have no place for it",
                };
                gate.refuse(name, why)?;
            }
            continue;
        }
        one(gate, name, raw, has_tools, &mut out)?;
    }
    Ok(out)
}

/// Values that say what a server does anyway.
fn is_default(name: &str, raw: &RawValue) -> bool {
    matches!((name, raw.get()), ("n", "1") | ("logprobs", "false"))
}

fn one(gate: &Gate<'_>, name: &str, raw: &RawValue, has_tools: bool, out: &mut Parameters) -> Result<()> {
    let options = &mut out.options;
    match name {
        "stream" => {}
        "stream_options" => out.include_usage = include_usage(gate, raw)?,
        "max_tokens" | "max_completion_tokens" => {
            let count = json::read::<u32>(raw).ok_or_else(|| wrong_type(name, "a whole number, 0 or more", raw))?;
            // The newer name wins, as in OpenAI's API.
            if name == "max_completion_tokens" || options.max_tokens.is_none() {
                options.max_tokens = Some(count as usize);
            }
        }
        "temperature" => options.temperature = temperature(gate, number(name, raw)?)?,
        "top_p" => options.top_p = Some(number(name, raw)?),
        "frequency_penalty" => options.frequency_penalty = Some(number(name, raw)?),
        "presence_penalty" => options.presence_penalty = Some(number(name, raw)?),
        "stop" => options.stop = Some(stop(raw)?),
        "reasoning_effort" => options.reasoning_effort = reasoning_effort(gate, raw)?,
        "response_format" => response_format(gate, raw, options)?,
        "prompt_cache_key" => {
            if !provider_prompt_cache_enabled() {
                return gate.refuse(name, "EDGEQUAKE_PROMPT_CACHE switches it off");
            }
            options.prompt_cache_key = Some(crate::engine::request::string(name, raw)?.into_owned());
        }
        "parallel_tool_calls" => {
            options.parallel_tool_calls = Some(json::read(raw).ok_or_else(|| wrong_type(name, "true or false", raw))?);
        }
        "tool_choice" => {
            if !has_tools {
                return Err(Error::bad_request("`tool_choice` needs `tools`"));
            }
            out.tool_choice = tool_choice(gate, raw)?;
        }
        _ => unreachable!("a parameter of the table without a reader: {name}"),
    }
    Ok(())
}

fn include_usage(gate: &Gate<'_>, raw: &RawValue) -> Result<bool> {
    let options: serde_json::Map<String, Value> =
        json::read(raw).ok_or_else(|| wrong_type("stream_options", "an object", raw))?;
    if let Some(other) = options.iter().find(|(name, value)| name.as_str() != "include_usage" && !value.is_null()) {
        gate.refuse(&format!("stream_options.{}", other.0), "the crate's traits have no place for it")?;
    }
    Ok(options.get("include_usage") == Some(&Value::Bool(true)))
}

/// The crate's numbers are f32; what is no finite f32 would become JSON's null.
fn number(name: &str, raw: &RawValue) -> Result<f32> {
    json::read::<f64>(raw).map(|n| n as f32).filter(|n| n.is_finite()).ok_or_else(|| wrong_type(name, "a finite number", raw))
}

/// The largest f32 below 1 that the crate does not take for 1.
const ALMOST_ONE: f32 = 0.999_999_8;

fn temperature(gate: &Gate<'_>, asked: f32) -> Result<Option<f32>> {
    if omit_temperature_from_env() {
        gate.refuse("temperature", "EDGEQUAKE_LLM_OMIT_TEMPERATURE switches it off")?;
        return Ok(None);
    }
    // `OpenAICompatibleProvider` leaves 1.0 out. OpenAI and Azure take that for 1; other servers have other defaults (Ollama 0.8, vLLM the
    // model's own), and the caller's 1.0 would be lost.
    let one_is_default = matches!(gate.row.id, "openai" | "azure");
    let lost = gate.row.kind.is_compatible() && !one_is_default && (asked - 1.0).abs() <= f32::EPSILON;
    Ok(Some(if lost { ALMOST_ONE } else { asked }))
}

fn stop(raw: &RawValue) -> Result<Vec<String>> {
    if raw.get().starts_with('"') {
        return Ok(vec![crate::engine::request::string("stop", raw)?.into_owned()]);
    }
    json::read(raw).ok_or_else(|| wrong_type("stop", "a string or a list of strings", raw))
}

/// The crate silently moves an effort to one that it believes the model takes, or leaves it out.
fn reasoning_effort(gate: &Gate<'_>, raw: &RawValue) -> Result<Option<String>> {
    let asked = crate::engine::request::string("reasoning_effort", raw)?.into_owned();
    if gate.row.kind == Kind::Mock {
        return Ok(Some(asked));
    }
    if omit_reasoning_effort_from_env() {
        gate.refuse("reasoning_effort", "EDGEQUAKE_LLM_OMIT_REASONING_EFFORT switches it off")?;
        return Ok(None);
    }
    let thinks = match gate.row.kind {
        Kind::Gemini | Kind::Vertex => GeminiProvider::new("").with_model(gate.model).supports_thinking(),
        _ => true,
    };
    let sent = clamp_reasoning_effort(gate.row.id, gate.model, Some(&asked)).filter(|_| thinks);
    if sent.as_deref() == Some(asked.as_str()) {
        return Ok(sent);
    }
    let why = match reasoning_capabilities_for(gate.row.id, gate.model).filter(|_| thinks) {
        Some(known) => format!("the crate sends only {} for this model", known.supported.join(", ")),
        None => "the crate knows no reasoning effort for this model".to_owned(),
    };
    gate.refuse("reasoning_effort", &why)?;
    Ok(None)
}

fn response_format(gate: &Gate<'_>, raw: &RawValue, options: &mut CompletionOptions) -> Result<()> {
    let format: Value = json::read(raw).ok_or_else(|| wrong_type("response_format", "an object", raw))?;
    match format["type"].as_str() {
        Some("text") => Ok(()),
        Some("json_object") => {
            options.response_format = Some("json_object".to_owned());
            Ok(())
        }
        Some("json_schema") => {
            let given = &format["json_schema"];
            if !matches!(gate.row.kind, Kind::Gemini | Kind::Vertex | Kind::Mock) && !gate.row.kind.is_compatible() {
                return gate.refuse("response_format", "the crate sends no JSON schema to this provider");
            }
            // The name, which only labels the schema, becomes "response"; these two the crate would lose.
            for word in ["strict", "description"] {
                let lost = !given[word].is_null() && given[word] != false;
                if lost && gate.row.kind.is_compatible() {
                    return gate.refuse("response_format", &format!("the crate drops `json_schema.{word}`"));
                }
            }
            if !given["schema"].is_object() {
                return Err(Error::bad_request("`response_format.json_schema.schema` must be an object"));
            }
            options.response_format = Some("json_schema".to_owned());
            options.response_schema = Some(given["schema"].clone());
            Ok(())
        }
        _ => Err(Error::bad_request("`response_format.type` must be text, json_object or json_schema")),
    }
}

fn tool_choice(gate: &Gate<'_>, raw: &RawValue) -> Result<Option<ToolChoice>> {
    let cohere = gate.row.kind == Kind::Cohere;
    let choice: Value = json::read(raw).unwrap_or_default();
    match (choice.as_str(), choice["function"]["name"].as_str()) {
        // Cohere has no word for it: it is what happens without one.
        (Some("auto"), _) => Ok((!cohere).then(ToolChoice::auto)),
        (Some("required"), _) => Ok(Some(ToolChoice::required())),
        // The crate turns both into "auto" or into what Cohere does not know.
        (Some("none"), _) | (None, Some(_)) if cohere => {
            gate.refuse("tool_choice", "of Cohere's choices the crate sends only \"required\"")?;
            Ok(None)
        }
        (Some("none"), _) => Ok(Some(ToolChoice::none())),
        (None, Some(name)) => Ok(Some(ToolChoice::function(name))),
        _ => Err(Error::bad_request(
            "`tool_choice` must be \"auto\", \"none\", \"required\" or {\"type\": \"function\", \"function\": {\"name\": …}}",
        )),
    }
}

/// The texts of an embedding and how many numbers each vector is to have.
pub struct Inputs {
    pub texts: Vec<String>,
    pub dimensions: Option<usize>,
}

pub fn embedding(gate: &Gate<'_>, request: &Request<'_>) -> Result<Inputs> {
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing"))?;
    let texts = match json::read::<Value>(raw) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) if !items.is_empty() && items.iter().all(Value::is_string) => {
            items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(Value::Array(items)) if items.iter().any(|item| item.is_number() || item.is_array()) => {
            return Err(gate.refuse_control("input", "the crate's traits take texts, no tokens"));
        }
        _ => return Err(wrong_type("input", "a string or a list of strings that is not empty", raw)),
    };
    let mut dimensions = None;
    for (name, raw) in &request.fields {
        let name = name.as_str();
        if name == "input" || is_control(name) || gate.is_dropped(name) {
            continue;
        }
        match (name, raw.get()) {
            ("encoding_format", "\"float\"") => {}
            ("dimensions", _) if embedding_parameters(gate.row.kind).contains(&"dimensions") => {
                let count =
                    json::read::<u32>(raw).filter(|n| *n > 0).ok_or_else(|| wrong_type(name, "a whole number above 0", raw))?;
                dimensions = Some(count as usize);
            }
            _ => gate.refuse(name, "the crate's traits have no place for it")?,
        }
    }
    Ok(Inputs { texts, dimensions })
}
