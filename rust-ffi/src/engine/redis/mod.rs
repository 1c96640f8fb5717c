//! Redis, for whatever a client shares with other processes: one connection for each server, opened when first needed.
//!
//! A Redis that is down must not slow the calls that would have asked it. Every command is bounded in time, and after failures the
//! server is left alone for a while ([`breaker`]): then a command fails at once, and one in a while tries again.

mod breaker;
mod settings;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::{ClusterClient, ClusterClientBuilder};
use ::redis::cluster_async::ClusterConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use self::breaker::{Breaker, Permit};
pub use self::settings::Settings;
use super::error::{Error, Result as EngineResult};
use super::log;

/// How often a cluster's command follows a redirection, or is sent again while a replica takes over. All within the command's time.
const CLUSTER_RETRIES: u32 = 3;

/// Why a command has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The server cannot be reached, or does not answer in time. The command may have been carried out all the same.
    Down(String),
    /// The server answered with an error: a wrong type of value, no memory, no permission.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Down(why) | Failure::Refused(why) => f.write_str(why),
        }
    }
}

pub type Result<T> = std::result::Result<T, Failure>;

/// The servers of one client: those who ask for equal settings share a connection.
#[derive(Default)]
pub struct Servers(Mutex<HashMap<Settings, Weak<Redis>>>);

impl Servers {
    /// Nothing is sent yet, so that a server that is down is no error here.
    pub fn get(&self, settings: Settings) -> EngineResult<Arc<Redis>> {
        let mut servers = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(redis) = servers.get(&settings).and_then(Weak::upgrade) {
            return Ok(redis);
        }
        servers.retain(|_, redis| redis.strong_count() > 0);
        let redis = Arc::new(Redis::new(settings.clone())?);
        servers.insert(settings, Arc::downgrade(&redis));
        Ok(redis)
    }
}

/// One server or cluster. Commands of any number of tasks travel over its one connection, interleaved.
pub struct Redis {
    settings: Settings,
    server: Server,
    open: ArcSwapOption<Connection>,
    /// Held while a connection is being opened, so that many who need one open one.
    opening: tokio::sync::Mutex<()>,
    breaker: Breaker,
}

enum Server {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Redis {
    fn new(settings: Settings) -> EngineResult<Self> {
        let wrong = |error: RedisError| {
            Error::bad_request(format!("the settings of Redis are wrong: {}", settings.conceal(&error.to_string())))
        };
        let (mut nodes, certificates) = (settings.nodes()?, settings.certificates()?);
        let server = if settings.is_cluster() {
            let mut builder = ClusterClientBuilder::new(nodes)
                .connection_timeout(settings.connect_timeout())
                .response_timeout(settings.timeout())
                .overall_response_timeout(Some(settings.timeout()))
                .retries(CLUSTER_RETRIES)
                .min_retry_wait(10)
                .max_retry_wait(settings.timeout().as_millis() as u64 / 4)
                .danger_accept_invalid_hostnames(settings.any_hostname());
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            Server::Cluster(Box::new(builder.build().map_err(wrong)?))
        } else {
            let node = nodes.remove(0);
            let client = match certificates {
                Some(certificates) => {
                    let client = Client::build_with_tls(node, certificates).map_err(wrong)?;
                    let info = client.get_connection_info().clone();
                    let mut address = info.addr().clone();
                    address.set_danger_accept_invalid_hostnames(settings.any_hostname());
                    Client::open(info.set_addr(address))
                }
                None => Client::open(node),
            };
            Server::Single(Box::new(client.map_err(wrong)?))
        };
        Ok(Redis {
            settings,
            server,
            open: ArcSwapOption::empty(),
            opening: tokio::sync::Mutex::new(()),
            breaker: Breaker::default(),
        })
    }

    /// Are there several servers, each with some of the keys?
    pub fn is_cluster(&self) -> bool {
        self.settings.is_cluster()
    }

    /// Where the server is, for a message: without a password.
    pub fn address(&self) -> String {
        self.settings.address()
    }

    /// Sends one command. Where the connection turns out to be broken it is sent once more over a new one, so it may be carried out
    /// twice: nothing may be sent this way that must not be.
    pub async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let value = self.send(|mut connection| async move { connection.req_packed_command(command).await }).await?;
        self.read(value)
    }

    /// As [`Redis::run`], several commands in one write. In a cluster their keys must be in one slot: `{the same}:…`.
    pub async fn run_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T> {
        let value = self.send(|mut connection| async move { pipeline.query_async::<Value>(&mut connection).await }).await?;
        self.read(value)
    }

    /// As [`Redis::run`], a script: by its hash, and as a text only where the server does not know it yet.
    pub async fn script<T: FromRedisValue>(&self, script: &::redis::ScriptInvocation<'_>) -> Result<T> {
        let value = self.send(|mut connection| async move { script.invoke_async::<Value>(&mut connection).await }).await?;
        self.read(value)
    }

    fn read<T: FromRedisValue>(&self, value: Value) -> Result<T> {
        let refused = |error: RedisError| Failure::Refused(self.settings.conceal(&error.to_string()));
        let value = value.extract_error().map_err(refused)?;
        T::from_redis_value(value).map_err(|error| refused(error.into()))
    }

    async fn send<F>(&self, send: impl Fn(Connection) -> F) -> Result<Value>
    where
        F: std::future::Future<Output = RedisResult<Value>>,
    {
        let permit = self.breaker.admit(Instant::now()).map_err(|wait| {
            Failure::Down(format!("{} did not answer, and is left alone for {:.1} s", self.address(), wait.as_secs_f64()))
        })?;
        let timeout = self.settings.timeout();
        let mut again = true;
        loop {
            let (connection, fresh) = match self.connection().await {
                Ok(connection) => connection,
                Err(why) => return Err(self.failed(permit, why, true)),
            };
            let error = match tokio::time::timeout(timeout, send(Connection::clone(&connection))).await {
                Ok(Ok(value)) => {
                    self.succeeded(permit);
                    return Ok(value);
                }
                Ok(Err(error)) if error.is_timeout() => None,
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            let Some(error) = error else {
                self.forget(&connection);
                return Err(self.failed(permit, format!("no answer within {:.1} s", timeout.as_secs_f64()), false));
            };
            if !error.is_io_error() && !error.is_unrecoverable_error() && !error.is_cluster_error() {
                self.succeeded(permit);
                return Err(Failure::Refused(self.settings.conceal(&error.to_string())));
            }
            self.forget(&connection);
            // A server closes connections that were idle for long, or was started anew.
            if fresh || !std::mem::replace(&mut again, false) {
                return Err(self.failed(permit, error.to_string(), true));
            }
        }
    }

    /// The connection, and whether it was opened for this.
    async fn connection(&self) -> std::result::Result<(Arc<Connection>, bool), String> {
        if let Some(connection) = self.open.load_full() {
            return Ok((connection, false));
        }
        let _opening = self.opening.lock().await;
        if let Some(connection) = self.open.load_full() {
            return Ok((connection, false));
        }
        if let Err(wait) = self.breaker.check(Instant::now()) {
            return Err(format!("could not be reached, and is left alone for {:.1} s", wait.as_secs_f64()));
        }
        let timeout = self.settings.connect_timeout();
        match tokio::time::timeout(timeout, self.connect()).await {
            Ok(Ok(connection)) => {
                let connection = Arc::new(connection);
                self.open.store(Some(connection.clone()));
                Ok((connection, true))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no connection within {:.1} s", timeout.as_secs_f64())),
        }
    }

    async fn connect(&self) -> RedisResult<Connection> {
        match &self.server {
            Server::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(self.settings.connect_timeout()))
                    .set_response_timeout(Some(self.settings.timeout()));
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
            Server::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        }
    }

    /// Unless another task has replaced it already.
    fn forget(&self, connection: &Arc<Connection>) {
        self.open.rcu(|open| open.clone().filter(|open| !Arc::ptr_eq(open, connection)));
    }

    fn succeeded(&self, permit: Permit<'_>) {
        if permit.succeed() {
            log::record(log::Level::Warning, || {
                let address = self.address();
                (format!("Redis at {address} answers again"), serde_json::json!({ "redis": address }).to_string())
            });
        }
    }

    fn failed(&self, permit: Permit<'_>, why: String, unreachable: bool) -> Failure {
        let (why, address) = (self.settings.conceal(&why), self.address());
        if let Some(wait) = permit.fail(Instant::now(), unreachable) {
            log::record(log::Level::Warning, || {
                let fields = serde_json::json!({ "redis": address, "error": why, "wait_ms": wait.as_millis() as u64 });
                (format!("Redis at {address} fails and is left alone for {:.1} s: {why}", wait.as_secs_f64()), fields.to_string())
            });
        }
        Failure::Down(format!("{address}: {why}"))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::Single(connection) => connection.req_packed_command(command),
            Connection::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Connection::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Single(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }
}

/// The times that commands are given where nothing else is said. A server within a data centre answers in a millisecond.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(500);
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(all(test, unix))]
pub(crate) mod testing;
#[cfg(all(test, unix))]
mod tests;
