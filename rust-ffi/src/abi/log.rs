//! Log records to the program.

use std::ffi::c_void;

use super::boundary;
use super::event::{eq_event_fn, Callback, OwnedEvent, EQ_EVENT_LOG};
use super::status::eq_status;
use crate::engine::log::{listen, Level};

/// Sends the library's log records of `level` and above (10 debug, 20 info, 30 warning, 40 error) to `on_log`, as events of the kind
/// EQ_EVENT_LOG; NULL ends it. One function for the whole process: a second call replaces it. It may be called from any thread, several at
/// once, with `user_data` for as long as it is set. No record holds a key, or the content of a message. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_log_set(level: i32, on_log: eq_event_fn, user_data: *mut c_void) -> eq_status {
    boundary::status(|| {
        let Some(function) = on_log else {
            listen(level, None);
            return Ok(());
        };
        let callback = Callback { function, user_data };
        let listener = move |level: Level, message: &str, fields: &str| {
            let mut event = OwnedEvent::blank(EQ_EVENT_LOG, 0);
            event.index = level as i32;
            event.text = message.to_owned();
            event.data = fields.as_bytes().to_vec();
            callback.call(&event);
        };
        listen(level, Some(Box::new(listener)));
        Ok(())
    })
}
