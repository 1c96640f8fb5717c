//! Calls: start, cancel, pause, resume, free.

use std::ffi::c_void;
use std::sync::{Arc, OnceLock, Weak};

use super::boundary;
use super::bytes::{self, eq_bytes, size_t};
use super::client::{eq_client, CLIENTS};
use super::error::{self, eq_error};
use super::event::{eq_event_fn, Callback, OwnedEvent, EQ_CANCEL, EQ_PAUSE};
use super::handle::Table;
use super::queue::{self, Queue};
use super::status::{eq_status, EQ_ERR_ARGUMENT, EQ_ERR_HANDLE, EQ_ERR_NULL};
use crate::engine::control::Control;
use crate::engine::event::{Action, Event, Sink};

/// One request in flight.
pub struct eq_call(());

static CALLS: Table<CallObject> = Table::new(3);

/// The hold of C on a call.
pub(super) struct CallObject {
    pub control: Arc<Control>,
    handle: OnceLock<usize>,
}

impl CallObject {
    pub fn handle(&self) -> *const eq_call {
        std::ptr::without_provenance(self.handle.get().copied().unwrap_or(0))
    }

    /// The call of an event, for a queue that has to resume it.
    pub fn of(call: *const eq_call) -> Option<Arc<CallObject>> {
        CALLS.get(call.cast()).ok()
    }
}

/// Is there a place for an output? Asked before anything is made that would be lost without one.
pub(super) fn check_out<T>(out: *mut T) -> Result<(), eq_status> {
    if out.is_null() {
        Err(EQ_ERR_NULL)
    } else {
        Ok(())
    }
}

/// Hands events to a C function.
struct CallbackSink {
    callback: Callback,
    tag: u64,
    call: Arc<CallObject>,
}

impl Sink for CallbackSink {
    fn emit(&self, event: Event) -> Action {
        match self.callback.call(&OwnedEvent::new(self.tag, &self.call, event)) {
            EQ_PAUSE => Action::Pause,
            EQ_CANCEL => Action::Cancel,
            _ => Action::Continue,
        }
    }
}

/// Puts events into a queue without a copy. Holds the queue weakly: a queue that is freed cancels its calls.
struct QueueSink {
    queue: Weak<Queue>,
    tag: u64,
    call: Arc<CallObject>,
}

impl Sink for QueueSink {
    fn emit(&self, event: Event) -> Action {
        match self.queue.upgrade() {
            Some(queue) => queue.push(OwnedEvent::new(self.tag, &self.call, event), false),
            None => Action::Cancel,
        }
    }

    fn flush(&self) {
        if let Some(queue) = self.queue.upgrade() {
            queue.wake();
        }
    }
}

/// Starts a call.
///
/// `operation` is litellm's name of the function ("completion", "embedding"); `request` is a JSON object with its keyword arguments. Both,
/// and the attachments, are read before the function returns and may be freed then. `attachments` are binary inputs, such as audio, that
/// the request refers to by their number (`{"attachment": 0}`); those that it does not refer to are ignored. `tag` is a number of the caller's own that comes back in
/// every event.
///
/// Events go to `on_event` with `user_data`, perhaps before this function returns: give eq_queue_push and an eq_queue to read them from a
/// queue. After EQ_OK there is exactly one terminal event, and it is the last; after any other status there is none.
///
/// The caller frees the call with eq_call_free, at any time. `error` may be NULL. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_call_start(
    client: *const eq_client,
    operation: eq_bytes,
    request: eq_bytes,
    attachments: *const eq_bytes,
    attachment_count: size_t,
    tag: u64,
    on_event: eq_event_fn,
    user_data: *mut c_void,
    out: *mut *mut eq_call,
    error: *mut *mut eq_error,
) -> eq_status {
    boundary::status(|| {
        check_out(out)?;
        let function = on_event.ok_or(EQ_ERR_NULL)?;
        let client = CLIENTS.get(client.cast())?;
        if attachment_count > 0 && attachments.is_null() {
            return Err(EQ_ERR_NULL);
        }
        // SAFETY: the header asks for readable bytes.
        let (operation, request) = unsafe { (operation.read()?, request.read()?) };
        let attachments = (0..attachment_count)
            // SAFETY: the header asks for that many of them, each of readable bytes.
            .map(|number| unsafe { (*attachments.add(number)).read() })
            .collect::<Result<Vec<&[u8]>, eq_status>>()?;
        let operation = std::str::from_utf8(operation).map_err(|_| EQ_ERR_ARGUMENT)?;
        let call = Arc::new(CallObject { control: Arc::new(Control::default()), handle: OnceLock::new() });
        let sink: Arc<dyn Sink> = if std::ptr::fn_addr_eq(function, queue::PUSH) {
            let queue = queue::get(user_data.cast())?;
            queue.upgrade().and_then(|queue| queue.attach(&call)).ok_or(EQ_ERR_HANDLE)?;
            Arc::new(QueueSink { queue, tag, call: call.clone() })
        } else {
            Arc::new(CallbackSink { callback: Callback { function, user_data }, tag, call: call.clone() })
        };
        // The handle exists before the first event, which may name it.
        let handle = CALLS.insert(call.clone())?;
        let _ = call.handle.set(handle.addr());
        if let Err(refusal) = client.start(operation, request, &attachments, sink, call.control.clone()) {
            let _ = CALLS.remove(handle);
            // SAFETY: the header asks for NULL or a place for an error.
            return Err(unsafe { error::reject(error, refusal) });
        }
        // SAFETY: checked above, and the header asks for a place for a call.
        unsafe { bytes::write(out, handle.cast()) }
    })
}

fn with(call: *const eq_call, act: impl FnOnce(&Control)) -> eq_status {
    boundary::status(|| {
        act(&CALLS.get(call.cast())?.control);
        Ok(())
    })
}

/// Ends a call: its connection is closed and a terminal event of the kind EQ_ERROR_CANCELLED comes, unless the terminal event is already
/// on its way. Does not wait. Any thread, also from a callback.
#[no_mangle]
pub unsafe extern "C" fn eq_call_cancel(call: *const eq_call) -> eq_status {
    with(call, Control::cancel)
}

/// Reads nothing more from the provider until eq_call_resume. The events of one network read may still come. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_call_pause(call: *const eq_call) -> eq_status {
    with(call, Control::pause)
}

/// Goes on after a pause. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_call_resume(call: *const eq_call) -> eq_status {
    with(call, Control::resume)
}

/// Frees a call, and cancels it if it is still running; its terminal event still comes. NULL is allowed. Any thread, also from a callback.
#[no_mangle]
pub unsafe extern "C" fn eq_call_free(call: *mut eq_call) -> eq_status {
    boundary::status(|| {
        if !call.is_null() {
            CALLS.remove(call.cast())?.control.cancel();
        }
        Ok(())
    })
}
