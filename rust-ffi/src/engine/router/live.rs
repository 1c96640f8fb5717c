//! What a router knows of its deployments while calls run: who is busy, slow, used up or left alone; and the choice among them.
//!
//! One lock holds it all, each change and each choice take O(log n) of it. Times are distances from when the router began, by a clock that
//! nobody sets: a minute that a limit is for is one of these, whatever the machine's clock says.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::config::{Config, LatencyRules, Strategy};
use super::deployment::Traits;
use super::filter::{fitting, Needs, Refusal};
use super::names::Meaning;
use super::state::{percentile, push, Outcome, State, Usage};
use super::tree::{By, Node, Tree};
use super::Router;
use crate::engine::error::{Error, ErrorKind};

const MINUTE: u64 = 60;
/// What a call that ran out of its time counts as, in seconds.
const TIMED_OUT: f64 = 1000.0;
/// Of those that are left alone, how many are looked at when there are no others.
const LOOKED_AT: usize = 64;

/// Deployments of a group with the same `order`.
struct Level {
    order: Option<i64>,
    /// The deployment of each leaf.
    members: Vec<usize>,
    /// Those with the same traits stand together.
    classes: Vec<(Traits, Range<usize>)>,
    tree: Tree,
    /// By times to the first token, where latency decides.
    streams: Option<Tree>,
}

struct Pool {
    levels: Vec<Level>,
    /// How many may be used, and how many of them are left alone.
    size: usize,
    resting: usize,
}

/// Where a deployment stands: group, level, leaf.
type Place = (usize, usize, usize);

/// What is asked of a choice.
pub struct Ask<'a> {
    pub needs: &'a Needs,
    pub stream: bool,
    /// Not these.
    pub without: &'a [usize],
    /// Only of this order.
    pub order: Option<i64>,
}

/// Why no deployment was chosen.
#[derive(Debug, PartialEq)]
pub enum Nobody {
    Unfit(Refusal),
    /// All that could serve are at a limit, were tried or are out of service. A minute's limits end after this time.
    Busy(Duration),
}

pub struct Live {
    /// From when times are counted.
    pub epoch: Instant,
    states: Vec<State>,
    pools: Vec<Pool>,
    places: Vec<Place>,
    /// When who may be used again.
    resting: BTreeSet<(Duration, usize)>,
    /// When whose times are stale.
    aging: BTreeSet<(Duration, usize)>,
    minute: u64,
    /// Who was used in this minute.
    touched: Vec<usize>,
    /// The router that took this one's place: calls that are on their way end there.
    pub successor: Option<Arc<Router>>,
}

impl Live {
    pub fn new(config: &Config) -> Live {
        let mut places = vec![(0, 0, 0); config.deployments.len()];
        let pool = |(number, members): (usize, &Vec<usize>)| pool(config, number, members, &mut places);
        let pools = config.groups.iter().enumerate().map(pool).collect();
        let mut live = Live {
            epoch: Instant::now(),
            states: vec![State::default(); config.deployments.len()],
            pools,
            places,
            resting: BTreeSet::new(),
            aging: BTreeSet::new(),
            minute: 0,
            touched: Vec::new(),
            successor: None,
        };
        (0..config.deployments.len()).for_each(|number| live.refresh(config, number));
        live
    }

    /// Takes over what another router knows of the same deployments, which then takes no more calls.
    pub fn adopt(&mut self, config: &Config, old: &mut Live, old_config: &Config) {
        (self.epoch, self.minute) = (old.epoch, old.minute);
        for (number, deployment) in config.deployments.iter().enumerate() {
            let Some(before) = old_config.names.deployment(&deployment.id) else { continue };
            let state = std::mem::take(&mut old.states[before]);
            self.aging.extend(state.stale.map(|stale| (stale, number)));
            let until = state.health.until;
            self.states[number] = state;
            self.states[number].touched = false;
            self.touch(number);
            let pool = &mut self.pools[self.places[number].0];
            match until {
                Some(until) if pool.resting + 1 < pool.size && !deployment.blocked => {
                    pool.resting += 1;
                    self.resting.insert((until, number));
                }
                _ => self.states[number].health.until = None,
            }
            self.refresh(config, number);
        }
    }

    pub fn state(&self, number: usize) -> &State {
        &self.states[number]
    }

    /// Lets what has passed by `now` be past.
    pub fn tick(&mut self, config: &Config, now: Duration) {
        let minute = now.as_secs() / MINUTE;
        if minute != self.minute {
            self.minute = minute;
            for number in std::mem::take(&mut self.touched) {
                let state = &mut self.states[number];
                (state.requests, state.used, state.touched) = (0, Usage::default(), false);
                self.refresh(config, number);
            }
        }
        while let Some(&(until, number)) = self.resting.first().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, number));
            self.wake(config, number);
        }
        while let Some(&(stale, number)) = self.aging.first().filter(|(stale, _)| *stale <= now) {
            self.aging.remove(&(stale, number));
            let state = &mut self.states[number];
            (state.stale, state.times, state.firsts) = (None, VecDeque::new(), VecDeque::new());
            self.refresh(config, number);
        }
    }

    /// A deployment for a request. Never one that is left alone, unless there is no other.
    pub fn choose(
        &mut self,
        config: &Config,
        meaning: &Meaning<'_>,
        ask: &Ask<'_>,
        now: Duration,
        random: &mut dyn FnMut() -> f64,
    ) -> Result<usize, Nobody> {
        self.tick(config, now);
        let busy = Nobody::Busy(Duration::from_secs((self.minute + 1) * MINUTE).saturating_sub(now));
        match meaning {
            Meaning::Deployment(number) if ask.without.contains(number) || self.is_full(config, *number) => Err(busy),
            Meaning::Deployment(number) => Ok(*number),
            Meaning::Deployments(numbers) => {
                let free = |number: &&usize| !ask.without.contains(number) && !self.is_full(config, **number);
                let free: Vec<usize> = numbers.iter().filter(free).copied().collect();
                let awake: Vec<usize> = free.iter().copied().filter(|n| self.states[*n].health.until.is_none()).collect();
                let from = if awake.is_empty() { &free } else { &awake };
                from.get((random() * from.len() as f64) as usize).copied().ok_or(busy)
            }
            Meaning::Group(group) | Meaning::Wildcard(group, _) => self.choose_of(config, *group, ask, random, busy),
        }
    }

    fn choose_of(
        &mut self,
        config: &Config,
        group: usize,
        ask: &Ask<'_>,
        random: &mut dyn FnMut() -> f64,
        busy: Nobody,
    ) -> Result<usize, Nobody> {
        let (mut refusal, mut fits) = (None, false);
        for level in 0..self.pools[group].levels.len() {
            let own = &self.pools[group].levels[level];
            if ask.order.is_some_and(|order| own.order != Some(order)) {
                continue;
            }
            let ranges = match ranges(&own.classes, ask.needs) {
                Ok(ranges) => ranges,
                Err(why) => {
                    refusal = Some(widest(refusal, why));
                    continue;
                }
            };
            if let Some(number) = self.draw(config, (group, level), &ranges, ask, random) {
                return Ok(number);
            }
            fits = true;
        }
        // Better one that has failed than none.
        let may =
            |number: &usize| !ask.without.contains(number) && !self.is_full(config, *number) && self.fits(group, *number, ask);
        let resting = self.resting.iter().take(LOOKED_AT).map(|(_, number)| *number).find(may);
        resting.ok_or_else(|| refusal.filter(|_| !fits).map_or(busy, Nobody::Unfit))
    }

    /// A leaf of a level that is open, is none of those that are not wanted, and has room for the request's tokens.
    fn draw(
        &mut self,
        config: &Config,
        (group, level): (usize, usize),
        ranges: &[Range<usize>],
        ask: &Ask<'_>,
        random: &mut dyn FnMut() -> f64,
    ) -> Option<usize> {
        let by = match config.strategy {
            Strategy::Shuffle => By::Weight,
            Strategy::Latency(LatencyRules { buffer, .. }) if buffer > 0.0 => By::Within(buffer),
            _ => By::Key,
        };
        let Live { pools, places, states, .. } = self;
        let own = &mut pools[group].levels[level];
        let tree = match &mut own.streams {
            Some(streams) if ask.stream => streams,
            _ => &mut own.tree,
        };
        let mut closed = Vec::new();
        for number in ask.without {
            let (pool, at, leaf) = places[*number];
            if (pool, at) == (group, level) {
                closed.push((leaf, tree.replace(leaf, Node::CLOSED)));
            }
        }
        let chosen = loop {
            let Some(leaf) = tree.choose(ranges, by, random) else { break None };
            let number = own.members[leaf];
            let limits = config.deployments[number].limits;
            let (used, tokens) = (states[number].used, ask.needs.tokens.unwrap_or(0));
            let over = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used + tokens > limit);
            if over(limits.input, used.input) || (config.limited && over(limits.tokens, used.input + used.output)) {
                closed.push((leaf, tree.replace(leaf, Node::CLOSED)));
                continue;
            }
            break Some(number);
        };
        closed.into_iter().rev().for_each(|(leaf, node)| tree.set(leaf, node));
        chosen
    }

    /// Notes that a call begins.
    pub fn start(&mut self, config: &Config, number: usize) {
        self.touch(number);
        let state = &mut self.states[number];
        state.in_flight += 1;
        state.requests += 1;
        self.refresh(config, number);
    }

    /// Notes that a call has ended. Gives for how long the deployment is left alone from now on, if it is.
    pub fn finish(&mut self, config: &Config, number: usize, outcome: &Outcome<'_>, now: Duration) -> Option<Duration> {
        self.tick(config, now);
        let mut rests = None;
        let state = &mut self.states[number];
        state.in_flight = state.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Answered { took, first, usage } => {
                state.answered += 1;
                state.used.input += usage.input;
                state.used.output += usage.output;
                let recovered = state.health.succeeded(now.saturating_sub(*took));
                // The call may have begun in the minute before.
                self.touch(number);
                let each = took.as_secs_f64() / usage.output.max(1) as f64;
                self.time(config, number, each, first.map(|first| first.as_secs_f64()), now);
                if let Some(until) = self.states[number].health.until.filter(|_| recovered) {
                    self.resting.remove(&(until, number));
                    self.wake(config, number);
                }
            }
            Outcome::Failed(error) => {
                state.failed += 1;
                if error.kind == ErrorKind::Timeout {
                    self.time(config, number, TIMED_OUT, None, now);
                }
                rests = self.fail(config, number, error, now);
            }
            Outcome::Gone => {}
            Outcome::Unsent => state.requests = state.requests.saturating_sub(1),
        }
        self.refresh(config, number);
        rests
    }

    fn touch(&mut self, number: usize) {
        if !std::mem::replace(&mut self.states[number].touched, true) {
            self.touched.push(number);
        }
    }

    fn fail(&mut self, config: &Config, number: usize, error: &Error, now: Duration) -> Option<Duration> {
        let deployment = &config.deployments[number];
        let time = self.states[number].health.failed(error, now, &config.health, &deployment.health)?;
        if !self.may_rest(config, number) {
            return None;
        }
        self.states[number].health.rest(now, now + time);
        self.rest(number, now + time);
        Some(time)
    }

    /// Leaves a deployment alone because another process does.
    pub fn told(&mut self, config: &Config, number: usize, time: Duration, now: Duration) {
        self.tick(config, now);
        let never = config.health.off || config.deployments[number].health.never;
        if !never && self.may_rest(config, number) && self.states[number].health.rest_as_told(now, now + time) {
            self.rest(number, now + time);
            self.refresh(config, number);
        }
    }

    /// The last one is never left alone.
    fn may_rest(&self, config: &Config, number: usize) -> bool {
        let pool = &self.pools[self.places[number].0];
        !config.deployments[number].blocked && pool.resting + 1 < pool.size
    }

    fn rest(&mut self, number: usize, until: Duration) {
        self.pools[self.places[number].0].resting += 1;
        self.resting.insert((until, number));
    }

    fn wake(&mut self, config: &Config, number: usize) {
        self.states[number].health.until = None;
        self.pools[self.places[number].0].resting -= 1;
        self.refresh(config, number);
    }

    fn time(&mut self, config: &Config, number: usize, each: f64, first: Option<f64>, now: Duration) {
        let Strategy::Latency(rules) = config.strategy else {
            // For those who look at it.
            push(&mut self.states[number].times, each, 10);
            return;
        };
        let state = &mut self.states[number];
        push(&mut state.times, each, rules.samples);
        if let Some(first) = first {
            push(&mut state.firsts, first, rules.samples);
        }
        if let Some(stale) = state.stale.replace(now + rules.ttl) {
            self.aging.remove(&(stale, number));
        }
        self.aging.insert((now + rules.ttl, number));
    }

    /// Is there a deployment that nothing but its own calls keeps from the request? It will take it once one of them has ended.
    pub fn is_occupied(&self, config: &Config, meaning: &Meaning<'_>, ask: &Ask<'_>) -> bool {
        let occupied = |number: &usize| {
            let busy = self.states[*number].in_flight > 0 && self.is_full(config, *number);
            busy && !ask.without.contains(number)
                && self.states[*number].health.until.is_none()
                && !self.is_spent(config, *number)
        };
        match meaning {
            Meaning::Group(group) | Meaning::Wildcard(group, _) => {
                config.groups[*group].iter().any(|number| occupied(number) && self.fits(*group, *number, ask))
            }
            Meaning::Deployments(numbers) => numbers.iter().any(occupied),
            Meaning::Deployment(number) => occupied(number),
        }
    }

    /// Is it one of the group's, of the order that is asked for, that can do what the request needs?
    fn fits(&self, group: usize, number: usize, ask: &Ask<'_>) -> bool {
        let (pool, level, leaf) = self.places[number];
        let own = &self.pools[pool].levels[level];
        pool == group
            && ask.order.is_none_or(|order| own.order == Some(order))
            && ranges(&own.classes, ask.needs).is_ok_and(|ranges| ranges.iter().any(|range| range.contains(&leaf)))
    }

    /// May it take no call now, whether or not it is left alone?
    fn is_full(&self, config: &Config, number: usize) -> bool {
        let at_once = config.deployments[number].parallel;
        at_once.is_some_and(|limit| self.states[number].in_flight >= limit) || self.is_spent(config, number)
    }

    /// May it take none, however few are on their way?
    fn is_spent(&self, config: &Config, number: usize) -> bool {
        let (deployment, state) = (&config.deployments[number], &self.states[number]);
        let full = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used >= limit);
        let limits = deployment.limits;
        deployment.blocked
            || full(limits.input, state.used.input)
            || full(limits.output, state.used.output)
            || (config.limited
                && (full(limits.requests, state.requests) || full(limits.tokens, state.used.input + state.used.output)))
    }

    /// Brings a deployment's leaves up to date.
    fn refresh(&mut self, config: &Config, number: usize) {
        let (deployment, state) = (&config.deployments[number], &self.states[number]);
        let closed = state.health.until.is_some() || self.is_full(config, number);
        let (pool, level, leaf) = self.places[number];
        let node = |key: u64| if closed { Node::CLOSED } else { Node::open(key, deployment.weights) };
        let each = state.latency().unwrap_or(0.0);
        let key = match config.strategy {
            Strategy::Shuffle => 0,
            Strategy::LeastBusy => state.in_flight,
            Strategy::Usage => (state.used.input + state.used.output).min(1 << 39) << 24 | state.requests.min((1 << 24) - 1),
            Strategy::Cost => deployment.price.to_bits(),
            Strategy::Latency(_) => each.to_bits(),
        };
        let own = &mut self.pools[pool].levels[level];
        own.tree.set(leaf, node(key));
        if let (Some(streams), Strategy::Latency(rules)) = (&mut own.streams, config.strategy) {
            let first = match rules.percentile {
                Some(part) => percentile(&state.firsts, part),
                None => state.first_token(),
            };
            streams.set(leaf, node(first.unwrap_or(each).to_bits()));
        }
    }

    /// The orders of a group's deployments, lowest first.
    pub fn orders(&self, group: usize) -> impl Iterator<Item = i64> + '_ {
        self.pools[group].levels.iter().filter_map(|level| level.order)
    }
}

fn pool(config: &Config, number: usize, members: &[usize], places: &mut [Place]) -> Pool {
    let mut sorted: Vec<usize> = members.to_vec();
    // Those without an order go last.
    let key = |n: &usize| {
        let deployment = &config.deployments[*n];
        (deployment.order.is_none(), deployment.order, &deployment.traits)
    };
    sorted.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut levels: Vec<Level> = Vec::new();
    for part in sorted.chunk_by(|a, b| config.deployments[*a].order == config.deployments[*b].order) {
        let mut classes: Vec<(Traits, Range<usize>)> = Vec::new();
        for (leaf, member) in part.iter().enumerate() {
            places[*member] = (number, levels.len(), leaf);
            let traits = &config.deployments[*member].traits;
            match classes.last_mut().filter(|(last, _)| last == traits) {
                Some((_, range)) => range.end += 1,
                None => classes.push((traits.clone(), leaf..leaf + 1)),
            }
        }
        let closed = vec![Node::CLOSED; part.len()];
        let streams = matches!(config.strategy, Strategy::Latency(_)).then(|| Tree::new(&closed));
        let order = config.deployments[part[0]].order;
        levels.push(Level { order, members: part.to_vec(), classes, tree: Tree::new(&closed), streams });
    }
    let size = members.iter().filter(|member| !config.deployments[**member].blocked).count();
    Pool { levels, size, resting: 0 }
}

/// The leaves of those that can serve.
fn ranges(classes: &[(Traits, Range<usize>)], needs: &Needs) -> Result<Vec<Range<usize>>, Refusal> {
    let fits = fitting(classes.iter().map(|(traits, _)| traits), needs)?;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (_, (_, range)) in classes.iter().enumerate().filter(|(number, _)| fits.contains(number)) {
        match ranges.last_mut().filter(|last| last.end == range.start) {
            Some(last) => last.end = range.end,
            None => ranges.push(range.clone()),
        }
    }
    Ok(ranges)
}

/// Of two reasons, the one that says more.
fn widest(one: Option<Refusal>, other: Refusal) -> Refusal {
    match (one, other) {
        (Some(Refusal::Window(a)), Refusal::Window(b)) => Refusal::Window(a.max(b)),
        (Some(one @ Refusal::Window(_)), _) => one,
        (_, other) => other,
    }
}
