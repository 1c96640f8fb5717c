//! Counters of this process. The arithmetic is that of `reserve.lua` and `settle.lua`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::store::{Kind, Met, Taken, Want, SLICES};

/// After so many calls the counters that hold nothing any more are dropped.
const SWEEP: u32 = 4096;

/// Time is that of a clock that never jumps.
pub struct Memory {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counters: HashMap<String, Counter>,
    calls: u32,
}

#[derive(Default)]
struct Counter {
    /// Of a window: what was counted in each slice.
    slices: BTreeMap<u64, u64>,
    /// Of calls on their way: what each may come to.
    held: HashMap<String, u64>,
    spent: u64,
    /// When a budget's period began.
    start: Option<u64>,
    /// Milliseconds from when on the counter holds nothing; for ever where it never ends by itself.
    ends: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Memory { began: Instant::now(), state: Mutex::default() }
    }
}

impl Memory {
    pub fn reserve(&self, id: &str, wants: &[Want]) -> Result<Taken, Met> {
        self.reserve_at(self.now(), id, wants)
    }

    pub fn settle(&self, taken: &Taken, used: &[u64]) {
        self.settle_at(self.now(), taken, used);
    }

    /// What counts of a want's limit now.
    #[cfg(test)]
    pub fn used(&self, want: &Want) -> u64 {
        let now = self.now();
        self.lock().counters.get_mut(&want.key).map_or(0, |counter| counter.used(want, now))
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn reserve_at(&self, now: u64, id: &str, wants: &[Want]) -> Result<Taken, Met> {
        let mut state = self.lock();
        let State { counters, calls } = &mut *state;
        *calls += 1;
        if *calls >= SWEEP {
            *calls = 0;
            counters.retain(|_, counter| !counter.held.is_empty() || counter.ends > now);
        }
        let mut met: Option<Met> = None;
        for (index, want) in wants.iter().enumerate() {
            let Some(counter) = counters.get_mut(&want.key) else {
                if want.amount > want.limit || want.limit == 0 {
                    met.get_or_insert(Met { index, used: 0, wait: None });
                }
                continue;
            };
            let used = counter.used(want, now);
            let full = match want.kind {
                Kind::Budget => used >= want.limit || used.saturating_add(want.amount) > want.limit,
                _ => used.saturating_add(want.amount) > want.limit,
            };
            if full {
                let wait = counter.wait(want, now, used);
                // The longest wait is told: before it the call is refused anyway.
                if met.as_ref().is_none_or(|met| matches!((met.wait, wait), (Some(known), Some(wait)) if wait > known)) {
                    met = Some(Met { index, used, wait });
                }
            }
        }
        if let Some(met) = met {
            return Err(met);
        }
        let take = |want: &Want| counters.entry(want.key.clone()).or_default().take(want, now, id);
        let places = wants.iter().map(take).collect();
        Ok(Taken { wants: wants.to_vec(), places, id: id.to_owned() })
    }

    fn settle_at(&self, now: u64, taken: &Taken, used: &[u64]) {
        let mut state = self.lock();
        for ((want, place), used) in taken.wants.iter().zip(&taken.places).zip(used) {
            state.counters.entry(want.key.clone()).or_default().settle(want, now, *place, *used, &taken.id);
        }
    }
}

impl Counter {
    /// What counts now; forgets what no longer does.
    fn used(&mut self, want: &Want, now: u64) -> u64 {
        match want.kind {
            Kind::Window => {
                let slice = now / width(want);
                self.slices = self.slices.split_off(&slice.saturating_sub(SLICES));
                self.slices.values().sum()
            }
            Kind::Parallel => self.held.len() as u64,
            Kind::Budget => {
                if self.start.is_some_and(|start| want.span > Duration::ZERO && now >= start + millis(want.span)) {
                    (self.start, self.spent) = (None, 0);
                }
                self.held.values().fold(self.spent, |sum, held| sum.saturating_add(*held))
            }
        }
    }

    fn wait(&self, want: &Want, now: u64, used: u64) -> Option<Duration> {
        match want.kind {
            Kind::Window => {
                let mut left = used;
                let frees = |(slice, count): (&u64, &u64)| {
                    left -= count;
                    (left.saturating_add(want.amount) <= want.limit).then_some(*slice)
                };
                let slice = self.slices.iter().find_map(frees)?;
                Some(Duration::from_millis(((slice + SLICES + 1) * width(want)).saturating_sub(now).max(1)))
            }
            Kind::Parallel => None,
            Kind::Budget if want.span.is_zero() => None,
            Kind::Budget => Some(Duration::from_millis((self.start? + millis(want.span)).saturating_sub(now))),
        }
    }

    fn take(&mut self, want: &Want, now: u64, id: &str) -> u64 {
        match want.kind {
            Kind::Window => {
                let slice = now / width(want);
                *self.slices.entry(slice).or_default() += want.amount;
                self.ends = now + 2 * millis(want.span);
                slice
            }
            Kind::Parallel => {
                self.held.insert(id.to_owned(), 1);
                0
            }
            Kind::Budget => {
                self.held.insert(id.to_owned(), want.amount);
                let start = *self.start.get_or_insert(now);
                self.ends = if want.span.is_zero() { u64::MAX } else { start + millis(want.span) };
                0
            }
        }
    }

    fn settle(&mut self, want: &Want, now: u64, place: u64, used: u64, id: &str) {
        match want.kind {
            Kind::Window if used > want.amount => {
                *self.slices.entry(now / width(want)).or_default() += used - want.amount;
                self.ends = now + 2 * millis(want.span);
            }
            Kind::Window => {
                if let Some(count) = self.slices.get_mut(&place) {
                    *count = count.saturating_sub(want.amount - used);
                }
            }
            Kind::Parallel => {
                self.held.remove(id);
            }
            Kind::Budget => {
                self.held.remove(id);
                self.used(want, now);
                let start = *self.start.get_or_insert(now);
                self.spent = self.spent.saturating_add(used);
                self.ends = if want.span.is_zero() { u64::MAX } else { start + millis(want.span) };
            }
        }
    }
}

fn millis(span: Duration) -> u64 {
    span.as_millis() as u64
}

fn width(want: &Want) -> u64 {
    millis(want.span).div_ceil(SLICES).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn want(kind: Kind, limit: u64, amount: u64, seconds: u64) -> Want {
        Want { key: "k".into(), kind, limit, amount, span: Duration::from_secs(seconds) }
    }

    #[test]
    fn nothing_is_taken_where_one_limit_is_met() {
        let memory = Memory::default();
        let wide = Want { key: "wide".into(), ..want(Kind::Window, 10, 1, 60) };
        let narrow = want(Kind::Window, 1, 1, 60);
        let both = [wide.clone(), narrow];
        assert!(memory.reserve_at(0, "a", &both).is_ok());
        let met = memory.reserve_at(500, "b", &both).unwrap_err();
        assert_eq!(met, Met { index: 1, used: 1, wait: Some(Duration::from_millis(60_500)) });
        assert_eq!(memory.used(&wide), 1);
        assert!(memory.reserve_at(60_999, "b", &both).is_err());
        assert!(memory.reserve_at(61_000, "b", &both).is_ok(), "when it was told that there is room, there is");
    }

    #[test]
    fn a_budget_begins_anew_with_its_period_and_what_is_on_its_way_counts() {
        let (memory, want) = (Memory::default(), want(Kind::Budget, 100, 40, 10));
        let first = memory.reserve_at(0, "a", std::slice::from_ref(&want)).unwrap();
        memory.reserve_at(0, "b", std::slice::from_ref(&want)).unwrap();
        let met = memory.reserve_at(1000, "c", std::slice::from_ref(&want)).unwrap_err();
        assert_eq!(met, Met { index: 0, used: 80, wait: Some(Duration::from_secs(9)) });
        memory.settle_at(2000, &first, &[5]);
        memory.reserve_at(2000, "c", std::slice::from_ref(&want)).unwrap();
        let free = Want { amount: 0, ..want.clone() };
        assert!(
            memory.reserve_at(9999, "d", &[Want { limit: 85, ..free.clone() }]).is_err(),
            "a spent budget lets nothing through"
        );
        assert!(memory.reserve_at(9999, "d", &[free]).is_ok());
        let held: u64 = 80;
        assert_eq!(memory.reserve_at(10_000, "e", &[Want { amount: 101, ..want }]).unwrap_err().used, held);
    }

    #[test]
    fn a_place_is_free_when_its_call_is_settled() {
        let (memory, want) = (Memory::default(), want(Kind::Parallel, 1, 1, 0));
        let taken = memory.reserve_at(0, "a", std::slice::from_ref(&want)).unwrap();
        assert_eq!(memory.reserve_at(9, "b", std::slice::from_ref(&want)).unwrap_err().wait, None);
        memory.settle_at(10, &taken, &[0]);
        memory.settle_at(10, &taken, &[0]);
        assert!(memory.reserve_at(10, "b", &[want]).is_ok());
    }

    #[test]
    fn counters_that_hold_nothing_are_dropped() {
        let memory = Memory::default();
        for n in 0..u64::from(SWEEP) + 10 {
            let want = Want { key: format!("user {n}"), ..want(Kind::Window, 10, 1, 1) };
            memory.reserve_at(n * 100, "id", &[want]).unwrap();
        }
        assert!(memory.lock().counters.len() < 100, "{}", memory.lock().counters.len());
    }

    proptest! {
        /// Whatever comes when, no span of the window's length holds more than the limit; and who waits as told gets in.
        #[test]
        fn no_window_ever_holds_more_than_its_limit(
            limit in 1u64..50, seconds in 1u64..120, steps in prop::collection::vec((0u64..20_000, 1u64..10), 1..300),
        ) {
            let memory = Memory::default();
            let (mut now, mut log) = (0u64, Vec::<(u64, u64)>::new());
            for (step, amount) in steps {
                now += step;
                let want = want(Kind::Window, limit, amount, seconds);
                match memory.reserve_at(now, "id", std::slice::from_ref(&want)) {
                    Ok(_) => log.push((now, amount)),
                    Err(Met { wait: Some(wait), .. }) => {
                        prop_assert!(wait <= want.span + want.span / 60 + Duration::from_millis(61));
                        now += wait.as_millis() as u64;
                        prop_assert!(memory.reserve_at(now, "id", &[want]).is_ok());
                        log.push((now, amount));
                    }
                    Err(met) => prop_assert!(amount > limit, "{met:?}"),
                }
                let within = log.iter().filter(|(at, _)| *at + seconds * 1000 > now).map(|(_, amount)| amount).sum::<u64>();
                prop_assert!(within <= limit, "{within} of {limit}");
            }
        }

        /// Who asks all the time gets nearly all of it.
        #[test]
        fn a_window_is_used_to_the_full(limit in 20u64..200, step in 1u64..200) {
            let memory = Memory::default();
            let want = want(Kind::Window, limit, 1, 60);
            let granted = (0..600_000 / step).filter(|n| memory.reserve_at(n * step, "id", std::slice::from_ref(&want)).is_ok()).count() as u64;
            let asked = 600_000 / step;
            prop_assert!(granted >= (limit * 10 * 95 / 100).min(asked), "{granted} of {} and {asked} asked", limit * 10);
            prop_assert!(granted <= limit * 10);
        }

        /// What is reserved and given back leaves nothing behind.
        #[test]
        fn settling_counts_what_was_used(amounts in prop::collection::vec((0u64..1000, 0u64..1000), 1..50)) {
            let memory = Memory::default();
            let (window, budget) = (want(Kind::Window, u64::MAX, 0, 3600), Want { key: "b".into(), ..want(Kind::Budget, u64::MAX, 0, 0) });
            let mut all = 0;
            for (n, (reserved, used)) in amounts.into_iter().enumerate() {
                let wants = [Want { amount: reserved, ..window.clone() }, Want { amount: reserved, ..budget.clone() }];
                let taken = memory.reserve_at(n as u64, &n.to_string(), &wants).unwrap();
                memory.settle_at(n as u64, &taken, &[used, used]);
                all += used;
                prop_assert_eq!((memory.used(&window), memory.used(&budget)), (all, all));
            }
        }
    }
}
