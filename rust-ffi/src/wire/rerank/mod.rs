//! Rerankings: documents in the order in which they answer a query.
//!
//! The request and the answer have Cohere's form, as in litellm; other providers have other addresses and names for the same, which
//! `forms.rs` lists.

mod answer;
mod forms;

use serde_json::Value;

use self::answer::Decoder;
use self::forms::Form;
use super::body::{Body, Json};
use super::errors::Origin;
use super::http::{bearer, headers, with_query};
use super::params::sort::{self, Known, Rules};
use super::{openai, HttpCall, Operation};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;

/// litellm's parameters that a provider may lack.
pub const CHECKED: &[&str] =
    &["top_n", "rank_fields", "return_documents", "max_chunks_per_doc", "max_tokens_per_doc", "instruction"];

/// The call of a checked request.
pub fn prepare(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let row = openai::row(&route.provider)?;
    let form = forms::find(row.name).ok_or_else(|| Operation::Rerank.unavailable(row.name))?;
    let rules = Rules::of(request)?;
    let known = Known { checked: CHECKED, supported: form.supported, unsent: &["user"], ..Known::default() };
    for name in ["query", "documents"] {
        if !request.has(name) {
            return Err(Error::bad_request(format!("`{name}` is missing; a reranking takes a query and a list of documents")));
        }
    }
    let raw = request.raw("documents").filter(|raw| raw.get().starts_with('['));
    let count = raw.and_then(json::read::<Vec<&serde_json::value::RawValue>>).map(|list| list.len());
    let count = match (count, request.raw("documents")) {
        (Some(0), _) => return Err(Error::bad_request("`documents` is empty; give the texts that shall be put in order")),
        (Some(count), _) => count,
        (None, Some(raw)) => return Err(wrong_type("documents", "a list of texts or objects", raw)),
        (None, None) => 0,
    };
    let mut body = sort::plain(row, &form.model(&route.model), request, &rules, &known)?;
    form.rename(&mut body);
    sort::finish(&mut body, row, Operation::Rerank, request, &rules)?;
    let url = with_query(form.address(row, route, &body), request)?;
    let credentials = route.api_key.as_ref().map(|key| bearer(key.expose())).into_iter().collect();
    let headers = headers(row, request, credentials, false)?;
    let origin = Origin::new(row, Operation::Rerank, &route.model, route.api_key.clone());
    let decode = Decoder { origin, form, count };
    Ok(HttpCall { headers, ..HttpCall::post(url, body.write(), Box::new(decode)) })
}

impl Form {
    /// The provider's names for what the caller gave.
    fn rename(&self, body: &mut Body<'_>) {
        for (name, own) in self.renames {
            if let Some(value) = body.remove(name) {
                body.set(*own, value);
            }
        }
        for (name, value) in self.members {
            if !body.has(name) {
                body.set(*name, Json::Own((*value).to_owned()));
            }
        }
        if self.one_query_each {
            // Each document is compared with a query of its own.
            let documents = body.get("documents").and_then(Json::read::<Vec<Value>>).unwrap_or_default();
            if let Some(query) = body.remove("query").and_then(|query| query.read::<Value>()) {
                body.set("queries", Value::from(vec![query; documents.len()]).into());
            }
            body.remove("model");
        }
    }
}

#[cfg(test)]
mod tests;
