//! The hash of the vocabulary's table. Shared with the build script, which writes the table with it.

/// Places (its high bits) and fingerprints (its low bits) of a table: multiplication and rotation, word by word.
pub fn hash(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = bytes.len() as u64;
    let mut mix = |word: u64| state = (state.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        mix(u64::from_le_bytes(last));
    }
    // The low bits of a product are poor.
    state ^ (state >> 29)
}

/// The first place to look at in a table of `slots`: a multiplication where a remainder would need a division (Lemire, "Fast random integer
/// generation in an interval", 2019).
pub fn place(hash: u64, slots: usize) -> usize {
    ((u128::from(hash) * slots as u128) >> 64) as usize
}
