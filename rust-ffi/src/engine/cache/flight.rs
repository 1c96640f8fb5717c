//! Equal calls that run at the same time: the first is sent, the others wait for its answer.
//!
//! Where the first comes to nothing, one of those who wait is sent next, and if that fails too, two, then four: a provider that fails is not
//! met by all of them at once, and the last of many does not wait for each of the others.

use std::collections::hash_map::{Entry as Place, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::entry::Entry;

/// A stream that has begun moves only as fast as its reader. When one stands still for this long, others are sent.
const STANDSTILL: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct State {
    /// Counts how often others had to be sent.
    round: u32,
    phase: Phase,
}

#[derive(Clone)]
enum Phase {
    /// Sent, and nothing has come yet.
    Waiting,
    /// A stream is being read.
    Moving,
    /// Some of those who wait are to be sent.
    Open,
    Landed(Arc<Entry>),
    /// Answered, but the answer is none for others.
    Apart,
}

struct Flight {
    state: watch::Sender<State>,
    /// How many more may be sent in this round.
    seats: usize,
    /// Those of this round that are on their way.
    sent: usize,
    /// Those of all rounds.
    leads: usize,
}

impl Flight {
    fn set(&self, phase: Phase) {
        self.state.send_modify(|state| state.phase = phase);
    }

    fn is_over(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Landed(_) | Phase::Apart)
    }

    /// Begins the next round, in which one more is sent, or twice as many as in the last.
    fn open(&mut self) {
        let round = self.state.borrow().round + 1;
        (self.seats, self.sent) = (1 << (round - 1).min(16), 0);
        self.state.send_replace(State { round, phase: Phase::Open });
    }

    /// Takes a place among those who are sent.
    fn sit(&mut self, flights: &Arc<Flights>, key: &str) -> Option<Lead> {
        self.seats = self.seats.checked_sub(1)?;
        self.sent += 1;
        self.leads += 1;
        if self.seats == 0 {
            self.set(Phase::Waiting);
        }
        Some(Lead { flights: flights.clone(), key: key.to_owned(), round: self.state.borrow().round })
    }
}

/// The calls on their way, by their keys.
#[derive(Default)]
pub struct Flights(Mutex<HashMap<String, Flight>>);

/// What to do about a call.
pub enum Part {
    /// Send it, for the others too.
    Lead(Lead),
    /// Wait for the call that was sent.
    Follow(Follow),
}

impl Flights {
    pub fn join(self: &Arc<Self>, key: &str) -> Part {
        let mut flights = self.lock();
        let flight = match flights.entry(key.to_owned()) {
            Place::Occupied(flight) => flight.into_mut(),
            Place::Vacant(place) => {
                let state = watch::Sender::new(State { round: 0, phase: Phase::Waiting });
                place.insert(Flight { state, seats: 1, sent: 0, leads: 0 })
            }
        };
        match flight.sit(self, key) {
            Some(lead) => Part::Lead(lead),
            None => {
                let state = flight.state.subscribe();
                Part::Follow(Follow { flights: self.clone(), key: key.to_owned(), state: Some(state) })
            }
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Does `change` to a flight, and forgets it when nobody has to do with it any more.
    fn with<T>(&self, key: &str, change: impl FnOnce(&mut Flight) -> T) -> Option<T> {
        let mut flights = self.lock();
        let flight = flights.get_mut(key)?;
        let done = change(flight);
        if flight.leads == 0 && (flight.is_over() || flight.state.receiver_count() == 0) {
            flights.remove(key);
        }
        Some(done)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A call that is sent. Dropped without [`Lead::land`], it has others be sent.
pub struct Lead {
    flights: Arc<Flights>,
    key: String,
    round: u32,
}

impl Lead {
    /// A piece of a stream has come.
    pub fn moves(&self) {
        self.flights.with(&self.key, |flight| {
            let own = flight.state.borrow().round == self.round;
            if own && flight.seats == 0 && !flight.is_over() {
                flight.set(Phase::Moving);
            }
        });
    }

    /// Hands the answer to those who wait. Until this is dropped, equal calls get it too: for as long as it takes to store it.
    pub fn land(&self, entry: Arc<Entry>) {
        self.end(Phase::Landed(entry));
    }

    /// There is an answer, but none for others: they need not wait for each other.
    pub fn part(self) {
        self.end(Phase::Apart);
    }

    fn end(&self, phase: Phase) {
        self.flights.with(&self.key, |flight| {
            // An answer that is there already is not taken away.
            if !flight.is_over() {
                flight.seats = 0;
                flight.set(phase);
            }
        });
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.with(&self.key, |flight| {
            flight.leads -= 1;
            if flight.is_over() || flight.state.borrow().round != self.round {
                return;
            }
            flight.sent -= 1;
            if flight.sent == 0 && flight.seats == 0 {
                flight.open();
            }
        });
    }
}

/// The wait for another call's answer.
pub struct Follow {
    flights: Arc<Flights>,
    key: String,
    /// None once it is dropped.
    state: Option<watch::Receiver<State>>,
}

/// What a wait came to.
pub enum Landing {
    Answer(Arc<Entry>),
    /// It is this call's turn to be sent, for the others too.
    Lead(Lead),
    /// There is no answer to be had, or none in time.
    Alone,
}

impl Follow {
    pub async fn landing(mut self, deadline: Instant) -> Landing {
        let (flights, key) = (self.flights.clone(), self.key.clone());
        let Some(receiver) = &mut self.state else { return Landing::Alone };
        loop {
            let State { round, phase } = receiver.borrow_and_update().clone();
            let until = match phase {
                Phase::Landed(entry) => return Landing::Answer(entry),
                Phase::Apart => return Landing::Alone,
                Phase::Open => match flights.with(&key, |flight| flight.sit(&flights, &key)).flatten() {
                    Some(lead) => return Landing::Lead(lead),
                    None => deadline,
                },
                Phase::Moving => deadline.min(Instant::now() + STANDSTILL),
                Phase::Waiting => deadline,
            };
            match tokio::time::timeout_at(until, receiver.changed()).await {
                // The sender goes when the flight is over; its last state stays to be read.
                Ok(Ok(())) => {}
                Ok(Err(_)) => match &receiver.borrow().phase {
                    Phase::Landed(entry) => return Landing::Answer(entry.clone()),
                    _ => return Landing::Alone,
                },
                Err(_) if until == deadline => return Landing::Alone,
                Err(_) => {
                    flights.with(&key, |flight| {
                        if flight.state.borrow().round == round && !flight.is_over() {
                            flight.open();
                        }
                    });
                }
            }
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.state = None;
        self.flights.with(&self.key, |_| ());
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

    /// What a wait came to, in a word.
    async fn answer(follow: Follow, deadline: Instant) -> Option<Arc<Entry>> {
        match follow.landing(deadline).await {
            Landing::Answer(entry) => Some(entry),
            Landing::Lead(_) => panic!("nobody failed"),
            Landing::Alone => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_get_the_answer_of_the_first() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let others: Vec<_> = (0..10).map(|_| tokio::spawn(answer(follow(&flights), late()))).collect();
        assert!(matches!(flights.join("other"), Part::Lead(_)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let entry = Arc::new(entry(0, None, b"one"));
        first.land(entry.clone());
        // While it is stored, the answer is there for those who come late.
        assert_eq!(answer(follow(&flights), late()).await, Some(entry.clone()));
        let last = follow(&flights);
        drop(first);
        assert_eq!(answer(last, late()).await, Some(entry.clone()));
        for other in others {
            assert_eq!(other.await.unwrap(), Some(entry.clone()));
        }
        assert_eq!(flights.len(), 0);
    }

    /// Calls that each fail after a second, or answer from `good` seconds on. Gives how many were sent in each second, and how many answers
    /// there were.
    async fn crowd(count: usize, good: u64) -> (Vec<usize>, usize) {
        let flights = Arc::new(Flights::default());
        let began = Instant::now();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let call = |part: Part| {
            let sent = sent.clone();
            async move {
                let lead = match part {
                    Part::Lead(lead) => lead,
                    Part::Follow(follow) => match follow.landing(late()).await {
                        Landing::Lead(lead) => lead,
                        Landing::Answer(_) => return true,
                        Landing::Alone => panic!("nobody goes alone"),
                    },
                };
                let second = began.elapsed().as_secs();
                {
                    let mut sent = sent.lock().unwrap();
                    let seconds = sent.len().max(second as usize + 1);
                    sent.resize(seconds, 0);
                    sent[second as usize] += 1;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                if second >= good {
                    lead.land(Arc::new(entry(0, None, b"one")));
                }
                second >= good
            }
        };
        let calls: Vec<_> = (0..count).map(|_| tokio::spawn(call(flights.join("key")))).collect();
        let mut answers = 0;
        for call in calls {
            answers += usize::from(call.await.unwrap());
        }
        assert_eq!(flights.len(), 0);
        let sent = sent.lock().unwrap().clone();
        (sent, answers)
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_sent_next_when_the_first_fails() {
        assert_eq!(crowd(100, 1).await, (vec![1, 1], 99));
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_fail_the_last_does_not_wait_for_each_of_the_others() {
        assert_eq!(crowd(100, u64::MAX).await, (vec![1, 1, 2, 4, 8, 16, 32, 36], 0));
        assert_eq!(crowd(100, 3).await, (vec![1, 1, 2, 4], 96));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_to_be_next_and_is_gone_is_not_waited_for() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let (gone, next) = (follow(&flights), follow(&flights));
        let soon = Instant::now() + Duration::from_secs(5);
        assert_eq!(answer(follow(&flights), soon).await, None);
        assert_eq!(Instant::now(), soon);
        drop(first);
        drop(gone);
        let Landing::Lead(second) = next.landing(late()).await else { panic!("nobody else leads") };
        // The second is cancelled: whoever waits, or comes, is next.
        let waits = follow(&flights);
        drop(second);
        let Landing::Lead(third) = waits.landing(late()).await else { panic!("nobody else leads") };
        let fourth = lead(&flights);
        assert!(matches!(flights.join("key"), Part::Follow(_)), "two are enough by now");
        drop((third, fourth));
        assert_eq!(flights.len(), 0);
        // A place that nobody is left to take is forgotten.
        let (first, follower) = (lead(&flights), follow(&flights));
        drop(first);
        assert_eq!(flights.len(), 1);
        drop(follower);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_none_for_others_lets_all_go() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let others: Vec<_> = (0..3).map(|_| tokio::spawn(answer(follow(&flights), late()))).collect();
        first.part();
        for other in others {
            assert_eq!(other.await.unwrap(), None);
        }
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stands_still_is_not_waited_for() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(follow(&flights).landing(late()))).collect();
        for _ in 0..10 {
            tokio::time::sleep(STANDSTILL / 2).await;
            first.moves();
        }
        assert!(waiting.iter().all(|task| !task.is_finished()));
        tokio::time::sleep(STANDSTILL * 2).await;
        assert_eq!(waiting.iter().filter(|task| task.is_finished()).count(), 1, "one is sent in its place");
        // The slow one may still be the first to have the whole answer.
        first.moves();
        first.land(Arc::new(entry(0, None, b"one")));
        let mut answers = 0;
        for task in waiting {
            answers += usize::from(matches!(task.await.unwrap(), Landing::Answer(_)));
        }
        assert_eq!(answers, 1);
        drop(first);
        assert_eq!(flights.len(), 0);
    }
}
