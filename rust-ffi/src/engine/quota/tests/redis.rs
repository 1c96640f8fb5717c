//! What processes share.

use ::redis::cmd;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use super::*;
use crate::engine::redis::testing::Server;
use crate::engine::redis::{Redis, Settings};

fn store(server: &Server, more: Value) -> Value {
    let mut store = json!({"type": "redis", "host": "127.0.0.1", "port": server.port, "namespace": "test"});
    store.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    store
}

fn open(server: &Server) -> Arc<Redis> {
    Servers::default().get(Settings::take(&mut server.config()).unwrap()).unwrap()
}

fn block_on<T>(work: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn clients_share_their_limits_and_no_key_is_stored() {
    let server = Server::start(&[]);
    let limits = json!([{"per": "key", "rpm": 3, "tpm": 1000, "parallel": 5, "budget": 1}]);
    let clients = [stored(limits.clone(), store(&server, json!({}))), stored(limits, store(&server, json!({})))];
    for n in 0..3 {
        assert!(call(&clients[n % 2], json!({})).is_ok());
    }
    for client in &clients {
        let error = call(client, json!({})).unwrap_err();
        assert!(error.kind == ErrorKind::RateLimit && error.message.contains("3 of 3 requests"), "{error}");
        assert!(error.retry_after.unwrap() <= Duration::from_secs(61));
    }
    assert!(call(&clients[0], json!({"api_key": "sk-another-key"})).is_ok());
    block_on(async {
        let redis = open(&server);
        let keys: Vec<String> = redis.run(cmd("KEYS").arg("*")).await.unwrap();
        assert!(
            !keys.is_empty() && keys.iter().all(|key| key.starts_with("{test}:quota:") && !key.contains("secret")),
            "{keys:?}"
        );
        let whose = hashed("sk-secret-key");
        let spent: u64 = redis.run(cmd("HGET").arg(format!("{{test}}:quota:key:budget:0:{whose}")).arg("spent")).await.unwrap();
        assert_eq!(spent, 150_000_000, "three calls of five cents");
        let at_once: u64 = redis.run(cmd("ZCARD").arg(format!("{{test}}:quota:key:parallel:0:{whose}"))).await.unwrap();
        assert_eq!(at_once, 0);
        for key in keys {
            let forever = redis.run::<i64>(cmd("PTTL").arg(&key)).await.unwrap() < 0;
            assert_eq!(forever, key.contains(":budget:"), "what counts for a while goes by itself: {key}");
        }
    });
}

#[test]
fn a_dead_store_fails_no_call_and_loses_no_money() {
    let mut server = Server::start(&["--appendonly", "no"]);
    let loose = stored(json!([{"name": "purse", "budget": 100}, {"name": "n", "rpm": 1000}]), store(&server, json!({})));
    let strict = stored(json!([{"name": "s", "rpm": 1000, "on_store_failure": "deny"}]), store(&server, json!({})));
    assert!(call(&loose, json!({})).is_ok() && call(&strict, json!({})).is_ok());
    let (slow, _) = start(&loose, json!({"mock_delay": 0.5}));
    std::thread::sleep(Duration::from_millis(100));
    server.kill();
    assert!(end(&slow).is_ok(), "its store died in the middle");
    for _ in 0..20 {
        assert!(call(&loose, json!({})).is_ok());
        let error = call(&strict, json!({})).unwrap_err();
        assert!(error.kind == ErrorKind::ServiceUnavailable && error.message.contains("limit \"s\""), "{error}");
    }
    server.restart();
    let began = Instant::now();
    while call(&strict, json!({})).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the store is back");
        std::thread::sleep(Duration::from_millis(50));
    }
    // What the slow call used is told now that the store answers. The server had lost all that was before it.
    let count = || {
        block_on(async {
            let (redis, whose) = (open(&server), hashed(""));
            let calls: Vec<u64> = redis.run(cmd("HVALS").arg(format!("{{test}}:quota:n:requests:60000:{whose}"))).await.unwrap();
            let spent: Option<u64> =
                redis.run(cmd("HGET").arg(format!("{{test}}:quota:purse:budget:0:{whose}")).arg("spent")).await.unwrap();
            (calls.iter().sum::<u64>(), spent.unwrap_or(0))
        })
    };
    loop {
        assert!(call(&loose, json!({})).is_ok());
        let (calls, spent) = count();
        if calls > 0 && spent == (calls + 1) * 50_000_000 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{spent} after {calls} calls");
    }
}

#[test]
fn what_cannot_be_read_is_mended() {
    let server = Server::start(&[]);
    let client = stored(json!([{"name": "n", "rpm": 5, "parallel": 5, "budget": 1}]), store(&server, json!({})));
    assert!(call(&client, json!({})).is_ok());
    let whose = hashed("");
    let key = |what: &str| format!("{{test}}:quota:n:{what}:{whose}");
    block_on(async {
        let redis = open(&server);
        let (window, budget, parallel) = (key("requests:60000"), key("budget:0"), key("parallel:0"));
        for (field, value) in [("rubbish", "1"), ("17", "nan"), ("99999999999999", "3"), ("1.5", "inf"), ("5", "1e300")] {
            redis.run::<()>(cmd("HSET").arg(&window).arg(field).arg(value)).await.unwrap();
        }
        for (field, value) in [("spent", "much"), ("start", "soon"), ("h:x", "1"), ("other", "1 2")] {
            redis.run::<()>(cmd("HSET").arg(&budget).arg(field).arg(value)).await.unwrap();
        }
        redis.run::<()>(cmd("SET").arg(&parallel).arg("text")).await.unwrap();
    });
    // Of the rubbish the three that a clock which was set back would leave count, until they have left the window.
    assert!(call(&client, json!({})).is_ok());
    let error = call(&client, json!({})).unwrap_err();
    assert!(error.message.contains("5 of 5 requests"), "{error}");
    block_on(async {
        let redis = open(&server);
        redis.run::<()>(cmd("DEL").arg(key("requests:60000"))).await.unwrap();
        redis.run::<()>(cmd("SET").arg(key("requests:60000")).arg("text")).await.unwrap();
        let spent: u64 = redis.run(cmd("HGET").arg(key("budget:0")).arg("spent")).await.unwrap();
        assert_eq!(spent, 50_000_000);
    });
    assert!(call(&client, json!({})).is_ok());
}

#[test]
fn the_places_of_a_process_that_died_become_free_and_those_of_one_that_lives_do_not() {
    let server = Server::start(&[]);
    let limits = json!([{"name": "n", "parallel": 1}]);
    let client = stored(limits, store(&server, json!({"lease": 0.6})));
    let lease = Duration::from_millis(600);
    let want =
        Want { key: format!("n:parallel:0:{}", hashed("")), kind: Kind::Parallel, limit: 1, amount: 1, span: Duration::ZERO };
    block_on(async {
        let shared = Shared::new(open(&server), "test".into(), lease);
        // Reserved and never heard of again.
        shared.reserve("dead", std::slice::from_ref(&want)).await.unwrap().unwrap();
    });
    let began = Instant::now();
    assert!(call(&client, json!({})).is_err());
    while call(&client, json!({})).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (slow, _) = start(&client, json!({"mock_delay": 2.0}));
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    while began.elapsed() < lease * 2 {
        assert!(call(&client, json!({})).is_err(), "the place was given away after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(end(&slow).is_ok());
    assert!(call(&client, json!({})).is_ok());
}

#[test]
fn a_settlement_that_is_sent_twice_counts_once() {
    let server = Server::start(&[]);
    block_on(async {
        let shared = Shared::new(open(&server), "test".into(), Duration::from_secs(60));
        let want = |key: &str, kind| Want { key: key.into(), kind, limit: 1000, amount: 100, span: Duration::from_secs(600) };
        let wants = [want("w", Kind::Window), want("b", Kind::Budget), want("p", Kind::Parallel)];
        let taken = shared.reserve("one", &wants).await.unwrap().unwrap();
        for _ in 0..3 {
            shared.settle(&taken, &[30, 30, 0]).await.unwrap();
        }
        for (index, want) in wants.iter().take(2).enumerate() {
            let all = Want { amount: 970, ..want.clone() };
            let more = Want { amount: 971, ..want.clone() };
            let met = shared.reserve("two", &[more]).await.unwrap().unwrap_err();
            assert_eq!(met.used, 30, "{index}");
            assert!(shared.reserve("three", &[all]).await.unwrap().is_ok());
        }
    });
}

/// The two stores are one arithmetic: where no time passes they answer alike.
#[test]
fn memory_and_redis_count_alike() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shared = Shared::new(open(&server), "test".into(), Duration::from_secs(600));
    let step = (0usize..3, 0u64..40, prop::option::of(0u64..60));
    let round = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Cases { cases: 40, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&prop::collection::vec((step.clone(), step), 1..40), |steps| {
        round.set(round.get() + 1);
        let round = round.get();
        let memory = Memory::default();
        for (n, (one, other)) in steps.into_iter().enumerate() {
            let want = |(kind, amount, _): (usize, u64, Option<u64>)| Want {
                key: format!("{round}:{kind}"),
                kind: [Kind::Window, Kind::Parallel, Kind::Budget][kind],
                limit: 100 >> (kind % 2 * 4),
                amount: if kind == 1 { 1 } else { amount },
                span: Duration::from_secs(36_000),
            };
            let mut wants = vec![want(one)];
            if other.0 != one.0 {
                wants.push(want(other));
            }
            let id = format!("{round}:{n}");
            let (here, there) = (memory.reserve(&id, &wants), runtime.block_on(shared.reserve(&id, &wants)).unwrap());
            match (here, there) {
                (Ok(here), Ok(there)) => {
                    if let Some(used) = one.2 {
                        let used = vec![used; wants.len()];
                        memory.settle(&here, &used);
                        runtime.block_on(shared.settle(&there, &used)).unwrap();
                    }
                }
                (Err(here), Err(there)) => prop_assert_eq!((here.index, here.used), (there.index, there.used)),
                (here, there) => prop_assert!(false, "{:?} {:?}", here, there),
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
