//! Requests through a client whose quotas count in memory, and in a real Redis.

use std::sync::mpsc::{self, Receiver};

use serde_json::{json, Value};

use super::super::client::Client;
use super::super::control::Control;
use super::super::event::{Action, Event, Sink};
use super::*;

struct Collect(Mutex<mpsc::Sender<Event>>);

impl Sink for Collect {
    fn emit(&self, event: Event) -> Action {
        let _ = self.0.lock().unwrap().send(event);
        Action::Continue
    }
}

fn client(limits: Value) -> Arc<Client> {
    stored(limits, json!({"type": "memory"}))
}

fn stored(limits: Value, store: Value) -> Arc<Client> {
    let prices =
        json!({"gpt-test": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002, "litellm_provider": "openai"}});
    let config = json!({"quotas": {"q": {"store": store, "limits": limits, "prices": prices}}});
    Client::new(config.to_string().as_bytes()).unwrap()
}

/// Starts a call that a mock answers: 10 tokens in, 20 out, as litellm's mocks say.
fn start(client: &Arc<Client>, more: Value) -> (Receiver<Event>, Arc<Control>) {
    let mut request = json!({
        "model": "openai/gpt-test", "messages": [{"role": "user", "content": "hi"}], "mock_response": "hello", "quota": "q", "api_key": "sk-secret-key",
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let ((send, receive), control) = (mpsc::channel(), Arc::new(Control::default()));
    client
        .start("completion", request.to_string().as_bytes(), &[], Arc::new(Collect(Mutex::new(send))), control.clone())
        .unwrap();
    (receive, control)
}

fn end(events: &Receiver<Event>) -> Result<Value> {
    loop {
        match events.recv_timeout(Duration::from_secs(20)).expect("a call ends") {
            Event::Done { answer, .. } => return Ok(serde_json::from_slice(&answer).unwrap_or_default()),
            Event::Failed(error) => return Err(error),
            _ => {}
        }
    }
}

fn call(client: &Arc<Client>, more: Value) -> Result<Value> {
    end(&start(client, more).0)
}

#[test]
fn requests_are_counted_for_each_user() {
    let client = client(json!([{"name": "slow", "per": "user", "rpm": 2}]));
    for user in ["ann", "bob"] {
        assert!(call(&client, json!({"user": user})).is_ok() && call(&client, json!({"user": user})).is_ok());
        let error = call(&client, json!({"user": user})).unwrap_err();
        assert_eq!((error.kind, error.status_code, error.attempts), (ErrorKind::RateLimit, 429, 0));
        assert!(
            error.message.contains("\"slow\"") && error.message.contains(user) && error.message.contains("2 of 2 requests"),
            "{error}"
        );
        let wait = error.retry_after.unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
    }
    assert!((0..5).all(|_| call(&client, json!({})).is_ok()), "a request that names no user has no such limit");
}

#[test]
fn who_must_say_whose_he_is() {
    let client = client(json!([{"per": "team", "rpm": 9, "required": true}]));
    let error = call(&client, json!({})).unwrap_err();
    assert!(error.kind == ErrorKind::BadRequest && error.message.contains("names no team"), "{error}");
    assert!(call(&client, json!({"metadata": {"team": "red"}})).is_ok());
}

#[test]
fn a_limit_that_a_router_would_pass_by_is_refused() {
    let config = json!({
        "quotas": {"q": {"limits": [{"per": "provider", "rpm": 9}]}, "m": {"limits": [{"per": "model", "rpm": 1}]}},
        "routers": {"r": {"model_list": [{"model_name": "gpt-4o", "litellm_params": {"model": "azure/x", "api_key": "sk-1", "api_base": "https://a"}}]}},
    });
    let client = Client::new(config.to_string().as_bytes()).unwrap();
    let routed = |quota: &str| call(&client, json!({"model": "gpt-4o", "router": "r", "quota": quota}));
    let error = routed("q").unwrap_err();
    assert!(error.kind == ErrorKind::BadRequest && error.message.contains("per provider"), "{error}");
    assert!(routed("m").is_ok());
    assert!(routed("m").unwrap_err().message.contains("of model \"gpt-4o\""));
}

#[test]
fn a_limit_may_be_for_some_only() {
    let client = client(json!([
        {"name": "mini", "per": "model", "match": "openai/gpt-4o*", "rpm": 0},
        {"name": "key", "per": "key", "match": ["sk-other-key"], "rpm": 0},
        {"name": "tag", "per": "tag", "match": "batch", "rpm": 1},
    ]));
    assert!(call(&client, json!({})).is_ok());
    let met = |more| call(&client, more).unwrap_err().message.clone();
    assert!(met(json!({"model": "openai/gpt-4o-mini"})).contains("\"mini\""));
    let other = met(json!({"api_key": "sk-other-key"}));
    assert!(other.contains("\"key\"") && !other.contains("sk-other"), "{other}");
    assert!(call(&client, json!({"tags": ["batch", "night"]})).is_ok());
    assert!(met(json!({"metadata": {"tags": ["batch"]}})).contains("\"tag\""));
}

#[test]
fn tokens_are_reserved_before_and_settled_after() {
    let client = client(json!([{"tpm": 100}]));
    // About 8 go in, up to 80 may come out; 30 are used.
    assert!(call(&client, json!({"max_tokens": 80})).is_ok());
    assert!(call(&client, json!({"max_tokens": 60})).is_ok());
    let error = call(&client, json!({"max_tokens": 60})).unwrap_err();
    assert!(error.message.contains("60 of 100 tokens"), "{error}");
    assert!(call(&client, json!({})).is_ok(), "where nothing says how long the answer is, the prompt counts");
    let long = "word ".repeat(300);
    let error = call(&client, json!({"messages": [{"role": "user", "content": long}]})).unwrap_err();
    assert!(error.message.contains("it never fits") && error.retry_after.is_none(), "{error}");
}

#[test]
fn a_stream_counts_what_it_said() {
    let client = client(json!([{"tpm": 1000, "parallel": 1}]));
    let text = "word ".repeat(950);
    assert!(call(&client, json!({"stream": true, "mock_response": text})).is_ok());
    let error = call(&client, json!({"max_tokens": 100})).unwrap_err();
    assert!(error.message.contains("tokens"), "{error}");
}

#[test]
fn money_is_counted_and_never_lost() {
    let client = client(json!([{"name": "purse", "per": "all", "budget": 0.1, "budget_duration": "1d"}]));
    // 10 × 0.001 + 20 × 0.002 dollars each.
    assert!(call(&client, json!({})).is_ok() && call(&client, json!({})).is_ok());
    let error = call(&client, json!({})).unwrap_err();
    assert_eq!((error.kind, error.status_code), (ErrorKind::BudgetExceeded, 429));
    assert!(
        error.message.starts_with("Budget has been exceeded! Current cost: 0.1, Max budget: 0.1 (limit \"purse\""),
        "{error}"
    );
    let body: Value = serde_json::from_str(error.body.as_ref().unwrap()).unwrap();
    assert_eq!((&body["used"], &body["max"], &body["per"]), (&json!(0.1), &json!(0.1), &json!("all")));
    assert!(error.retry_after.unwrap() <= Duration::from_secs(86_400));
}

#[test]
fn what_a_request_may_cost_at_most_counts_at_once() {
    let client = client(json!([{"budget": 0.1}]));
    let error = call(&client, json!({"max_tokens": 50})).unwrap_err();
    assert!(error.message.contains("this request may cost 0.1"), "{error}");
    let own = json!({"max_tokens": 50, "input_cost_per_token": 0.0001, "output_cost_per_token": 0.0001});
    assert!(call(&client, own).is_ok(), "a price of the request's own goes before");
}

#[test]
fn calls_at_once_wait_for_room_where_they_may() {
    let client = client(json!([{"parallel": 1}]));
    let slow = json!({"mock_delay": 0.3});
    let (first, control) = start(&client, slow.clone());
    let busy = |client: &Arc<Client>| loop {
        // The first may not have been polled yet.
        if let Err(error) = call(client, json!({})) {
            return error;
        }
    };
    let error = busy(&client);
    assert!(error.kind == ErrorKind::RateLimit && error.message.contains("1 of 1 calls at once"), "{error}");
    control.cancel();
    assert_eq!(end(&first).unwrap_err().kind, ErrorKind::Cancelled);
    let start_of_wait = Instant::now();
    while call(&client, json!({})).is_err() {
        assert!(start_of_wait.elapsed() < Duration::from_secs(10), "a cancelled call gives its place back");
    }
    let patient = self::client(json!([{"parallel": 1, "wait": 10}]));
    let calls: Vec<_> = (0..4).map(|_| start(&patient, json!({"mock_delay": 0.05})).0).collect();
    assert!(calls.iter().all(|events| end(events).is_ok()), "they wait for each other");
}

#[test]
fn a_call_that_was_never_sent_uses_nothing() {
    let client = client(json!([{"rpm": 1, "tpm": 100, "budget": 1}]));
    for _ in 0..3 {
        let unknown = json!({"mock_response": null, "api_base": "not an address"});
        let error = call(&client, unknown).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest, "{error}");
    }
    assert!(call(&client, json!({})).is_ok());
}

#[test]
fn a_changed_limit_forgets_nothing() {
    let client = client(json!([{"name": "n", "rpm": 2}]));
    assert!(call(&client, json!({})).is_ok() && call(&client, json!({})).is_ok());
    let configure = |limits: Value| client.ask("configure", json!({"quotas": {"q": limits}}).to_string().as_bytes());
    configure(json!({"limits": [{"name": "n", "rpm": 3}]})).unwrap();
    assert!(call(&client, json!({})).is_ok() && call(&client, json!({})).is_err());
    configure(Value::Null).unwrap();
    let request = json!({"model": "openai/m", "messages": [], "mock_response": "x", "quota": "q"}).to_string();
    let sink = Arc::new(Collect(Mutex::new(mpsc::channel().0)));
    let error = client.start("completion", request.as_bytes(), &[], sink, Arc::default()).unwrap_err();
    assert!(error.message.contains("no quota \"q\""), "{error}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (quota, named) in [
        (json!({"limits": []}), "`limits`"),
        (json!({"limits": [{"rpm": 1}], "limit": 1}), "\"limit\""),
        (json!({"limits": [{"rpm": 1, "rps": 2}]}), "\"rps\""),
        (json!({"limits": [{"per": "user"}]}), "limits nothing"),
        (json!({"limits": [{"per": "planet", "rpm": 1}]}), "`per`"),
        (json!({"limits": [{"rpm": -1}]}), "`rpm`"),
        (json!({"limits": [{"rpm": 1.5}]}), "`rpm`"),
        (json!({"limits": [{"rpm": 1}, {"rpm": 2}]}), "two limits are named \"all\""),
        (json!({"limits": [{"match": "x", "rpm": 1}]}), "`match`"),
        (json!({"limits": [{"budget": "1"}]}), "`budget`"),
        (json!({"limits": [{"rpm": 1, "budget_duration": "1d"}]}), "without a `budget`"),
        (json!({"limits": [{"budget": 1, "budget_duration": "1y"}]}), "`budget_duration`"),
        (json!({"limits": [{"rpm": 1, "on_store_failure": "panic"}]}), "`on_store_failure`"),
        (json!({"limits": [{"per": "deployment", "budget": 1}]}), "budget per deployment"),
        (json!({"limits": [{"rpm": 1, "window": 0}]}), "`window`"),
        (json!({"limits": [{"rpm": 1}], "store": {"type": "disk"}}), "`type`"),
        (json!({"limits": [{"rpm": 1}], "store": {"type": "redis", "host": "h", "hots": 1}}), "\"hots\""),
        (json!({"limits": [{"rpm": 1}], "store": {"type": "redis", "host": "h", "namespace": "{a}"}}), "`namespace`"),
    ] {
        let error = Client::new(json!({"quotas": {"mine": quota}}).to_string().as_bytes()).err().expect(named);
        assert!(error.message.contains(named) && error.message.contains("quota \"mine\""), "{error}");
    }
}

#[test]
fn a_deployment_has_limits_of_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let raw = RawValue::from_string(json!({"limits": [{"per": "deployment", "match": "eu-*", "parallel": 2}]}).to_string())
            .unwrap();
        let quota = Quota::new("q", &raw, None, &Servers::default()).unwrap();
        let (rates, soon) = (Rates { rpm: Some(3), tpm: Some(100), parallel: None }, || Instant::now() + Duration::from_secs(9));
        let one = quota.take("eu-1", rates, 30, soon()).await.unwrap().unwrap();
        let _two = quota.take("eu-1", rates, 30, soon()).await.unwrap();
        assert!(quota.take("eu-1", rates, 30, soon()).await.err().unwrap().message.contains("calls at once"));
        one.settle(1, 70, 0).await;
        assert!(
            quota.take("eu-1", rates, 30, soon()).await.err().unwrap().message.contains("70 of 100")
                || quota.take("eu-1", rates, 1, soon()).await.is_err()
        );
        assert!(quota.take("us-1", rates, 30, soon()).await.is_ok());
        assert!(quota.take("us-2", Rates::default(), 30, soon()).await.unwrap().is_none(), "no limit, no hold");
    });
}

#[test]
fn a_limit_per_deployment_is_refused_where_no_router_counts_it() {
    let deployments =
        json!([{"model_name": "g", "litellm_params": {"model": "openai/gpt-test", "mock_response": "hello", "api_key": "k"}}]);
    let config = json!({
        "quotas": {
            "q": {"limits": [{"per": "user", "rpm": 9}, {"name": "each", "per": "deployment", "rpm": 1}]},
            "other": {"limits": [{"rpm": 9}]},
        },
        "routers": {
            "counts": {"model_list": deployments, "quota": "q", "num_retries": 0},
            "counts not": {"model_list": deployments},
        },
    });
    let client = Client::new(config.to_string().as_bytes()).unwrap();
    let refused = |more: Value| {
        let mut request = json!({"model": "g", "messages": [{"role": "user", "content": "hi"}], "quota": "q"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (send, _receive) = mpsc::channel();
        let sink = Arc::new(Collect(Mutex::new(send)));
        let error = client.start("completion", request.to_string().as_bytes(), &[], sink, Arc::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        error.message.clone()
    };
    assert!(refused(json!({"model": "openai/gpt-test", "api_key": "k"})).contains("through no router"));
    let message = refused(json!({"router": "counts not"}));
    assert!(message.contains("limit \"each\" of quota \"q\"") && message.contains("not configured with it"), "{message}");
    let asked = json!({"model": "g", "router": "counts", "user": "ann", "mock_response": null, "api_key": null});
    call(&client, asked.clone()).unwrap();
    let message = call(&client, asked).unwrap_err().message.clone();
    assert!(message.contains("\"each\" of deployment"), "{message}");
}

mod cut;
#[cfg(unix)]
mod redis;
