//! The way of a call's events to its caller.

use std::sync::Arc;

use super::{cancelled, Progress};
use crate::engine::control::Control;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::event::{Action, Event, Sink};
use crate::wire::StreamEvent;

/// The text that a failed stream's error gives back is kept up to about this size, so that an endless stream needs no endless memory.
const GENERATED: usize = 1 << 20;

/// The way of a call's events to its caller.
pub(super) struct Output {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) control: Arc<Control>,
}

impl Output {
    pub(super) async fn open(&self, meta: Vec<u8>, progress: &mut Progress) -> Result<()> {
        // A second attempt of a stream that had been opened goes on silently: nothing that the first said was handed on.
        if progress.opened {
            return Ok(());
        }
        progress.opened = true;
        self.emit(Event::Opened { meta }).await?;
        self.sink.flush();
        Ok(())
    }

    /// Hands an event on, unless nothing was said yet and this event says nothing either: it then waits for one that does, or for the
    /// stream's end.
    pub(super) async fn stream_event(&self, mut event: StreamEvent, progress: &mut Progress) -> Result<()> {
        if !progress.content {
            match progress.held.keep(event) {
                Some(said) => event = said,
                None => return Ok(()),
            }
            self.release(progress).await?;
        }
        self.hand_on(event, progress).await
    }

    /// Hands on what was held back.
    pub(super) async fn release(&self, progress: &mut Progress) -> Result<()> {
        if progress.held.is_empty() {
            return Ok(());
        }
        // Boxed: it happens once in a stream, and every event would carry the room for it.
        Box::pin(async {
            for event in progress.held.take() {
                self.hand_on(event, progress).await?;
            }
            Ok(())
        })
        .await
    }

    /// Hands an event on as it is.
    pub(super) async fn hand_on(&self, event: StreamEvent, progress: &mut Progress) -> Result<()> {
        progress.content = true;
        for observer in &mut progress.observers {
            observer.event(&event);
        }
        match &event {
            StreamEvent::Chunk { text, .. } | StreamEvent::Content { text, .. } if progress.generated.len() < GENERATED => {
                progress.generated.push_str(text);
            }
            _ => {}
        }
        self.emit(Event::Stream(event)).await
    }

    async fn emit(&self, event: Event) -> Result<()> {
        let seen = self.control.resumes();
        match self.sink.emit(event) {
            Action::Continue => {}
            Action::Pause => self.control.pause_unless_resumed_since(seen),
            Action::Cancel => {
                self.control.cancel();
                return Err(cancelled());
            }
        }
        if self.control.is_paused() {
            self.wait_while_paused().await;
        }
        Ok(())
    }

    pub(super) async fn wait_while_paused(&self) {
        self.sink.flush();
        self.control.running().await;
    }
}

/// Sees to it that a terminal event is sent exactly once, even when the task is dropped with its runtime.
pub(super) struct Terminal {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) sent: bool,
    pub(super) provider: String,
    pub(super) model: String,
}

impl Terminal {
    pub(super) fn send(&mut self, event: Event) {
        debug_assert!(event.is_terminal());
        if !std::mem::replace(&mut self.sent, true) {
            self.sink.emit(event);
            self.sink.flush();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.sent {
            let error = Error::new(ErrorKind::Cancelled, "the client was closed while the call was running");
            self.send(Event::Failed(error.at(&self.provider, &self.model)));
        }
    }
}
