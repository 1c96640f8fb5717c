//! A server for the tests: it answers everything alike and remembers what came.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request that reached the server.
#[derive(Clone)]
pub struct Seen {
    pub path: String,
    pub head: String,
    pub body: Value,
}

pub struct Server {
    pub base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers every request with these bytes and closes the connection.
    pub async fn new(answer: impl Into<Vec<u8>>) -> Server {
        Server::in_pieces(vec![answer.into()]).await
    }

    /// The same in several writes, far enough apart to be read one by one.
    pub async fn in_pieces(pieces: Vec<Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = seen.clone();
        tokio::spawn(async move {
            loop {
                let Ok((mut socket, _)) = listener.accept().await else { return };
                let (log, pieces) = (log.clone(), pieces.clone());
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut chunk = [0; 8192];
                    let end = loop {
                        let n = socket.read(&mut chunk).await.unwrap_or(0);
                        if n == 0 {
                            return;
                        }
                        bytes.extend_from_slice(&chunk[..n]);
                        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                            break end + 4;
                        }
                    };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                    let length: usize =
                        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
                    while bytes.len() < end + length {
                        let n = socket.read(&mut chunk).await.unwrap_or(0);
                        bytes.extend_from_slice(&chunk[..n]);
                    }
                    let path = String::from_utf8_lossy(&bytes).split(' ').nth(1).unwrap_or_default().to_owned();
                    log.lock().unwrap().push(Seen {
                        path,
                        head,
                        body: serde_json::from_slice(&bytes[end..]).unwrap_or_default(),
                    });
                    for piece in pieces {
                        let _ = socket.write_all(&piece).await;
                        let _ = socket.flush().await;
                        tokio::time::sleep(Duration::from_millis(30)).await;
                    }
                });
            }
        });
        Server { base, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that came. The crate's own retries would show within this time.
    pub async fn only(&self) -> Seen {
        tokio::time::sleep(Duration::from_millis(900)).await;
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "exactly one request reaches the server");
        seen[0].clone()
    }
}

pub fn http(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

pub fn ok(body: Value) -> String {
    http("200 OK", "application/json", &body.to_string())
}

/// A stream whose end is the end of the connection.
pub fn events(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
}
