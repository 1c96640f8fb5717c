use super::*;
use crate::engine::error::ErrorKind;
use crate::engine::route;
use crate::wire::Head;
use serde_json::json;

fn call(model: &str, base: &str, members: &str) -> Result<HttpCall> {
    let base = if base.is_empty() { String::new() } else { format!(",\"api_base\":\"{base}\"") };
    let text = format!("{{\"model\":\"{model}\",\"api_key\":\"k\"{base},\"query\":\"q\",\"documents\":[\"a\",\"b\"]{members}}}");
    let request = Request::parse(text.as_bytes()).unwrap();
    let route = route::resolve(&request).unwrap();
    super::prepare(&route, &request)
}

fn body(call: &HttpCall) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

#[test]
fn each_provider_has_its_address() {
    for (model, base, url) in [
        ("jina_ai/m", "", "https://api.jina.ai/v1/rerank"),
        ("jina_ai/m", "http://h/v1/rerank", "http://h/v1/rerank"),
        ("voyage/m", "", "https://api.voyageai.com/v1/rerank"),
        ("voyage/m", "http://h", "http://h/v1/rerank"),
        ("together_ai/m", "http://h/v1", "http://h/v1/rerank"),
        ("hosted_vllm/m", "http://h", "http://h/rerank"),
        ("hosted_vllm/m", "http://h/v1/rerank", "http://h/rerank"),
        ("infinity/m", "http://h", "http://h/rerank"),
        ("deepinfra/Qwen/R", "", "https://api.deepinfra.com/v1/inference/Qwen/R"),
        ("dashscope/m", "", "https://dashscope.aliyuncs.com/compatible-api/v1/reranks"),
        ("litellm_proxy/m", "http://h", "http://h/v1/rerank"),
        ("litellm_proxy/m", "http://h/v2/rerank", "http://h/v2/rerank"),
    ] {
        assert_eq!(call(model, base, "").unwrap().url, url, "{model} at {base:?}");
    }
}

#[test]
fn a_key_of_mongodbs_goes_to_mongodb() {
    assert_eq!(call("voyage/m", "", r#","api_key":"al-k""#).unwrap().url, "https://ai.mongodb.com/v1/rerank");
    assert_eq!(call("voyage/m", "http://h/v1", r#","api_key":"al-k""#).unwrap().url, "http://h/v1/rerank");
}

#[test]
fn parameters_have_the_providers_names() {
    let sent = body(&call("voyage/m", "", r#","top_n":1,"return_documents":true"#).unwrap());
    assert_eq!(sent, json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": true}));
    let sent = body(&call("deepinfra/m", "", r#","instruction":"i""#).unwrap());
    assert_eq!(sent, json!({"documents": ["a", "b"], "queries": ["q", "q"], "instruction": "i"}));
    let sent = body(&call("huggingface/m", "http://h", r#","return_documents":true"#).unwrap());
    assert_eq!((&sent["texts"], &sent["return_text"], &sent["raw_scores"]), (&json!(["a", "b"]), &json!(true), &json!(false)));
    assert_eq!(body(&call("fireworks_ai/qwen3-reranker-8b", "", "").unwrap())["model"], "fireworks/qwen3-reranker-8b");
}

#[test]
fn what_a_provider_lacks_is_refused_or_dropped() {
    let error = call("jina_ai/m", "", r#","rank_fields":["t"]"#).err().unwrap();
    assert_eq!(error.kind, ErrorKind::UnsupportedParams);
    assert!(error.message.contains("rank_fields"), "{}", error.message);
    assert!(body(&call("jina_ai/m", "", r#","rank_fields":["t"],"drop_params":true"#).unwrap()).get("rank_fields").is_none());
    assert!(call("groq/m", "", "").err().unwrap().message.contains("rerank"));
    for bad in [r#","documents":[]"#, r#","documents":"a""#, r#","documents":null"#, r#","query":null"#] {
        assert_eq!(call("jina_ai/m", "", bad).err().unwrap().kind, ErrorKind::BadRequest, "{bad}");
    }
}

fn answer(model: &str, wire: Value) -> Result<Value> {
    let call = call(model, "http://h", "")?;
    let head = Head { status: 200, headers: Vec::new() };
    Ok(serde_json::from_slice(&call.decode.answer(&head, wire.to_string().into())?).unwrap())
}

#[test]
fn answers_have_one_form() {
    let got = answer(
        "jina_ai/m",
        json!({"results": [{"index": 1, "relevance_score": 0.9, "document": "b"}], "usage": {"total_tokens": 9}}),
    );
    let got = got.unwrap();
    assert_eq!(got["results"], json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}]));
    assert_eq!(got["meta"], json!({"billed_units": {"total_tokens": 9}, "tokens": {}}));
    assert_eq!(got["id"].as_str().unwrap().len(), 36);
    let got = answer("voyage/m", json!({"data": [{"index": 0, "relevance_score": 1}], "usage": {"total_tokens": 9}})).unwrap();
    assert_eq!(got["meta"]["tokens"], json!({"input_tokens": 9, "output_tokens": 0}));
    let got = answer("infinity/m", json!({"id": "i", "results": [], "usage": {"prompt_tokens": 3, "total_tokens": 5}})).unwrap();
    assert_eq!((&got["id"], &got["meta"]["tokens"]), (&json!("i"), &json!({"input_tokens": 3, "output_tokens": 2})));
    let got = answer("deepinfra/m", json!({"scores": [0.1, 0.9], "input_tokens": 4, "request_id": "r"})).unwrap();
    assert_eq!((&got["id"], &got["results"][1]), (&json!("r"), &json!({"index": 1, "relevance_score": 0.9})));
    let got = answer("huggingface/m", json!([{"index": 1, "score": 0.5, "text": "b"}])).unwrap();
    assert_eq!(got["results"], json!([{"index": 1, "relevance_score": 0.5, "document": {"text": "b"}}]));
}

#[test]
fn an_answer_that_is_no_reranking_is_an_error() {
    for (model, wire) in [
        ("jina_ai/m", json!({"usage": {}})),
        // There is no third document.
        ("jina_ai/m", json!({"results": [{"index": 2, "relevance_score": 1}]})),
        ("jina_ai/m", json!({"results": [{"index": 0}]})),
        ("deepinfra/m", json!({"scores": [1]})),
        ("huggingface/m", json!({"error": "loading"})),
        ("voyage/m", json!({"error": {"message": "no"}})),
    ] {
        assert!(answer(model, wire.clone()).is_err(), "{model}: {wire}");
    }
}
