//! Against a real server: what a client sees of one that is there, slow, gone and back.

use std::process::Command;
use std::sync::Arc;

use ::redis::{cmd, pipe, Script};
use serde_json::{json, Map, Value as Json};

use super::testing::Server;
use super::*;

fn open(config: &Map<String, Json>) -> Arc<Redis> {
    let mut config = config.clone();
    let redis = Servers::default().get(Settings::take(&mut config).unwrap()).unwrap();
    assert!(config.is_empty());
    redis
}

fn with(server: &Server, more: Json) -> Map<String, Json> {
    let mut config = server.config();
    config.extend(more.as_object().unwrap().clone());
    config
}

async fn set(redis: &Redis, key: &str, value: i64) -> Result<()> {
    redis.run(cmd("SET").arg(key).arg(value)).await
}

async fn get(redis: &Redis, key: &str) -> Result<Option<i64>> {
    redis.run(cmd("GET").arg(key)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_share_one_connection() {
    let server = Server::start(&[]);
    let (servers, settings) = (Servers::default(), || Settings::take(&mut server.config()).unwrap());
    let redis = servers.get(settings()).unwrap();
    assert!(Arc::ptr_eq(&redis, &servers.get(settings()).unwrap()), "equal settings are one server");
    let other = servers.get(Settings::take(&mut with(&server, json!({"db": 1}))).unwrap()).unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let redis = redis.clone();
            tokio::spawn(async move {
                set(&redis, &format!("k{n}"), n).await.unwrap();
                get(&redis, &format!("k{n}")).await.unwrap()
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), Some(n as i64));
    }
    assert_eq!(get(&other, "k1").await.unwrap(), None, "another database is another server");
    let clients: String = redis.run(cmd("CLIENT").arg("LIST")).await.unwrap();
    assert_eq!(clients.lines().filter(|line| line.contains("db=0")).count(), 1, "{clients}");
    let both: (i64, i64) = redis.run_all(pipe().incr("a", 2).incr("a", 3)).await.unwrap();
    assert_eq!(both, (2, 5));
    let script = Script::new("return tonumber(ARGV[1]) + 1");
    for _ in 0..2 {
        assert_eq!(redis.script::<i64>(&script.arg(41)).await.unwrap(), 42);
    }
}

#[tokio::test]
async fn an_answer_that_is_an_error_is_no_dead_server() {
    let server = Server::start(&[]);
    let redis = open(&server.config());
    set(&redis, "text", 1).await.unwrap();
    for _ in 0..10 {
        let wrong = redis.run::<()>(cmd("LPUSH").arg("text").arg(1)).await.unwrap_err();
        assert!(matches!(&wrong, Failure::Refused(why) if why.contains("WRONGTYPE")), "{wrong:?}");
        let wrong = redis.run_all::<()>(pipe().cmd("LPUSH").arg("text").arg(1)).await.unwrap_err();
        assert!(matches!(&wrong, Failure::Refused(why) if why.contains("WRONGTYPE")), "{wrong:?}");
    }
    assert_eq!(get(&redis, "text").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_server_that_was_started_anew_is_not_noticed() {
    let mut server = Server::start(&[]);
    let redis = open(&server.config());
    set(&redis, "k", 1).await.unwrap();
    server.restart();
    assert_eq!(get(&redis, "k").await, Ok(None));
}

#[tokio::test]
async fn a_dead_server_is_asked_once_in_a_while() {
    let mut server = Server::start(&[]);
    let redis = open(&server.config());
    set(&redis, "k", 1).await.unwrap();
    server.kill();
    let first = get(&redis, "k").await.unwrap_err();
    assert!(matches!(&first, Failure::Down(why) if why.contains("refused")), "{first}");
    for _ in 0..100 {
        let next = get(&redis, "k").await.unwrap_err();
        assert!(matches!(&next, Failure::Down(why) if why.contains("left alone")), "{next}");
    }
    server.restart();
    let start = Instant::now();
    while get(&redis, "k").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "the server is back, and nobody asks it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_few_waits() {
    let server = Server::start(&[]);
    let redis = open(&with(&server, json!({"socket_timeout": 0.1})));
    set(&redis, "k", 7).await.unwrap();
    server.freeze(true);
    let mut late = 0;
    for _ in 0..100 {
        let error = get(&redis, "k").await.unwrap_err().to_string();
        late += u32::from(!error.contains("left alone"));
    }
    assert!((1..=4).contains(&late), "{late} commands waited");
    server.freeze(false);
    let start = Instant::now();
    while get(&redis, "k").await != Ok(Some(7)) {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_password_is_needed_and_never_shown() {
    let server = Server::start(&["--requirepass", "open-sesame"]);
    let right = open(&with(&server, json!({"password": "open-sesame"})));
    set(&right, "k", 1).await.unwrap();
    let wrong = open(&with(&server, json!({"password": "not-the-password", "username": "default"})));
    let error = get(&wrong, "k").await.unwrap_err();
    let shown = format!("{error} {error:?} {wrong:?} {right:?}");
    assert!(shown.contains("AuthenticationFailed") || shown.to_lowercase().contains("password"), "{shown}");
    assert!(!shown.contains("sesame") && !shown.contains("not-the-password"), "{shown}");
}

#[tokio::test]
async fn tls_is_checked_unless_told_otherwise() {
    let directory = std::env::temp_dir().join(format!("edgequake-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=redis",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let server = Server::start(&[
        "--port",
        "0",
        "--tls-port",
        "PORT",
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &cert,
        "--tls-auth-clients",
        "no",
    ]);
    let url = |host: &str, rest: &str| format!("rediss://{host}:{}{rest}", server.port);
    let believed = |url: String, more: Json| async move {
        let mut config = more.as_object().unwrap().clone();
        config.insert("url".into(), url.into());
        set(&open(&config), "k", 1).await
    };
    assert_eq!(believed(url("localhost", ""), json!({"ssl_ca_certs": cert})).await, Ok(()));
    assert_eq!(believed(url("127.0.0.1", "?ssl_cert_reqs=none"), json!({})).await, Ok(()));
    assert_eq!(believed(url("127.0.0.1", ""), json!({"ssl_ca_certs": cert, "ssl_check_hostname": false})).await, Ok(()));
    for (url, more) in [
        (url("localhost", ""), json!({})),
        (url("127.0.0.1", ""), json!({"ssl_ca_certs": cert})),
        (url("localhost", "").replace("rediss", "redis"), json!({})),
    ] {
        let outcome = believed(url.clone(), more).await;
        assert!(matches!(outcome, Err(Failure::Down(_))), "{url}: {outcome:?}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_cluster_is_found_by_one_of_its_nodes() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    let nodes = [Server::start(&arguments), Server::start(&arguments)];
    let each = [open(&nodes[0].config()), open(&nodes[1].config())];
    for (node, (first, last)) in each.iter().zip([(0, 8191), (8192, 16383)]) {
        node.run::<()>(cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last)).await.unwrap();
    }
    each[0].run::<()>(cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(nodes[1].port)).await.unwrap();
    let start = Instant::now();
    for node in &each {
        while !node.run::<String>(cmd("CLUSTER").arg("INFO")).await.unwrap().contains("cluster_state:ok") {
            assert!(start.elapsed() < Duration::from_secs(30), "the nodes did not become a cluster");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let startup = json!({"startup_nodes": [{"host": "127.0.0.1", "port": nodes[0].port}]});
    let redis = open(startup.as_object().unwrap());
    for n in 0..50 {
        set(&redis, &format!("k{n}"), n).await.unwrap();
        assert_eq!(get(&redis, &format!("k{n}")).await.unwrap(), Some(n));
    }
    let mut sizes = Vec::new();
    for node in &each {
        sizes.push(node.run::<i64>(&cmd("DBSIZE")).await.unwrap());
    }
    assert!(sizes[0] > 0 && sizes[1] > 0 && sizes[0] + sizes[1] == 50, "{sizes:?}");
    let script = Script::new("redis.call('INCRBY', KEYS[1], 2) return redis.call('INCRBY', KEYS[2], 3)");
    assert_eq!(redis.script::<i64>(script.key("{q}:a").key("{q}:b")).await.unwrap(), 3);
    let both: (i64, i64) = redis.run_all(pipe().incr("{q}:a", 1).incr("{q}:b", 1)).await.unwrap();
    assert_eq!(both, (3, 4));
}
