//! Requests against deployments that fail by a schedule, in simulated time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{json, Value};
use tokio::time::Instant;

use super::super::{Routed, Router};
use super::{deployment, router};
use crate::engine::client::Client;
use crate::engine::error::{Error, ErrorKind};
use crate::engine::plan::{Asked, Course};
use crate::engine::request::Request;
use crate::wire::Operation;

const SECOND: Duration = Duration::from_secs(1);

/// Deployments that fail by a schedule: the error of each, if it has one, at a second.
type World<'w> = &'w dyn Fn(&str, u64) -> Option<Error>;

/// What became of one request.
struct Told {
    /// Who was asked, in order.
    asked: Vec<String>,
    result: Result<String, Error>,
    took: Duration,
}

fn request(client: &Client, router: &Arc<Router>, more: &Value) -> (Asked, Course) {
    let mut all = json!({ "model": "g", "messages": [{ "role": "user", "content": "hi" }] });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let text = all.to_string();
    let parsed = Request::parse(text.as_bytes()).unwrap();
    let course = Routed::course(router.clone(), &client.objects.quotas, &parsed, false).unwrap();
    (Asked::new(Operation::Completion, text.as_bytes(), &[]), course)
}

/// Leads one request through, as the engine does, with a world in place of the network.
async fn run(client: &Arc<Client>, router: &Arc<Router>, more: &Value, began: Instant, world: World<'_>) -> Told {
    let (asked, Course { mut candidates, mut observers, total }) = request(client, router, more);
    let (start, mut told, mut failed) = (Instant::now(), Vec::new(), None);
    let result = loop {
        let (call, wait) = match candidates.next(client, &asked, failed.take()).await {
            Ok(next) => next,
            Err(error) => break Err(error),
        };
        tokio::time::sleep(wait).await;
        assert!(start.elapsed() <= total, "nothing is sent after the deadline");
        let id = call.route.model.clone();
        told.push(id.clone());
        tokio::time::sleep(Duration::from_millis(20)).await;
        match world(&id, began.elapsed().as_secs()) {
            Some(error) => failed = Some(error),
            None => {
                client.buckets.give_back(call.bucket);
                observers.iter_mut().for_each(|observer| observer.done(br#"{"usage":{"completion_tokens":5}}"#, b"{}"));
                break Ok(id);
            }
        }
    };
    if let Err(error) = &result {
        observers.iter_mut().for_each(|observer| observer.failed(error));
    }
    Told { asked: told, result, took: start.elapsed() }
}

fn failure(kind: ErrorKind, status: u16) -> Option<Error> {
    let mut error = Error::new(kind, format!("status {status}"));
    error.http_status = Some(status);
    Some(error)
}

fn three(more: &Value) -> Arc<Router> {
    let mut config = json!({
        "model_list": [deployment("g", "a", json!({})), deployment("g", "b", json!({})), deployment("g", "c", json!({})),
            deployment("backup", "d", json!({})), deployment("backup", "e", json!({})), deployment("large", "f", json!({}))],
        "fallbacks": [{ "g": ["backup"] }],
        "context_window_fallbacks": [{ "g": ["large"] }],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    router(&config)
}

async fn once(config: &Value, more: &Value, world: World<'_>) -> Told {
    run(&Client::new(b"").unwrap(), &three(config), more, Instant::now(), world).await
}

#[tokio::test(start_paused = true)]
async fn each_retry_takes_another_deployment_at_once_and_then_the_fallback() {
    let told = once(&json!({}), &json!({}), &|id, _| if id < "d" { failure(ErrorKind::InternalServer, 500) } else { None }).await;
    let mut first = told.asked[..3].to_vec();
    first.sort();
    assert_eq!(first, ["a", "b", "c"]);
    assert_eq!(told.asked.len(), 4);
    assert!(told.result.is_ok() && told.took < SECOND, "{:?}", told.took);
}

#[tokio::test(start_paused = true)]
async fn a_group_of_one_waits_before_it_asks_again() {
    let config = json!({ "model_list": [deployment("g", "a", json!({}))], "retry_after": 3 });
    let told = once(&config, &json!({ "num_retries": 3 }), &|_, _| failure(ErrorKind::InternalServer, 503)).await;
    assert_eq!((told.asked.len(), told.took >= SECOND * 9), (4, true));
    assert_eq!(told.result.unwrap_err().kind, ErrorKind::InternalServer);
}

#[tokio::test(start_paused = true)]
async fn bad_requests_are_not_made_again_and_windows_have_their_own_fallbacks() {
    let bad = once(&json!({}), &json!({ "disable_fallbacks": true }), &|_, _| failure(ErrorKind::BadRequest, 400)).await;
    assert_eq!(bad.asked.len(), 1);
    let bad = once(&json!({}), &json!({}), &|_, _| failure(ErrorKind::BadRequest, 400)).await;
    assert_eq!(bad.asked.len(), 2, "but another model may take them");
    let long = once(&json!({}), &json!({}), &|id, _| {
        if id == "f" {
            None
        } else {
            failure(ErrorKind::ContextWindowExceeded, 400)
        }
    })
    .await;
    assert_eq!((long.asked.len(), long.result.unwrap()), (2, "f".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn another_key_is_tried_where_one_is_refused() {
    let told = once(&json!({}), &json!({}), &|id, _| {
        if id == "b" {
            None
        } else {
            failure(ErrorKind::Authentication, 401)
        }
    })
    .await;
    assert_eq!(told.result.unwrap(), "b");
    let none = once(&json!({}), &json!({ "num_retries": 9, "disable_fallbacks": true }), &|_, _| {
        failure(ErrorKind::Authentication, 401)
    })
    .await;
    assert_eq!(none.asked.len(), 3, "each is asked once");
}

#[tokio::test(start_paused = true)]
async fn policies_say_how_often_for_each_kind_of_failure() {
    let config = json!({
        "retry_policy": { "InternalServerErrorRetries": 0, "BadRequestErrorRetries": 1 },
        "model_group_retry_policy": { "backup": { "BadRequestErrorRetries": 4 } },
    });
    let off = json!({ "disable_fallbacks": true });
    let calls = |kind, status, more: Value| {
        let config = config.clone();
        async move { once(&config, &more, &|_, _| failure(kind, status)).await.asked.len() }
    };
    assert_eq!(calls(ErrorKind::InternalServer, 500, off.clone()).await, 1);
    assert_eq!(calls(ErrorKind::BadRequest, 400, off.clone()).await, 2);
    assert_eq!(calls(ErrorKind::RateLimit, 429, off.clone()).await, 3, "what no policy names has the usual number");
    let backup = json!({ "model": "backup" });
    assert_eq!(calls(ErrorKind::BadRequest, 400, backup).await, 5);
    assert_eq!(calls(ErrorKind::BadRequest, 400, json!({ "num_retries": 0, "disable_fallbacks": true })).await, 1);
}

#[tokio::test(start_paused = true)]
async fn lower_orders_are_asked_first_and_higher_ones_when_those_have_failed() {
    let order = |id: &str, order: u32| deployment("g", id, json!({ "order": order }));
    let config = json!({ "model_list": [order("a", 2), order("b", 1), order("c", 3)], "num_retries": 0, "fallbacks": [] });
    for (down, answers) in [("", "b"), ("b", "a"), ("ab", "c")] {
        let told = once(&config, &json!({}), &|id, _| {
            if down.contains(id) {
                failure(ErrorKind::InternalServer, 500)
            } else {
                None
            }
        })
        .await;
        assert_eq!(told.result.unwrap(), answers);
        assert_eq!(told.asked.len(), down.len() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn one_deadline_spans_everything() {
    let told =
        once(&json!({}), &json!({ "timeout": 2, "num_retries": 50 }), &|_, _| failure(ErrorKind::InternalServer, 500)).await;
    assert!(told.took <= SECOND * 2, "{:?}", told.took);
    let absurd = once(&json!({}), &json!({ "num_retries": 5, "disable_fallbacks": true }), &|_, _| {
        let mut error = failure(ErrorKind::RateLimit, 429).unwrap();
        error.retry_after = Some(SECOND * 9999);
        Some(error)
    })
    .await;
    assert_eq!(absurd.asked.len(), 3, "nobody waits that long for one that was asked already");
}

#[tokio::test(start_paused = true)]
async fn the_error_is_that_of_what_was_asked_for_and_tells_what_else_was_tried() {
    let told = once(&json!({}), &json!({}), &|id, _| {
        if id < "d" {
            failure(ErrorKind::RateLimit, 429)
        } else {
            failure(ErrorKind::InternalServer, 500)
        }
    })
    .await;
    let error = told.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimit);
    assert!(error.message.contains("Received Model Group=g") && error.message.contains("['backup']"), "{}", error.message);
    let nowhere = once(&json!({ "fallbacks": [] }), &json!({ "model": "nowhere" }), &|_, _| None).await;
    assert!(nowhere.result.unwrap_err().message.contains("model=nowhere. There are no healthy deployments"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_says_which_deployment_answered_and_why_others_did_not() {
    let client = Client::new(b"").unwrap();
    let (asked, Course { mut candidates, .. }) = request(&client, &three(&json!({ "num_retries": 0 })), &json!({}));
    let (call, _) = candidates.next(&client, &asked, None).await.unwrap();
    let first = call.route.model.clone();
    let (call, _) = candidates.next(&client, &asked, failure(ErrorKind::InternalServer, 500)).await.unwrap();
    let told: HashMap<&str, Value> =
        call.told.iter().map(|(name, raw)| (*name, serde_json::from_str(raw.get()).unwrap())).collect();
    assert_eq!(told["fallback"], json!({ "model": "backup", "position": 1 }));
    assert_eq!(told["router"]["attempts"], 2);
    assert_eq!(
        told["router"]["failed"],
        json!([{ "model": "g", "deployment": first, "kind": "InternalServerError", "http_status": 500 }])
    );
    assert_eq!(told["router"]["deployment"], call.route.model);
}

#[tokio::test(start_paused = true)]
async fn a_request_on_its_way_goes_on_with_a_router_that_was_configured_anew() {
    let client = Client::new(b"").unwrap();
    let old = three(&json!({ "num_retries": 1 }));
    let (asked, Course { mut candidates, .. }) = request(&client, &old, &json!({}));
    candidates.next(&client, &asked, None).await.unwrap();
    let new = router(&json!({ "model_list": [deployment("g", "z", json!({}))], "num_retries": 1 }));
    new.succeed(&old);
    let (call, _) = candidates.next(&client, &asked, failure(ErrorKind::InternalServer, 500)).await.unwrap();
    assert_eq!(call.route.model, "z");
    let last = candidates.next(&client, &asked, failure(ErrorKind::InternalServer, 503)).await;
    assert_eq!(last.err().unwrap().kind, ErrorKind::InternalServer, "there is no other group any more");
}

#[tokio::test(start_paused = true)]
async fn fallbacks_can_be_tried_out() {
    for (name, group) in [("mock_testing_fallbacks", "d e"), ("mock_testing_context_fallbacks", "f")] {
        let told = once(&json!({}), &json!({ name: true, "num_retries": 0 }), &|_, _| None).await;
        assert!(group.contains(&told.result.unwrap()) && told.asked.len() == 1, "{name}");
    }
    let told = once(&json!({}), &json!({ "mock_testing_rate_limit_error": true }), &|_, _| None).await;
    assert!("a b c".contains(&told.result.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn routers_that_share_a_quota_keep_one_limit() {
    let client = Client::new(br#"{"quotas":{"shared":{"limits":[{"per":"deployment","parallel":100}]}}}"#).unwrap();
    let config = json!({ "model_list": [deployment("g", "a", json!({ "rpm": 3 })), deployment("g", "b", json!({ "rpm": 4 }))], "quota": "shared",
        "fallbacks": [] });
    // As in two processes: neither router knows of the other's calls.
    let routers = [three(&config), three(&config)];
    let mut asked: HashMap<String, u32> = HashMap::new();
    for number in 0..12 {
        let told = run(&client, &routers[number % 2], &json!({ "num_retries": 0 }), Instant::now(), &|_, _| None).await;
        match told.result {
            Ok(id) => *asked.entry(id).or_default() += 1,
            Err(error) => assert_eq!((error.kind, told.asked.len()), (ErrorKind::RateLimit, 0)),
        }
    }
    assert_eq!(asked, HashMap::from([("a".to_owned(), 3), ("b".to_owned(), 4)]));
}

/// Random outages, in simulated time: how many calls there were, and what became of each request.
async fn simulate(seed: u64, requests: u32, down: World<'_>) -> (usize, usize) {
    fastrand::seed(seed);
    let (client, router, began) = (Client::new(b"").unwrap(), three(&json!({ "num_retries": 2 })), Instant::now());
    let (mut calls, mut answers) = (0, 0);
    for _ in 0..requests {
        let told = run(&client, &router, &json!({}), began, down).await;
        // (retries + 1) calls of each of two groups.
        assert!(told.asked.len() <= 6, "{:?}", told.asked);
        let good = told.asked.iter().filter(|id| Some(*id) == told.result.as_ref().ok()).count();
        assert_eq!(usize::from(told.result.is_ok()), good.min(1));
        calls += told.asked.len();
        answers += usize::from(told.result.is_ok());
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..2000))).await;
    }
    // Every call has ended: nobody is busy, and somebody of each group is there to be asked.
    let state: Value = serde_json::from_slice(&router.state().unwrap()).unwrap();
    let mut healthy: HashMap<&str, u32> = HashMap::new();
    for deployment in state["deployments"].as_array().unwrap() {
        assert_eq!(deployment["in_flight"], 0);
        *healthy.entry(deployment["group"].as_str().unwrap()).or_default() += u32::from(deployment["healthy"] == true);
    }
    assert!(healthy.values().all(|count| *count > 0), "{healthy:?}");
    (calls, answers)
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_retries_add_little() {
    let (calls, answers) = simulate(7, 1500, &|_, _| failure(ErrorKind::InternalServer, 500)).await;
    assert_eq!(answers, 0);
    // Two groups are asked for each request; beyond that, the buckets bound the retries.
    assert!((calls as f64) < 2.0 * 1500.0 * 1.2, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn whoever_recovers_is_used_again() {
    let (_, before) =
        simulate(1, 300, &|_, second| if second < 150 { failure(ErrorKind::ServiceUnavailable, 503) } else { None }).await;
    // 300 requests, a second apart at the mean: as many are answered as come after the outage.
    assert!(before >= 140, "{before}");
}

proptest! {
    // Each is a minute and more of simulated time; `PROPTEST_CASES` runs more of them.
    #![proptest_config(ProptestConfig::with_cases(std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48)))]
    /// While one of a group's deployments is up, and retries may reach all three, every request is answered, once.
    #[test]
    fn no_answer_is_lost_while_one_can_give_it(seed in any::<u64>(), period in 5u64..90) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let up = move |second: u64| ["a", "b", "c"][(second / period % 3) as usize];
        let (_, answers) = runtime.block_on(simulate(seed, 60, &move |id, second| {
            if id > "c" || id == up(second) { None } else { failure(ErrorKind::InternalServer, 500) }
        }));
        prop_assert_eq!(answers, 60);
    }
}
