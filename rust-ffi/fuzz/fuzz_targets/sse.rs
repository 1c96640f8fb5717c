//! Any bytes, in any pieces: no panic, and the same events as unsplit.
#![no_main]

use edgequake_ffi::wire::sse::{Flaw, Parser};
use libfuzzer_sys::fuzz_target;

type Outcome = (Vec<(String, String)>, Option<Flaw>);

fn run<'a>(cap: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::with_cap(cap);
    let mut events = Vec::new();
    let mut on_event = |event: edgequake_ffi::wire::sse::Event<'_>| {
        events.push((event.event.to_owned(), event.data.to_owned()));
        Ok(event.is_done())
    };
    let flaw = pieces
        .into_iter()
        .try_for_each(|piece| parser.feed(piece, &mut on_event).map(drop))
        .and_then(|()| parser.finish::<Flaw>(&mut on_event))
        .err();
    (events, flaw)
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (size, cap, stream) = input;
    for cap in [usize::from(cap), usize::MAX >> 1] {
        let whole = run(cap, [stream]);
        assert_eq!(run(cap, stream.chunks(usize::from(size) + 1)), whole);
        assert_eq!(run(cap, stream.chunks(1)), whole);
    }
});
