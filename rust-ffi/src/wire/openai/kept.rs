//! What a provider keeps for its user: files, batches of requests, and responses that were stored.
//!
//! Source: OpenAI's API reference ("Files", "Batch", "Responses"). Answers are handed on as they came.

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::Value;

use super::answer::Reader;
use super::form;
use super::request::Target;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::Request;
use crate::engine::route::Route;
use crate::wire::body::Json;
use crate::wire::errors::Origin;
use crate::wire::file;
use crate::wire::http::{headers, with_pairs, with_query, UNRESERVED};
use crate::wire::multipart::Form;
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::{Decode, Head, HttpCall, Operation, StreamDecode, StreamEvent};

/// How an operation is asked for: the method, the argument that names the thing, what stands before and behind it in the path, and the
/// arguments that go into the query.
struct Shape {
    method: Method,
    collection: &'static str,
    /// The argument with the id; None where the whole collection is meant.
    id: Option<&'static str>,
    tail: &'static str,
    query: &'static [&'static str],
}

fn shape_of(operation: Operation) -> Option<Shape> {
    const PAGE: &[&str] = &["after", "limit", "order", "purpose"];
    let (method, collection, id, tail, query) = match operation {
        Operation::CreateFile => (Method::POST, "files", None, "", &[][..]),
        Operation::FileList => (Method::GET, "files", None, "", PAGE),
        Operation::FileRetrieve => (Method::GET, "files", Some("file_id"), "", &[][..]),
        Operation::FileDelete => (Method::DELETE, "files", Some("file_id"), "", &[][..]),
        Operation::FileContent => (Method::GET, "files", Some("file_id"), "/content", &[][..]),
        Operation::CreateBatch => (Method::POST, "batches", None, "", &[][..]),
        Operation::ListBatches => (Method::GET, "batches", None, "", &PAGE[..2]),
        Operation::RetrieveBatch => (Method::GET, "batches", Some("batch_id"), "", &[][..]),
        Operation::CancelBatch => (Method::POST, "batches", Some("batch_id"), "/cancel", &[][..]),
        Operation::GetResponse => (Method::GET, "responses", Some("response_id"), "", &["include"][..]),
        Operation::DeleteResponse => (Method::DELETE, "responses", Some("response_id"), "", &[][..]),
        Operation::CancelResponse => (Method::POST, "responses", Some("response_id"), "/cancel", &[][..]),
        Operation::ListInputItems => {
            (Method::GET, "responses", Some("response_id"), "/input_items", &["after", "before", "include", "limit", "order"][..])
        }
        _ => return None,
    };
    Some(Shape { method, collection, id, tail, query })
}

/// The path of an operation behind a server's address; None for one that asks a model.
pub fn path(operation: Operation, request: &Request<'_>) -> Result<Option<String>> {
    let Some(shape) = shape_of(operation) else { return Ok(None) };
    let Some(name) = shape.id else { return Ok(Some(shape.collection.to_owned())) };
    let id = request.str(name)?.filter(|id| !id.trim().is_empty()).ok_or_else(|| missing(name))?;
    if matches!(id.as_ref(), "." | "..") {
        return Err(Error::bad_request(format!("`{name}` is no id")));
    }
    // A slash or a question mark in an id must not lead to another address.
    Ok(Some(format!("{}/{}{}", shape.collection, utf8_percent_encode(&id, UNRESERVED), shape.tail)))
}

fn missing(name: &str) -> Error {
    Error::bad_request(format!("`{name}` is missing or empty; give the id that the provider gave"))
}

/// Makes the call.
pub fn prepare(
    row: &'static Provider,
    operation: Operation,
    route: &Route,
    request: &Request<'_>,
    target: Target<'_>,
) -> Result<HttpCall> {
    let shape = shape_of(operation).ok_or_else(|| operation.unavailable(row.name))?;
    let rules = Rules::of(request)?;
    let (content_type, body) = match operation {
        Operation::CreateFile => file_form(row, request, &rules)?,
        Operation::CreateBatch => ("application/json".to_owned(), batch(row, request, &rules)?),
        _ => (String::new(), Vec::new()),
    };
    let stream = operation == Operation::FileContent;
    let mut headers = headers(row, request, target.credentials, false)?;
    headers.retain(|(name, _)| name != "content-type");
    if !content_type.is_empty() {
        headers.push(("content-type".to_owned(), content_type));
    }
    let mut pairs = serde_json::Map::new();
    for name in shape.query {
        pairs.extend(request.raw(name).and_then(json::read::<Value>).map(|value| ((*name).to_owned(), value)));
    }
    let url = with_query(with_pairs(target.url, &pairs), request)?;
    let decode = Box::new(Decoder { origin: Origin::new(row, operation, &route.model, route.api_key.clone()), operation });
    Ok(HttpCall { method: shape.method, headers, stream, ..HttpCall::post(url, body, decode) })
}

fn file_form(row: &Provider, request: &Request<'_>, rules: &Rules<'_>) -> Result<(String, Vec<u8>)> {
    let file = file::one(request, "file")?.ok_or_else(|| Error::bad_request("`file` is missing; give the file to upload"))?;
    if request.str("purpose")?.is_none_or(|purpose| purpose.is_empty()) {
        return Err(Error::bad_request("`purpose` is missing; say what the file is for, as in purpose=\"batch\""));
    }
    let mut body = sort::plain(row, "", request, rules, &Known::default())?;
    body.remove("model");
    body.remove("file");
    sort::finish(&mut body, row, Operation::CreateFile, request, rules)?;
    let mut out = Form::new(file.bytes.len());
    form::write(&mut out, &body)?;
    out.file("file", &file.filename, &file.content_type, file.bytes);
    Ok(out.finish())
}

fn batch(row: &Provider, request: &Request<'_>, rules: &Rules<'_>) -> Result<Vec<u8>> {
    for (name, what) in [
        ("input_file_id", "the id of a file of requests"),
        ("endpoint", "the path that answers them, such as \"/v1/chat/completions\""),
    ] {
        if request.str(name)?.is_none_or(|value| value.is_empty()) {
            return Err(Error::bad_request(format!("`{name}` is missing; give {what}")));
        }
    }
    // Elsewhere it is the caller's own record; here the provider keeps it.
    let known = Known { own: &["metadata"], ..Known::default() };
    let mut body = sort::plain(row, "", request, rules, &known)?;
    body.remove("model");
    if !body.has("completion_window") {
        body.set("completion_window", Json::Own("\"24h\"".to_owned()));
    }
    sort::finish(&mut body, row, Operation::CreateBatch, request, rules)?;
    Ok(body.write())
}

/// Reads what comes back.
struct Decoder {
    origin: Origin,
    operation: Operation,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let reader = Reader { origin: &self.origin, status: head.status, json_tool: None, qualified: false };
        let (_, top) = reader.top(&body)?;
        let (name, begins) = match self.operation {
            Operation::FileList | Operation::ListBatches | Operation::ListInputItems => ("data", '['),
            _ => ("id", '"'),
        };
        if top.get(name).is_some_and(|raw: &&RawValue| raw.get().starts_with(begins)) {
            return Ok(body.into());
        }
        Err(self.origin.incomplete(&body, &format!("the answer has no `{name}`")))
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.origin.refusal(head, body)
    }

    fn stream(&self, _: &Head) -> Box<dyn StreamDecode> {
        Box::new(Content)
    }
}

/// A file's bytes. HTTP itself tells a cut from an end, and a file may be empty.
struct Content;

impl StreamDecode for Content {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        if !bytes.is_empty() {
            out.push(StreamEvent::Bytes(bytes.to_vec()));
        }
        Ok(false)
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::route;
    use crate::wire::prepare;

    fn call(operation: Operation, provider: &str, members: Value) -> Result<HttpCall> {
        let mut whole = json!({"api_base": "http://h/v1", "api_key": "the-key", "custom_llm_provider": provider});
        whole.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let text = whole.to_string();
        let request = Request { attachments: vec![b"{}\n"], ..Request::parse(text.as_bytes()).unwrap() };
        let route = route::resolve_keeper(&request)?;
        prepare(operation, &route, &request)
    }

    #[test]
    fn each_operation_has_its_method_and_path() {
        let id = json!({"file_id": "f", "batch_id": "b", "response_id": "r", "limit": 3, "after": "a", "order": "asc", "purpose": "p q"});
        for (operation, expected) in [
            (Operation::FileRetrieve, "GET http://h/v1/files/f"),
            (Operation::FileDelete, "DELETE http://h/v1/files/f"),
            (Operation::FileContent, "GET http://h/v1/files/f/content"),
            (Operation::FileList, "GET http://h/v1/files?after=a&limit=3&order=asc&purpose=p%20q"),
            (Operation::RetrieveBatch, "GET http://h/v1/batches/b"),
            (Operation::CancelBatch, "POST http://h/v1/batches/b/cancel"),
            (Operation::ListBatches, "GET http://h/v1/batches?after=a&limit=3"),
            (Operation::GetResponse, "GET http://h/v1/responses/r"),
            (Operation::DeleteResponse, "DELETE http://h/v1/responses/r"),
            (Operation::CancelResponse, "POST http://h/v1/responses/r/cancel"),
            (Operation::ListInputItems, "GET http://h/v1/responses/r/input_items?after=a&limit=3&order=asc"),
        ] {
            let call = call(operation, "openai", id.clone()).unwrap();
            assert_eq!(format!("{} {}", call.method, call.url), expected);
            assert!(call.body.is_empty() && call.headers.iter().all(|(name, _)| name != "content-type"));
            assert_eq!(call.stream, operation == Operation::FileContent);
        }
    }

    #[test]
    fn files_and_batches_are_written_as_openai_takes_them() {
        let file =
            call(Operation::CreateFile, "openai", json!({"file": {"attachment": 0, "filename": "a.jsonl"}, "purpose": "batch"}));
        let file = file.unwrap();
        let body = String::from_utf8(file.body.to_vec()).unwrap();
        assert!(body.contains("name=\"purpose\"\r\n\r\nbatch") && body.contains("filename=\"a.jsonl\""), "{body}");
        assert!(file.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("multipart/form-data")));
        let batch = json!({"input_file_id": "f", "endpoint": "/v1/embeddings", "metadata": {"a": "b"}, "extra_body": {"x": 1}});
        let batch = call(Operation::CreateBatch, "openai", batch).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&batch.body).unwrap(),
            json!({"input_file_id": "f", "endpoint": "/v1/embeddings", "metadata": {"a": "b"}, "completion_window": "24h", "x": 1})
        );
    }

    #[test]
    fn azure_keeps_them_beside_its_deployments() {
        let url = |operation, version: &str| {
            let id =
                json!({"file_id": "f", "response_id": "r", "api_base": "https://x.openai.azure.com", "api_version": version});
            call(operation, "azure", id).unwrap().url
        };
        assert_eq!(
            url(Operation::FileRetrieve, "2024-10-21"),
            "https://x.openai.azure.com/openai/files/f?api-version=2024-10-21"
        );
        assert_eq!(url(Operation::FileRetrieve, "v1"), "https://x.openai.azure.com/openai/v1/files/f");
        assert_eq!(
            url(Operation::GetResponse, "2024-10-21"),
            "https://x.openai.azure.com/openai/responses/r?api-version=2024-10-21"
        );
    }

    #[test]
    fn what_is_missing_is_named_before_anything_is_sent() {
        for (operation, provider, members, word) in [
            (Operation::FileRetrieve, "openai", json!({}), "file_id"),
            (Operation::FileRetrieve, "openai", json!({"file_id": ".."}), "file_id"),
            (Operation::CreateFile, "openai", json!({"purpose": "batch"}), "file"),
            (Operation::CreateFile, "openai", json!({"file": {"attachment": 0}}), "purpose"),
            (Operation::CreateBatch, "openai", json!({"endpoint": "/v1/embeddings"}), "input_file_id"),
            (Operation::FileList, "deepseek", json!({}), "file_list"),
            (Operation::GetResponse, "groq", json!({"response_id": "r"}), "get_responses"),
            (Operation::FileList, "anthropic", json!({}), "file_list"),
        ] {
            let error = call(operation, provider, members).err().unwrap();
            assert!(error.message.contains(word), "{}", error.message);
        }
        let slash = call(Operation::FileDelete, "openai", json!({"file_id": "../x?y"})).unwrap();
        assert_eq!(slash.url, "http://h/v1/files/..%2Fx%3Fy");
    }

    #[test]
    fn an_answer_is_what_it_says_or_an_error() {
        let head = Head { status: 200, headers: Vec::new() };
        let list = call(Operation::FileList, "openai", json!({})).unwrap().decode;
        assert!(list.answer(&head, r#"{"object":"list","data":[]}"#.into()).is_ok());
        for bad in [r#"{"id":"f"}"#, "<html>", "", r#"{"error":{"message":"m"}}"#] {
            assert!(list.answer(&head, bad.into()).is_err(), "{bad}");
        }
        let (mut content, mut out) =
            (call(Operation::FileContent, "openai", json!({"file_id": "f"})).unwrap().decode.stream(&head), Vec::new());
        assert!(!content.feed(b"line\n", &mut out).unwrap());
        content.end(&mut out).unwrap();
        assert_eq!(out, [StreamEvent::Bytes(b"line\n".to_vec())]);
    }
}
