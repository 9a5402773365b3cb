use proptest::prelude::*;

use super::*;

fn all(parser: &mut Parser) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = parser.next().unwrap() {
        events.push(event);
    }
    events
}

/// Parses the stream in pieces of the given sizes, again and again.
fn parsed(stream: &[u8], sizes: &[usize]) -> (Vec<Event>, Parser) {
    let (mut parser, mut events, mut rest) = (Parser::new(1 << 20), Vec::new(), stream);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
        parser.push(Bytes::copy_from_slice(chunk));
        events.extend(all(&mut parser));
        rest = after;
    }
    assert_eq!(parser.received(), stream.len() as u64);
    assert_eq!(parser.last(), events.last().map_or(Bytes::new(), |event: &Event| event.data.clone()));
    (events, parser)
}

fn data(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| std::str::from_utf8(&event.data).unwrap()).collect()
}

/// The same events, wherever the bytes are cut.
fn check(stream: &str, expected: &[&str]) {
    for size in 1..stream.len().max(2) {
        let (events, _) = parsed(stream.as_bytes(), &[size]);
        assert_eq!(data(&events), expected, "{stream:?} in pieces of {size}");
    }
}

#[test]
fn events_are_read_wherever_they_are_cut() {
    check("data: a\n\ndata: b\n\n", &["a", "b"]);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
    check("data: a\r\rdata: b\r\r", &["a", "b"]);
    check("data: a\r\n\ndata: b\n\r\n", &["a", "b"]);
    check(": ping\n\n:\n\ndata: a\n: inside\n\n", &["a"]);
    check("data: a\ndata: b\ndata\ndata:\ndata:  c\n\n", &["a\nb\n\n\n c"]);
    check("event: x\nid: 7\nretry: 10\ndata:a\nunknown: y\n\n", &["a"]);
    check("event: no data\n\nid: 7\n\ndata\n\n", &[""]);
    check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]);
    check("data: žluť \u{2028} 🐱\n\n", &["žluť \u{2028} 🐱"]);
    check("data: whole\n\ndata: cut", &["whole"]);
    check("data: whole\n\ndata: cut\n", &["whole"]);
    check("dataset: no\n\ndata : no\n\n", &[]);
    check("", &[]);
}

#[test]
fn names_and_ids_are_kept() {
    let stream = "event: progress\nid: 7\ndata: a\n\ndata: b\n\nid\nevent:\ndata: c\n\nid: a\0b\nretry: x\nretry: 250\ndata: d\n\n";
    for size in 1..stream.len() {
        let (events, _) = parsed(stream.as_bytes(), &[size]);
        let seen: Vec<_> = events.iter().map(|event| (event.name.as_deref(), event.id.as_deref())).collect();
        assert_eq!(seen, [(Some("progress"), Some("7")), (None, Some("7")), (None, None), (None, None)]);
    }
}

#[test]
fn the_end_of_a_stream_may_be_in_the_middle_of_an_event() {
    let within = |stream: &str| parsed(stream.as_bytes(), &[3]).1.is_within_event();
    for stream in ["data: a", "d", "data: a\n", "data: a\n\ndata: b\n", "event: x\n", "data: a\r"] {
        assert!(within(stream), "{stream:?}");
    }
    for stream in
        ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\n\n: bye", "data: a\n\n: bye\n", "retry: 1\n"]
    {
        assert!(!within(stream), "{stream:?}");
    }
}

/// How many events come before the one that is too large, if one is.
fn limited(stream: &str, size: usize) -> (usize, bool) {
    let (mut parser, mut count) = (Parser::new(16), 0);
    for chunk in stream.as_bytes().chunks(size) {
        parser.push(Bytes::copy_from_slice(chunk));
        loop {
            match parser.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => break,
                Err(error) => {
                    assert!(error.is_too_large(), "{error}");
                    return (count, true);
                }
            }
        }
    }
    (count, false)
}

#[test]
fn an_event_has_a_limit_wherever_it_is_cut() {
    for (stream, expected) in [
        ("data: 0123456789\n\n".repeat(100).as_str(), (100, false)),
        ("data: 0123456789X\n\n", (0, true)),
        ("data:x\n\ndata: 01234\ndata: 567890\n\n", (1, true)),
        ("data: a line without an end", (0, true)),
        ("event: a name that is too long\ndata:\n\n", (0, true)),
        ("data:x\n\n: a comment that is too long\n\n", (1, true)),
        (": a comment\n: a comment\ndata:\n\n", (1, false)),
        ("data\n".repeat(14).as_str(), (0, false)),
        ("data\n".repeat(15).as_str(), (0, true)),
    ] {
        for size in 1..=stream.len() {
            assert_eq!(limited(stream, size), expected, "{stream:?} in pieces of {size}");
        }
    }
}

#[test]
fn bytes_that_are_not_text_are_kept() {
    let (events, _) = parsed(b"data: \xff\xfe\n\n", &[2]);
    assert_eq!(events[0].data.as_ref(), b"\xff\xfe");
}

#[test]
fn a_line_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: abc\n\n");
    let mut parser = Parser::new(100);
    parser.push(chunk.clone());
    let event = parser.next().unwrap().unwrap();
    assert_eq!(event.data.as_ptr(), chunk.slice(6..).as_ptr());
}

#[test]
fn what_is_parsed_is_not_kept() {
    let mut parser = Parser::new(1000);
    for _ in 0..10_000 {
        for part in ["data: 01234", "56789\n\n: comment\n: begun"] {
            parser.push(Bytes::copy_from_slice(part.as_bytes()));
            while parser.next().unwrap().is_some() {}
        }
    }
    assert!(parser.partial.capacity() < 1000, "{}", parser.partial.capacity());
}

/// What the standard says, on the whole text at once.
fn by_the_book(stream: &str) -> Vec<Event> {
    let text = stream.strip_prefix('\u{feff}').unwrap_or(stream).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();
    let (mut events, mut buffer, mut name, mut id) =
        (Vec::new(), None::<String>, String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            let name = mem::take(&mut name);
            if let Some(data) = buffer.take() {
                events.push(Event {
                    data: data.into_bytes().into(),
                    name: (!name.is_empty()).then(|| name.into()),
                    id: (!id.is_empty()).then(|| id.as_str().into()),
                });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut buffer {
                Some(data) => *data += &format!("\n{value}"),
                None => buffer = Some(value.to_owned()),
            },
            "event" => name = value.to_owned(),
            "id" if !value.contains('\0') => id = value.to_owned(),
            _ => {}
        }
    }
    events
}

proptest! {
    #[test]
    fn it_reads_as_the_standard_does(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "data", "event", "id", "retry", ":", ": ", " ", "\n", "\n", "\r", "\r\n", "\n\n", "\r\r", "a",
                "ž🐱", "\u{feff}", "\u{2028}", "data: {\"a\":1}\n\n", "\0", "7", "data: x\n",
            ]),
            0..40,
        ),
        sizes in prop::collection::vec(1_usize..12, 1..8),
    ) {
        let stream = parts.concat();
        let (events, _) = parsed(stream.as_bytes(), &sizes);
        prop_assert_eq!(events, by_the_book(&stream));
    }

    #[test]
    fn any_bytes_are_read_alike_in_any_pieces(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\r\n:data id".to_vec())], 0..200
        ),
        sizes in prop::collection::vec(1_usize..20, 1..8),
    ) {
        let (whole, _) = parsed(&bytes, &[bytes.len().max(1)]);
        let (pieces, _) = parsed(&bytes, &sizes);
        prop_assert_eq!(whole, pieces);
    }
}
