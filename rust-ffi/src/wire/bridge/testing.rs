//! What the tests of the translations share.

use serde_json::Value;

use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::engine::route;
use crate::wire::{prepare, Head, HttpCall, Operation};

/// The call of a request: the `usual` members, and those of the test.
pub fn call(operation: Operation, mut usual: Value, members: Value) -> Result<HttpCall> {
    usual.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let text = usual.to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let route = route::resolve(&request)?;
    prepare(operation, &route, &request)
}

/// The body of a call that must be a chat.
pub fn body(call: Result<HttpCall>) -> Result<Value> {
    let call = call?;
    assert!(call.url.ends_with("/chat/completions"), "{}", call.url);
    Ok(serde_json::from_slice(&call.body).unwrap())
}

pub fn head() -> Head {
    Head { status: 200, headers: Vec::new() }
}
