//! Errors as objects.

use std::sync::{Arc, OnceLock};

use super::boundary;
use super::bytes::{self, eq_bytes};
use super::handle::Table;
use super::status::{eq_status, EQ_ERR_REJECTED};
use crate::engine::error::Error;

/// What went wrong with a request or a call.
pub struct eq_error(());

/// The kind of an error, by litellm's exception class: one of the EQ_ERROR_ constants. New ones may be added.
pub type eq_error_kind = i32;

/// The request is wrong: a value, a name, an address (400, litellm's BadRequestError).
pub const EQ_ERROR_BAD_REQUEST: eq_error_kind = 1;
/// The key is missing or refused (401).
pub const EQ_ERROR_AUTHENTICATION: eq_error_kind = 2;
/// The key may not do this (403).
pub const EQ_ERROR_PERMISSION_DENIED: eq_error_kind = 3;
/// The model or the address does not exist (404).
pub const EQ_ERROR_NOT_FOUND: eq_error_kind = 4;
/// A time limit of the caller's or of the provider's passed (408, 504).
pub const EQ_ERROR_TIMEOUT: eq_error_kind = 5;
/// The provider understood the request and refuses it (422).
pub const EQ_ERROR_UNPROCESSABLE_ENTITY: eq_error_kind = 6;
/// Too many requests or tokens, or the account is exhausted (429).
pub const EQ_ERROR_RATE_LIMIT: eq_error_kind = 7;
/// The provider failed (500).
pub const EQ_ERROR_INTERNAL_SERVER: eq_error_kind = 8;
/// A gateway before the provider failed (502).
pub const EQ_ERROR_BAD_GATEWAY: eq_error_kind = 9;
/// The provider is overloaded or down (503).
pub const EQ_ERROR_SERVICE_UNAVAILABLE: eq_error_kind = 10;
/// Another failure that the provider reports.
pub const EQ_ERROR_API: eq_error_kind = 11;
/// No connection, or it broke.
pub const EQ_ERROR_API_CONNECTION: eq_error_kind = 12;
/// The provider's answer is not what its protocol says.
pub const EQ_ERROR_API_RESPONSE_VALIDATION: eq_error_kind = 13;
/// The messages are longer than the model's context window.
pub const EQ_ERROR_CONTEXT_WINDOW_EXCEEDED: eq_error_kind = 14;
/// The provider's content policy refused the messages.
pub const EQ_ERROR_CONTENT_POLICY_VIOLATION: eq_error_kind = 15;
/// The provider does not know a parameter of the request.
pub const EQ_ERROR_UNSUPPORTED_PARAMS: eq_error_kind = 16;
/// The caller cancelled the call, or freed its client.
pub const EQ_ERROR_CANCELLED: eq_error_kind = 17;
/// A budget is used up.
pub const EQ_ERROR_BUDGET_EXCEEDED: eq_error_kind = 18;
/// The answer does not fit the JSON schema that the request asked for.
pub const EQ_ERROR_JSON_SCHEMA_VALIDATION: eq_error_kind = 19;
/// The account's balance at the provider is used up.
pub const EQ_ERROR_PAYMENT_REQUIRED: eq_error_kind = 20;
/// A file that the request names by address could not be read, or must not be.
pub const EQ_ERROR_IMAGE_FETCH: eq_error_kind = 21;

/// Which text of an error: one of the EQ_TEXT_ constants.
pub type eq_error_text = i32;

/// What happened, in a sentence: the provider's own where it sent one.
pub const EQ_TEXT_MESSAGE: eq_error_text = 0;
/// The provider, by litellm's name.
pub const EQ_TEXT_PROVIDER: eq_error_text = 1;
/// The model.
pub const EQ_TEXT_MODEL: eq_error_text = 2;
/// The provider's id of the request.
pub const EQ_TEXT_REQUEST_ID: eq_error_text = 3;
/// The provider's answer, at most 64 KiB of it.
pub const EQ_TEXT_BODY: eq_error_text = 4;
/// The provider's code of the error, such as "context_length_exceeded".
pub const EQ_TEXT_CODE: eq_error_text = 5;
/// The name of litellm's exception class, such as "RateLimitError".
pub const EQ_TEXT_KIND_NAME: eq_error_text = 6;

pub(super) struct ErrorObject {
    error: Error,
    /// Made at first need: C programs use the accessors, bindings the JSON.
    json: OnceLock<Vec<u8>>,
}

static ERRORS: Table<ErrorObject> = Table::new(7);

/// An error in the table; it leaves it when this is dropped.
pub(super) struct OwnedError(*mut eq_error);

// SAFETY: the pointer is a number (see `handle`), nothing that it could alias.
unsafe impl Send for OwnedError {}

impl OwnedError {
    pub fn new(error: Error) -> Self {
        OwnedError(insert(error))
    }

    pub fn handle(&self) -> *const eq_error {
        self.0
    }
}

impl Drop for OwnedError {
    fn drop(&mut self) {
        let _ = ERRORS.remove(self.0.cast());
    }
}

/// NULL, which every accessor answers for, when the table is full: a program that keeps so many errors has lost track of them.
fn insert(error: Error) -> *mut eq_error {
    ERRORS.insert(Arc::new(ErrorObject { error, json: OnceLock::new() })).map_or(std::ptr::null_mut(), |handle| handle.cast())
}

/// Gives an error to the caller, who need not want it, and says so as a status.
///
/// # Safety
/// `out` is NULL or may be written.
pub(super) unsafe fn reject(out: *mut *mut eq_error, error: Error) -> eq_status {
    if !out.is_null() {
        // SAFETY: not NULL and writable by the contract.
        let _ = unsafe { bytes::write(out, insert(error)) };
    }
    EQ_ERR_REJECTED
}

/// A second handle for the error of an event, for a queue that outlives the event.
pub(super) fn copy(error: *const eq_error) -> Option<OwnedError> {
    get(error).map(|object| OwnedError::new(object.error.clone()))
}

fn get(error: *const eq_error) -> Option<Arc<ErrorObject>> {
    ERRORS.get(error.cast()).ok()
}

/// The kind of an error; 0 for a handle that is not an error's. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_get_kind(error: *const eq_error) -> eq_error_kind {
    boundary::value(0, || Some(get(error)?.error.kind as eq_error_kind))
}

/// The HTTP status that the provider answered with; 0 where it did not answer. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_http_status(error: *const eq_error) -> i32 {
    boundary::value(0, || Some(i32::from(get(error)?.error.http_status.unwrap_or(0))))
}

/// How long the provider asks to wait, in milliseconds; -1 where it does not say. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_retry_after_ms(error: *const eq_error) -> i64 {
    boundary::value(-1, || i64::try_from(get(error)?.error.retry_after?.as_millis()).ok())
}

/// A text of an error; empty where there is none. It lives as long as the error. No text ever holds a key. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_get_text(error: *const eq_error, which: eq_error_text) -> eq_bytes {
    boundary::value(eq_bytes::EMPTY, || {
        let object = get(error)?;
        let error = &object.error;
        let text = match which {
            EQ_TEXT_MESSAGE => error.message.as_str(),
            EQ_TEXT_PROVIDER => error.provider.as_str(),
            EQ_TEXT_MODEL => error.model.as_str(),
            EQ_TEXT_REQUEST_ID => error.request_id.as_deref()?,
            EQ_TEXT_BODY => error.body.as_deref()?,
            EQ_TEXT_CODE => error.code.as_deref()?,
            EQ_TEXT_KIND_NAME => error.kind.name(),
            _ => return None,
        };
        // The table keeps the error until it is freed, so what is lent lives that long.
        Some(eq_bytes::lend(text.as_bytes()))
    })
}

/// Everything about an error as one JSON object (docs/architecture.md lists its members), for bindings that make exceptions of it. It lives
/// as long as the error. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_json(error: *const eq_error) -> eq_bytes {
    boundary::value(eq_bytes::EMPTY, || {
        let object = get(error)?;
        Some(eq_bytes::lend(object.json.get_or_init(|| object.error.to_json())))
    })
}

/// Frees an error that a function gave through its `error` argument. NULL is allowed and does nothing. An event's error is the event's
/// own and is not to be freed. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_error_free(error: *mut eq_error) -> eq_status {
    boundary::status(|| {
        if !error.is_null() {
            ERRORS.remove(error.cast())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;

    #[test]
    fn the_header_numbers_kinds_as_the_engine_does() {
        let numbers = [
            EQ_ERROR_BAD_REQUEST,
            EQ_ERROR_AUTHENTICATION,
            EQ_ERROR_PERMISSION_DENIED,
            EQ_ERROR_NOT_FOUND,
            EQ_ERROR_TIMEOUT,
            EQ_ERROR_UNPROCESSABLE_ENTITY,
            EQ_ERROR_RATE_LIMIT,
            EQ_ERROR_INTERNAL_SERVER,
            EQ_ERROR_BAD_GATEWAY,
            EQ_ERROR_SERVICE_UNAVAILABLE,
            EQ_ERROR_API,
            EQ_ERROR_API_CONNECTION,
            EQ_ERROR_API_RESPONSE_VALIDATION,
            EQ_ERROR_CONTEXT_WINDOW_EXCEEDED,
            EQ_ERROR_CONTENT_POLICY_VIOLATION,
            EQ_ERROR_UNSUPPORTED_PARAMS,
            EQ_ERROR_CANCELLED,
            EQ_ERROR_BUDGET_EXCEEDED,
            EQ_ERROR_JSON_SCHEMA_VALIDATION,
            EQ_ERROR_PAYMENT_REQUIRED,
            EQ_ERROR_IMAGE_FETCH,
        ];
        assert_eq!(numbers.to_vec(), ErrorKind::ALL.iter().map(|kind| *kind as i32).collect::<Vec<_>>());
    }
}
