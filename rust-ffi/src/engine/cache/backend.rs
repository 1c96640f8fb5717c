//! Where entries are, behind one face. Whatever goes wrong there is a miss, told once to the log.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ::redis::cmd;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::config::{Config, Place};
use super::disk::Disk;
use super::entry::Entry;
use super::memory::Memory;
use crate::engine::error::Error;
use crate::engine::log;
use crate::engine::redis::{self, Redis};

/// Threads that read and write files for one cache. A file system that hangs takes these and no more.
const THREADS: usize = 4;
/// A slower answer of the disk is none: the call goes on without it.
const DISK_TIME: Duration = Duration::from_secs(1);

pub enum Backend {
    Memory(Memory),
    Disk(Files),
    Redis(Remote),
}

impl Backend {
    pub fn new(name: &str, config: &Config, servers: &redis::Servers) -> Result<Backend, Error> {
        Ok(match &config.place {
            Place::Memory(bounds) => Backend::Memory(Memory::new(*bounds)),
            Place::Disk { dir, bytes } => Backend::Disk(Files {
                disk: Arc::new(Disk::new(dir, *bytes, config.max_entry)),
                threads: Arc::new(Semaphore::new(THREADS)),
                reads: Health::new(name, "read"),
                writes: Health::new(name, "written"),
            }),
            Place::Redis(settings) => {
                Backend::Redis(Remote { redis: servers.get(settings.clone())?, max_entry: config.max_entry })
            }
        })
    }

    /// The entries of `keys`, each None where there is none, or where it cannot be read.
    pub async fn get(&self, keys: &[String], now: u64) -> Vec<Option<Arc<Entry>>> {
        let found = match self {
            Backend::Memory(memory) => return keys.iter().map(|key| memory.get(key, now)).collect(),
            Backend::Disk(files) => {
                let keys = keys.to_vec();
                let read = move |disk: &Disk| keys.iter().map(|key| Ok(disk.get(key, now)?.map(Arc::new))).collect();
                files.reads.judge(files.run(read).await)
            }
            Backend::Redis(remote) => remote.get(keys, now).await.map_err(|failure| failure.to_string()),
        };
        found.unwrap_or_else(|_| keys.iter().map(|_| None).collect())
    }

    /// Keeps `entries` by their keys; those that cannot be kept are not.
    pub async fn put(&self, entries: Vec<(String, Arc<Entry>)>) -> Result<(), String> {
        match self {
            Backend::Memory(memory) => {
                entries.into_iter().for_each(|(key, entry)| memory.put(&key, entry));
                Ok(())
            }
            Backend::Disk(files) => {
                let write = move |disk: &Disk| entries.iter().try_for_each(|(key, entry)| disk.put(key, entry));
                files.writes.judge(files.run(write).await)
            }
            Backend::Redis(remote) => remote.put(&entries).await.map_err(|failure| failure.to_string()),
        }
    }

    /// Removes entries, and says how many there were.
    pub async fn remove(&self, keys: Vec<String>) -> Result<usize, String> {
        match self {
            Backend::Memory(memory) => Ok(keys.iter().filter(|key| memory.remove(key)).count()),
            Backend::Disk(files) => {
                files.run(move |disk| keys.iter().try_fold(0, |count, key| Ok(count + usize::from(disk.remove(key)?)))).await
            }
            Backend::Redis(remote) => remote.remove(&keys).await.map_err(|failure| failure.to_string()),
        }
    }

    /// Removes all entries.
    pub async fn clear(&self) -> Result<(), String> {
        match self {
            Backend::Memory(memory) => {
                memory.clear();
                Ok(())
            }
            Backend::Disk(files) => files.run(Disk::clear).await,
            Backend::Redis(remote) => remote.clear().await.map_err(|failure| failure.to_string()),
        }
    }

    /// Can entries be kept?
    pub async fn ping(&self) -> Result<(), String> {
        match self {
            Backend::Memory(_) => Ok(()),
            Backend::Disk(files) => files.run(Disk::ping).await,
            Backend::Redis(remote) => remote.redis.run(&cmd("PING")).await.map_err(|failure| failure.to_string()),
        }
    }
}

/// A Redis. It tells the log itself of what goes wrong there.
pub struct Remote {
    redis: Arc<Redis>,
    max_entry: u64,
}

/// Before every key: what else is in the same Redis is somebody else's.
const OWN: &str = "edgequake:";
/// Keys that are looked through at a time when all are to go.
const SCANNED: usize = 1000;

impl Remote {
    async fn get(&self, keys: &[String], now: u64) -> redis::Result<Vec<Option<Arc<Entry>>>> {
        // One alone first: a server that is down is found out by one command, not by a thousand.
        let Some((first, others)) = keys.split_first() else { return Ok(Vec::new()) };
        let mut found = vec![self.get_one(first, now).await?];
        for entry in join_all(others.iter().map(|key| self.get_one(key, now))).await {
            found.push(entry?);
        }
        Ok(found)
    }

    async fn get_one(&self, key: &str, now: u64) -> redis::Result<Option<Arc<Entry>>> {
        let bytes: Option<Vec<u8>> = self.redis.run(cmd("GET").arg(own(key))).await?;
        let entry = bytes.and_then(|bytes| Entry::decode(key, &bytes));
        Ok(entry.filter(|entry| entry.expires.is_none_or(|end| end > now)).map(Arc::new))
    }

    async fn put(&self, entries: &[(String, Arc<Entry>)]) -> redis::Result<()> {
        let Some(((key, entry), others)) = entries.split_first() else { return Ok(()) };
        self.put_one(key, entry).await?;
        join_all(others.iter().map(|(key, entry)| self.put_one(key, entry))).await.into_iter().collect()
    }

    async fn put_one(&self, key: &str, entry: &Entry) -> redis::Result<()> {
        let bytes = entry.encode(key);
        if bytes.len() as u64 > self.max_entry {
            return Ok(());
        }
        let mut set = cmd("SET");
        set.arg(own(key)).arg(bytes);
        if let Some(end) = entry.expires {
            // The server's time runs from now: its clock may be another.
            set.arg("PX").arg(end.saturating_sub(entry.stored).max(1));
        }
        self.redis.run(&set).await
    }

    async fn remove(&self, keys: &[String]) -> redis::Result<usize> {
        let mut count = 0;
        for key in keys {
            count += self.redis.run::<usize>(cmd("DEL").arg(own(key))).await?;
        }
        Ok(count)
    }

    /// Removes this library's keys.
    async fn clear(&self) -> redis::Result<()> {
        if self.redis.is_cluster() {
            let why =
                "the keys of a cluster are not looked through: give the cache another namespace, or remove answers by their keys";
            return Err(redis::Failure::Refused(why.to_owned()));
        }
        let mut cursor = 0u64;
        loop {
            let scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{OWN}*")).arg("COUNT").arg(SCANNED).clone();
            let (next, keys): (u64, Vec<Vec<u8>>) = self.redis.run(&scan).await?;
            if !keys.is_empty() {
                self.redis.run::<usize>(cmd("UNLINK").arg(keys)).await?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

fn own(key: &str) -> String {
    format!("{OWN}{key}")
}

/// A directory, read and written on threads that may wait.
pub struct Files {
    disk: Arc<Disk>,
    threads: Arc<Semaphore>,
    reads: Health,
    writes: Health,
}

impl Files {
    /// Runs `work` on a thread of its own, and waits for it for a while. Work that has begun is finished even when nobody waits.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Disk) -> std::io::Result<T> + Send + 'static) -> Result<T, String> {
        let (disk, threads) = (self.disk.clone(), self.threads.clone());
        let done = within(DISK_TIME, async move {
            let permit = threads.acquire_owned().await.map_err(|closed| closed.to_string())?;
            let task = tokio::task::spawn_blocking(move || {
                let done = work(&disk);
                drop(permit);
                done
            });
            task.await.map_err(|panicked| panicked.to_string())?.map_err(|error| error.to_string())
        });
        done.await
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(time, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("no answer within {} s", time.as_secs_f64())),
    }
}

/// Tells the log when something begins to fail and when it works again, not at every call.
struct Health {
    name: String,
    what: &'static str,
    bad: AtomicBool,
}

impl Health {
    fn new(name: &str, what: &'static str) -> Health {
        Health { name: name.to_owned(), what, bad: AtomicBool::new(false) }
    }

    fn judge<T>(&self, done: Result<T, String>) -> Result<T, String> {
        if self.bad.swap(done.is_err(), Ordering::Relaxed) != done.is_err() {
            let (level, message) = match &done {
                Err(why) => (log::Level::Warning, format!("the cache {:?} cannot be {}: {why}", self.name, self.what)),
                Ok(_) => (log::Level::Info, format!("the cache {:?} can be {} again", self.name, self.what)),
            };
            log::record(level, || (message, serde_json::json!({ "cache": self.name }).to_string()));
        }
        done
    }
}
