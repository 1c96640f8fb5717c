//! A real Redis for the tests: `redis-server` on a free port, gone with its owner.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{json, Map, Value};

/// How long a server may need to come up.
const START: Duration = Duration::from_secs(20);

pub struct Server {
    pub port: u16,
    arguments: Vec<String>,
    child: Child,
    directory: PathBuf,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        // Another process may take the port in between: then another one is tried.
        for _ in 0..20 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap().port();
            if port > 55_000 {
                // A node of a cluster also listens 10000 above its port.
                continue;
            }
            let directory = std::env::temp_dir().join(format!("edgequake-redis-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&directory).unwrap();
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let child = spawn(port, &directory, &arguments);
            let mut server = Server { port, arguments, child, directory };
            if server.comes_up() {
                return server;
            }
        }
        panic!("no redis-server could be started");
    }

    pub fn config(&self) -> Map<String, Value> {
        let Value::Object(config) = json!({"host": "127.0.0.1", "port": self.port}) else { unreachable!() };
        config
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Anew on the same port, and empty.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, &self.directory, &self.arguments);
        assert!(self.comes_up(), "redis-server did not start again on port {}", self.port);
    }

    /// Stops it where it stands: it takes connections and answers nothing.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn comes_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < START {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn spawn(port: u16, directory: &std::path::Path, arguments: &[String]) -> Child {
    let port = port.to_string();
    let usual = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    // The later of two equal settings counts, so that a test may set `--port 0` for TLS alone.
    let child = Command::new("redis-server")
        .args(usual)
        .arg("--dir")
        .arg(directory)
        .args(arguments.iter().map(|argument| argument.replace("PORT", &port)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    child.expect("redis-server is needed for these tests (on Debian: apt install redis-server)")
}
