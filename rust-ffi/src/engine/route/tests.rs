//! Which way a request takes, for each place that a fact about it can come from.

use super::question::get_llm_provider_in;
use super::*;
use crate::engine::error::ErrorKind;

fn route(request: &str, env: &[(&str, &str)]) -> Result<Route> {
    let env: Vec<(String, String)> = env.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    let lookup = move |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    resolve_in(&Request::parse(request.as_bytes()).unwrap(), &lookup)
}

fn parts(request: &str, env: &[(&str, &str)]) -> (String, String, String, Option<String>) {
    let route = route(request, env).unwrap();
    (route.provider, route.model, route.api_base, route.api_key.map(|k| k.expose().to_owned()))
}

#[test]
fn prefix_address_and_name_tell_the_provider() {
    let table = [
        (r#"{"model":"openai/gpt-4o","api_key":"k"}"#, "openai", "gpt-4o", "https://api.openai.com/v1"),
        (r#"{"model":"gpt-4o","api_key":"k"}"#, "openai", "gpt-4o", "https://api.openai.com/v1"),
        (r#"{"model":"openai/meta/llama-3","api_key":"k"}"#, "openai", "meta/llama-3", "https://api.openai.com/v1"),
        (r#"{"model":"groq/openai/gpt-oss-20b","api_key":"k"}"#, "groq", "openai/gpt-oss-20b", "https://api.groq.com/openai/v1"),
        (
            r#"{"model":"mixtral","api_base":"https://api.groq.com/openai/v1","api_key":"k"}"#,
            "groq",
            "mixtral",
            "https://api.groq.com/openai/v1",
        ),
        (
            r#"{"model":"my-model","custom_llm_provider":"custom_openai","api_base":"http://h/v1/","api_key":"k"}"#,
            "custom_openai",
            "my-model",
            "http://h/v1",
        ),
        (
            r#"{"model":"openai/gpt-4o","custom_llm_provider":"openai","api_key":"k"}"#,
            "openai",
            "gpt-4o",
            "https://api.openai.com/v1",
        ),
        (
            r#"{"model":"openrouter/auto","custom_llm_provider":"openrouter","api_key":"k"}"#,
            "openrouter",
            "openrouter/auto",
            "https://openrouter.ai/api/v1",
        ),
        (r#"{"model":"openrouter/a/b","api_key":"k"}"#, "openrouter", "a/b", "https://openrouter.ai/api/v1"),
        (
            r#"{"model":"gpt","deployment_id":"d","api_base":"https://x.openai.azure.com","api_key":"k"}"#,
            "azure",
            "d",
            "https://x.openai.azure.com",
        ),
        (r#"{"model":"hosted_vllm/m","base_url":"http://b","api_base":"http://a"}"#, "hosted_vllm", "m", "http://b"),
        (r#"{"model":"ai21/jamba-large","api_key":"k"}"#, "ai21_chat", "jamba-large", "https://api.ai21.com/studio/v1"),
        (r#"{"model":"fast","model_alias_map":{"fast":"groq/x"},"api_key":"k"}"#, "groq", "x", "https://api.groq.com/openai/v1"),
    ];
    for (request, provider, model, base) in table {
        let (p, m, b, _) = parts(request, &[]);
        assert_eq!((p.as_str(), m.as_str(), b.as_str()), (provider, model, base), "{request}");
    }
}

#[test]
fn the_proxy_takes_every_model() {
    let env = [("USE_LITELLM_PROXY", "True"), ("LITELLM_PROXY_API_BASE", "http://p"), ("LITELLM_PROXY_API_KEY", "k")];
    assert_eq!(
        parts(r#"{"model":"anthropic/claude-x"}"#, &env),
        ("litellm_proxy".into(), "anthropic/claude-x".into(), "http://p".into(), Some("k".into()))
    );
}

#[test]
fn keys_come_from_request_settings_environment() {
    let key = |request: &str, env: &[(&str, &str)]| parts(request, env).3.unwrap();
    let env = [("OPENAI_API_KEY", "env"), ("GROQ_API_KEY", "groq-env")];
    assert_eq!(key(r#"{"model":"openai/m","api_key":"own","settings":{"api_key":"any"}}"#, &env), "own");
    assert_eq!(key(r#"{"model":"openai/m","settings":{"openai_key":"o","api_key":"any"}}"#, &env), "any");
    assert_eq!(key(r#"{"model":"openai/m","settings":{"openai_key":"o"}}"#, &env), "o");
    assert_eq!(key(r#"{"model":"openai/m"}"#, &env), "env");
    // Another provider's key is nearer than the program's one key, and OpenAI's is never sent elsewhere.
    assert_eq!(key(r#"{"model":"groq/m","settings":{"api_key":"any"}}"#, &env), "groq-env");
    assert_eq!(key(r#"{"model":"groq/m","settings":{"groq_key":"g"}}"#, &env), "g");
    assert_eq!(key(r#"{"model":"xai/m","settings":{"api_key":"any"}}"#, &env), "any");
    assert!(route(r#"{"model":"xai/m"}"#, &env).is_err());
    assert_eq!(key(r#"{"model":"lm_studio/m","api_base":"http://h"}"#, &[]), "fake-api-key");
    let token = route(r#"{"model":"azure/m","azure_ad_token":"t","api_base":"https://h"}"#, &[]).unwrap();
    assert_eq!(token.api_key, None);
    assert!(route(r#"{"model":"groq/m","extra_headers":{"Authorization":"Bearer x"}}"#, &[]).unwrap().api_key.is_none());
}

#[test]
fn addresses_come_from_request_settings_environment() {
    let base = |request: &str, env: &[(&str, &str)]| parts(request, env).2;
    let env = [("OPENAI_API_BASE", "http://old"), ("OPENAI_BASE_URL", "http://new/"), ("GROQ_API_BASE", "http://g")];
    assert_eq!(base(r#"{"model":"gpt-4o","api_key":"k"}"#, &env), "http://new");
    assert_eq!(base(r#"{"model":"gpt-4o","api_key":"k","settings":{"api_base":"http://set"}}"#, &env), "http://set");
    assert_eq!(base(r#"{"model":"groq/m","api_key":"k","settings":{"api_base":"http://set"}}"#, &env), "http://g");
    let error = route(r#"{"model":"hosted_vllm/m"}"#, &[]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    assert!(error.message.contains("HOSTED_VLLM_API_BASE"), "{}", error.message);
}

#[test]
fn a_missing_key_names_the_variables() {
    let error = route(r#"{"model":"perplexity/sonar"}"#, &[]).unwrap_err();
    assert_eq!((error.kind, error.status_code), (ErrorKind::Authentication, 401));
    assert!(error.message.contains("PERPLEXITYAI_API_KEY, PERPLEXITY_API_KEY"), "{}", error.message);
    assert_eq!((error.provider.as_str(), error.model.as_str()), ("perplexity", "sonar"));
}

#[test]
fn unknown_providers_are_refused_with_a_cure() {
    for request in [
        r#"{"model":"nonsense-model"}"#,
        r#"{"model":"nosuch/whatever","api_key":"k"}"#,
        r#"{"model":"m","custom_llm_provider":"nosuch"}"#,
    ] {
        let error = route(request, &[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.starts_with("LLM Provider NOT provided"), "{}", error.message);
    }
    assert!(route("{}", &[]).unwrap_err().message.contains("`model` is missing"));
    let error = route(r#"{"model":"anthropic_text/claude-x","api_key":"k"}"#, &[]).unwrap_err();
    assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::BadRequest, "anthropic_text"));
}

#[test]
fn h13_line_breaks_and_foreign_characters_are_refused_and_not_shown() {
    for bad in [
        r#"{"model":"openai/m\n","api_key":"k"}"#,
        r#"{"model":"openai/m\u0000","api_key":"k"}"#,
        r#"{"model":"openai/m","api_key":"sk-secret\r\nx"}"#,
        r#"{"model":"openai/m","api_key":"sk-secret\n"}"#,
        r#"{"model":"openai/m","api_key":"sk-secretü"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"http://h\n/v1"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"http://hö/v1"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"file:///etc/passwd"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"localhost:8000/v1"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"https://"}"#,
        r#"{"model":"openai/m","api_key":"k","api_base":"https:///v1"}"#,
    ] {
        let error = route(bad, &[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest, "{bad}");
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
    assert!(!format!("{:?}", route(r#"{"model":"gpt-4o","api_key":"sk-secret"}"#, &[]).unwrap()).contains("sk-secret"));
}

#[test]
fn the_question_answers_litellms_tuple() {
    let ask = |request: &str| {
        let answer = get_llm_provider_in(&Request::parse(request.as_bytes()).unwrap(), &|_| None).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        (
            answer["model"].as_str().unwrap().to_owned(),
            answer["custom_llm_provider"].as_str().unwrap().to_owned(),
            answer["dynamic_api_key"].as_str().map(str::to_owned),
            answer["api_base"].as_str().map(str::to_owned),
        )
    };
    let text = |s: &str| s.to_owned();
    assert_eq!(ask(r#"{"model":"anthropic/claude-x"}"#), (text("claude-x"), text("anthropic"), None, None));
    assert_eq!(ask(r#"{"model":"openrouter/a/b"}"#), (text("a/b"), text("openrouter"), None, None));
    assert_eq!(ask(r#"{"model":"lm_studio/x"}"#), (text("x"), text("lm_studio"), Some(text("fake-api-key")), None));
    assert_eq!(ask(r#"{"model":"text-embedding-3-small"}"#), (text("text-embedding-3-small"), text("openai"), None, None));
    assert_eq!(
        ask(r#"{"model":"deepseek/deepseek-chat"}"#),
        (text("deepseek-chat"), text("deepseek"), None, Some(text("https://api.deepseek.com/beta")))
    );
    assert_eq!(
        ask(r#"{"model":"ollama/llama3.1"}"#),
        (text("llama3.1"), text("ollama"), None, Some(text("http://localhost:11434")))
    );
}
