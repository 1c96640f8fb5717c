//! The crate's rerankers, which need no provider: `edgequake/local/bm25`, `hybrid`, `rrf` and `term-overlap`.
//!
//! They are arithmetic, of which a large request has much: it runs on a thread for blocking work, so that other calls go on.

use edgequake_llm::reranker::{BM25Reranker, HybridReranker, RRFReranker, RerankResult, Reranker, TermOverlapReranker};
use serde_json::value::RawValue;
use serde_json::{json, Value};

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};

/// The provider's name of these rerankers.
pub const PROVIDER: &str = "local";

/// A reranking that has been checked.
#[derive(Clone, Debug)]
pub struct Local {
    method: Method,
    query: String,
    documents: Vec<String>,
    top_n: Option<usize>,
    return_documents: bool,
}

#[derive(Clone, Debug)]
enum Method {
    /// By the words that the query and a document share, and by how rare they are (Okapi BM25).
    Bm25,
    /// BM25 and the caller's ranking of the same documents, as one.
    Hybrid(Option<Vec<usize>>),
    /// The caller's rankings as one (reciprocal rank fusion).
    Rrf(Vec<Vec<usize>>),
    /// By the share of the query's words that a document has.
    TermOverlap,
}

const PARAMETERS: &[&str] = &["query", "documents", "top_n", "return_documents", "vector_ranking", "rankings"];

/// litellm's parameters that mean nothing here.
const REFUSED: &[&str] = &["rank_fields", "max_chunks_per_doc", "max_tokens_per_doc", "instruction"];

impl Local {
    /// Checks a request for the method `name`.
    pub fn prepare(name: &str, request: &Request<'_>) -> Result<Local> {
        let drop = request.bool("drop_params")?.or(request.setting_bool("drop_params")?).unwrap_or(false);
        if let Some(name) = REFUSED.iter().find(|name| request.has(name) && !drop) {
            return Err(Error::new(
                ErrorKind::UnsupportedParams,
                format!(
                    "the local rerankers do not know `{name}`; they take {}. Leave it out, or pass drop_params=True",
                    PARAMETERS.join(", ")
                ),
            ));
        }
        let query = request
            .str("query")?
            .ok_or_else(|| Error::bad_request("`query` is missing; say what the documents are sought for"))?;
        let raw = request.raw("documents").ok_or_else(|| Error::bad_request("`documents` is missing; give a list of texts"))?;
        let list: Vec<&RawValue> = json::read(raw).ok_or_else(|| wrong_type("documents", "a list of texts", raw))?;
        let documents = list.into_iter().map(document).collect::<Result<Vec<_>>>()?;
        if documents.is_empty() {
            return Err(Error::bad_request("`documents` is empty; give the texts that shall be put in order"));
        }
        let ranking = |name: &str, raw: &RawValue| -> Result<Vec<usize>> {
            let list: Vec<usize> = json::read(raw).ok_or_else(|| wrong_type(name, "a list of indexes of documents", raw))?;
            match list.iter().find(|index| **index >= documents.len()) {
                Some(index) => Err(Error::bad_request(format!(
                    "`{name}` has the index {index}, and there are {} documents",
                    documents.len()
                ))),
                None => Ok(list),
            }
        };
        let method = match name {
            "bm25" => Method::Bm25,
            "term-overlap" => Method::TermOverlap,
            "hybrid" => Method::Hybrid(request.raw("vector_ranking").map(|raw| ranking("vector_ranking", raw)).transpose()?),
            "rrf" => {
                let raw = request.raw("rankings").ok_or_else(|| {
                    Error::bad_request(
                        "`rankings` is missing; give the rankings that shall become one, each a list of indexes of documents",
                    )
                })?;
                let lists: Vec<&RawValue> =
                    json::read(raw).ok_or_else(|| wrong_type("rankings", "a list of lists of indexes", raw))?;
                Method::Rrf(lists.into_iter().map(|raw| ranking("rankings", raw)).collect::<Result<_>>()?)
            }
            other => {
                return Err(Error::bad_request(format!(
                    "{other:?} is not a local reranker; there are edgequake/local/bm25, hybrid, rrf and term-overlap"
                )))
            }
        };
        let top_n = request.count("top_n")?.map(|n| n as usize);
        let return_documents = request.bool("return_documents")?.unwrap_or(false);
        Ok(Local { method, query: query.into_owned(), documents, top_n, return_documents })
    }

    /// The answer in Cohere's form, as of every reranking.
    pub async fn run(&self) -> Result<Vec<u8>> {
        let own = self.clone();
        let ranked = tokio::task::spawn_blocking(move || own.rank()).await.map_err(|_| {
            Error::new(ErrorKind::InternalServer, "a defect in the crate edgequake-llm: it panicked on this call")
        })??;
        let results: Vec<Value> = ranked
            .into_iter()
            .map(|RerankResult { index, relevance_score }| {
                let mut result = json!({"index": index, "relevance_score": relevance_score});
                if self.return_documents {
                    result["document"] = json!({"text": self.documents[index]});
                }
                result
            })
            .collect();
        Ok(json!({"id": uuid::Uuid::new_v4().to_string(), "results": results}).to_string().into_bytes())
    }

    fn rank(&self) -> Result<Vec<RerankResult>> {
        let ranked = match &self.method {
            Method::Bm25 => at_once(BM25Reranker::new().rerank(&self.query, &self.documents, self.top_n)),
            Method::TermOverlap => at_once(TermOverlapReranker::new().rerank(&self.query, &self.documents, self.top_n)),
            Method::Hybrid(other) => {
                at_once(HybridReranker::new().rerank_hybrid(&self.query, &self.documents, other.clone(), self.top_n))
            }
            Method::Rrf(rankings) => {
                let mut fused = RRFReranker::new().fuse(rankings, self.documents.len());
                fused.truncate(self.top_n.unwrap_or(usize::MAX));
                Ok(fused)
            }
        };
        // Where the query has no word in it, the crate gives all documents, whatever was asked for.
        let mut ranked = ranked.map_err(super::errors::from_llm)?;
        ranked.truncate(self.top_n.unwrap_or(usize::MAX));
        Ok(ranked)
    }
}

/// The crate's functions are asynchronous in form only.
fn at_once<T>(work: impl std::future::Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(work).expect("a local reranker waits for nothing")
}

/// A text, or an object with one.
fn document(raw: &RawValue) -> Result<String> {
    let text = match json::read::<Value>(raw) {
        Some(Value::String(text)) => Some(text),
        Some(Value::Object(object)) => object.get("text").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    text.ok_or_else(|| wrong_type("documents", "a list of texts, or of objects with a `text`", raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, members: &str) -> Result<Value> {
        let text = format!(
            "{{\"query\":\"capital of France\",\"documents\":[\"Berlin is a town\",\"The capital of France is Paris\",{{\"text\":\"France\"}}]{members}}}"
        );
        let request = Request::parse(text.as_bytes()).unwrap();
        let local = Local::prepare(name, &request)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Ok(serde_json::from_slice(&runtime.block_on(local.run())?).unwrap())
    }

    fn order(answer: &Value) -> Vec<u64> {
        answer["results"].as_array().unwrap().iter().map(|result| result["index"].as_u64().unwrap()).collect()
    }

    #[test]
    fn words_decide() {
        for name in ["bm25", "hybrid", "term-overlap"] {
            let answer = run(name, r#","return_documents":true"#).unwrap();
            assert_eq!(order(&answer)[..2], [1, 2], "{name}: {answer}");
            assert_eq!(answer["results"][0]["document"]["text"], "The capital of France is Paris");
        }
        assert_eq!(order(&run("bm25", r#","top_n":1"#).unwrap()), [1]);
        assert_eq!(order(&run("bm25", r#","query":"?!","top_n":1"#).unwrap()).len(), 1);
    }

    #[test]
    fn rankings_become_one() {
        assert_eq!(order(&run("rrf", r#","rankings":[[2,0,1],[2,1,0],[0,2,1]]"#).unwrap()), [2, 0, 1]);
        assert_eq!(order(&run("hybrid", r#","vector_ranking":[1,0,2]"#).unwrap())[0], 1);
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        for (name, members, part) in [
            ("bm26", "", "bm25"),
            ("rrf", "", "rankings"),
            ("rrf", r#","rankings":[[3]]"#, "index 3"),
            ("rrf", r#","rankings":[["a"]]"#, "indexes"),
            ("bm25", r#","rank_fields":["a"]"#, "rank_fields"),
            ("bm25", r#","documents":[]"#, "empty"),
            ("bm25", r#","documents":[1]"#, "texts"),
        ] {
            let error = run(name, members).unwrap_err();
            assert!(error.message.contains(part), "{name}{members}: {}", error.message);
        }
    }
}
