//! Requests: a chat's parameters as inputs of a prediction.

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{prompt, Decoder, Following};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::chat::messages;
use crate::wire::errors::Origin;
use crate::wire::http::{headers, join, with_query, UNRESERVED};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::{HttpCall, Operation};

/// Arguments of a chat that no prediction has a place for. litellm lists them as supported and sends none of them.
const NO_TOOLS: &[&str] = &["tools", "tool_choice", "functions", "function_call"];

pub fn prepare(row: &'static Provider, operation: Operation, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    if operation != Operation::Completion {
        return Err(operation.unavailable(row.name));
    }
    let rules = Rules::of(request)?;
    let stream = request.is_stream()?;
    let model = Model::read(&route.model)?;
    let mut body = Body::default();
    if let Model::Version(id) = model {
        body.set("version", Value::from(id).into());
    }
    let input = input(row, route, request, &rules)?.write();
    body.set("input", Json::Own(String::from_utf8_lossy(&input).into_owned()));
    if stream {
        body.set("stream", Value::from(true).into());
    }
    let origin = Origin::new(row, operation, &route.model, route.api_key.clone());
    let job = Box::new(Following { origin: origin.clone() });
    let decoder = Decoder { origin, include_usage: request.includes_usage()? };
    let key = route.api_key.iter().map(|key| ("authorization".to_owned(), format!("Token {}", key.expose())));
    // What is answered at once is JSON in any case; a stream is asked for afterwards.
    let headers = headers(row, request, key.collect(), false)?;
    let url = with_query(join(&route.api_base, &model.path()), request)?;
    Ok(HttpCall { headers, stream, job: Some(job), ..HttpCall::post(url, body.write(), Box::new(decoder)) })
}

/// What is asked, by the forms of its name.
#[derive(Debug, PartialEq)]
enum Model<'m> {
    /// `deployments/OWNER/NAME`
    Deployment(&'m str, &'m str),
    /// `OWNER/NAME`: its latest version.
    Official(&'m str, &'m str),
    /// `OWNER/NAME:VERSION`, or a version's id of 64 digits alone.
    Version(&'m str),
}

impl<'m> Model<'m> {
    fn read(name: &'m str) -> Result<Model<'m>> {
        let id = |id: &str| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let good = |part: &&str| !matches!(*part, "" | "." | "..");
        if let Some((_, version)) = name.split_once(':').filter(|(_, version)| !version.is_empty()) {
            return Ok(Model::Version(version));
        }
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            [version] if id(version) => Ok(Model::Version(version)),
            ["deployments", owner, name] if good(owner) && good(name) => Ok(Model::Deployment(owner, name)),
            [owner, name] if good(owner) && good(name) => Ok(Model::Official(owner, name)),
            _ => Err(Error::bad_request(format!(
                "{name:?} names no model of Replicate's; write replicate/OWNER/NAME, replicate/OWNER/NAME:VERSION or \
                 replicate/deployments/OWNER/NAME"
            ))),
        }
    }

    fn path(&self) -> String {
        let of = |kind: &str, owner: &str, name: &str| {
            format!("{kind}/{}/{}/predictions", utf8_percent_encode(owner, UNRESERVED), utf8_percent_encode(name, UNRESERVED))
        };
        match self {
            Model::Deployment(owner, name) => of("deployments", owner, name),
            Model::Official(owner, name) => of("models", owner, name),
            Model::Version(_) => "predictions".to_owned(),
        }
    }
}

fn input<'r>(row: &Provider, route: &Route, request: &'r Request<'_>, rules: &Rules<'_>) -> Result<Body<'r>> {
    let messages = messages::read(request)?;
    let mut given = sort::chat(row, &route.model, &route.model, request, rules)?;
    for name in ["model", "messages", "stream", "stream_options", "user"] {
        given.remove(name);
    }
    for name in NO_TOOLS {
        if given.has(name) {
            rules.refuse(&mut given, name, || format!("predictions of Replicate take no `{name}`"))?;
        }
    }
    let system_apart = given.remove("supports_system_prompt").is_some_and(|apart| apart.text() == "true");
    let prompt = prompt::write(&route.model, &messages, system_apart)?;
    let mut input = Body::default();
    input.set("prompt", Value::from(prompt.text).into());
    if let Some(system) = prompt.system {
        input.set("system_prompt", Value::from(system).into());
    }
    for (name, value) in given {
        match name.as_ref() {
            "max_tokens" => input.set(name_of_limit(&route.model), value),
            "stop" => input.set("stop_sequences", stop(value)?),
            _ => input.set(name, value),
        }
    }
    sort::finish(&mut input, row, Operation::Completion, request, rules)?;
    Ok(input)
}

/// The input that limits the answer, which models name differently: litellm's list.
fn name_of_limit(model: &str) -> &'static str {
    if model.contains("vicuna") || model.contains("flan") {
        "max_length"
    } else if model.contains("meta/codellama-13b") {
        "max_tokens"
    } else {
        "max_new_tokens"
    }
}

/// The input is one text with commas between the sequences.
fn stop(value: Json<'_>) -> Result<Json<'_>> {
    let Some(list) = value.read::<Vec<String>>() else { return Ok(value) };
    match list.iter().find(|sequence| sequence.contains(',')).filter(|_| list.len() > 1) {
        Some(sequence) => Err(Error::bad_request(format!(
            "`stop` holds {sequence:?}: Replicate takes the sequences as one text with commas between them, so that none may hold one"
        ))),
        None => Ok(Value::from(list.join(",")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::route::Secret;
    use crate::wire::replicate::Replicate;
    use crate::wire::Dialect;
    use serde_json::json;

    fn prepared(operation: Operation, model: &str, arguments: Value) -> Result<HttpCall> {
        let mut request = json!({"messages": [{"role": "user", "content": "hi"}]});
        request.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        let route = Route {
            provider: "replicate".into(),
            model: model.into(),
            api_base: "https://h/v1".into(),
            api_key: Some(Secret::new("the-key")),
        };
        let text = request.to_string();
        Replicate.prepare(operation, &route, &Request::parse(text.as_bytes()).unwrap())
    }

    fn sent(model: &str, arguments: Value) -> (String, Value) {
        let call = prepared(Operation::Completion, model, arguments).unwrap();
        assert!(call.headers.contains(&("authorization".to_owned(), "Token the-key".to_owned())));
        (call.url.replace("https://h/v1/", ""), serde_json::from_slice(&call.body).unwrap())
    }

    #[test]
    fn each_form_of_a_name_has_its_address() {
        let id = "0123456789abcdef".repeat(4);
        let input = json!({"prompt": "hi"});
        let plain = json!({"input": input});
        let versioned = json!({"version": id, "input": input});
        assert_eq!(sent("a/b", json!({})), ("models/a/b/predictions".to_owned(), plain.clone()));
        assert_eq!(sent("deployments/a/b", json!({})), ("deployments/a/b/predictions".to_owned(), plain));
        for name in [format!("a/b:{id}"), format!("b:{id}"), id.clone()] {
            assert_eq!(sent(&name, json!({})), ("predictions".to_owned(), versioned.clone()));
        }
        for bad in ["a", "a/..", "../a", "/a", "a/b/c", "deployments/a/..", "a/b?x/c"] {
            assert_eq!(prepared(Operation::Completion, bad, json!({})).err().unwrap().kind, ErrorKind::BadRequest, "{bad}");
        }
        assert_eq!(sent("a/b?c", json!({})).0, "models/a/b%3Fc/predictions");
    }

    #[test]
    fn parameters_are_inputs_under_names_of_their_own() {
        let given = json!({
            "max_tokens": 3, "stop": ["a", "b"], "temperature": 0.5, "seed": 7, "top_k": 4, "extra_body": {"min_new_tokens": 1},
            "stream": true, "stream_options": {"include_usage": true},
        });
        let input = json!({"prompt": "hi", "max_new_tokens": 3, "stop_sequences": "a,b", "temperature": 0.5, "seed": 7, "top_k": 4,
                           "min_new_tokens": 1});
        assert_eq!(sent("a/b", given).1, json!({"input": input, "stream": true}));
        assert_eq!(sent("a/vicuna-13b", json!({"max_tokens": 3})).1["input"]["max_length"], 3);
        assert_eq!(sent("meta/codellama-13b", json!({"max_tokens": 3})).1["input"]["max_tokens"], 3);
        assert_eq!(sent("a/b", json!({"stop": "x,y"})).1["input"]["stop_sequences"], "x,y");
        let system = json!({"supports_system_prompt": true, "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]});
        assert_eq!(sent("a/b", system).1["input"], json!({"prompt": "U", "system_prompt": "S"}));
    }

    #[test]
    fn what_a_prediction_cannot_take_is_refused_or_dropped() {
        let kind = |arguments| prepared(Operation::Completion, "a/b", arguments).err().unwrap().kind;
        let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"});
        assert_eq!(kind(tools.clone()), ErrorKind::UnsupportedParams);
        assert_eq!(kind(json!({"response_format": {"type": "json_object"}})), ErrorKind::UnsupportedParams);
        assert_eq!(kind(json!({"stop": ["a,b", "c"]})), ErrorKind::BadRequest);
        let mut dropped = tools;
        dropped["drop_params"] = true.into();
        assert_eq!(sent("a/b", dropped).1, json!({"input": {"prompt": "hi"}}));
        assert!(prepared(Operation::Embedding, "a/b", json!({"input": "x"})).is_err());
    }
}
