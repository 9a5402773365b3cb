use proptest::prelude::*;

use super::*;

fn next_events(parser: &mut Parser) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = parser.next().unwrap() {
        events.push(event);
    }
    events
}

/// Parses a stream in chunks of the given sizes, repeated until the end.
fn parse(stream: &[u8], sizes: &[usize]) -> (Vec<Event>, Parser) {
    let (mut parser, mut events, mut rest) = (Parser::new(1 << 20), Vec::new(), stream);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
        parser.push(chunk);
        events.extend(next_events(&mut parser));
        rest = after;
    }
    assert_eq!(parser.received(), stream.len() as u64);
    (events, parser)
}

fn data(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| std::str::from_utf8(&event.data).unwrap()).collect()
}

/// Asserts the data of all events, for chunks of every size.
fn assert_events(stream: &str, expected: &[&str]) {
    for size in 1..stream.len().max(2) {
        let (events, _) = parse(stream.as_bytes(), &[size]);
        assert_eq!(data(&events), expected, "{stream:?} in chunks of {size}");
    }
}

#[test]
fn events_are_parsed_from_chunks_of_any_size() {
    assert_events("data: a\n\ndata: b\n\n", &["a", "b"]);
    assert_events("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
    assert_events("data: a\r\rdata: b\r\r", &["a", "b"]);
    assert_events("data: a\r\n\ndata: b\n\r\n", &["a", "b"]);
    assert_events(": ping\n\n:\n\ndata: a\n: inside\n\n", &["a"]);
    assert_events("data: a\ndata: b\ndata\ndata:\ndata:  c\n\n", &["a\nb\n\n\n c"]);
    assert_events("event: x\nid: 7\nretry: 10\ndata:a\nunknown: y\n\n", &["a"]);
    assert_events("event: no data\n\nid: 7\n\ndata\n\n", &[""]);
    assert_events("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]);
    assert_events("data: žluť \u{2028} 🐱\n\n", &["žluť \u{2028} 🐱"]);
    assert_events("data: whole\n\ndata: cut", &["whole"]);
    assert_events("data: whole\n\ndata: cut\n", &["whole"]);
    assert_events("dataset: no\n\ndata : no\n\n", &[]);
    assert_events("", &[]);
}

#[test]
fn events_have_names_and_the_last_id() {
    let stream = "event: progress\nid: 7\ndata: a\n\ndata: b\n\nid\nevent:\ndata: c\n\nid: a\0b\nretry: x\nretry: 250\ndata: d\n\n";
    for size in 1..stream.len() {
        let (events, _) = parse(stream.as_bytes(), &[size]);
        let seen: Vec<_> = events.iter().map(|event| (event.name.as_deref(), event.id.as_deref())).collect();
        assert_eq!(seen, [(Some("progress"), Some("7")), (None, Some("7")), (None, None), (None, None)]);
    }
}

#[test]
fn an_incomplete_event_is_noticed_at_the_end() {
    let within = |stream: &str| parse(stream.as_bytes(), &[3]).1.is_within_event();
    for stream in ["data: a", "d", "data: a\n", "data: a\n\ndata: b\n", "event: x\n", "data: a\r"] {
        assert!(within(stream), "{stream:?}");
    }
    for stream in
        ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\n\n: bye", "data: a\n\n: bye\n", "retry: 1\n"]
    {
        assert!(!within(stream), "{stream:?}");
    }
}

#[test]
fn whole_event_without_its_empty_line_is_returned_at_the_end() {
    let finish = |stream: &str| {
        let (_, mut parser) = parse(stream.as_bytes(), &[3]);
        let event = parser.finish();
        assert!(event.is_none() || !parser.is_within_event(), "{stream:?}");
        assert_eq!(parser.finish(), None);
        event.map(|event| String::from_utf8(event.data.to_vec()).unwrap())
    };
    for stream in [
        "data: {\"a\":1}",
        "data: {\"a\":1}\n",
        "data:{\"a\":1}\r\n",
        "data: 1\n\ndata: {\"a\":1}\n",
        "data: {\"a\":1}\n: bye\n",
    ] {
        assert_eq!(finish(stream).as_deref(), Some("{\"a\":1}"), "{stream:?}");
    }
    assert_eq!(finish("data: {\ndata: \"a\":1}").as_deref(), Some("{\n\"a\":1}"));
    for stream in [
        "",
        "data: {\"a\":1",
        "data: 12",
        "data: \"a\"\n",
        "data: {}\n\n",
        "data: {}\n: b",
        "dat",
        "data: {}\nev",
        "event: x\n",
    ] {
        assert_eq!(finish(stream), None, "{stream:?}");
    }
}

/// Parses a stream with a limit of 16 bytes. Returns the number of events, and true if one was too large.
fn parse_with_limit(stream: &str, size: usize) -> (usize, bool) {
    let (mut parser, mut count) = (Parser::new(16), 0);
    for chunk in stream.as_bytes().chunks(size) {
        parser.push(chunk);
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
fn a_large_event_is_refused_in_chunks_of_any_size() {
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
            assert_eq!(parse_with_limit(stream, size), expected, "{stream:?} in chunks of {size}");
        }
    }
}

#[test]
fn data_may_be_invalid_utf8() {
    let (events, _) = parse(b"data: \xff\xfe\n\n", &[2]);
    assert_eq!(events[0].data.as_ref(), b"\xff\xfe");
}

#[test]
fn the_buffer_does_not_grow_with_the_stream() {
    let mut parser = Parser::new(1000);
    for _ in 0..10_000 {
        for part in ["data: 01234", "56789\n\n: comment\n: begun"] {
            parser.push(part.as_bytes());
            while parser.next().unwrap().is_some() {}
        }
    }
    assert!(parser.buffer.capacity() < 1000, "{}", parser.buffer.capacity());
}

/// Parses a whole stream as the HTML standard describes it.
fn parse_by_the_standard(stream: &str) -> Vec<Event> {
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
    fn events_are_those_of_the_standard(
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
        let (events, _) = parse(stream.as_bytes(), &sizes);
        prop_assert_eq!(events, parse_by_the_standard(&stream));
    }

    #[test]
    fn any_bytes_give_the_same_events_in_any_chunks(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\r\n:data id".to_vec())], 0..200
        ),
        sizes in prop::collection::vec(1_usize..20, 1..8),
    ) {
        let (whole, _) = parse(&bytes, &[bytes.len().max(1)]);
        let (chunks, _) = parse(&bytes, &sizes);
        prop_assert_eq!(whole, chunks);
    }
}
