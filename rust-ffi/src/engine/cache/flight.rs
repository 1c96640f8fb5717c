//! Equal calls that run at the same time: the first is sent, the others wait for its answer.

use std::collections::hash_map::{Entry as Place, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::entry::Entry;

/// A stream that has begun moves only as fast as its reader. Who waits for one that stands still for this long goes on alone.
const STANDSTILL: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
enum State {
    /// Sent, and nothing has come yet.
    #[default]
    Waiting,
    /// A stream is being read.
    Moving,
    Landed(Arc<Entry>),
    /// The answer is not to be had: the call failed, was cancelled, or is none to be kept.
    Lost,
}

/// The calls on their way, by their keys.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<String, watch::Sender<State>>>);

/// What to do about a call.
pub enum Part {
    /// Send it, for the others too.
    Lead(Lead),
    /// Wait for the call that was sent.
    Follow(Follow),
}

impl Flights {
    pub fn join(self: &Arc<Self>, key: &str) -> Part {
        match self.lock().entry(key.to_owned()) {
            Place::Occupied(flight) => Part::Follow(Follow(flight.get().subscribe())),
            Place::Vacant(place) => {
                place.insert(watch::Sender::new(State::Waiting));
                Part::Lead(Lead { flights: self.clone(), key: key.to_owned(), over: false })
            }
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<State>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The call that is sent. Dropped without [`Lead::land`], it tells the others to go on alone.
pub struct Lead {
    flights: Arc<Flights>,
    key: String,
    over: bool,
}

impl Lead {
    /// A piece of a stream has come.
    pub fn moves(&self) {
        if let Some(flight) = self.flights.lock().get(&self.key) {
            flight.send_replace(State::Moving);
        }
    }

    /// Hands the answer to those who wait. Until this is dropped, equal calls get it too: for as long as it takes to store it.
    pub fn land(&mut self, entry: Arc<Entry>) {
        self.over = true;
        if let Some(flight) = self.flights.lock().get(&self.key) {
            flight.send_replace(State::Landed(entry));
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let flight = self.flights.lock().remove(&self.key);
        if let Some(flight) = flight.filter(|_| !self.over) {
            flight.send_replace(State::Lost);
        }
    }
}

/// The wait for another call's answer.
pub struct Follow(watch::Receiver<State>);

impl Follow {
    /// The other call's answer; None where there is none to be had, or none by `deadline`.
    pub async fn answer(mut self, deadline: Instant) -> Option<Arc<Entry>> {
        loop {
            let until = match &*self.0.borrow_and_update() {
                State::Landed(entry) => return Some(entry.clone()),
                State::Lost => return None,
                State::Moving => deadline.min(Instant::now() + STANDSTILL),
                State::Waiting => deadline,
            };
            // The sender goes when the flight is over; its last state stays to be read.
            match tokio::time::timeout_at(until, self.0.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => match &*self.0.borrow() {
                    State::Landed(entry) => return Some(entry.clone()),
                    _ => return None,
                },
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    fn lead(flights: &Arc<Flights>) -> Lead {
        match flights.join("key") {
            Part::Lead(lead) => lead,
            Part::Follow(_) => panic!("somebody leads already"),
        }
    }

    fn follow(flights: &Arc<Flights>) -> Follow {
        match flights.join("key") {
            Part::Follow(follow) => follow,
            Part::Lead(_) => panic!("nobody leads"),
        }
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    #[tokio::test(start_paused = true)]
    async fn all_get_the_answer_of_the_first() {
        let flights = Arc::new(Flights::default());
        let mut first = lead(&flights);
        let others: Vec<_> = (0..10).map(|_| tokio::spawn(follow(&flights).answer(late()))).collect();
        assert!(matches!(flights.join("other"), Part::Lead(_)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let answer = Arc::new(entry(0, None, b"one"));
        first.land(answer.clone());
        // While it is stored, the answer is there for those who come late.
        assert_eq!(follow(&flights).answer(late()).await, Some(answer.clone()));
        let last = follow(&flights);
        drop(first);
        assert_eq!(last.answer(late()).await, Some(answer.clone()));
        for other in others {
            assert_eq!(other.await.unwrap(), Some(answer.clone()));
        }
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_alone_when_the_first_fails_or_time_is_up() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let soon = Instant::now() + Duration::from_secs(5);
        assert_eq!(follow(&flights).answer(soon).await, None);
        assert_eq!(Instant::now(), soon);
        let waiting = tokio::spawn(follow(&flights).answer(late()));
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.unwrap(), None);
        drop(lead(&flights));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stands_still_is_not_waited_for() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let waiting = tokio::spawn(follow(&flights).answer(late()));
        for _ in 0..10 {
            tokio::time::sleep(STANDSTILL / 2).await;
            first.moves();
        }
        assert!(!waiting.is_finished());
        tokio::time::sleep(STANDSTILL * 2).await;
        assert_eq!(waiting.await.unwrap(), None);
    }
}
