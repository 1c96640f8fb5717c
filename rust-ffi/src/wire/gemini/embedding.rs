//! Embeddings: `batchEmbedContents` of the Gemini API, `predict` and `embedContent` of Vertex AI.
//!
//! Sources: Google's references of these methods. The Gemini API embeds each input by itself, and a list within the list as one.

use serde_json::{json, Map, Value};

use super::address::Door;
use super::answer::Embedded;
use super::media::{self, Blob};
use super::request::destination;
use super::Decoder;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::body::{Body, Json};
use crate::wire::http::{headers, with_query};
use crate::wire::params::sort::{self, Rules};
use crate::wire::providers::Provider;
use crate::wire::{HttpCall, Operation};

/// Makes the call.
pub fn prepare(door: Door, row: &'static Provider, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let rules = Rules::of(request)?;
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing; give a text or a list of texts"))?;
    let input = match json::read::<Value>(raw) {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(text @ Value::String(_)) => vec![text],
        _ => return Err(Error::bad_request("`input` must be a text or a list of texts, and not empty")),
    };
    let mut given = sort::embedding(row, &route.model, request, &rules)?;
    if given.get("encoding_format").is_some_and(|format| format.text() == "\"base64\"") {
        rules.refuse(&mut given, "encoding_format", || "Google's vectors are numbers, not base64".to_owned())?;
    }
    let single = door == Door::Vertex && takes_content(&route.model);
    let parameters = Parameters::take(&mut given);
    let (method, mut body) = match door {
        Door::AiStudio => ("batchEmbedContents", batch(&route.model, &input, &parameters)?),
        Door::Vertex if single => ("embedContent", content(&input, &parameters)?),
        Door::Vertex => ("predict", predict(&route.model, &input, &parameters)?),
    };
    sort::finish(&mut body, row, Operation::Embedding, request, &rules)?;
    let destination = destination(door, route, request, method, false, Some("v1beta"))?;
    let headers = headers(row, request, destination.headers, false)?;
    let mut decoder = Decoder::new(row, Operation::Embedding, route);
    decoder.embedded = Some(Embedded { text: texts(&input) });
    let call = HttpCall::post(with_query(destination.url, request)?, body.write(), Box::new(decoder));
    let credentials = destination.credentials.filter(|_| !headers.iter().any(|(name, _)| name == "authorization"));
    Ok(HttpCall { headers, credentials, ..call })
}

/// Models of Vertex AI that embed a content of several parts as one, images among them.
fn takes_content(model: &str) -> bool {
    ["gemini-embedding-2", "gemini-flash-experimental"]
        .iter()
        .any(|name| model.rsplit('/').next().is_some_and(|own| own.starts_with(name)))
}

/// What a caller may say about all inputs.
struct Parameters {
    dimensions: Option<Value>,
    task_type: Option<Value>,
    title: Option<Value>,
    auto_truncate: Option<Value>,
}

impl Parameters {
    fn take(given: &mut Body<'_>) -> Self {
        let mut take = |names: &[&str]| names.iter().find_map(|name| given.remove(name)).and_then(|value| value.read::<Value>());
        Parameters {
            dimensions: take(&["dimensions", "outputDimensionality", "output_dimensionality"]),
            // `input_type` is Cohere's name, which litellm takes for all.
            task_type: take(&["task_type", "taskType", "input_type"]),
            title: take(&["title"]),
            auto_truncate: take(&["auto_truncate", "autoTruncate"]),
        }
    }

    /// As members of a request of `embedContent`.
    fn of_content(&self) -> Map<String, Value> {
        let members = [("outputDimensionality", &self.dimensions), ("taskType", &self.task_type), ("title", &self.title)];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }
}

fn body(members: Map<String, Value>) -> Body<'static> {
    let mut body = Body::default();
    members.into_iter().for_each(|(name, value)| body.set(name, Json::from(value)));
    body
}

fn batch(model: &str, input: &[Value], parameters: &Parameters) -> Result<Body<'static>> {
    let mut requests = Vec::with_capacity(input.len());
    for (at, element) in input.iter().enumerate() {
        let place = format!("input[{at}]");
        let parts = match element {
            Value::Array(group) if group.is_empty() => return Err(Error::bad_request(format!("`{place}` is an empty list"))),
            Value::Array(group) => group.iter().map(|one| part(&place, one)).collect::<Result<Vec<_>>>()?,
            one => vec![part(&place, one)?],
        };
        let mut request = json!({"model": format!("models/{model}"), "content": {"parts": parts}});
        for (name, value) in parameters.of_content() {
            request[name] = value;
        }
        requests.push(request);
    }
    Ok(body(Map::from_iter([("requests".to_owned(), Value::from(requests))])))
}

fn content(input: &[Value], parameters: &Parameters) -> Result<Body<'static>> {
    let parts = input.iter().enumerate().map(|(at, one)| part(&format!("input[{at}]"), one)).collect::<Result<Vec<_>>>()?;
    let mut members = Map::from_iter([("content".to_owned(), json!({ "parts": parts }))]);
    members.extend(parameters.of_content());
    Ok(body(members))
}

fn predict(model: &str, input: &[Value], parameters: &Parameters) -> Result<Body<'static>> {
    let tuned = model.bytes().all(|b| b.is_ascii_digit());
    let mut instances = Vec::with_capacity(input.len());
    for (at, one) in input.iter().enumerate() {
        let text = one.as_str().ok_or_else(|| Error::bad_request(format!("`input[{at}]` must be a text for {model}")))?;
        let mut instance = json!({ if tuned { "inputs" } else { "content" }: text });
        for (name, value) in [("task_type", &parameters.task_type), ("title", &parameters.title)] {
            if let Some(value) = value.as_ref().filter(|_| !tuned) {
                instance[name] = value.clone();
            }
        }
        instances.push(instance);
    }
    let given = [("outputDimensionality", &parameters.dimensions), ("auto_truncate", &parameters.auto_truncate)];
    let own: Map<String, Value> = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
    Ok(body(Map::from_iter([("instances".to_owned(), instances.into()), ("parameters".to_owned(), own.into())])))
}

/// A text, or a file by its data or its address: a string of these forms, or OpenAI's part of the type `file`.
fn part(place: &str, element: &Value) -> Result<Value> {
    let (source, given, file) = match element {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("files/") {
                // The Files API's own name of a file.
                return Ok(json!({"file_data": {"file_uri": format!("{}{name}", media::FILES_API)}}));
            }
            if !is_file(text) {
                return Ok(json!({ "text": text }));
            }
            (text.as_str(), None, None)
        }
        Value::Object(members) if members.get("type").is_some_and(|kind| kind == "file") => {
            let file = &members["file"];
            let source = file["file_id"].as_str().or_else(|| file["file_data"].as_str());
            let source = source.ok_or_else(|| Error::bad_request(format!("`{place}.file` has neither file_id nor file_data")))?;
            (source, file["format"].as_str(), Some(file))
        }
        _ => return Err(Error::bad_request(format!("`{place}` must be a text or a part of the type file"))),
    };
    let mut out = match media::blob(place, source, given.map(Into::into), false)? {
        Blob::Inline { media_type, data } => json!({"inline_data": {"mime_type": media_type, "data": data}}),
        Blob::Address { media_type: Some(media_type), url } => json!({"file_data": {"mime_type": media_type, "file_uri": url}}),
        Blob::Address { media_type: None, url } => json!({"file_data": {"file_uri": url}}),
        Blob::Remote { .. } => {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!("`{place}` is an address; Google embeds files by their data (data:…), gs://… or its Files API"),
            ))
        }
    };
    let offsets = [("fps", "fps"), ("start_offset", "startOffset"), ("end_offset", "endOffset")];
    let video: Map<String, Value> = offsets
        .into_iter()
        .filter_map(|(name, own)| Some((own.to_owned(), file?["video_metadata"].get(name)?.clone())))
        .collect();
    if !video.is_empty() {
        out["video_metadata"] = video.into();
    }
    Ok(out)
}

fn is_file(text: &str) -> bool {
    ["gs://", "data:", "files/", media::FILES_API].iter().any(|start| text.starts_with(start))
}

/// All that is counted where Google does not count.
fn texts(input: &[Value]) -> String {
    let mut out = String::new();
    for element in input {
        let group = match element {
            Value::Array(group) => group.as_slice(),
            one => std::slice::from_ref(one),
        };
        group.iter().filter_map(Value::as_str).filter(|text| !is_file(text)).for_each(|text| out.push_str(text));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(given: Value) -> Parameters {
        let mut own = body(given.as_object().unwrap().clone());
        Parameters::take(&mut own)
    }

    fn written(body: Body<'_>) -> Value {
        serde_json::from_slice(&body.write()).unwrap()
    }

    #[test]
    fn each_input_is_a_request_and_a_list_within_is_one() {
        let input = [json!("a"), json!(["b", "data:image/png;base64,AA=="])];
        assert_eq!(
            written(batch("m", &input, &parameters(json!({"dimensions": 3, "input_type": "T"}))).unwrap()),
            json!({"requests": [
                {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 3, "taskType": "T"},
                {"model": "models/m", "outputDimensionality": 3, "taskType": "T",
                 "content": {"parts": [{"text": "b"}, {"inline_data": {"mime_type": "image/png", "data": "AA=="}}]}},
            ]})
        );
        assert!(batch("m", &[json!([])], &parameters(json!({}))).is_err());
        assert!(batch("m", &[json!(7)], &parameters(json!({}))).is_err());
    }

    #[test]
    fn vertex_predicts_or_embeds_a_content() {
        let asked = parameters(json!({"dimensions": 3, "task_type": "T", "auto_truncate": true}));
        assert_eq!(
            written(predict("text-embedding-005", &[json!("a")], &asked).unwrap()),
            json!({
                "instances": [{"content": "a", "task_type": "T"}],
                "parameters": {"outputDimensionality": 3, "auto_truncate": true},
            })
        );
        assert_eq!(
            written(predict("123", &[json!("a")], &parameters(json!({}))).unwrap())["instances"],
            json!([{"inputs": "a"}])
        );
        assert!(takes_content("gemini-embedding-2-preview") && !takes_content("gemini-embedding-001"));
        let film = json!({"type": "file", "file": {"file_id": "gs://b/x.mp4", "video_metadata": {"start_offset": "1s"}}});
        assert_eq!(
            written(content(&[film], &parameters(json!({}))).unwrap()),
            json!({"content": {"parts": [
                {"file_data": {"mime_type": "video/mp4", "file_uri": "gs://b/x.mp4"}, "video_metadata": {"startOffset": "1s"}},
            ]}})
        );
    }
}
