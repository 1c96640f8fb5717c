//! `server`: prints `listening on 127.0.0.1:PORT` and serves until its standard input ends.
//!
//! `POST /PLAN/v1/chat/completions`, `/embeddings`, `/messages` and `/models/…:generateContent` (with its twin for streams) answer as
//! [`Plan`] says; `GET /PLAN/text` is the text of such an answer; `POST /hold` stops the answers of plans that say so, `GET /held` counts
//! those and `POST /release` lets them go; `GET /served` counts the answers to POST.
//!
//! One thread, no parsing beyond what it needs and no rendering after the first request of a kind: what it costs is
//! time that a client on the same machine does not get.

#![forbid(unsafe_code)]

use std::{cell::Cell, cell::RefCell, collections::HashMap, io, rc::Rc};

use edgequake_bench::{completion, completion_text, content, content_stream, embedding, message, message_stream, Plan, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Longer requests are refused: no contender sends one, so it would be a mistake worth seeing.
const LONGEST_REQUEST: usize = 1 << 20;

struct Server {
    completion: Vec<u8>,
    message: Vec<u8>,
    content: Vec<u8>,
    embedding_floats: Vec<u8>,
    embedding_base64: Vec<u8>,
    streams: RefCell<HashMap<(Plan, bool), Rc<Stream>>>,
    message_streams: RefCell<HashMap<Plan, Rc<Stream>>>,
    content_streams: RefCell<HashMap<Plan, Rc<Stream>>>,
    holding: Cell<bool>,
    held: Cell<usize>,
    release: Notify,
    served: Cell<usize>,
}

impl Server {
    fn stream(&self, plan: Plan, usage: bool) -> Rc<Stream> {
        let mut streams = self.streams.borrow_mut();
        streams.entry((plan, usage)).or_insert_with(|| Rc::new(Stream::new(plan, usage))).clone()
    }

    fn message_stream(&self, plan: Plan) -> Rc<Stream> {
        self.message_streams.borrow_mut().entry(plan).or_insert_with(|| Rc::new(message_stream(plan))).clone()
    }

    fn content_stream(&self, plan: Plan) -> Rc<Stream> {
        self.content_streams.borrow_mut().entry(plan).or_insert_with(|| Rc::new(content_stream(plan))).clone()
    }

    async fn hold(&self) {
        if !self.holding.get() {
            return;
        }
        self.held.set(self.held.get() + 1);
        self.release.notified().await;
        self.held.set(self.held.get() - 1);
    }

    async fn answer(&self, request: &Request<'_>, socket: &mut TcpStream) -> io::Result<()> {
        match (request.method, request.path) {
            ("GET", "/held") => return socket.write_all(&text(200, &self.held.get().to_string())).await,
            ("GET", "/served") => return socket.write_all(&text(200, &self.served.get().to_string())).await,
            ("POST", "/hold") => {
                self.holding.set(true);
                return socket.write_all(&text(200, "holding")).await;
            }
            ("POST", "/release") => {
                self.holding.set(false);
                self.release.notify_waiters();
                return socket.write_all(&text(200, "released")).await;
            }
            _ => {}
        }
        let (segment, rest) = request.path[1..].split_once('/').unwrap_or_default();
        let plan = match Plan::parse(segment) {
            Ok(plan) => plan,
            Err(error) => return socket.write_all(&text(404, &error)).await,
        };
        self.served.set(self.served.get() + usize::from(request.method == "POST"));
        if plan.hold {
            self.hold().await;
        }
        match (request.method, rest) {
            ("GET", "text") if plan.chunks == 0 => socket.write_all(&text(200, &completion_text())).await,
            ("GET", "text") => socket.write_all(&text(200, &self.stream(plan, false).text)).await,
            ("POST", "v1/chat/completions") if flag(request.body, "stream") => {
                send(&self.stream(plan, flag(request.body, "include_usage")), plan, socket).await
            }
            ("POST", "v1/messages") if flag(request.body, "stream") => send(&self.message_stream(plan), plan, socket).await,
            ("POST", "v1/messages") => socket.write_all(&self.message).await,
            ("POST", path) if path.ends_with(":streamGenerateContent?alt=sse") => {
                send(&self.content_stream(plan), plan, socket).await
            }
            ("POST", path) if path.ends_with(":generateContent") => socket.write_all(&self.content).await,
            ("POST", "v1/chat/completions") => socket.write_all(&self.completion).await,
            ("POST", "v1/embeddings") if find(request.body, b"base64").is_some() => {
                socket.write_all(&self.embedding_base64).await
            }
            ("POST", "v1/embeddings") => socket.write_all(&self.embedding_floats).await,
            _ => socket.write_all(&text(404, "no such path")).await,
        }
    }

    async fn serve(&self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let (head, length) = loop {
                if let Some(found) = Request::measure(&buffer)? {
                    if buffer.len() >= found.0 + found.1 {
                        break found;
                    }
                }
                if buffer.len() > LONGEST_REQUEST {
                    return Err(io::Error::other("request too long"));
                }
                if socket.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            self.answer(&Request::parse(&buffer[..head + length], head)?, &mut socket).await?;
            buffer.drain(..head + length);
        }
    }
}

/// Sends a stream, whole or piece by piece.
async fn send(stream: &Stream, plan: Plan, socket: &mut TcpStream) -> io::Result<()> {
    if !plan.chunkwise {
        return socket.write_all(&stream.whole).await;
    }
    socket.write_all(&stream.head).await?;
    for chunk in &stream.chunks {
        socket.write_all(chunk).await?;
        if let Some(gap) = plan.gap {
            tokio::time::sleep(gap).await;
        }
    }
    Ok(())
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The lengths of the head and of the body, once the head is complete.
    fn measure(buffer: &[u8]) -> io::Result<Option<(usize, usize)>> {
        let Some(end) = find(buffer, b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&buffer[..end]).map_err(io::Error::other)?;
        let mut length = 0;
        for (name, value) in head.split("\r\n").skip(1).filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::other("a chunked request: no contender is known to send one"));
            }
        }
        Ok(Some((end + 4, length)))
    }

    fn parse(request: &'a [u8], head: usize) -> io::Result<Self> {
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let mut words = std::str::from_utf8(line).map_err(io::Error::other)?.split(' ');
        match (words.next(), words.next()) {
            (Some(method), Some(path)) if path.starts_with('/') => Ok(Self { method, path, body: &request[head..] }),
            _ => Err(io::Error::other("not an HTTP request line")),
        }
    }
}

/// Whether the body has `"name": true`. A quote inside a JSON string is escaped, so text cannot be mistaken for the key.
fn flag(body: &[u8], name: &str) -> bool {
    let key = format!("\"{name}\":");
    find(body, key.as_bytes()).is_some_and(|at| body[at + key.len()..].trim_ascii_start().starts_with(b"true"))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn text(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let server = Rc::new(Server {
        completion: completion(),
        message: message(&completion_text()),
        content: content(&completion_text()),
        embedding_floats: embedding(false),
        embedding_base64: embedding(true),
        streams: RefCell::default(),
        message_streams: RefCell::default(),
        content_streams: RefCell::default(),
        holding: Cell::new(false),
        held: Cell::new(0),
        release: Notify::new(),
        served: Cell::new(0),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    // A server whose runner was killed sees its standard input end and does not outlive it. A thread of its own waits
    // there, since waiting for a pipe blocks.
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    tokio::task::LocalSet::new()
        .run_until(async {
            loop {
                let (socket, _) = listener.accept().await?;
                let server = server.clone();
                tokio::task::spawn_local(async move {
                    // A reset connection is a client that left; anything else is a mistake of the benchmark.
                    match server.serve(socket).await {
                        Err(error) if error.kind() == io::ErrorKind::Other => eprintln!("server: {error}"),
                        _ => {}
                    }
                });
            }
        })
        .await
}
