//! Clients, and the questions they answer at once.

use std::sync::Arc;

use super::boundary;
use super::buffer::{self, eq_buffer};
use super::bytes::{self, eq_bytes};
use super::error::{self, eq_error};
use super::handle::Table;
use super::status::eq_status;
use crate::engine::client::Client;
use crate::engine::query;

/// Threads, connections and counters that calls share. One is enough for a program; all functions may use it from any thread at once.
pub struct eq_client(());

pub(super) static CLIENTS: Table<Client> = Table::new(1);

/// Makes a client. `config` is empty or a JSON object: {"worker_threads": n} (default 1), and what the client has by name, as in the question
/// "configure" (docs/architecture.md lists the kinds). No thread starts and no socket is opened before the first call. The caller frees the client with eq_client_free. `error` may be NULL. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_client_new(config: eq_bytes, out: *mut *mut eq_client, error: *mut *mut eq_error) -> eq_status {
    boundary::status(|| {
        // SAFETY: the header asks for readable bytes.
        let config = unsafe { config.read() }?;
        // SAFETY: the header asks for NULL or a place for an error.
        let client = Client::new(config).map_err(|e| unsafe { error::reject(error, e) })?;
        super::call::check_out(out)?;
        // SAFETY: checked above, and the header asks for a place for a client.
        unsafe { bytes::write(out, CLIENTS.insert(client)?.cast()) }
    })
}

/// Frees a client and cancels its running calls; each of them still gets its terminal event. Waits for nothing but
/// telemetry, where the client has it: a second at most for what it has still to export. NULL is allowed. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_client_free(client: *mut eq_client) -> eq_status {
    boundary::status(|| {
        if client.is_null() {
            return Ok(());
        }
        let client: Arc<Client> = CLIENTS.remove(client.cast())?;
        client.close();
        Ok(())
    })
}

/// Asks a question that needs no network and is answered at once (only "telemetry_flush" and those to a cache, "cache_get" and so on, may wait). `name` is "providers", "get_llm_provider", "cost", "token_count", …; `request` and the answer are
/// JSON, described in docs/architecture.md. `client` may be NULL but for questions about the client itself, such as "configure". The caller frees the answer with eq_buffer_free. `error` may be NULL. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_query(
    client: *const eq_client,
    name: eq_bytes,
    request: eq_bytes,
    out: *mut *mut eq_buffer,
    error: *mut *mut eq_error,
) -> eq_status {
    boundary::status(|| {
        super::call::check_out(out)?;
        let client = if client.is_null() { None } else { Some(CLIENTS.get(client.cast())?) };
        // SAFETY: the header asks for readable bytes.
        let (name, request) = unsafe { (name.read()?, request.read()?) };
        let name = String::from_utf8_lossy(name);
        let answer = client.map_or_else(|| query::ask(&name, request), |client| client.ask(&name, request));
        // SAFETY: the header asks for NULL or a place for an error.
        let answer = answer.map_err(|e| unsafe { error::reject(error, e) })?;
        // SAFETY: checked above, and the header asks for a place for a buffer.
        unsafe { bytes::write(out, buffer::give(answer)?) }
    })
}
