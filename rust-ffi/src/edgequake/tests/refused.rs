//! What is found before any network.

use serde_json::{json, Value};

use super::super::*;
use super::{call, prepared};

#[test]
fn the_model_says_which_road() {
    let road = |request: Value| {
        let text = request.to_string();
        model_of(&Request::parse(text.as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(road(json!({"model": "edgequake/openai/org/m"})).as_deref(), Some("openai/org/m"));
    assert_eq!(road(json!({"model": "mock/m"})).as_deref(), Some("mock/m"));
    assert_eq!(road(json!({"model": "m", "custom_llm_provider": "mock"})).as_deref(), Some("mock/m"));
    assert_eq!(road(json!({"model": "openai/m", "custom_llm_provider": "edgequake"})).as_deref(), Some("openai/m"));
    assert_eq!(road(json!({"model": "edgequake/m", "custom_llm_provider": "openai"})), None);
    assert_eq!(road(json!({"model": "openai/gpt-4o"})), None);
}

#[test]
fn what_the_traits_cannot_carry_is_refused_or_dropped_when_asked() {
    let with = |model: &str, more: Value| {
        let mut request =
            json!({"messages": [{"role": "user", "content": "hi"}], "api_key": "k", "api_base": "http://127.0.0.1:9/v1"});
        if model.starts_with("gemini") || model.starts_with("vertexai") {
            request = json!({"messages": [{"role": "user", "content": "hi"}], "api_key": "k", "vertex_project": "p"});
        }
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(model, request)
    };
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let strict = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {}}});
    for (model, parameter, value) in [
        ("openai/m", "n", json!(2)),
        ("openai/m", "seed", json!(1)),
        ("openai/m", "user", json!("u")),
        ("openai/m", "logprobs", json!(true)),
        ("openai/m", "logit_bias", json!({"1": 1})),
        ("openai/m", "service_tier", json!("flex")),
        ("openai/m", "top_k", json!(5)),
        ("openai/m", "parallel_tool_calls", json!(true)),
        ("openai/m", "response_format", strict),
        ("openai/gpt-4o", "reasoning_effort", json!("high")),
        ("anthropic/claude-3-opus", "frequency_penalty", json!(1)),
        ("anthropic/claude-3-opus", "response_format", json!({"type": "json_object"})),
        ("cohere/command", "top_p", json!(0.5)),
        ("gemini/gemini-2.0-flash", "reasoning_effort", json!("low")),
        ("vertexai/gemini-2.5-pro", "presence_penalty", json!(1)),
    ] {
        let error = with(model, json!({ parameter: value })).err().unwrap_or_else(|| panic!("{model} takes {parameter}"));
        assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{}", error.message);
        let provider = model.split('/').next().unwrap();
        assert!(error.message.contains(parameter) && error.message.contains(provider), "{}", error.message);
        assert!(with(model, json!({ parameter: value, "drop_params": true })).is_ok(), "{model} {parameter}");
        assert!(with(model, json!({ parameter: value, "settings": {"drop_params": true} })).is_ok(), "{model} {parameter}");
        assert!(with(model, json!({ parameter: value, "additional_drop_params": [parameter] })).is_ok(), "{model} {parameter}");
    }
    let both = json!({"tools": tool, "response_format": {"type": "json_object"}});
    assert!(with("openai/m", both).err().unwrap().message.contains("requests with tools"));
    for (control, value) in [
        ("extra_body", json!({"a": 1})),
        ("extra_query", json!({"a": "1"})),
        ("ssl_verify", json!(false)),
        ("api_version", json!("v")),
        ("extra_headers", json!({"Authorization": "x"})),
    ] {
        let error = with("openai/m", json!({ control: value, "drop_params": true })).err().unwrap();
        assert_eq!(error.kind, ErrorKind::UnsupportedParams, "{control} steers the call and is never dropped");
    }
    for (more, what) in [
        (json!({"temperature": 1e300}), "temperature"),
        (json!({"tool_choice": "auto"}), "needs `tools`"),
        (json!({"tools": tool, "tool_choice": "maybe"}), "tool_choice"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"api_base": "ftp://h"}), "api_base"),
        (json!({"api_base": "http://h/v1?x=1"}), "api_base"),
    ] {
        let error = with("openai/m", more).err().unwrap();
        assert!(error.kind == ErrorKind::BadRequest && error.message.contains(what), "{error:?}");
    }
}

#[test]
fn credentials_are_checked_and_never_shown() {
    for model in ["anthropic/claude-3-opus", "openrouter/m", "openai/m"] {
        let request =
            json!({"messages": [{"role": "user", "content": "hi"}], "api_key": "sk-secret\n", "api_base": "http://127.0.0.1:9"});
        let error = call(model, request).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Authentication);
        assert!(error.message.contains("`api_key`") && !error.message.contains("sk-secret"), "{}", error.message);
    }
    let error = call("vscode-copilot/gpt", json!({"messages": [{"role": "user", "content": "hi"}], "api_key": "sk-secret"}))
        .err()
        .unwrap();
    assert!(error.message.contains("api_key") && !error.message.contains("sk-secret"));
}

#[test]
fn unknown_providers_and_operations_are_named() {
    let refused = |operation, model: &str| {
        prepared(&Pool::default(), operation, model, json!({"messages": [], "input": "x"})).err().unwrap()
    };
    assert!(refused(Operation::Completion, "nobody/m").message.contains("it has openai, azure"));
    assert!(refused(Operation::Completion, "fal/m").message.contains("only images"));
    assert!(refused(Operation::Completion, "openai").message.contains("edgequake/<provider>/<model>"));
    assert!(refused(Operation::Completion, "jina/m").message.contains("does not chat"));
    assert!(refused(Operation::Embedding, "anthropic/m").message.contains("does not embed"));
}

#[test]
fn the_catalog_tells_of_every_provider() {
    let catalog = catalog();
    assert_eq!(catalog.len(), ProviderCatalog::all().len());
    let find = |id: &str| catalog.iter().find(|provider| provider.id == id).unwrap();
    assert_eq!(
        (find("openai").streaming, find("anthropic").streaming, find("fal-ai").streaming),
        (Some("replayed"), Some("live"), None)
    );
    assert!(
        find("openai").parameters.contains(&"response_format")
            && !find("openai").parameters_with_tools.contains(&"response_format")
    );
    let completion = |model: &str| supported_params(model, Operation::Completion);
    let openai = completion("openai/gpt-x").unwrap();
    assert!(openai.contains(&"response_format") && openai.contains(&"parallel_tool_calls") && !openai.contains(&"seed"));
    assert_eq!((completion("jina/j"), completion("nobody/m")), (None, None));
    assert_eq!(supported_params("gemini/e", Operation::Embedding), Some(vec!["dimensions"]));
}
