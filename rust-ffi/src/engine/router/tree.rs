//! A tree over the deployments of a group: chooses one of those that are open, by weight or by the lowest key, in O(log n).
//!
//! Each node sums up the leaves below it, so that neither a change of one deployment nor a choice looks at all of them.

use std::ops::Range;

/// By what the weight of a choice is measured, in the order in which litellm looks for one.
pub const METRICS: usize = 3;

/// How many of the deployments within the latency buffer a choice is made among.
const SAMPLE: usize = 16;

/// What a node knows of the leaves below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Leaves that may be chosen.
    open: u32,
    /// Those of them with the lowest key.
    ties: u32,
    key: u64,
    weights: [f64; METRICS],
}

impl Node {
    /// May not be chosen.
    pub const CLOSED: Node = Node { open: 0, ties: 0, key: u64::MAX, weights: [0.0; METRICS] };

    pub fn open(key: u64, weights: [f64; METRICS]) -> Node {
        Node { open: 1, ties: 1, key, weights }
    }

    fn join(self, other: Node) -> Node {
        let key = self.key.min(other.key);
        let ties = |node: Node| if node.key == key { node.ties } else { 0 };
        let mut weights = self.weights;
        weights.iter_mut().zip(other.weights).for_each(|(sum, weight)| *sum += weight);
        Node { open: self.open + other.open, ties: ties(self) + ties(other), key, weights }
    }
}

/// How a choice is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// At random: by the first metric that an open leaf has a weight of, else with equal chances.
    Weight,
    /// The lowest key; at random among equals.
    Key,
    /// At random among those whose key, a number of seconds, is at most the lowest one times 1 + this.
    Within(f64),
}

/// Leaves are numbered from 0 in the order in which they were given.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The number of places for leaves: a power of two. The root is at 1, leaf 0 at `leaves`.
    leaves: usize,
}

impl Tree {
    pub fn new(leaves: &[Node]) -> Tree {
        let places = leaves.len().next_power_of_two().max(1);
        let mut nodes = vec![Node::CLOSED; 2 * places];
        nodes[places..places + leaves.len()].copy_from_slice(leaves);
        for at in (1..places).rev() {
            nodes[at] = nodes[2 * at].join(nodes[2 * at + 1]);
        }
        Tree { nodes, leaves: places }
    }

    pub fn set(&mut self, leaf: usize, node: Node) {
        let mut at = self.leaves + leaf;
        if self.nodes[at] == node {
            return;
        }
        self.nodes[at] = node;
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at].join(self.nodes[2 * at + 1]);
        }
    }

    /// Puts another node in a leaf's place, and gives back what was there.
    pub fn replace(&mut self, leaf: usize, node: Node) -> Node {
        let old = self.nodes[self.leaves + leaf];
        self.set(leaf, node);
        old
    }

    /// A leaf within `ranges` that is open. `random` gives numbers from 0 to below 1.
    pub fn choose(&self, ranges: &[Range<usize>], by: By, random: &mut dyn FnMut() -> f64) -> Option<usize> {
        let cover = self.cover(ranges);
        let sum = cover.iter().fold(Node::CLOSED, |sum, &at| sum.join(self.nodes[at]));
        if sum.open == 0 {
            return None;
        }
        let count: &dyn Fn(Node) -> f64 = &|node| f64::from(node.open);
        let at = match by {
            By::Weight => match (0..METRICS).find(|&metric| sum.weights[metric] > 0.0) {
                Some(metric) => self.draw(&cover, &|node| node.weights[metric], random()),
                None => self.draw(&cover, count, random()),
            },
            By::Key => self.draw(&cover, &|node| if node.key == sum.key { f64::from(node.ties) } else { 0.0 }, random()),
            By::Within(buffer) => {
                let bound = f64::from_bits(sum.key) * (1.0 + buffer);
                let mut found = Vec::with_capacity(SAMPLE);
                let first = (random() * cover.len() as f64) as usize;
                cover.iter().cycle().skip(first).take(cover.len()).for_each(|&at| self.gather(at, bound, &mut found, random));
                found[((random() * found.len() as f64) as usize).min(found.len() - 1)]
            }
        };
        Some(at - self.leaves)
    }

    /// The nodes that together have just the leaves of `ranges` below them.
    fn cover(&self, ranges: &[Range<usize>]) -> Vec<usize> {
        let mut cover = Vec::new();
        for range in ranges {
            let (mut from, mut to) = (self.leaves + range.start, self.leaves + range.end);
            if range.start == 0 && range.end == self.leaves {
                (from, to) = (1, 2);
            }
            while from < to {
                if from % 2 == 1 {
                    cover.push(from);
                    from += 1;
                }
                if to % 2 == 1 {
                    to -= 1;
                    cover.push(to);
                }
                (from, to) = (from / 2, to / 2);
            }
        }
        cover
    }

    /// The leaf at the part `random` of all that `size` gives to the leaves below `cover`. Rounding never leads to one of size 0.
    fn draw(&self, cover: &[usize], size: &dyn Fn(Node) -> f64, random: f64) -> usize {
        let mut left = random * cover.iter().map(|&at| size(self.nodes[at])).sum::<f64>();
        let mut chosen = None;
        for &at in cover {
            let own = size(self.nodes[at]);
            if own > 0.0 {
                chosen = Some(at);
                if left < own {
                    break;
                }
                left -= own;
            }
        }
        let mut at = chosen.unwrap_or(cover[0]);
        while at < self.leaves {
            let (first, second) = (size(self.nodes[2 * at]), size(self.nodes[2 * at + 1]));
            if second <= 0.0 || (first > 0.0 && left < first) {
                at *= 2;
            } else {
                left -= first;
                at = 2 * at + 1;
            }
        }
        at
    }

    /// Leaves below `at` whose key is at most `bound`, in a random order, until there are enough.
    fn gather(&self, at: usize, bound: f64, found: &mut Vec<usize>, random: &mut dyn FnMut() -> f64) {
        if found.len() == SAMPLE || self.nodes[at].open == 0 || f64::from_bits(self.nodes[at].key) > bound {
            return;
        }
        if at >= self.leaves {
            found.push(at);
            return;
        }
        let flip = usize::from(random() < 0.5);
        self.gather(2 * at + flip, bound, found, random);
        self.gather(2 * at + 1 - flip, bound, found, random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(tree: &Tree) -> Vec<Range<usize>> {
        std::iter::once(0..tree.leaves).collect()
    }

    /// How often each of `n` leaves is chosen, of 1 in the sum, when the random numbers go evenly from 0 to 1.
    fn shares(tree: &Tree, ranges: &[Range<usize>], by: By, n: usize) -> Vec<f64> {
        let mut times = vec![0.0; n];
        for step in 0..1000 {
            let leaf = tree.choose(ranges, by, &mut || f64::from(step) / 1000.0).unwrap();
            times[leaf] += 0.001;
        }
        times
    }

    #[test]
    fn weights_decide_how_often_then_the_next_metric_then_chance() {
        let open = |weight, rpm| Node::open(0, [weight, rpm, 0.0]);
        let weighted = Tree::new(&[open(9.0, 0.0), open(1.0, 5.0), open(0.0, 7.0), Node::CLOSED]);
        let times = shares(&weighted, &all(&weighted), By::Weight, 4);
        assert!((times[0] - 0.9).abs() < 0.01 && (times[1] - 0.1).abs() < 0.01 && times[2..] == [0.0, 0.0], "{times:?}");
        let by_rpm = Tree::new(&[open(0.0, 1.0), open(0.0, 3.0)]);
        let times = shares(&by_rpm, &all(&by_rpm), By::Weight, 2);
        assert!((times[1] - 0.75).abs() < 0.01, "{times:?}");
        let none = Tree::new(&[open(0.0, 0.0); 4]);
        assert!(shares(&none, &all(&none), By::Weight, 4).iter().all(|share| (share - 0.25).abs() < 0.01));
    }

    #[test]
    fn the_lowest_key_wins_and_equals_share() {
        let keys = [5, 2, 9, 2, 7].map(|key| Node::open(key, [0.0; 3]));
        let mut tree = Tree::new(&keys);
        let times = shares(&tree, &all(&tree), By::Key, 5);
        assert!((times[1] - 0.5).abs() < 0.01 && (times[3] - 0.5).abs() < 0.01, "{times:?}");
        tree.set(1, Node::CLOSED);
        tree.set(3, Node::open(6, [0.0; 3]));
        assert_eq!(tree.choose(&all(&tree), By::Key, &mut || 0.99), Some(0));
    }

    #[test]
    fn a_buffer_lets_those_near_the_lowest_have_their_share() {
        let seconds = [1.0, 1.04, 1.2, 1.049f64].map(|time| Node::open(time.to_bits(), [0.0; 3]));
        let tree = Tree::new(&seconds);
        let mut seen = [false; 4];
        for _ in 0..200 {
            seen[tree.choose(&all(&tree), By::Within(0.05), &mut fastrand::f64).unwrap()] = true;
        }
        assert_eq!(seen, [true, true, false, true]);
    }

    proptest! {
        /// Against the plain way: look at every leaf.
        #[test]
        fn a_choice_is_open_in_range_and_as_good_as_any(
            leaves in prop::collection::vec(prop::option::of((0u64..6, 0u8..3)), 1..40),
            changes in prop::collection::vec((0usize..40, prop::option::of(0u64..6)), 0..40),
            from in 0usize..40, to in 0usize..40, random in 0.0f64..1.0,
        ) {
            let node = |leaf: Option<(u64, u8)>| leaf.map_or(Node::CLOSED, |(key, weight)| Node::open(key, [f64::from(weight), 0.0, 0.0]));
            let mut nodes: Vec<Node> = leaves.iter().copied().map(node).collect();
            let mut tree = Tree::new(&nodes);
            for (leaf, key) in changes {
                let leaf = leaf % nodes.len();
                nodes[leaf] = node(key.map(|key| (key, 1)));
                tree.set(leaf, nodes[leaf]);
            }
            let range = from.min(nodes.len())..to.clamp(from.min(nodes.len()), nodes.len().max(from.min(nodes.len())));
            let inside = || nodes[range.clone()].iter().filter(|node| node.open == 1);
            let ranges = [range.clone()];
            for by in [By::Weight, By::Key, By::Within(0.0)] {
                match tree.choose(&ranges, by, &mut || random) {
                    None => prop_assert_eq!(inside().count(), 0),
                    Some(leaf) => {
                        prop_assert!(range.contains(&leaf) && nodes[leaf].open == 1);
                        if by == By::Key {
                            prop_assert_eq!(nodes[leaf].key, inside().map(|node| node.key).min().unwrap());
                        }
                        if by == By::Weight && inside().any(|node| node.weights[0] > 0.0) {
                            prop_assert!(nodes[leaf].weights[0] > 0.0);
                        }
                    }
                }
            }
        }
    }
}
