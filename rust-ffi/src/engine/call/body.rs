//! The reading of an answer's body within a cap, and of what stands behind a stream's end.

use std::time::Duration;

use bytes::Bytes;

use super::timeout;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::transport;

/// After a stream's end mark: this much is read to keep the connection usable, no more, and not for long.
const DRAIN_BYTES: usize = 64 << 10;
const DRAIN_TIME: Duration = Duration::from_millis(250);

/// The whole body within a cap; `truncate` keeps what fits instead of failing (an error's body).
pub(super) async fn read_body(mut response: reqwest::Response, idle: Duration, cap: usize, truncate: bool) -> Result<Bytes> {
    let mut whole: Option<Bytes> = None;
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let read = tokio::time::timeout(idle, response.chunk()).await.map_err(|_| timeout("the next byte", idle))?;
        let Some(bytes) = read.map_err(|e| transport::connection_error(&e))? else { break };
        if joined.len() + whole.as_ref().map_or(0, Bytes::len) + bytes.len() > cap {
            if truncate {
                joined.extend_from_slice(&whole.take().unwrap_or_default());
                joined.extend_from_slice(&bytes);
                joined.truncate(cap);
                break;
            }
            return Err(Error::new(ErrorKind::ApiResponseValidation, format!("the answer is larger than {} MiB", cap >> 20)));
        }
        // Most answers come in one piece, which is then used as it is.
        match whole.take() {
            None if joined.is_empty() => whole = Some(bytes),
            first => {
                joined.extend_from_slice(&first.unwrap_or_default());
                joined.extend_from_slice(&bytes);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| joined.into()))
}

/// Reads what stands behind a stream's end mark, so that the connection can serve again.
pub(super) async fn drain(mut response: reqwest::Response) {
    let _ = tokio::time::timeout(DRAIN_TIME, async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await {
            left = match left.checked_sub(bytes.len()) {
                Some(left) => left,
                None => return,
            };
        }
    })
    .await;
}
