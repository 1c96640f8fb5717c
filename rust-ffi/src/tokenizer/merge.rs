//! Byte pair encoding of one piece: the pair of neighbours with the lowest rank is merged, again and again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::{Rank, Table};

/// Longer pieces (a line of a thousand equal letters) are merged with a heap, whose set-up costs more than it saves on words.
const SHORT: usize = 200;

/// Hands the tokens of a piece to `push`.
pub fn merge(table: &Table, piece: &[u8], push: &mut dyn FnMut(Rank)) {
    if let Some(rank) = table.rank(piece) {
        return push(rank);
    }
    let starts = if piece.len() <= SHORT { short(table, piece) } else { long(table, piece) };
    for pair in starts.windows(2) {
        // Every single byte is a token, and merges only make tokens.
        if let Some(rank) = table.rank(&piece[pair[0]..pair[1]]) {
            push(rank);
        }
    }
}

/// Where the tokens of a piece start, and its end.
fn short(table: &Table, piece: &[u8]) -> Vec<usize> {
    const NONE: Rank = Rank::MAX;
    // A part's start, and the rank of it merged with the next one.
    let mut parts: Vec<(usize, Rank)> = (0..=piece.len()).map(|start| (start, NONE)).collect();
    let rank_at = |parts: &[(usize, Rank)], at: usize| match parts.get(at + 2) {
        Some((end, _)) => table.rank(&piece[parts[at].0..*end]).unwrap_or(NONE),
        None => NONE,
    };
    for at in 0..parts.len() {
        parts[at].1 = rank_at(&parts, at);
    }
    while let Some((at, _)) = parts.iter().enumerate().min_by_key(|(_, (_, rank))| *rank).filter(|(_, (_, rank))| *rank != NONE) {
        parts.remove(at + 1);
        parts[at].1 = rank_at(&parts, at);
        if at > 0 {
            parts[at - 1].1 = rank_at(&parts, at - 1);
        }
    }
    parts.into_iter().map(|(start, _)| start).collect()
}

/// The same in n·log n: a heap of candidates, and a list of neighbours.
fn long(table: &Table, piece: &[u8]) -> Vec<usize> {
    let end = piece.len();
    // By start: where the next part starts (the end of this one), and where the one before does.
    let mut next: Vec<usize> = (1..=end + 1).collect();
    let mut before: Vec<usize> = (0..=end).map(|at| at.wrapping_sub(1)).collect();
    let mut alive = vec![true; end + 1];
    let mut heap = BinaryHeap::new();
    let candidate = |heap: &mut BinaryHeap<Reverse<(Rank, usize, usize)>>, next: &[usize], at: usize| {
        if at < end && next[at] < end {
            let stop = next[next[at]];
            if let Some(rank) = table.rank(&piece[at..stop]) {
                heap.push(Reverse((rank, at, stop)));
            }
        }
    };
    (0..end).for_each(|at| candidate(&mut heap, &next, at));
    while let Some(Reverse((_, at, stop))) = heap.pop() {
        // Candidates of parts that have been merged since are stale.
        if !alive[at] || next[at] >= end || next[next[at]] != stop {
            continue;
        }
        let gone = next[at];
        alive[gone] = false;
        next[at] = stop;
        if stop <= end {
            before[stop] = at;
        }
        candidate(&mut heap, &next, at);
        if at > 0 {
            candidate(&mut heap, &next, before[at]);
        }
    }
    let mut starts = Vec::new();
    let mut at = 0;
    while at < end {
        starts.push(at);
        at = next[at];
    }
    starts.push(end);
    starts
}

#[cfg(test)]
mod tests {
    use super::super::Encoding;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Both ways of merging find the same tokens.
        #[test]
        fn the_heap_and_the_scan_agree(piece in "[a-d é\\-=]{1,150}", o200k in any::<bool>()) {
            let table = if o200k { Encoding::O200k.table() } else { Encoding::Cl100k.table() };
            prop_assert_eq!(short(table, piece.as_bytes()), long(table, piece.as_bytes()));
        }
    }
}
