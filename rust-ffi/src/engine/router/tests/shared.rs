//! What one process has found out, another knows: through a real Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use super::super::filter::Needs;
use super::super::live::Ask;
use super::super::Router;
use super::{deployment, router};
use crate::engine::error::{Error, ErrorKind};
use crate::engine::redis::testing::Server;

/// The id of who is asked, and what comes of it.
fn ask(router: &Arc<Router>, error: Option<&Error>) -> String {
    let (chosen, mut ticket) =
        router.choose("g", &Ask { needs: &Needs::default(), stream: false, without: &[], order: None }).unwrap();
    ticket.sent = true;
    match error {
        Some(error) => ticket.failed(error),
        None => drop(ticket),
    }
    chosen.router.config.deployments[chosen.number].id.clone()
}

fn resting(router: &Arc<Router>) -> Vec<bool> {
    let state: Value = serde_json::from_slice(&router.state().unwrap()).unwrap();
    state["deployments"].as_array().unwrap().iter().map(|deployment| deployment["healthy"] == false).collect()
}

async fn until(router: &Arc<Router>, expected: &[bool]) {
    let began = Instant::now();
    while resting(router) != expected {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", resting(router));
        ask(router, None);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_one_process_leaves_alone_the_others_do_too() {
    let mut server = Server::start(&[]);
    let all = json!({ "model_list": [deployment("g", "a", json!({ "weight": 1 })), deployment("g", "b", json!({ "weight": 0 }))],
        "cooldown_time": 3, "redis": server.config() });
    let (one, two) = (router(&all), router(&all));
    let refused = Error::new(ErrorKind::Authentication, "the key is wrong");
    assert_eq!(ask(&one, Some(&refused)), "a");
    assert_eq!(resting(&one), [true, false]);
    until(&two, &[true, false]).await;
    assert_eq!(ask(&two, None), "b");
    // It ends for both at the same time, and the last of a group is never left alone.
    until(&two, &[false, false]).await;
    until(&one, &[false, false]).await;

    // One that does not hear of it, and what is known without Redis.
    let off = router(&json!({ "model_list": all["model_list"], "disable_cooldowns": true, "redis": server.config() }));
    assert_eq!(ask(&one, Some(&refused)), "a");
    until(&two, &[true, false]).await;
    ask(&off, None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(resting(&off), [false, false]);
    server.kill();
    until(&one, &[false, false]).await;
    let began = Instant::now();
    assert_eq!(ask(&one, Some(&refused)), "a");
    assert_eq!((ask(&one, None).as_str(), resting(&one)), ("b", vec![true, false]));
    assert!(began.elapsed() < Duration::from_millis(500), "no call waits for Redis");
}

#[tokio::test]
async fn programs_with_the_same_ids_and_other_deployments_do_not_meet() {
    let server = Server::start(&[]);
    let one_of = |id: &str, weight: u8, more: Value| {
        let mut params =
            json!({ "model": "openai/m", "api_base": "https://one.example/v1", "api_key": "sk-one", "weight": weight });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "model_name": "g", "litellm_params": params, "model_info": { "id": id } })
    };
    let of = |more: Value, namespace: Option<&str>| {
        let mut redis = server.config();
        redis.insert("namespace".to_owned(), namespace.into());
        let list = [one_of("1", 1, more.clone()), one_of("2", 0, more)];
        router(&json!({ "model_list": list, "cooldown_time": 60, "redis": redis }))
    };
    let first = of(json!({}), None);
    let apart = [
        of(json!({ "model": "openai/other" }), None),
        of(json!({ "model": "groq/m" }), None),
        of(json!({ "api_base": "https://other.example/v1" }), None),
        of(json!({}), Some("other")),
    ];
    // A key that is changed is that of the same deployment, wherever it stands.
    let same = of(json!({ "api_key": "sk-two", "api_base": "https://user:sk-two@one.example/v1?key=sk-two" }), None);
    assert_eq!(ask(&first, Some(&Error::new(ErrorKind::Authentication, "the key is wrong"))), "1");
    until(&same, &[true, false]).await;
    for router in &apart {
        ask(router, None);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (number, router) in apart.iter().enumerate() {
        assert_eq!(resting(router), [false, false], "{number}");
    }
}

#[test]
fn members_of_the_set_are_the_same_in_every_process() {
    let made =
        router(&json!({ "model_list": [deployment("g", "a#1", json!({ "model": "openai/m", "api_base": "http://h/v1" }))] }));
    let deployment = &made.config.deployments[0];
    let member = super::super::shared::member(deployment);
    assert_eq!(member, "a#1#d1c874012187392c");
    assert_eq!(super::super::shared::id_of(&member), Some("a#1"));
    assert_eq!(super::super::shared::id_of("a"), None);
}

#[test]
fn wrong_settings_are_refused() {
    let refused = |redis: Value| {
        let config = json!({ "model_list": [], "redis": redis }).to_string();
        let servers = crate::engine::redis::Servers::default();
        Router::new("test", serde_json::from_str(&config).unwrap(), &servers).err().unwrap().message.clone()
    };
    assert!(refused(json!({ "host": "h", "hots": 1 })).contains("\"hots\""));
    assert!(refused(json!("redis://h")).contains("`redis`"));
    assert!(refused(json!({ "host": "h", "namespace": 1 })).contains("`namespace`"));
}
