//! The caller's hold on a running call: cancel, pause, resume, from any thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

#[derive(Default)]
pub struct Control {
    cancelled: AtomicBool,
    /// The caller's own pause, and that of a full queue: each has its own owner, and the call goes on when neither holds it.
    paused: AtomicBool,
    held: AtomicBool,
    /// Counts resumes, so that a pause that lost the race against its own resume is undone.
    resumes: AtomicU64,
    changed: Notify,
}

impl Control {
    /// Ends the call: its connection is closed and its terminal event is a failure of the kind `Cancelled`.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        // Two waiters may exist: the call as a whole, and its pump while paused.
        self.changed.notify_waiters();
    }

    /// Stops reading from the provider. At most the events of one network read still come.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// The state to remember before asking a callback whether to pause.
    pub fn resumes(&self) -> u64 {
        self.resumes.load(Ordering::SeqCst)
    }

    /// Pauses unless somebody resumed since `seen`: a callback may answer "pause" while another thread already resumes.
    pub fn pause_unless_resumed_since(&self, seen: u64) {
        self.pause();
        if self.resumes() != seen {
            self.paused.store(false, Ordering::SeqCst);
        }
    }

    pub fn resume(&self) {
        self.resumes.fetch_add(1, Ordering::SeqCst);
        self.paused.store(false, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// A full queue holds the call back, until [`Control::release`].
    pub fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    pub fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst) || self.held.load(Ordering::SeqCst)
    }

    /// Completes when the call is cancelled.
    pub async fn cancelled(&self) {
        self.until(|| self.is_cancelled()).await;
    }

    /// Completes when the call is not paused.
    pub async fn running(&self) {
        self.until(|| !self.is_paused()).await;
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            // Registered before the check, so that a change between the check and the wait is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition() {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_cancel_before_the_wait_is_seen() {
        let control = Control::default();
        control.cancel();
        control.cancelled().await;
        assert!(control.is_cancelled());
    }

    #[tokio::test]
    async fn a_resume_that_overtakes_its_pause_wins() {
        let control = Control::default();
        let seen = control.resumes();
        control.resume();
        control.pause_unless_resumed_since(seen);
        control.running().await;
        control.pause_unless_resumed_since(control.resumes());
        assert!(control.is_paused());
    }

    #[test]
    fn a_queue_with_room_does_not_undo_the_callers_pause() {
        let control = Control::default();
        control.pause();
        control.hold();
        control.release();
        assert!(control.is_paused());
        control.hold();
        control.resume();
        assert!(control.is_paused(), "nor the caller the queue's");
        control.release();
        assert!(!control.is_paused());
    }

    #[tokio::test]
    async fn pause_holds_until_resume() {
        let control = Arc::new(Control::default());
        control.pause();
        let waiter = tokio::spawn({
            let control = control.clone();
            async move { control.running().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        control.resume();
        waiter.await.unwrap();
    }
}
