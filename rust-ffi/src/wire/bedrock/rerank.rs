//! Rerankings: `Rerank` of the runtime of Bedrock's agents.
//!
//! Source: AWS's API reference (Rerank). litellm signs it for the service "bedrock", and so does botocore.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{json, Value};

use super::models::Name;
use super::{address, refusal};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::aws::{self, Region};
use crate::wire::body::Body;
use crate::wire::errors::Origin;
use crate::wire::http::{headers, join, with_query};
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::rerank::CHECKED;
use crate::wire::{Decode, Head, HttpCall, Operation};

pub fn prepare(row: &'static Provider, route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let name = Name::of(&route.model)?;
    let region = Region::of(request, name.region)?;
    let rules = Rules::of(request)?;
    // litellm's function asks for documents unless it is told otherwise; Bedrock's results never hold them.
    let unsent = &["user", "model_id", "query", "documents", "return_documents"];
    let known = Known { checked: CHECKED, supported: &["top_n"], unsent, ..Known::default() };
    let query = request.str("query")?.ok_or_else(|| missing("query"))?;
    let raw = request.raw("documents").ok_or_else(|| missing("documents"))?;
    let documents: Vec<Value> = json::read(raw).ok_or_else(|| wrong_type("documents", "a list of texts or objects", raw))?;
    if documents.is_empty() {
        return Err(Error::bad_request("`documents` is empty; give the texts that shall be put in order"));
    }
    let mut given = sort::plain(row, &route.model, request, &rules, &known)?;
    given.remove("model");
    let wanted = given.remove("top_n").and_then(|n| n.read::<u64>()).filter(|n| *n > 0).unwrap_or(documents.len() as u64);
    let count = documents.len();
    let mut body = Body::default();
    body.set("queries", json!([{"textQuery": {"text": query}, "type": "TEXT"}]).into());
    let configuration = json!({
        "bedrockRerankingConfiguration": {
            "modelConfiguration": {"modelArn": arn(name.id, &region)},
            "numberOfResults": wanted.min(count as u64),
        },
        "type": "BEDROCK_RERANKING_MODEL",
    });
    body.set("rerankingConfiguration", configuration.into());
    body.set("sources", documents.into_iter().enumerate().map(source).collect::<Result<Value>>()?.into());
    for (name, value) in given {
        body.set(name, value);
    }
    sort::finish(&mut body, row, Operation::Rerank, request, &rules)?;
    let base = address(route, request, &region)?.replace("bedrock-runtime", "bedrock-agent-runtime");
    let url = with_query(join(&base, "rerank"), request)?;
    // Keys of Bedrock's own are for the models' runtime alone: this is always signed.
    let headers = headers(row, request, Vec::new(), false)?;
    let signs = !headers.iter().any(|(name, value)| name == "authorization" && !value.starts_with("AWS4-"));
    let credentials = if signs { Some(aws::signer(request, region, "bedrock", &url)?) } else { None };
    let origin = Origin::new(row, Operation::Rerank, &route.model, route.api_key.clone());
    Ok(HttpCall { headers, credentials, ..HttpCall::post(url, body.write(), Box::new(Decoder { origin, count })) })
}

fn missing(name: &str) -> Error {
    Error::bad_request(format!("`{name}` is missing; a reranking takes a query and a list of documents"))
}

fn source((at, document): (usize, Value)) -> Result<Value> {
    let inline = match document {
        Value::String(text) => json!({"textDocument": {"text": text}, "type": "TEXT"}),
        Value::Object(_) => json!({"jsonDocument": document, "type": "JSON"}),
        _ => return Err(Error::bad_request(format!("`documents[{at}]` must be a text or an object"))),
    };
    Ok(json!({"inlineDocumentSource": inline, "type": "INLINE"}))
}

/// A model's name in full, which `Rerank` wants.
fn arn(id: &str, region: &Region) -> String {
    if id.starts_with("arn:") {
        return id.to_owned();
    }
    let partition = match region.name() {
        name if name.starts_with("us-gov-") => "aws-us-gov",
        name if name.starts_with("cn-") => "aws-cn",
        _ => "aws",
    };
    format!("arn:{partition}:bedrock:{}::foundation-model/{id}", region.name())
}

struct Decoder {
    origin: Origin,
    count: usize,
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        let text = self.origin.text(head.status, &body)?;
        let unreadable = || self.origin.unreadable(head.status, &body, "the answer is not JSON");
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| unreadable())?;
        let whole: Value = json::read(raw).unwrap_or_default();
        let result = |result: &Value| {
            let known = result["index"].as_u64().is_some_and(|index| (index as usize) < self.count);
            let score = &result["relevanceScore"];
            (known && score.is_number()).then(|| json!({"index": result["index"], "relevance_score": score}))
        };
        let results: Option<Vec<Value>> = whole["results"].as_array().and_then(|list| list.iter().map(result).collect());
        let results = results.ok_or_else(|| self.origin.incomplete(&body, "the answer has no list of results"))?;
        // litellm's count of a reranking whose units are not told.
        let meta = json!({"billed_units": {"search_units": 1}});
        let id = uuid::Uuid::new_v4().to_string();
        Ok(json!({"id": id, "results": results, "meta": meta}).to_string().into_bytes())
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        refusal(&self.origin, head, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::wire::providers::find;

    fn prepared(model: &str, mut arguments: Value) -> Result<HttpCall> {
        arguments["aws_region_name"] = "us-gov-west-1".into();
        let (id, key) = ("AKIDEXAMPLE", "a-secret-access-key");
        (arguments["aws_access_key_id"], arguments["aws_secret_access_key"]) = (id.into(), key.into());
        let route = Route { provider: "bedrock".into(), model: model.into(), api_base: String::new(), api_key: None };
        let text = arguments.to_string();
        prepare(find("bedrock").unwrap(), &route, &Request::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_reranking_is_asked_of_the_runtime_of_agents() {
        let given = json!({"query": "q", "documents": ["a", {"b": 1}], "top_n": 1, "return_documents": true});
        let call = prepared("cohere.rerank-v3-5:0", given).unwrap();
        assert_eq!(call.url, "https://bedrock-agent-runtime.us-gov-west-1.amazonaws.com/rerank");
        assert!(call.credentials.is_some());
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let arn = "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/cohere.rerank-v3-5:0";
        let model = json!({"modelArn": arn});
        assert_eq!(
            body,
            json!({
                "queries": [{"textQuery": {"text": "q"}, "type": "TEXT"}],
                "rerankingConfiguration": {
                    "bedrockRerankingConfiguration": {"modelConfiguration": model, "numberOfResults": 1}, "type": "BEDROCK_RERANKING_MODEL",
                },
                "sources": [
                    {"inlineDocumentSource": {"textDocument": {"text": "a"}, "type": "TEXT"}, "type": "INLINE"},
                    {"inlineDocumentSource": {"jsonDocument": {"b": 1}, "type": "JSON"}, "type": "INLINE"},
                ],
            })
        );
    }

    #[test]
    fn an_arn_stays_and_what_cannot_be_ranked_is_refused() {
        let arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0";
        let call = prepared(arn, json!({"query": "q", "documents": ["a"]})).unwrap();
        assert!(String::from_utf8_lossy(&call.body).contains(&format!("\"modelArn\":\"{arn}\"")));
        for bad in [
            json!({"query": "q"}),
            json!({"documents": ["a"]}),
            json!({"query": "q", "documents": []}),
            json!({"query": "q", "documents": [1]}),
        ] {
            assert!(prepared(arn, bad).is_err());
        }
        for name in ["rank_fields", "max_chunks_per_doc"] {
            let mut asked = json!({"query": "q", "documents": ["a"]});
            asked[name] = json!(1);
            let error = prepared(arn, asked.clone()).err().unwrap();
            assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains(name), "{}", error.message);
            asked["drop_params"] = true.into();
            assert!(!String::from_utf8_lossy(&prepared(arn, asked).unwrap().body).contains(name));
        }
    }

    #[test]
    fn results_are_coheres() {
        let origin = Origin::new(find("bedrock").unwrap(), Operation::Rerank, "m", None);
        let decoder = Decoder { origin, count: 2 };
        let read = |body: &str| decoder.answer(&Head { status: 200, headers: Vec::new() }, body.to_owned().into());
        let answer: Value = serde_json::from_slice(&read(r#"{"results":[{"index":1,"relevanceScore":0.68}]}"#).unwrap()).unwrap();
        assert_eq!(answer["results"], json!([{"index": 1, "relevance_score": 0.68}]));
        for bad in ["", "[]", "{}", r#"{"results":[{"index":2,"relevanceScore":1}]}"#, r#"{"results":[{"index":0}]}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
