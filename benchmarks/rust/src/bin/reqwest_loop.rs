//! `reqwest_loop METRIC BASE SECONDS`: what the same work costs without a library, the floor under every contender.
//!
//! It sends the request that the contenders send (read from standard input), parses each answer and each chunk into a
//! `serde_json::Value` as a user of reqwest would, and prints the measurement as JSON in the shape of `worker.py`'s.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use rustix::time::{clock_gettime, ClockId};
use serde_json::{json, Value};

type Failure = Box<dyn std::error::Error>;

struct Bench {
    client: reqwest::Client,
    server: String,
    base: String,
    body: String,
    length: usize,
    window: Duration,
}

impl Bench {
    fn post(&self, stream: bool) -> reqwest::RequestBuilder {
        // The key is set here and not on stdin's request, as every contender is told to stream and adds it itself.
        let body = match stream {
            true => format!("{},\"stream\":true}}", self.body.trim_end().trim_end_matches('}')),
            false => self.body.clone(),
        };
        let request = self.client.post(format!("{}/chat/completions", self.base));
        request.bearer_auth("sk-benchmark").header("content-type", "application/json").body(body)
    }

    async fn call(&self) -> Result<(), Failure> {
        let answer = self.post(false).send().await?.error_for_status()?.bytes().await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let text = answer["choices"][0]["message"]["content"].as_str().ok_or("no content")?;
        check(text.chars().count(), self.length)
    }

    /// Reads a stream; the number of its events and when the first text came.
    async fn stream(&self) -> Result<(u64, Instant), Failure> {
        let mut response = self.post(true).send().await?.error_for_status()?;
        let (mut pending, mut events, mut length, mut first) = (Vec::new(), 0, 0, None);
        while let Some(bytes) = response.chunk().await? {
            pending.extend_from_slice(&bytes);
            let mut start = 0;
            while let Some(end) = pending[start..].windows(2).position(|pair| pair == b"\n\n") {
                let data = pending[start..start + end].strip_prefix(b"data: ").ok_or("not an event")?;
                start += end + 2;
                if data == b"[DONE]" {
                    continue;
                }
                let chunk: Value = serde_json::from_slice(data)?;
                events += 1;
                if let Some(text) = chunk["choices"][0]["delta"]["content"].as_str().filter(|text| !text.is_empty()) {
                    first.get_or_insert_with(Instant::now);
                    length += text.chars().count();
                }
            }
            pending.drain(..start);
        }
        check(length, self.length)?;
        Ok((events, first.ok_or("no text in the stream")?))
    }

    async fn calls(&self) -> Result<Value, Failure> {
        let (started, cpu) = (Instant::now(), cpu());
        let mut count = 0u64;
        while started.elapsed() < self.window {
            self.call().await?;
            count += 1;
        }
        Ok(measurement(count, started, cpu))
    }

    async fn streams(&self) -> Result<Value, Failure> {
        let (started, cpu) = (Instant::now(), cpu());
        let mut count = 0;
        while started.elapsed() < self.window {
            count += self.stream().await?.0;
        }
        Ok(measurement(count, started, cpu))
    }

    async fn first_chunk(&self) -> Result<Value, Failure> {
        let (began, mut delays) = (Instant::now(), Vec::new());
        while began.elapsed() < self.window {
            let started = Instant::now();
            delays.push((self.stream().await?.1 - started).as_secs_f64());
        }
        delays.sort_by(f64::total_cmp);
        Ok(json!({ "first_chunk_s": delays[delays.len() / 2], "count": delays.len() }))
    }
}

/// Many at once, on one thread, like the contenders' event loops.
async fn concurrent(bench: std::sync::Arc<Bench>, workers: usize) -> Result<Value, Failure> {
    let (started, cpu) = (Instant::now(), cpu());
    let worker = |_| {
        let bench = bench.clone();
        tokio::task::spawn_local(async move {
            let mut count = 0u64;
            while started.elapsed() < bench.window {
                bench.call().await.expect("a call of the floor failed");
                count += 1;
            }
            count
        })
    };
    let workers: Vec<_> = (0..workers).map(worker).collect();
    let mut count = 0;
    for worker in workers {
        count += worker.await?;
    }
    Ok(measurement(count, started, cpu))
}

async fn memory(bench: std::sync::Arc<Bench>, calls: usize) -> Result<Value, Failure> {
    bench.client.post(format!("{}/hold", bench.server)).send().await?;
    let before = resident()?;
    let call = |_| {
        let bench = bench.clone();
        tokio::task::spawn_local(async move { bench.call().await.expect("a held call of the floor failed") })
    };
    let calls: Vec<_> = (0..calls).map(call).collect();
    let count = calls.len();
    let held = || async { bench.client.get(format!("{}/held", bench.server)).send().await?.text().await };
    let mut reached = 0;
    while reached < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
        reached = held().await?.parse()?;
    }
    let grown = resident()? - before;
    bench.client.post(format!("{}/release", bench.server)).send().await?;
    for call in calls {
        call.await?;
    }
    Ok(json!({ "held": reached, "calls": count, "bytes": grown }))
}

fn measurement(count: u64, started: Instant, cpu_before: Duration) -> Value {
    json!({ "count": count, "wall_s": started.elapsed().as_secs_f64(), "cpu_s": (cpu() - cpu_before).as_secs_f64() })
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn resident() -> Result<i64, Failure> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: i64 = statm.split(' ').nth(1).ok_or("an unknown form of /proc/self/statm")?.parse()?;
    Ok(pages * rustix::param::page_size() as i64)
}

fn check(length: usize, expected: usize) -> Result<(), Failure> {
    match length == expected {
        true => Ok(()),
        false => Err(format!("the text has {length} characters, not {expected}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let job: Value = serde_json::from_reader(std::io::stdin())?;
    let string = |name: &str| job[name].as_str().map(str::to_owned).ok_or(format!("the job has no {name}"));
    let number = |name: &str| job[name].as_f64().ok_or(format!("the job has no {name}"));
    let bench = std::sync::Arc::new(Bench {
        client: reqwest::Client::new(),
        server: string("server")?,
        base: string("base_url")?,
        body: job["request"].to_string(),
        length: number("text_length")? as usize,
        window: Duration::from_secs_f64(number("seconds")?),
    });
    let metric = string("metric")?;
    let streamed = matches!(metric.as_str(), "astream" | "afirst_chunk");
    let warm = Instant::now();
    while warm.elapsed() < Duration::from_millis(200) {
        match streamed {
            true => drop(bench.stream().await?),
            false => bench.call().await?,
        }
    }
    let local = tokio::task::LocalSet::new();
    let result = local
        .run_until(async {
            match metric.as_str() {
                "call" => bench.calls().await,
                "acall" => concurrent(bench.clone(), number("concurrency")? as usize).await,
                "astream" => bench.streams().await,
                "afirst_chunk" => bench.first_chunk().await,
                "memory" => memory(bench.clone(), number("calls")? as usize).await,
                _ => Err(format!("the floor has no metric '{metric}'").into()),
            }
        })
        .await?;
    println!("{result}");
    Ok(())
}
