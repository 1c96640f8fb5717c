//! The S items of the protocol's traps, each run whole, one byte at a time and cut in two at every byte; then random streams in random
//! pieces against a slow reader that has the whole stream at once.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What came of a stream: its events as (type, data), and the flaw that ended it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    events: Vec<(String, String)>,
    flaw: Option<Flaw>,
}

/// Feeds the pieces and finishes; stops at `[DONE]` as OpenAI's protocol does.
fn run<'a>(cap: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::with_cap(cap);
    let mut events = Vec::new();
    let mut on_event = |event: Event<'_>| {
        events.push((event.event.to_owned(), event.data.to_owned()));
        Ok(event.is_done())
    };
    let flaw = pieces
        .into_iter()
        .try_for_each(|piece| parser.feed(piece, &mut on_event).map(drop))
        .and_then(|()| parser.finish::<Flaw>(&mut on_event))
        .err();
    Outcome { events, flaw }
}

/// Cuts `stream` at the positions, which may be in any order.
fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.to_vec();
    cuts.sort_unstable();
    let mut start = 0;
    let mut pieces = Vec::new();
    for cut in cuts.into_iter().chain([stream.len()]) {
        pieces.push(&stream[start..cut]);
        start = cut;
    }
    pieces
}

/// The outcome, after it was made sure that no way to cut the stream changes it.
#[track_caller]
fn outcome_with_cap(cap: usize, stream: &[u8]) -> Outcome {
    let whole = run(cap, [stream]);
    assert_eq!(run(cap, stream.chunks(1)), whole, "one byte at a time");
    for cut in 0..=stream.len() {
        assert_eq!(run(cap, pieces(stream, &[cut])), whole, "cut at {cut}");
    }
    if stream.len() <= 64 {
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                assert_eq!(run(cap, pieces(stream, &[first, second])), whole, "cut at {first} and {second}");
            }
        }
    }
    assert_eq!(reference(cap, stream), whole, "the slow reader disagrees");
    whole
}

#[track_caller]
fn outcome(stream: impl AsRef<[u8]>) -> Outcome {
    outcome_with_cap(MAX_EVENT, stream.as_ref())
}

/// The data of the events of a stream without flaw.
#[track_caller]
fn data(stream: impl AsRef<[u8]>) -> Vec<String> {
    let outcome = outcome(stream);
    assert_eq!(outcome.flaw, None);
    outcome.events.into_iter().map(|(_, data)| data).collect()
}

/// The rules of the standard, written down as plainly as possible over the whole stream.
fn reference(cap: usize, stream: &[u8]) -> Outcome {
    let stream = stream.strip_prefix(BOM).unwrap_or(stream);
    let mut lines = vec![Vec::new()];
    let mut at = 0;
    while at < stream.len() {
        if stream[at..].starts_with(b"\r\n") {
            lines.push(Vec::new());
            at += 1;
        } else if stream[at] == b'\r' || stream[at] == b'\n' {
            lines.push(Vec::new());
        } else {
            lines.last_mut().unwrap().push(stream[at]);
        }
        at += 1;
    }
    let last = lines.len() - 1;

    let mut outcome = Outcome::default();
    let mut values: Vec<Vec<u8>> = Vec::new();
    let mut name: Vec<u8> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let held = values.join(&b'\n');
        if held.len() + name.len() + line.len() > cap {
            outcome.flaw = Some(Flaw::LineTooLong);
            return outcome;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let field = &line[..colon.unwrap_or(line.len())];
        let value = colon.map_or(&[][..], |colon| &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => values.push(value.to_vec()),
            b"event" => name = value.to_vec(),
            _ => {}
        }
        if (line.is_empty() || number == last) && !values.join(&b'\n').is_empty() {
            let held = values.join(&b'\n');
            let text = |bytes: &[u8]| match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Some(text),
                Err(error) if number == last && error.utf8_error().error_len().is_none() => {
                    String::from_utf8(bytes[..error.utf8_error().valid_up_to()].to_vec()).ok()
                }
                Err(_) => None,
            };
            match (text(&held), text(&name)) {
                (Some(data), _) if data.is_empty() => return outcome,
                (Some(data), Some(event)) => outcome.events.push((event, data)),
                _ => {
                    outcome.flaw = Some(Flaw::InvalidUtf8);
                    return outcome;
                }
            }
            if outcome.events.last().is_some_and(|(_, data)| data.trim_start().starts_with("[DONE]")) {
                return outcome;
            }
        }
        if line.is_empty() {
            values.clear();
            name.clear();
        }
    }
    outcome
}

#[test]
fn s1_cr_lf_crlf_mixed() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("event: a{end}data: 1{end}data: 2{end}{end}data: 3{end}{end}");
        let outcome = outcome(&stream);
        assert_eq!(outcome.events, [("a".into(), "1\n2".into()), ("".into(), "3".into())], "{end:?}");
        assert_eq!(outcome.flaw, None);
    }
    assert_eq!(data("data: 1\r\n\ndata: 2\n\r\ndata: 3\r\rdata: 4\n\rdata: 5\r\n\r"), ["1", "2", "3", "4", "5"]);
    // One break, not two: otherwise the first line would be an event of its own.
    assert_eq!(data("data: 1\r\ndata: 2\r\n\r\n"), ["1\n2"]);
}

#[test]
fn s1_a_cr_dispatches_without_waiting_for_what_follows() {
    let mut parser = Parser::new();
    let mut seen = Vec::new();
    let mut on_event = |event: Event<'_>| -> Result<bool, Flaw> {
        seen.push(event.data.to_owned());
        Ok(false)
    };
    parser.feed(b"data: 1\r\r", &mut on_event).unwrap();
    parser.feed(b"\n", &mut on_event).unwrap();
    parser.feed(b"data: 2\n\n", &mut on_event).unwrap();
    assert_eq!(seen, ["1", "2"]);
}

#[test]
fn s2_one_leading_bom_is_stripped() {
    assert_eq!(data("\u{FEFF}data: 1\n\n"), ["1"]);
    assert_eq!(data("\u{FEFF}\n\u{FEFF}data: 1\n\ndata: 2\n\n"), ["2"]);
    assert_eq!(data("\u{FEFF}\u{FEFF}data: 1\n\ndata: 2\n\n"), ["2"]);
    assert_eq!(data("data: \u{FEFF}1\n\n"), ["\u{FEFF}1"]);
    // Bytes that only begin like a mark belong to the first line.
    assert_eq!(data(b"\xEF\xBBdata: 1\n\ndata: 2\n\n"), ["2"]);
    assert_eq!(data(b"\xEF\xBB"), [""; 0]);
}

#[test]
fn s3_comments_are_ignored() {
    let stream = ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: 1\n: between\ndata: 2\n:\n\n:data: 3\n\n";
    assert_eq!(data(stream), ["1\n2"]);
    assert_eq!(data(b": \xFF\xC3 is nobody's text\ndata: 1\n\n"), ["1"]);
}

#[test]
fn s4_data_lines_are_joined_by_line_feeds() {
    assert_eq!(data("data: {\ndata: \"a\":\ndata: 1}\n\n"), ["{\n\"a\":\n1}"]);
    assert_eq!(data("data: 1\ndata\ndata:\ndata: 2\n\n"), ["1\n\n\n2"]);
    assert_eq!(data("data\ndata\n\n"), ["\n"]);
}

#[test]
fn s5_one_space_behind_the_colon_is_stripped() {
    assert_eq!(data("data:1\n\ndata: 2\n\ndata:  3\n\ndata:\t4\n\ndata: 5 \n\n"), ["1", "2", " 3", "\t4", "5 "]);
    assert_eq!(
        outcome("event:a\ndata:1\n\nevent:  b\ndata:1\n\n").events,
        [("a".to_owned(), "1".to_owned()), (" b".to_owned(), "1".to_owned()),]
    );
}

#[test]
fn s6_a_field_without_colon_has_an_empty_value() {
    assert_eq!(data("data: 1\ndata\n\n"), ["1\n"]);
    assert_eq!(outcome("event: a\nevent\ndata: 1\n\n").events, [("".to_owned(), "1".to_owned())]);
}

#[test]
fn s7_unknown_fields_ids_and_retries_are_ignored() {
    let stream =
        "id: 1\0\nretry: soon\nretry: 5\nfoo: bar\ndata : 1\n data: 2\nDATA: 3\ndatas: 4\ndat: 5\nevents: x\ndata: 6\n\n";
    assert_eq!(outcome(stream).events, [("".to_owned(), "6".to_owned())]);
    assert_eq!(data("data: a\0b\n\n"), ["a\0b"]);
    assert_eq!(data(b"\xFF: x\nid: \xFF\ndata: 1\n\n"), ["1"]);
}

#[test]
fn s8_an_event_with_empty_data_is_not_dispatched() {
    assert_eq!(data("data\n\ndata:\n\ndata: \n\nevent: ping\n\nid: 7\n\n\n\n"), [""; 0]);
    // And its type does not stick to the next one.
    assert_eq!(
        outcome("event: ping\n\ndata: 1\n\nevent: a\ndata:\n\ndata: 2\n\n").events,
        [("".to_owned(), "1".to_owned()), ("".to_owned(), "2".to_owned()),]
    );
}

#[test]
fn s9_the_end_hands_out_what_was_not_dispatched() {
    assert_eq!(data("data: 1\n\ndata: {\"a\":1}\n"), ["1", "{\"a\":1}"]);
    assert_eq!(data("data: 1\n\ndata: {\"a\":1}"), ["1", "{\"a\":1}"]);
    assert_eq!(data("data: 1\n\ndata: {\"a\":"), ["1", "{\"a\":"]);
    assert_eq!(data("data: [DONE]"), ["[DONE]"]);
    assert_eq!(outcome("event: message_stop\ndata: {}\r").events, [("message_stop".to_owned(), "{}".to_owned())]);
    assert_eq!(data("data: 1\n\nevent: a\n"), ["1"]);
    assert_eq!(data("data: 1\n\nda"), ["1"]);
    // A character that was cut in two leaves incomplete data, not broken data.
    assert_eq!(data(b"data: \"\xF0\x9F\x98"), ["\""]);
    assert_eq!(data(b"data:\xC3"), [""; 0]);
    assert_eq!(outcome(b"data: \"\xF0\xFF").flaw, Some(Flaw::InvalidUtf8));
}

#[test]
fn s9_nothing_is_handed_out_twice() {
    let mut parser = Parser::new();
    let mut events = 0;
    let mut on_event = |_: Event<'_>| -> Result<bool, Flaw> {
        events += 1;
        Ok(false)
    };
    parser.feed(b"data: 1", &mut on_event).unwrap();
    assert_eq!(parser.finish(&mut on_event), Ok(false));
    assert_eq!(parser.finish(&mut on_event), Ok(true));
    assert_eq!(parser.feed(b"data: 2\n\n", &mut on_event), Ok(true));
    assert_eq!(events, 1);
}

#[test]
fn s10_utf8_split_anywhere_and_invalid_utf8_is_an_error() {
    assert_eq!(data("event: é\ndata: aé€😀\u{10FFFF}z\ndata: 日本語\n\n"), ["aé€😀\u{10FFFF}z\n日本語"]);
    let bad: [&[u8]; 6] = [
        b"data: 1\n\ndata: \xFF\n\ndata: 2\n\n",
        b"data: 1\n\ndata: \xC3\ndata: \xA9\n\n",
        b"data: 1\n\ndata: \xED\xA0\xBD\n\n",
        b"data: 1\n\ndata: \xC0\x80\n\n",
        b"data: 1\n\nevent: \xF0\x9F\ndata: 2\n\n",
        b"data: 1\n\ndata: \xF0\x9F\x98\n\n",
    ];
    for stream in bad {
        let outcome = outcome(stream);
        assert_eq!(outcome.events, [("".to_owned(), "1".to_owned())], "{stream:?}");
        assert_eq!(outcome.flaw, Some(Flaw::InvalidUtf8), "{stream:?}");
    }
}

#[test]
fn s11_an_8_mib_line_passes_and_64_mib_do_not() {
    let big = "x".repeat(8 << 20);
    let stream = format!("data: {big}\n\ndata: 1\n\n");
    for size in [stream.len(), 16 << 10] {
        let outcome = run(MAX_EVENT, stream.as_bytes().chunks(size));
        assert_eq!(outcome.events.len(), 2);
        assert!(outcome.events[0].1 == big);
        assert_eq!(outcome.events[1].1, "1");
    }

    let piece = vec![b'x'; 1 << 20];
    let mut parser = Parser::new();
    let mut never = |_: Event<'_>| -> Result<bool, Flaw> { panic!("no event is complete") };
    parser.feed(b"data: ", &mut never).unwrap();
    for _ in 0..63 {
        parser.feed(&piece, &mut never).unwrap();
    }
    parser.feed(&piece[b"data: ".len()..], &mut never).unwrap();
    assert_eq!(parser.carry.len(), MAX_EVENT);
    assert_eq!(parser.feed(b"x", &mut never), Err(Flaw::LineTooLong));
    assert_eq!(parser.carry.capacity(), 0, "an error gives the memory back");
}

#[test]
fn s11_the_cap_is_over_one_event() {
    // The type, the data so far and the line at hand: 2 + 1 + 7 bytes when the second data line ends.
    let stream = b"event: ab\ndata: 1\ndata: 2\n\ndata: 3\n\n";
    assert_eq!(outcome_with_cap(10, stream).events.len(), 2);
    let outcome = outcome_with_cap(9, stream);
    assert_eq!((outcome.events.len(), outcome.flaw), (0, Some(Flaw::LineTooLong)));

    // Many small lines are bounded like one long line, and an event before the flaw is still handed out.
    let outcome = outcome_with_cap(32, format!("data: 1\n\n{}", "data: 2\n".repeat(20)).as_bytes());
    assert_eq!((outcome.events.len(), outcome.flaw), (1, Some(Flaw::LineTooLong)));
    // A comment is a line too: whoever sends it for ever must not fill the memory.
    let outcome = outcome_with_cap(32, format!("data: 1\n\n:{}", "x".repeat(32)).as_bytes());
    assert_eq!((outcome.events.len(), outcome.flaw), (1, Some(Flaw::LineTooLong)));
    // The cap is over one event, not over the stream.
    assert_eq!(outcome_with_cap(10, "data: 1\n: c\n\n".repeat(20).as_bytes()).events.len(), 20);
}

#[test]
fn s11_memory_shrinks_after_a_huge_event() {
    let mut parser = Parser::new();
    let mut ignore = |_: Event<'_>| -> Result<bool, Flaw> { Ok(false) };
    parser.feed(format!("event: {0}\ndata: {0}", "x".repeat(1 << 20)).as_bytes(), &mut ignore).unwrap();
    assert!(parser.carry.capacity() >= 1 << 20 && parser.name.capacity() >= 1 << 20);
    parser.feed(b"\n\ndata: 1", &mut ignore).unwrap();
    assert!(parser.carry.capacity() <= SHRINK_ABOVE && parser.name.capacity() <= SHRINK_ABOVE);
}

#[test]
fn s12_done_by_prefix_with_spaces_and_the_rest_is_ignored() {
    for done in
        ["data: [DONE]\n\n", "data:[DONE]\n\n", "data:   [DONE]  \n\n", "data: [DONE] bye\n\n", "event: end\ndata: [DONE]\n\n"]
    {
        let outcome = outcome(format!("data: 1\n\n{done}data: 2\n\n\u{0}").as_bytes());
        assert_eq!(outcome.events.len(), 2, "{done:?}");
        assert_eq!(outcome.flaw, None);
    }
    let outcome = outcome(b"data: [DONE]\n\ndata: \xFF\n\n");
    assert_eq!((outcome.events.len(), outcome.flaw), (1, None));
    assert!(!Event { event: "", data: "{\"content\":\"[DONE]\"}" }.is_done());

    let mut parser = Parser::new();
    assert_eq!(parser.feed::<Flaw>(b"data: 1\n\n", &mut |_| Ok(true)), Ok(true));
    let mut never = |_: Event<'_>| -> Result<bool, Flaw> { panic!("the stream was stopped") };
    assert_eq!(parser.feed(b"data: 2\n\n", &mut never), Ok(true));
    assert_eq!(parser.finish(&mut never), Ok(true));
}

#[test]
fn s17_floods_without_data_stay_bounded() {
    let mut parser = Parser::new();
    let mut never = |_: Event<'_>| -> Result<bool, Flaw> { panic!("there is no event") };
    for flood in ["\n\n", "\r", ": keep-alive\n\n", "event: ping\n\n", "data:\n\n", "retry: 1\n"] {
        let flood = flood.repeat(1 << 12);
        for _ in 0..64 {
            parser.feed(flood.as_bytes(), &mut never).unwrap();
        }
        assert!(parser.carry.is_empty() && parser.carry.capacity() <= KEEP, "{flood:.20?}");
    }
}

#[test]
fn s18_retry_asks_for_nothing() {
    // The parser has no notion of reconnecting: `retry` neither makes an event nor changes one.
    assert_eq!(outcome("retry: 0\n\nretry: 0\nid: 1\ndata: 1\n\n").events, [("".to_owned(), "1".to_owned())]);
}

#[test]
fn a_whole_event_is_handed_out_without_a_copy() {
    let stream = b"event: delta\ndata: {\"a\":1}\n\n: comment\n\ndata: 2\n\n".as_slice();
    let within = stream.as_ptr_range();
    let mut parser = Parser::new();
    let mut events = 0;
    parser
        .feed::<Flaw>(stream, &mut |event| {
            assert!(within.contains(&event.data.as_ptr()));
            events += 1;
            Ok(false)
        })
        .unwrap();
    assert_eq!(events, 2);
    assert_eq!((parser.carry.capacity(), parser.name.capacity()), (0, 0));
}

#[test]
fn an_error_of_the_callback_ends_the_stream() {
    #[derive(Debug, PartialEq)]
    enum Mine {
        Flaw(Flaw),
        Refused,
    }
    impl From<Flaw> for Mine {
        fn from(flaw: Flaw) -> Self {
            Mine::Flaw(flaw)
        }
    }
    let mut parser = Parser::new();
    assert_eq!(parser.feed(b"data: 1\n\ndata: 2\n\n", &mut |_| Err(Mine::Refused)), Err(Mine::Refused));
    assert_eq!(parser.feed::<Mine>(b"data: 3\n\n", &mut |_| panic!("the stream has failed")), Ok(true));
    assert_eq!(Parser::new().feed::<Mine>(b"data: \xFF\n\n", &mut |_| Ok(false)), Err(Mine::Flaw(Flaw::InvalidUtf8)));
}

/// Lines as servers send them and as they should not, with every line break.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[a-z{}\":, ]{0,12}".prop_map(String::into_bytes),
        "\\PC{0,6}".prop_map(String::into_bytes),
        Just(b"[DONE]".to_vec()),
        vec(any::<u8>(), 0..4),
    ];
    let line = (
        prop_oneof![
            4 => Just("data: "),
            2 => Just("data:"),
            1 => Just("data"),
            2 => Just("event: "),
            1 => Just("event"),
            1 => Just(": "),
            1 => Just("id: \0"),
            1 => Just("retry:"),
            1 => Just("\u{FEFF}"),
            1 => Just(""),
        ],
        text,
    )
        .prop_map(|(field, text)| [field.as_bytes(), &text].concat());
    let line = prop_oneof![3 => line, 2 => Just(Vec::new())];
    let line_break = prop_oneof![3 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\n")];
    let whole = (line, line_break).prop_map(|(line, end)| [&line[..], end.as_bytes()].concat());
    (any::<bool>(), vec(whole, 0..24), vec(any::<u8>(), 0..3)).prop_map(|(bom, lines, tail)| {
        let bom: &[u8] = if bom { BOM } else { b"" };
        [bom, &lines.concat(), &tail].concat()
    })
}

/// Bytes of which many mean something, so that every pair of them meets.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(b"\r\n\r\n\n: datevn[DONE]\xEF\xBB\xBF\xC3\xA9\0".to_vec());
    let words =
        prop::sample::select(vec!["data:", "event:", "\n\n", "\r\n", "data: x\n\n"]).prop_map(|word| word.as_bytes().to_vec());
    vec(prop_oneof![3 => vec(telling, 1..4), 2 => words, 1 => vec(any::<u8>(), 1..3)], 0..24).prop_map(|parts| parts.concat())
}

fn agrees(stream: &[u8], cuts: &[Index], cap: usize) -> Result<(), TestCaseError> {
    let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    let expected = reference(cap, stream);
    prop_assert_eq!(&run(cap, [stream]), &expected);
    prop_assert_eq!(&run(cap, pieces(stream, &cuts)), &expected);
    prop_assert_eq!(&run(cap, stream.chunks(1)), &expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn any_stream_in_any_pieces_reads_as_the_slow_reader_says(stream in streams(), cuts in vec(any::<Index>(), 0..8)) {
        agrees(&stream, &cuts, MAX_EVENT)?;
    }

    #[test]
    fn any_bytes_in_any_pieces_read_as_the_slow_reader_says(stream in noise(), cuts in vec(any::<Index>(), 0..8)) {
        agrees(&stream, &cuts, MAX_EVENT)?;
    }

    #[test]
    fn the_cap_does_not_depend_on_the_pieces(stream in streams(), cuts in vec(any::<Index>(), 0..8), cap in 0usize..40) {
        agrees(&stream, &cuts, cap)?;
    }
}
