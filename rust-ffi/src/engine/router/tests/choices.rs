//! Choices over time, by a clock that is in the test's hands.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{json, Value};

use super::super::filter::Needs;
use super::super::live::{Ask, Live, Nobody};
use super::super::names::Meaning;
use super::super::state::{Outcome, Usage};
use super::super::Router;
use super::{deployment, router};
use crate::engine::error::{Error, ErrorKind};

const SECOND: Duration = Duration::from_secs(1);

/// A router whose clock is in the test's hands.
struct Desk {
    router: Arc<Router>,
    now: Duration,
}

impl Desk {
    fn new(strategy: &str, deployments: &[(&str, Value)]) -> Desk {
        let list: Vec<Value> = deployments.iter().map(|(id, params)| deployment("g", id, params.clone())).collect();
        Desk { router: router(&json!({ "model_list": list, "routing_strategy": strategy })), now: Duration::ZERO }
    }

    fn with<T>(&self, read: impl FnOnce(&mut Live) -> T) -> T {
        read(&mut self.router.live())
    }

    fn choose_for(&self, needs: &Needs, stream: bool, without: &[usize]) -> Result<usize, Nobody> {
        let ask = Ask { needs, stream, without, order: None };
        self.with(|live| live.choose(&self.router.config, &Meaning::Group(0), &ask, self.now, &mut fastrand::f64))
    }

    fn choose(&self) -> Result<usize, Nobody> {
        self.choose_for(&Needs::default(), false, &[])
    }

    /// All that are chosen in many tries.
    fn chosen(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..200).filter_map(|_| self.choose().ok()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn start(&self, number: usize) {
        self.with(|live| live.start(&self.router.config, number));
    }

    fn finish(&self, number: usize, outcome: &Outcome<'_>) {
        self.with(|live| live.finish(&self.router.config, number, outcome, self.now));
    }

    fn answer(&self, number: usize, took: f64, first: Option<f64>, output: u64) {
        self.start(number);
        let (took, first) = (Duration::from_secs_f64(took), first.map(Duration::from_secs_f64));
        self.finish(number, &Outcome::Answered { took, first, usage: Usage { input: 10, output } });
    }

    fn fail(&self, number: usize, kind: ErrorKind, times: usize) {
        for _ in 0..times {
            self.start(number);
            self.finish(number, &Outcome::Failed(&Error::new(kind, "down")));
        }
    }
}

#[test]
fn the_least_busy_is_chosen() {
    let desk = Desk::new("least-busy", &[("a", json!({})), ("b", json!({})), ("c", json!({}))]);
    desk.start(0);
    desk.start(2);
    assert_eq!(desk.chosen(), [1]);
    desk.start(1);
    assert_eq!(desk.chosen(), [0, 1, 2]);
    desk.finish(2, &Outcome::Gone);
    assert_eq!(desk.chosen(), [2]);
}

#[test]
fn the_fastest_is_chosen_by_token_and_for_streams_by_the_first_piece() {
    let desk = Desk::new("latency-based-routing", &[("a", json!({})), ("b", json!({}))]);
    desk.answer(0, 4.0, Some(0.1), 100);
    assert_eq!(desk.chosen(), [1], "one that was never used is tried");
    desk.answer(1, 2.0, Some(0.9), 100);
    assert_eq!(desk.chosen(), [1]);
    assert_eq!(desk.choose_for(&Needs::default(), true, &[]), Ok(0));
    desk.fail(1, ErrorKind::Timeout, 1);
    assert_eq!(desk.chosen(), [0], "a call that ran out of its time counts as very slow");
}

#[test]
fn what_was_slow_long_ago_is_tried_again() {
    let mut desk = Desk::new("latency-based-routing", &[("a", json!({})), ("b", json!({}))]);
    desk.answer(0, 1.0, None, 10);
    desk.answer(1, 9.0, None, 10);
    desk.now += SECOND * 3599;
    desk.answer(0, 1.0, None, 10);
    assert_eq!(desk.chosen(), [0]);
    desk.now += SECOND;
    assert_eq!(desk.chosen(), [1]);
}

#[test]
fn the_least_used_is_chosen_within_the_limits_of_a_minute() {
    let mut desk = Desk::new("usage-based-routing-v2", &[("a", json!({"rpm": 2})), ("b", json!({"tpm": 100}))]);
    desk.answer(1, 1.0, None, 40);
    assert_eq!(desk.chosen(), [0]);
    desk.answer(0, 1.0, None, 0);
    desk.answer(0, 1.0, None, 0);
    assert_eq!(desk.chosen(), [1], "two requests are all that the first may have");
    let long = Needs { tokens: Some(51), ..Needs::default() };
    desk.now += SECOND * 15;
    assert_eq!(desk.choose_for(&long, false, &[]), Err(Nobody::Busy(SECOND * 45)));
    desk.now += SECOND * 45;
    assert!(desk.choose_for(&long, false, &[]).is_ok(), "the next minute has room");
    assert_eq!(desk.chosen(), [0, 1]);
}

#[test]
fn the_cheapest_is_chosen_and_one_without_a_price_goes_last() {
    let price = |price: f64| json!({ "input_cost_per_token": price, "output_cost_per_token": price });
    let desk = Desk::new("cost-based-routing", &[("unknown-x", json!({})), ("b", price(2e-6)), ("c", price(1e-6))]);
    assert_eq!(desk.chosen(), [2]);
    assert_eq!(desk.choose_for(&Needs::default(), false, &[2]), Ok(1));
    assert_eq!(desk.choose_for(&Needs::default(), false, &[2, 1]), Ok(0));
}

#[test]
fn weights_limits_of_parallel_calls_and_orders() {
    let desk = Desk::new("simple-shuffle", &[("a", json!({"weight": 1})), ("b", json!({"weight": 0}))]);
    assert_eq!(desk.chosen(), [0]);
    assert_eq!(desk.choose_for(&Needs::default(), false, &[0]), Ok(1), "a weight of 0 is better than nothing");
    let full = Desk::new("simple-shuffle", &[("a", json!({"max_parallel_requests": 1})), ("b", json!({"order": 2}))]);
    assert_eq!(full.chosen(), [1], "those with an order go first");
    full.start(0);
    assert_eq!(full.choose_for(&Needs::default(), false, &[1]), Err(Nobody::Busy(SECOND * 60)));
    full.finish(0, &Outcome::Gone);
    assert_eq!(full.choose_for(&Needs::default(), false, &[1]), Ok(0));
}

#[test]
fn one_that_fails_is_left_alone_and_the_last_one_never() {
    let mut desk = Desk::new("simple-shuffle", &[("a", json!({})), ("b", json!({})), ("c", json!({}))]);
    desk.fail(0, ErrorKind::InternalServer, 4);
    assert_eq!(desk.chosen(), [0, 1, 2]);
    desk.fail(0, ErrorKind::InternalServer, 1);
    desk.fail(1, ErrorKind::Authentication, 1);
    desk.fail(2, ErrorKind::InternalServer, 50);
    assert_eq!(desk.chosen(), [2]);
    assert!(desk.choose_for(&Needs::default(), false, &[2]).is_ok(), "better one that has failed than none");
    desk.now += SECOND * 30;
    assert_eq!(desk.chosen(), [0, 1, 2]);
    desk.fail(0, ErrorKind::InternalServer, 1);
    desk.now += SECOND * 59;
    assert_eq!(desk.chosen(), [1, 2], "it has not recovered, and is left alone for longer");
}

#[test]
fn what_is_known_outlives_a_new_configuration_and_calls_on_their_way_end_there() {
    let config = |ids: &[&str]| {
        let list: Vec<Value> = ids.iter().map(|id| deployment("g", id, json!({}))).collect();
        router(&json!({ "model_list": list, "routing_strategy": "least-busy" }))
    };
    let (old, new) = (config(&["a", "b"]), config(&["c", "b"]));
    let needs = Needs::default();
    let (b, ticket) = old.choose("b", &Ask { needs: &needs, stream: false, without: &[], order: None }).unwrap();
    assert_eq!(b.model, "openai/b");
    new.succeed(&old);
    let busy = || serde_json::from_slice::<Value>(&new.state().unwrap()).unwrap()["deployments"][1]["in_flight"].clone();
    assert_eq!(busy(), 1);
    drop(ticket);
    assert_eq!(busy(), 0);
    let (chosen, _ticket) = old.choose("g", &Ask { needs: &needs, stream: false, without: &[], order: None }).unwrap();
    assert!(Arc::ptr_eq(&chosen.router, &new), "a request that holds the old one goes to the new one");
}

#[test]
fn states_and_errors_show_no_key() {
    let desk = Desk::new("least-busy", &[("a", json!({"api_key": "sk-a-key-that-nobody-may-see"}))]);
    let state = String::from_utf8(desk.router.state().unwrap()).unwrap();
    assert!(state.contains("openai/a") && !state.contains("sk-"), "{state}");
    let error = desk.router.meaning("b").err().unwrap();
    assert!(!format!("{error:?}").contains("sk-"));
}
