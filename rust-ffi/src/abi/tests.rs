//! The boundary as a C program uses and misuses it. The calls are mock calls, so no network is involved.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::buffer::{eq_buffer_bytes, eq_buffer_free};
use super::bytes::eq_bytes;
use super::call::{eq_call, eq_call_cancel, eq_call_free, eq_call_resume, eq_call_start, CallObject};
use super::client::{eq_client, eq_client_free, eq_client_new, eq_query};
use super::error::*;
use super::event::*;
use super::log::eq_log_set;
use super::queue::{eq_queue, eq_queue_descriptor, eq_queue_free, eq_queue_new, eq_queue_next, eq_queue_push};
use super::status::*;

fn bytes(text: &str) -> eq_bytes {
    eq_bytes::lend(text.as_bytes())
}

fn text(bytes: eq_bytes) -> String {
    String::from_utf8(unsafe { bytes.read() }.unwrap().to_vec()).unwrap()
}

struct Client(*mut eq_client);

impl Client {
    fn new() -> Client {
        let mut client = null_mut();
        assert_eq!(unsafe { eq_client_new(eq_bytes::EMPTY, &mut client, null_mut()) }, EQ_OK);
        Client(client)
    }

    fn start(&self, request: &str, function: eq_event_fn, user_data: *mut c_void) -> *mut eq_call {
        let mut call = null_mut();
        let status = unsafe {
            let (operation, request) = (bytes("completion"), bytes(request));
            eq_call_start(self.0, operation, request, null(), 0, 42, function, user_data, &mut call, null_mut())
        };
        assert_eq!(status, EQ_OK);
        call
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { eq_client_free(self.0) };
    }
}

/// What a callback saw, and what it is to answer.
#[derive(Default)]
struct Seen {
    kinds: Mutex<Vec<eq_event_kind>>,
    text: Mutex<String>,
    error: Mutex<eq_error_kind>,
    changed: Condvar,
    answer: AtomicUsize,
}

impl Seen {
    fn wait(&self, until: impl Fn(&[eq_event_kind]) -> bool) -> Vec<eq_event_kind> {
        let kinds = self.kinds.lock().unwrap();
        let wait = self.changed.wait_timeout_while(kinds, Duration::from_secs(20), |kinds| !until(kinds)).unwrap();
        assert!(!wait.1.timed_out(), "waited in vain; saw {:?}", *wait.0);
        wait.0.clone()
    }

    fn terminal(&self) -> Vec<eq_event_kind> {
        self.wait(|kinds| kinds.iter().any(|kind| *kind >= EQ_EVENT_DONE))
    }

    fn pointer(self: &Arc<Self>) -> *mut c_void {
        Arc::as_ptr(self).cast_mut().cast()
    }
}

unsafe extern "C" fn note(event: *const eq_event, seen: *mut c_void) -> eq_action {
    let (event, seen) = unsafe { (&*event, &*seen.cast_const().cast::<Seen>()) };
    assert_eq!((event.tag, event.size as usize), (42, size_of::<eq_event>()));
    seen.text.lock().unwrap().push_str(&text(event.text));
    *seen.error.lock().unwrap() = unsafe { eq_error_get_kind(event.error) };
    seen.kinds.lock().unwrap().push(event.kind);
    seen.changed.notify_all();
    seen.answer.load(Ordering::SeqCst) as eq_action
}

const STREAM: &str =
    r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"x"}],"stream":true,"mock_response":"abcdefghi"}"#;
const SLOW: &str = r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"x"}],"mock_response":"a","mock_delay":60}"#;

#[test]
fn a_callback_sees_the_stream_and_one_terminal_event() {
    let client = Client::new();
    let seen = Arc::new(Seen::default());
    let call = client.start(STREAM, Some(note), seen.pointer());
    let kinds = seen.terminal();
    assert_eq!(kinds.first(), Some(&EQ_EVENT_OPENED));
    assert_eq!(kinds.iter().filter(|kind| **kind >= EQ_EVENT_DONE).count(), 1);
    assert_eq!(kinds.last(), Some(&EQ_EVENT_DONE));
    assert_eq!(*seen.text.lock().unwrap(), "abcdefghi");
    assert_eq!(unsafe { eq_call_free(call) }, EQ_OK);
}

#[test]
fn cancelling_freeing_and_closing_each_bring_the_terminal_event() {
    for end in ["cancel", "free", "close"] {
        let client = Client::new();
        let seen = Arc::new(Seen::default());
        let call = client.start(SLOW, Some(note), seen.pointer());
        unsafe {
            match end {
                "cancel" => assert_eq!(eq_call_cancel(call), EQ_OK),
                "free" => assert_eq!(eq_call_free(call), EQ_OK),
                _ => assert_eq!(eq_client_free(client.0), EQ_OK),
            }
        }
        assert_eq!(seen.terminal(), [EQ_EVENT_FAILED], "{end}");
        assert_eq!(*seen.error.lock().unwrap(), EQ_ERROR_CANCELLED, "{end}");
        unsafe { eq_call_free(call) };
    }
}

#[test]
fn a_callback_may_pause_resume_and_cancel() {
    let client = Client::new();
    let seen = Arc::new(Seen::default());
    seen.answer.store(EQ_PAUSE as usize, Ordering::SeqCst);
    let call = client.start(STREAM, Some(note), seen.pointer());
    seen.wait(|kinds| kinds.len() == 1);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(seen.kinds.lock().unwrap().len(), 1, "nothing comes while paused");
    assert_eq!(unsafe { eq_call_resume(call) }, EQ_OK);
    seen.wait(|kinds| kinds.len() == 2);
    seen.answer.store(EQ_CANCEL as usize, Ordering::SeqCst);
    assert_eq!(unsafe { eq_call_resume(call) }, EQ_OK);
    let kinds = seen.terminal();
    assert_eq!(kinds.last(), Some(&EQ_EVENT_FAILED));
    assert_eq!(*seen.error.lock().unwrap(), EQ_ERROR_CANCELLED);
    unsafe { eq_call_free(call) };
}

struct Queue(*mut eq_queue);

impl Queue {
    fn new(capacity: usize) -> Queue {
        let mut queue = null_mut();
        assert_eq!(unsafe { eq_queue_new(capacity, &mut queue, null_mut()) }, EQ_OK);
        Queue(queue)
    }

    fn next(&self, max: usize, timeout_ms: i32) -> Result<Vec<eq_event>, eq_status> {
        let mut events = Vec::with_capacity(max);
        let mut count = 0;
        match unsafe { eq_queue_next(self.0, events.as_mut_ptr(), max, timeout_ms, &mut count) } {
            EQ_OK => {
                assert!(count <= max);
                unsafe { events.set_len(count) };
                Ok(events)
            }
            status => Err(status),
        }
    }

    /// All events to the terminal one: kinds and joined text.
    fn drain(&self, max: usize) -> (Vec<eq_event_kind>, String) {
        let (mut kinds, mut joined) = (Vec::new(), String::new());
        while kinds.last().is_none_or(|kind| *kind < EQ_EVENT_DONE) {
            for event in self.next(max, 20_000).unwrap() {
                kinds.push(event.kind);
                joined.push_str(&text(event.text));
            }
        }
        (kinds, joined)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        unsafe { eq_queue_free(self.0) };
    }
}

fn readable(queue: &Queue) -> bool {
    let mut descriptor = -1;
    assert_eq!(unsafe { eq_queue_descriptor(queue.0, &mut descriptor) }, EQ_OK);
    let mut poll = libc::pollfd { fd: descriptor as i32, events: libc::POLLIN, revents: 0 };
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}

#[test]
fn a_queue_hands_out_every_event_in_order() {
    let client = Client::new();
    for (capacity, max) in [(0, 64), (0, 1), (1, 1), (1, 64)] {
        let queue = Queue::new(capacity);
        assert!(!readable(&queue));
        let call = client.start(STREAM, Some(eq_queue_push), queue.0.cast());
        let (kinds, joined) = queue.drain(max);
        assert_eq!(joined, "abcdefghi", "capacity {capacity}, max {max}");
        assert_eq!(kinds.iter().filter(|kind| **kind >= EQ_EVENT_DONE).count(), 1);
        assert!(!readable(&queue), "an empty queue's doorbell is silent");
        assert_eq!(queue.next(1, 0).err(), Some(EQ_TIMEOUT));
        unsafe { eq_call_free(call) };
    }
}

#[test]
fn a_full_queue_holds_its_call_back() {
    let client = Client::new();
    let long = STREAM.replace("abcdefghi", &"x".repeat(30_000));
    let queue = Queue::new(4096);
    let call = client.start(&long, Some(eq_queue_push), queue.0.cast());
    std::thread::sleep(Duration::from_millis(200));
    assert!(readable(&queue));
    let first = queue.next(100_000, 0).unwrap();
    assert!(first.len() < 50, "{} events in a queue of 4 KiB", first.len());
    let text_so_far: usize = first.iter().map(|event| event.text.len).sum();
    let (_, rest) = queue.drain(64);
    assert_eq!(text_so_far + rest.len(), 30_000, "nothing is lost");
    unsafe { eq_call_free(call) };
}

#[test]
fn a_full_queue_takes_no_more_log_records() {
    let queue = Queue::new(4096);
    // Zero is a value of each of its fields.
    let mut record: eq_event = unsafe { std::mem::zeroed() };
    record.kind = EQ_EVENT_LOG;
    for _ in 0..1000 {
        assert_eq!(unsafe { eq_queue_push(&record, queue.0.cast()) }, EQ_CONTINUE);
    }
    let kept = queue.next(1000, 0).unwrap().len();
    assert!((1..100).contains(&kept), "{kept} records in a queue of 4 KiB");
    // There is room again.
    assert_eq!(unsafe { eq_queue_push(&record, queue.0.cast()) }, EQ_CONTINUE);
    assert_eq!(queue.next(1000, 0).unwrap().len(), 1);
}

/// A callback of the program's own that hands on to the queue, as a program with several uses for an event does.
unsafe extern "C" fn hand_on(event: *const eq_event, queue: *mut c_void) -> eq_action {
    unsafe { eq_queue_push(event, queue) }
}

#[test]
fn the_push_function_works_when_called_by_others() {
    let client = Client::new();
    let queue = Queue::new(256);
    let call = client.start(STREAM, Some(hand_on), queue.0.cast());
    assert_eq!(queue.drain(2).1, "abcdefghi");
    unsafe { eq_call_free(call) };
    let failing = r#"{"model":"openai/gpt-4o","mock_timeout":true,"timeout":0.01}"#;
    let call = client.start(failing, Some(hand_on), queue.0.cast());
    let event = &queue.next(1, 20_000).unwrap()[0];
    assert_eq!((event.kind, unsafe { eq_error_get_kind(event.error) }), (EQ_EVENT_FAILED, EQ_ERROR_TIMEOUT));
    unsafe { eq_call_free(call) };
}

#[test]
fn one_reader_at_a_time_and_freeing_wakes_it() {
    let queue = Arc::new(Queue::new(0).0 as usize);
    let raw = *queue as *mut eq_queue;
    // The queue above was freed by its guard at once; the handle is stale.
    assert_eq!(unsafe { eq_queue_next(raw, null_mut(), 0, 0, &mut 0) }, EQ_ERR_HANDLE);
    let queue = Queue::new(0);
    let handle = queue.0 as usize;
    let reader = std::thread::spawn(move || {
        let mut count = 0;
        unsafe { eq_queue_next(handle as *mut eq_queue, null_mut(), 0, -1, &mut count) }
    });
    while unsafe { eq_queue_next(queue.0, null_mut(), 0, 0, &mut 0) } != EQ_ERR_BUSY {
        std::thread::yield_now();
    }
    drop(queue);
    assert_eq!(reader.join().unwrap(), EQ_ERR_CLOSED);
}

#[test]
fn freeing_a_queue_cancels_every_call_of_it() {
    let client = Client::new();
    let queue = Queue::new(0);
    // One that waits for its answer, and has pushed nothing that could be found in the queue.
    let silent = client.start(SLOW, Some(eq_queue_push), queue.0.cast());
    let control = CallObject::of(silent).unwrap().control.clone();
    assert!(!control.is_cancelled());
    drop(queue);
    assert!(control.is_cancelled());
    assert_eq!(unsafe { eq_call_free(silent) }, EQ_OK);
}

#[test]
fn f6_misuse_is_answered_and_does_not_crash() {
    unsafe {
        let client = Client::new();
        assert_eq!(eq_client_new(eq_bytes::EMPTY, null_mut(), null_mut()), EQ_ERR_NULL);
        assert_eq!(eq_queue_new(0, null_mut(), null_mut()), EQ_ERR_NULL);
        for free in [
            eq_client_free(null_mut()),
            eq_call_free(null_mut()),
            eq_queue_free(null_mut()),
            eq_buffer_free(null_mut()),
            eq_error_free(null_mut()),
        ] {
            assert_eq!(free, EQ_OK, "freeing NULL");
        }
        let foreign = client.0;
        assert_eq!(eq_call_cancel(foreign.cast()), EQ_ERR_HANDLE);
        assert_eq!(eq_queue_free(foreign.cast()), EQ_ERR_HANDLE);
        assert_eq!(eq_error_free(foreign.cast()), EQ_ERR_HANDLE);
        assert_eq!(eq_buffer_free(foreign.cast()), EQ_ERR_HANDLE);
        assert_eq!(eq_buffer_bytes(foreign.cast()).len, 0);
        assert_eq!(eq_error_json(foreign.cast()).len, 0);
        assert_eq!(eq_error_get_kind(null()), 0);
        assert_eq!(eq_queue_push(null(), null_mut()), EQ_CANCEL);
        let mut call = null_mut();
        let (operation, request) = (bytes("completion"), bytes(SLOW));
        let start = |client, function, user_data, out| {
            eq_call_start(client, operation, request, null(), 0, 42, function, user_data, out, null_mut())
        };
        assert_eq!(start(null(), Some(note), null_mut(), &mut call), EQ_ERR_NULL);
        assert_eq!(start(client.0, None, null_mut(), &mut call), EQ_ERR_NULL);
        assert_eq!(start(client.0, Some(note), null_mut(), null_mut()), EQ_ERR_NULL);
        assert_eq!(start(client.0, Some(eq_queue_push), client.0.cast(), &mut call), EQ_ERR_HANDLE);
        let bad = eq_bytes { ptr: null(), len: 1 };
        assert_eq!(eq_client_new(bad, &mut null_mut(), null_mut()), EQ_ERR_NULL);
        let huge = eq_bytes { ptr: operation.ptr, len: usize::MAX };
        assert_eq!(eq_client_new(huge, &mut null_mut(), null_mut()), EQ_ERR_ARGUMENT);
        let stale = client.0;
        drop(client);
        assert_eq!(eq_client_free(stale), EQ_ERR_HANDLE, "freed twice");
        assert_eq!(start(stale, Some(note), null_mut(), &mut call), EQ_ERR_HANDLE);
    }
}

#[test]
fn a_rejected_request_says_why_and_brings_no_event() {
    let client = Client::new();
    let seen = Arc::new(Seen::default());
    for (operation, request, word) in [
        ("completion", "[]", "object"),
        ("completion", "{\"model\":", "object"),
        ("conversation", "{}", "conversation"),
        ("completion", r#"{"model":"openai/x","timeout":"soon"}"#, "timeout"),
        ("completion", r#"{"model":"openai/x","mock_tool_calls":["x"],"stream":true}"#, "mock_tool_calls"),
    ] {
        let (mut call, mut error) = (null_mut(), null_mut());
        unsafe {
            let status = eq_call_start(
                client.0,
                bytes(operation),
                bytes(request),
                null(),
                0,
                42,
                Some(note),
                seen.pointer(),
                &mut call,
                &mut error,
            );
            assert_eq!((status, call.is_null()), (EQ_ERR_REJECTED, true), "{request}");
            assert_eq!(eq_error_get_kind(error), EQ_ERROR_BAD_REQUEST);
            assert!(text(eq_error_get_text(error, EQ_TEXT_MESSAGE)).contains(word), "{}", text(eq_error_json(error)));
            assert_eq!(text(eq_error_get_text(error, EQ_TEXT_KIND_NAME)), "BadRequestError");
            assert_eq!((eq_error_http_status(error), eq_error_retry_after_ms(error)), (0, -1));
            assert_eq!(eq_error_free(error), EQ_OK);
            assert_eq!(eq_error_free(error), EQ_ERR_HANDLE);
        }
    }
    std::thread::sleep(Duration::from_millis(20));
    assert!(seen.kinds.lock().unwrap().is_empty());
}

#[test]
fn questions_are_answered_at_once() {
    let (mut buffer, mut error) = (null_mut(), null_mut());
    unsafe {
        assert_eq!(eq_query(null(), bytes("providers"), eq_bytes::EMPTY, &mut buffer, &mut error), EQ_OK);
        assert!(text(eq_buffer_bytes(buffer)).contains("\"openai\""));
        assert_eq!(eq_buffer_free(buffer), EQ_OK);
        assert_eq!(eq_query(null(), bytes("weather"), eq_bytes::EMPTY, &mut buffer, &mut error), EQ_ERR_REJECTED);
        eq_error_free(error);
    }
}

#[test]
fn log_records_come_as_events() {
    // One listener for the process: other tests may log too, so only the presence of ours is asked for.
    let queue = Queue::new(0);
    assert_eq!(unsafe { eq_log_set(30, Some(eq_queue_push), queue.0.cast()) }, EQ_OK);
    crate::engine::log::record(crate::engine::log::Level::Info, || unreachable!("below the level"));
    crate::engine::log::record(crate::engine::log::Level::Warning, || ("careful".into(), "{\"a\":1}".into()));
    let records: Vec<_> = queue.next(16, 20_000).unwrap();
    assert!(records.iter().any(|event| event.kind == EQ_EVENT_LOG && text(event.text) == "careful" && event.index == 30));
    assert_eq!(unsafe { eq_log_set(0, None, null_mut()) }, EQ_OK);
}
