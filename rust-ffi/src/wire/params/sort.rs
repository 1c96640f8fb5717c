//! Sorts a request's keys: what the provider supports, what it does not, and what is its own.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{is_control, Param, Set, SOME_PROVIDERS_OWN, UNCHECKED};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::log;
use crate::engine::request::{wrong_type, Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::providers::Provider;
use crate::wire::Operation;

/// What the caller says about parameters that a provider may not know.
pub struct Rules<'a> {
    /// `drop_params`, of the call or of the program: leave out what is not supported.
    pub drop: bool,
    /// `additional_drop_params`: leave these out in any case. A path (`tools[*].function.strict`) reaches into a value.
    pub without: Vec<Cow<'a, str>>,
    /// `allowed_openai_params`: send these although the provider does not list them.
    pub allowed: Vec<Cow<'a, str>>,
}

impl<'a> Rules<'a> {
    pub fn of(request: &Request<'a>) -> Result<Self> {
        let drop = match request.raw("drop_params") {
            // litellm's configurations write it as a string, too.
            Some(raw) if raw.get().starts_with('"') => raw.get().eq_ignore_ascii_case("\"true\""),
            Some(_) => request.bool("drop_params")?.unwrap_or(false),
            None => false,
        };
        Ok(Rules {
            drop: drop || request.setting_bool("drop_params")?.unwrap_or(false),
            without: names(request, "additional_drop_params")?,
            allowed: names(request, "allowed_openai_params")?,
        })
    }

    fn drops(&self, name: &str) -> bool {
        self.without.iter().any(|n| n == name)
    }

    fn allows(&self, name: &str) -> bool {
        self.allowed.iter().any(|n| n == name)
    }

    /// Takes `refused` off the body where the caller wants that, and is an error where not.
    pub fn refuse(&self, body: &mut Body<'_>, name: &str, why: impl FnOnce() -> String) -> Result<()> {
        if !self.drop {
            return Err(Error::new(ErrorKind::UnsupportedParams, format!("{}. {CURE}", why())));
        }
        body.remove(name);
        Ok(())
    }
}

const CURE: &str = "Leave it out, or pass drop_params=True (or set drop_params) to have it left out for you";

/// A list of strings.
fn names<'a>(request: &Request<'a>, name: &str) -> Result<Vec<Cow<'a, str>>> {
    let Some(raw) = request.raw(name) else { return Ok(Vec::new()) };
    let list: Vec<&'a RawValue> = json::read(raw).ok_or_else(|| wrong_type(name, "a list of names", raw))?;
    list.into_iter().map(|item| crate::engine::request::string(name, item)).collect()
}

/// A chat request's body: `model` and what the caller wrote, in the caller's order, without the control keys. `family` is the model that
/// decides on what is supported, where `model` is a name that says nothing (a deployment's).
pub fn chat<'r>(row: &Provider, model: &str, family: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    let supported = (row.chat)(family).set();
    let mut body = start(model);
    let mut refused = Vec::new();
    for (name, raw) in &request.fields {
        if is_control(name) || rules.drops(name) {
            continue;
        }
        match Param::from_name(name) {
            Some(param) if !may_send(param, raw, supported, rules) => {
                if !passes_silently(param, raw) {
                    refused.push(name.as_str());
                } else if param == Param::User {
                    log::record(log::Level::Info, || {
                        (
                            format!("`user` is not sent: {} does not list it", row.name),
                            serde_json::json!({ "provider": row.name }).to_string(),
                        )
                    });
                }
            }
            _ => body.set(name.as_str(), Json::Raw(raw)),
        }
    }
    if !refused.is_empty() && !rules.drop {
        return Err(unsupported(row, model, &refused));
    }
    if row.name == "openai" && request.setting_bool("enable_preview_features")? == Some(true) {
        // litellm's own metadata goes to OpenAI only when the program asks for it.
        if let Some(raw) = request.raw("metadata") {
            body.set("metadata", Json::Raw(raw));
        }
    }
    Ok(body)
}

fn may_send(param: Param, raw: &RawValue, supported: Set, rules: &Rules<'_>) -> bool {
    supported.has(param)
        || SOME_PROVIDERS_OWN.has(param)
        || rules.allows(param.name())
        || (param == Param::Stream && raw.get() != "false")
}

/// Not sent and not an error, although not supported.
fn passes_silently(param: Param, raw: &RawValue) -> bool {
    // Frameworks send n=1, which is what every provider does anyway.
    UNCHECKED.has(param) || (param == Param::N && raw.get() == "1")
}

fn unsupported(row: &Provider, model: &str, names: &[&str]) -> Error {
    let list = names.join(", ");
    let (is, it) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
    let mut error = Error::new(
        ErrorKind::UnsupportedParams,
        format!(
            "{} does not support parameters for model={model}: {list} {is} not among them. Leave {it} out, pass drop_params=True (or set \
             drop_params) to have {it} left out for you, or pass allowed_openai_params={names:?} to send {it} all the same",
            row.name
        ),
    );
    error.param = Some(names[0].to_owned());
    error
}

/// An embedding request's body.
pub fn embedding<'r>(row: &Provider, model: &str, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    let known = Known { checked: &["dimensions", "encoding_format", "user"], supported: row.embedding, ..Known::default() };
    plain(row, model, request, rules, &known)
}

/// What there is to know of the parameters of an operation other than chat.
#[derive(Clone, Copy, Default)]
pub struct Known<'k> {
    /// Parameters that a provider may lack. All others are sent as they are.
    pub checked: &'k [&'k str],
    /// Those of `checked` that this one has.
    pub supported: &'k [&'k str],
    /// Parameters of this operation that steer the call elsewhere.
    pub own: &'k [&'k str],
    /// Parameters that change nothing of the answer and are not sent: litellm takes them for its records.
    pub unsent: &'k [&'k str],
}

/// The body of an operation other than chat.
pub fn plain<'r>(
    row: &Provider,
    model: &str,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    known: &Known<'_>,
) -> Result<Body<'r>> {
    let mut body = start(model);
    let mut refused = Vec::new();
    for (name, raw) in &request.fields {
        let name = name.as_str();
        if (is_control(name) && !known.own.contains(&name)) || rules.drops(name) || known.unsent.contains(&name) {
            continue;
        }
        if known.checked.contains(&name) && !known.supported.contains(&name) && !rules.allows(name) {
            refused.push(name);
        } else {
            body.set(name, Json::Raw(raw));
        }
    }
    if !refused.is_empty() && !rules.drop {
        return Err(unsupported(row, model, &refused));
    }
    Ok(body)
}

fn start<'r>(model: &str) -> Body<'r> {
    let mut body = Body::default();
    body.set("model", Json::Own(serde_json::Value::from(model).to_string()));
    body
}

/// Renames, `extra_body`, the provider's own members, and the paths of `additional_drop_params`.
pub fn finish<'r>(
    body: &mut Body<'r>,
    row: &Provider,
    operation: Operation,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
) -> Result<()> {
    if operation == Operation::Completion {
        for (param, name) in row.renames {
            if let Some(value) = body.remove(param.name()) {
                body.set(*name, value);
            }
        }
        for (name, value) in row.body {
            if !body.has(name) {
                body.set(*name, Json::Own((*value).to_owned()));
            }
        }
    }
    if let Some(raw) = request.raw("extra_body").filter(|_| !rules.drops("extra_body")) {
        let extra: Fields<'r> = json::read(raw).ok_or_else(|| wrong_type("extra_body", "an object", raw))?;
        for (name, raw) in extra {
            // The model is part of the route: another one here would be billed and counted under the wrong name.
            if name != "model" && !rules.drops(&name) {
                body.set(name, Json::Raw(raw));
            }
        }
    }
    for path in &rules.without {
        super::path::delete(body, path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::providers::find;
    use proptest::prelude::*;

    fn body(provider: &str, model: &str, request: &str) -> Result<String> {
        let request = Request::parse(request.as_bytes()).unwrap();
        let row = find(provider).unwrap();
        let rules = Rules::of(&request)?;
        let mut body = chat(row, model, model, &request, &rules)?;
        finish(&mut body, row, Operation::Completion, &request, &rules)?;
        Ok(String::from_utf8(body.write()).unwrap())
    }

    #[test]
    fn supported_and_own_parameters_are_sent_as_written() {
        assert_eq!(
            body("openai", "gpt-4o", r#"{"model":"openai/gpt-4o","temperature":0.10,"top_k":5,"api_key":"k","metadata":{},"tags":[1],"num_retries":1,"guided":{"b":1,"a":2}}"#).unwrap(),
            r#"{"model":"gpt-4o","temperature":0.10,"top_k":5,"guided":{"b":1,"a":2}}"#
        );
    }

    #[test]
    fn an_unsupported_parameter_is_named_or_dropped_or_allowed() {
        let error = body("azure", "gpt-4o", r#"{"reasoning_effort":"high","seed":1}"#).unwrap_err();
        assert_eq!((error.kind, error.status_code), (ErrorKind::UnsupportedParams, 400));
        for part in ["azure", "reasoning_effort", "drop_params=True", "allowed_openai_params=[\"reasoning_effort\"]"] {
            assert!(error.message.contains(part), "{}", error.message);
        }
        let sent = r#"{"model":"gpt-4o","seed":1}"#;
        assert_eq!(body("azure", "gpt-4o", r#"{"reasoning_effort":"high","seed":1,"drop_params":true}"#).unwrap(), sent);
        assert_eq!(
            body("azure", "gpt-4o", r#"{"reasoning_effort":"high","seed":1,"settings":{"drop_params":true}}"#).unwrap(),
            sent
        );
        assert_eq!(
            body("azure", "gpt-4o", r#"{"reasoning_effort":"high","seed":1,"additional_drop_params":["reasoning_effort"]}"#)
                .unwrap(),
            sent
        );
        assert_eq!(
            body("azure", "gpt-4o", r#"{"reasoning_effort":"high","allowed_openai_params":["reasoning_effort"]}"#).unwrap(),
            r#"{"model":"gpt-4o","reasoning_effort":"high"}"#
        );
    }

    #[test]
    fn renames_extra_body_and_own_members_come_last() {
        assert_eq!(
            body("groq", "x", r#"{"max_tokens":1,"max_completion_tokens":2}"#).unwrap(),
            r#"{"model":"x","max_tokens":2}"#
        );
        assert_eq!(
            body("openrouter", "x", r#"{"temperature":1,"extra_body":{"model":"y","temperature":0,"usage":{"include":false}}}"#)
                .unwrap(),
            r#"{"model":"x","temperature":0,"usage":{"include":false}}"#
        );
        assert!(body("openai", "x", r#"{"extra_body":[1]}"#).is_err());
        assert_eq!(
            body("mistral", "mistral-large-latest", r#"{"n":1,"user":"u"}"#).unwrap(),
            r#"{"model":"mistral-large-latest"}"#
        );
        assert!(body("mistral", "mistral-large-latest", r#"{"n":2}"#).is_err());
    }

    proptest! {
        /// Whatever subset of parameters a caller writes: each is sent, or refused by name, or was to be dropped.
        #[test]
        fn no_parameter_vanishes(
            row in 0..crate::wire::providers::ALL.len(),
            picked in proptest::sample::subsequence(Param::ALL.to_vec(), 0..12),
            drop in any::<bool>(),
        ) {
            let row = &crate::wire::providers::ALL[row];
            let members: Vec<String> = picked.iter().map(|p| format!("\"{}\":7", p.name())).collect();
            let text = format!("{{\"drop_params\":{drop},\"own\":1{}{}}}", if members.is_empty() { "" } else { "," }, members.join(","));
            let request = Request::parse(text.as_bytes()).unwrap();
            let rules = Rules::of(&request).unwrap();
            let mut supported = (row.chat)("some-model").set();
            supported.insert(Param::RequestMetadata);
            supported.insert(Param::OutputConfig);
            let outcome = chat(row, "some-model", "some-model", &request, &rules);
            let unsupported: Vec<Param> = picked.iter().copied().filter(|p| !supported.has(*p) && !UNCHECKED.has(*p)).collect();
            match outcome {
                Err(error) => {
                    prop_assert!(!drop && !unsupported.is_empty());
                    for param in unsupported {
                        prop_assert!(error.message.contains(param.name()), "{} misses {}", error.message, param.name());
                    }
                }
                Ok(body) => {
                    prop_assert!(drop || unsupported.is_empty());
                    prop_assert!(body.has("own"));
                    for param in picked {
                        let sent = body.has(param.name());
                        let control = is_control(param.name());
                        prop_assert_eq!(sent, (supported.has(param) || param == Param::Stream) && !control, "{}", param.name());
                    }
                }
            }
        }
    }
}
