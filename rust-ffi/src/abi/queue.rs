//! The queue: a ready-made callback that keeps events until a thread of the caller's own fetches them.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::boundary;
use super::bytes::{self, size_t};
use super::call::{check_out, CallObject};
use super::doorbell::Doorbell;
use super::error::eq_error;
use super::event::{eq_action, eq_event, OwnedEvent, EQ_CANCEL, EQ_CONTINUE, EQ_EVENT_LOG, EQ_PAUSE};
use super::handle::Table;
use super::status::{eq_status, EQ_ERR_BUSY, EQ_ERR_CLOSED, EQ_ERR_NULL, EQ_ERR_RESOURCE, EQ_TIMEOUT};
use crate::engine::event::Action;

/// Events of any number of calls, in order of arrival, for one reader at a time.
pub struct eq_queue(());

static QUEUES: Table<Queue> = Table::new(9);

const DEFAULT_CAPACITY: usize = 1 << 20;

/// [`eq_queue_push`] as a callback, to tell whether a caller's callback is it.
pub(super) const PUSH: unsafe extern "C" fn(*const eq_event, *mut c_void) -> eq_action = eq_queue_push;

pub(super) fn get(queue: *const eq_queue) -> Result<Weak<Queue>, eq_status> {
    QUEUES.get(queue.cast()).map(|queue| Arc::downgrade(&queue))
}

pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    doorbell: OnceLock<Doorbell>,
    /// Bytes held before calls are paused.
    capacity: usize,
}

#[derive(Default)]
struct State {
    events: VecDeque<OwnedEvent>,
    weight: usize,
    /// What the last `next` handed out.
    lent: Vec<OwnedEvent>,
    /// Every call that was started with this queue, to end them with it.
    calls: Vec<Weak<CallObject>>,
    /// Calls that are held back because the queue is full.
    paused: Vec<Arc<CallObject>>,
    reading: bool,
    /// The reader sleeps on the condition variable: waking costs a system call, so only then.
    sleeping: bool,
    /// The doorbell has been rung and not been answered.
    rung: bool,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds an event; wakes the reader at once, or at the next [`Queue::wake`]. A terminal event is taken even into a full queue.
    pub fn push(&self, event: OwnedEvent, wake: bool) -> Action {
        let mut state = self.state();
        if state.closed {
            return Action::Cancel;
        }
        let full = state.weight + event.weight() >= self.capacity && !event.is_terminal();
        if full && event.kind == EQ_EVENT_LOG && !state.events.is_empty() {
            // No call can be paused for it: where nobody reads, records are not kept for ever.
            return Action::Continue;
        }
        state.weight += event.weight();
        let call = event.call.clone().filter(|_| full);
        state.events.push_back(event);
        let mut answer = Action::Continue;
        if let Some(call) = call {
            // Under the lock: the reader that makes room must find the call paused and listed, or not at all.
            call.control.hold();
            if !state.paused.iter().any(|other| Arc::ptr_eq(other, &call)) {
                state.paused.push(call);
            }
            answer = Action::Continue;
        }
        if wake {
            self.ring(state);
        }
        answer
    }

    /// Wakes the reader if there is something to read.
    pub fn wake(&self) {
        let state = self.state();
        if !state.events.is_empty() {
            self.ring(state);
        }
    }

    fn ring(&self, mut state: MutexGuard<'_, State>) {
        let wake = std::mem::take(&mut state.sleeping);
        let doorbell = self.doorbell.get().filter(|_| !std::mem::replace(&mut state.rung, true));
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        if let Some(doorbell) = doorbell {
            doorbell.ring();
        }
    }

    /// Takes up to `max` events, waiting for the first.
    fn next(&self, max: usize, timeout: Option<Duration>, mut hand_out: impl FnMut(usize, eq_event)) -> Result<usize, eq_status> {
        let mut state = self.state();
        if std::mem::replace(&mut state.reading, true) {
            return Err(EQ_ERR_BUSY);
        }
        let old = std::mem::take(&mut state.lent);
        // Freed without the lock: pushes need not wait for it.
        drop(state);
        drop(old);
        let mut state = self.state();
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        while state.events.is_empty() && !state.closed {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            state.sleeping = true;
            state = match left {
                Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0,
                None => self.arrived.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            };
        }
        state.sleeping = false;
        state.reading = false;
        if state.events.is_empty() && state.closed {
            return Err(EQ_ERR_CLOSED);
        }
        let count = max.min(state.events.len());
        let taken: Vec<OwnedEvent> = state.events.drain(..count).collect();
        state.weight -= taken.iter().map(OwnedEvent::weight).sum::<usize>();
        for (at, event) in taken.iter().enumerate() {
            hand_out(at, event.lend());
        }
        state.lent = taken;
        if state.events.is_empty() && std::mem::take(&mut state.rung) {
            if let Some(doorbell) = self.doorbell.get() {
                doorbell.answer();
            }
        }
        let resume = if state.weight <= self.capacity / 2 { std::mem::take(&mut state.paused) } else { Vec::new() };
        drop(state);
        resume.iter().for_each(|call| call.control.release());
        if count == 0 {
            Err(EQ_TIMEOUT)
        } else {
            Ok(count)
        }
    }

    fn descriptor(&self) -> Result<isize, eq_status> {
        if let Some(doorbell) = self.doorbell.get() {
            return Ok(doorbell.descriptor());
        }
        let doorbell = Doorbell::new().map_err(|_| EQ_ERR_RESOURCE)?;
        let mut state = self.state();
        // Two threads asking at once: the spare doorbell is closed again.
        let _ = self.doorbell.set(doorbell);
        let doorbell = self.doorbell.get().ok_or(EQ_ERR_RESOURCE)?;
        if !state.events.is_empty() && !std::mem::replace(&mut state.rung, true) {
            doorbell.ring();
        }
        Ok(doorbell.descriptor())
    }

    /// Notes a call that will push into this queue. None once the queue is closed.
    pub fn attach(&self, call: &Arc<CallObject>) -> Option<()> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        if state.calls.len() == state.calls.capacity() {
            state.calls.retain(|call| call.strong_count() > 0);
        }
        state.calls.push(Arc::downgrade(call));
        Some(())
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        // Taken out under the lock, dropped without it.
        let left = (std::mem::take(&mut state.events), std::mem::take(&mut state.paused), std::mem::take(&mut state.lent));
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        self.arrived.notify_all();
        calls.iter().filter_map(Weak::upgrade).for_each(|call| call.control.cancel());
        drop(left);
    }
}

/// Makes a queue. `capacity` is how many bytes of events it holds before it pauses the calls that fill it (they go on when it is half
/// empty); 0 means 1 MiB. The caller frees it with eq_queue_free. `error` may be NULL. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_queue_new(capacity: size_t, out: *mut *mut eq_queue, error: *mut *mut eq_error) -> eq_status {
    boundary::status(|| {
        let _ = error;
        check_out(out)?;
        let capacity = if capacity == 0 { DEFAULT_CAPACITY } else { capacity };
        let queue = Queue { state: Mutex::new(State::default()), arrived: Condvar::new(), doorbell: OnceLock::new(), capacity };
        // SAFETY: checked above, and the header asks for a place for a queue.
        unsafe { bytes::write(out, QUEUES.insert(Arc::new(queue))?.cast()) }
    })
}

/// Frees a queue with all its events and cancels the calls that still push into it. A thread that waits in eq_queue_next wakes with
/// EQ_ERR_CLOSED. NULL is allowed. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_queue_free(queue: *mut eq_queue) -> eq_status {
    boundary::status(|| {
        if !queue.is_null() {
            QUEUES.remove(queue.cast())?.close();
        }
        Ok(())
    })
}

/// The callback that fills a queue: give it to eq_call_start or eq_log_set as `on_event`, with the queue as `user_data`. A full queue
/// pauses the calls that fill it, and takes no log records.
#[no_mangle]
pub unsafe extern "C" fn eq_queue_push(event: *const eq_event, queue: *mut c_void) -> eq_action {
    boundary::value(EQ_CANCEL, || {
        if event.is_null() {
            return None;
        }
        let queue = QUEUES.get(queue).ok()?;
        // SAFETY: not NULL, and a callback's event lives until the callback returns.
        let event = unsafe { &*event };
        let mut copy = OwnedEvent::blank(event.kind, event.tag);
        (copy.index, copy.slot) = (event.index, event.slot);
        // SAFETY: an event's bytes live as long as the event.
        unsafe {
            copy.data = event.data.read().ok()?.to_vec();
            copy.text = String::from_utf8_lossy(event.text.read().ok()?).into_owned();
            copy.meta = event.meta.read().ok()?.to_vec();
        }
        copy.error = super::error::copy(event.error);
        copy.call = CallObject::of(event.call);
        Some(match queue.push(copy, true) {
            Action::Continue => EQ_CONTINUE,
            Action::Pause => EQ_PAUSE,
            Action::Cancel => EQ_CANCEL,
        })
    })
}

/// A descriptor that is readable while the queue has events, for poll(), epoll or an event loop: the doorbell. It is made at the first
/// question, belongs to the queue and is closed with it; only wait on it, never read it. On Windows it is a SOCKET. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_queue_descriptor(queue: *const eq_queue, out: *mut isize) -> eq_status {
    boundary::status(|| {
        check_out(out)?;
        let descriptor = QUEUES.get(queue.cast())?.descriptor()?;
        // SAFETY: checked above, and the header asks for a place for a number.
        unsafe { bytes::write(out, descriptor) }
    })
}

/// Takes up to `max` events from a queue into `events` and writes their number to `count`. Waits up to `timeout_ms` milliseconds for the
/// first (-1: for ever, 0: not at all) and answers EQ_TIMEOUT when none came. What the events point to lives until the next eq_queue_next
/// of this queue or its eq_queue_free. One reader at a time: a second one is answered EQ_ERR_BUSY.
#[no_mangle]
pub unsafe extern "C" fn eq_queue_next(
    queue: *const eq_queue,
    events: *mut eq_event,
    max: size_t,
    timeout_ms: i32,
    count: *mut size_t,
) -> eq_status {
    boundary::status(|| {
        check_out(count)?;
        if events.is_null() && max > 0 {
            return Err(EQ_ERR_NULL);
        }
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let taken = QUEUES.get(queue.cast())?.next(max, timeout, |at, event| {
            // SAFETY: `at` is below `max`, and the header asks for places for `max` events.
            unsafe { events.add(at).write(event) }
        })?;
        // SAFETY: checked above, and the header asks for a place for a number.
        unsafe { bytes::write(count, taken) }
    })
}
