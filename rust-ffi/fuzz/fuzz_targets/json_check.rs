//! What the check of a JSON text promises, against serde_json as the judge.
#![no_main]

use edgequake_ffi::engine::json::{flaw, Flaw, MAX_DEPTH};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let (with_surrogates, without) = (flaw(text, true), flaw(text, false));
    assert_ne!(without, Some(Flaw::LoneSurrogate));
    if serde_json::from_slice::<&RawValue>(text).is_err() {
        return;
    }
    let brackets = text.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if brackets <= MAX_DEPTH {
        assert_eq!(without, None);
    }
    match (with_surrogates, serde_json::from_slice::<Value>(text)) {
        (Some(Flaw::LoneSurrogate), Ok(value)) => panic!("{value} holds no lone surrogate"),
        (None, Err(error)) => {
            let message = error.to_string();
            // serde_json reads one level less than the check lets pass, and no number beyond f64.
            assert!(message.starts_with("number out of range") || message.starts_with("recursion limit"), "{message}");
        }
        _ => {}
    }
});
