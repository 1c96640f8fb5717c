//! stub
use crate::engine::error::Result;
use crate::engine::request::Request;
use crate::wire::{Operation, StreamEvent};
pub struct Call;
pub fn model_of(_r: &Request<'_>) -> Result<Option<String>> { Ok(None) }
pub fn prepare(_o: Operation, _m: &str, _r: &Request<'_>) -> Result<Call> { Ok(Call) }
pub struct S;
impl S { pub async fn next(&mut self) -> Option<Result<StreamEvent>> { None } }
impl Call { pub async fn run(&self) -> Result<Vec<u8>> { Ok(vec![]) } pub async fn stream(&self) -> Result<S> { Ok(S) } }
pub fn catalog() -> Vec<String> { Vec::new() }
