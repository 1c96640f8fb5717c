//! Events as C sees them.

use std::ffi::c_void;
use std::sync::Arc;

use super::bytes::eq_bytes;
use super::call::eq_call;
use super::error::{eq_error, OwnedError};
use crate::engine::event::Event;
use crate::wire::StreamEvent;

/// The kind of an event: one of the EQ_EVENT_ constants. New ones may be added; ignore those you do not know.
pub type eq_event_kind = i32;

/// Streams, once, before the first chunk: the provider accepted the request. Carries `meta`.
pub const EQ_EVENT_OPENED: eq_event_kind = 1;
/// A chunk of a stream: `data` is a chat.completion.chunk as JSON (of text_completion and responses: an event of that API); `text` is the
/// content of its delta where it has one choice, `index`.
pub const EQ_EVENT_CHUNK: eq_event_kind = 2;
/// A chunk that equals the last EQ_EVENT_CHUNK but for its delta, which is `text` as the content of the choice `index`.
pub const EQ_EVENT_CONTENT: eq_event_kind = 3;
/// Likewise, with `text` as its reasoning_content.
pub const EQ_EVENT_REASONING: eq_event_kind = 4;
/// Likewise, with `text` as a piece of the arguments of the tool call number `slot`.
pub const EQ_EVENT_ARGUMENTS: eq_event_kind = 5;
/// Binary output, such as speech, in `data`.
pub const EQ_EVENT_BYTES: eq_event_kind = 6;
/// A log record, to the function given to eq_log_set only: `index` is its level (10 debug, 20 info, 30 warning, 40 error), `text` its
/// message, `data` its fields as JSON.
pub const EQ_EVENT_LOG: eq_event_kind = 7;
/// Terminal: the call succeeded. `data` is the answer as JSON (empty for a stream), `meta` tells of the HTTP answer.
pub const EQ_EVENT_DONE: eq_event_kind = 8;
/// Terminal: the call failed, with `error`.
pub const EQ_EVENT_FAILED: eq_event_kind = 9;

/// What a callback answers: one of EQ_CONTINUE, EQ_PAUSE and EQ_CANCEL.
pub type eq_action = i32;

/// Go on.
pub const EQ_CONTINUE: eq_action = 0;
/// Read nothing more from the provider until eq_call_resume; the server feels it through TCP. No event follows meanwhile.
pub const EQ_PAUSE: eq_action = 1;
/// End the call: the connection is closed, and a terminal event of the kind EQ_ERROR_CANCELLED follows.
pub const EQ_CANCEL: eq_action = 2;

/// Something that a call tells. In a callback, all that it points to lives until the callback returns; from eq_queue_next, until the next
/// eq_queue_next of that queue. A field is only ever added at the end, and raises
/// EQ_ABI_VERSION: eq_queue_next writes an array of them.
#[repr(C)]
pub struct eq_event {
    /// The size of this struct in the library that made it, in bytes.
    pub size: u32,
    /// What the event is.
    pub kind: eq_event_kind,
    /// The number that the caller gave the call in eq_call_start.
    pub tag: u64,
    /// The choice, for chunks; the level, for a log record.
    pub index: i32,
    /// The tool call within the choice.
    pub slot: i32,
    /// JSON or binary, by kind. For EQ_EVENT_CONTENT, _REASONING and _ARGUMENTS the chunk's own `obfuscation`, mostly empty.
    pub data: eq_bytes,
    /// Text, by kind.
    pub text: eq_bytes,
    /// JSON: provider, model, api_base, status, request_id, attempts and the answer's headers.
    pub meta: eq_bytes,
    /// The error of EQ_EVENT_FAILED, else NULL. It belongs to the event.
    pub error: *const eq_error,
    /// The call. NULL for a log record.
    pub call: *const eq_call,
}

/// A function that takes events. It is called from the library's threads, for one call never from two at once. It must not block: other
/// calls wait for it. `user_data` is what the caller gave; it is not touched after the terminal event. The answer to a terminal event is
/// ignored.
pub type eq_event_fn = Option<unsafe extern "C" fn(event: *const eq_event, user_data: *mut c_void) -> eq_action>;

/// An event that owns what it shows to C.
pub(super) struct OwnedEvent {
    pub kind: eq_event_kind,
    pub tag: u64,
    pub index: i32,
    pub slot: i32,
    pub data: Vec<u8>,
    pub text: String,
    pub meta: Vec<u8>,
    pub error: Option<OwnedError>,
    pub call: Option<Arc<super::call::CallObject>>,
}

// SAFETY: everything in it is Send; the handles in it are numbers.
unsafe impl Send for OwnedEvent {}

impl OwnedEvent {
    pub fn blank(kind: eq_event_kind, tag: u64) -> Self {
        OwnedEvent {
            kind,
            tag,
            index: 0,
            slot: 0,
            data: Vec::new(),
            text: String::new(),
            meta: Vec::new(),
            error: None,
            call: None,
        }
    }

    pub fn new(tag: u64, call: &Arc<super::call::CallObject>, event: Event) -> Self {
        let blank = |kind| OwnedEvent { call: Some(call.clone()), ..OwnedEvent::blank(kind, tag) };
        match event {
            Event::Opened { meta } => OwnedEvent { meta, ..blank(EQ_EVENT_OPENED) },
            Event::Stream(StreamEvent::Chunk { json, index, text }) => {
                OwnedEvent { data: json, index, text, ..blank(EQ_EVENT_CHUNK) }
            }
            Event::Stream(StreamEvent::Content { index, text, pad }) => {
                OwnedEvent { data: pad.into_bytes(), index, text, ..blank(EQ_EVENT_CONTENT) }
            }
            Event::Stream(StreamEvent::Reasoning { index, text, pad }) => {
                OwnedEvent { data: pad.into_bytes(), index, text, ..blank(EQ_EVENT_REASONING) }
            }
            Event::Stream(StreamEvent::Arguments { index, slot, text, pad }) => {
                OwnedEvent { data: pad.into_bytes(), index, slot, text, ..blank(EQ_EVENT_ARGUMENTS) }
            }
            Event::Stream(StreamEvent::Bytes(data)) => OwnedEvent { data, ..blank(EQ_EVENT_BYTES) },
            Event::Done { answer, meta } => OwnedEvent { data: answer, meta, ..blank(EQ_EVENT_DONE) },
            Event::Failed(error) => OwnedEvent { error: Some(OwnedError::new(error)), ..blank(EQ_EVENT_FAILED) },
        }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.kind, EQ_EVENT_DONE | EQ_EVENT_FAILED)
    }

    /// What the event holds in memory, about.
    pub fn weight(&self) -> usize {
        std::mem::size_of::<Self>() + self.data.len() + self.text.len() + self.meta.len()
    }

    /// The event as C sees it; it must not outlive `self`.
    pub fn lend(&self) -> eq_event {
        eq_event {
            size: std::mem::size_of::<eq_event>() as u32,
            kind: self.kind,
            tag: self.tag,
            index: self.index,
            slot: self.slot,
            data: eq_bytes::lend(&self.data),
            text: eq_bytes::lend(self.text.as_bytes()),
            meta: eq_bytes::lend(&self.meta),
            error: self.error.as_ref().map_or(std::ptr::null(), OwnedError::handle),
            call: self.call.as_ref().map_or(std::ptr::null(), |call| call.handle()),
        }
    }
}

/// A callback with its data, as it came from C.
#[derive(Clone, Copy)]
pub(super) struct Callback {
    pub function: unsafe extern "C" fn(*const eq_event, *mut c_void) -> eq_action,
    pub user_data: *mut c_void,
}

// SAFETY: the contract of eq_event_fn says that it is called from the library's threads; the caller answers for its data.
unsafe impl Send for Callback {}
// SAFETY: as above; for one call it is never called twice at once.
unsafe impl Sync for Callback {}

impl Callback {
    pub fn call(self, event: &OwnedEvent) -> eq_action {
        let lent = event.lend();
        // SAFETY: the event lives across the call, and the function is one that the caller gave for this purpose.
        unsafe { (self.function)(&raw const lent, self.user_data) }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    /// The layout that compiled programs rely on. It may grow at the end and nowhere else.
    #[test]
    fn the_layout_is_the_promised_one() {
        assert_eq!(size_of::<eq_bytes>(), 16);
        let offsets = [
            offset_of!(eq_event, size),
            offset_of!(eq_event, kind),
            offset_of!(eq_event, tag),
            offset_of!(eq_event, index),
            offset_of!(eq_event, slot),
            offset_of!(eq_event, data),
            offset_of!(eq_event, text),
            offset_of!(eq_event, meta),
            offset_of!(eq_event, error),
            offset_of!(eq_event, call),
        ];
        assert_eq!(offsets, [0, 4, 8, 16, 20, 24, 40, 56, 72, 80]);
        assert_eq!(size_of::<eq_event>(), 88);
    }
}
