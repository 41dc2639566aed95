//! What holds for all transcripts, whole, cut or broken.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;

use git_session::agents::{AgentKind, Transcript, is_own_id, recognise};
use git_session::format::event;
use git_session::model::conversation::{Event, Payload};
use proptest::prelude::*;
use serde_json::Value;

use crate::corpus::{self, Told, read_as};
use crate::samples::SAMPLES;

/// Returns all real files of agents, with the agent of each.
fn real() -> Vec<(String, AgentKind, Vec<u8>)> {
    let Some(data) = corpus::data() else {
        return Vec::new();
    };
    let paths = corpus::files(&data.join("transcripts"));
    let is_transcript = |it: &PathBuf| it.file_stem().is_some_and(|it| it == "transcript");
    let runs = corpus::files(&data.join("hooks")).into_iter().filter(is_transcript);
    let paths = paths.into_iter().chain(runs);
    let mut all = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).expect("a file");
        let head = &bytes[..bytes.len().min(64 << 10)];
        let kind = recognise(head, path.to_str()).unwrap_or(AgentKind::Unknown);
        all.push((path.display().to_string(), kind, bytes));
    }
    let n_known = all.iter().filter(|it| it.1 != AgentKind::Unknown).count();
    assert!(n_known > 40, "only {n_known} files were recognised");
    all
}

/// Returns the samples and the real files.
fn everything() -> Vec<(String, AgentKind, Vec<u8>)> {
    let ours = SAMPLES.iter().map(|it| (it.kind.to_string(), it.kind, it.text.as_bytes().to_vec()));
    ours.chain(real()).collect()
}

fn lines(told: &Told) -> Vec<String> {
    told.events.iter().map(event::to_line).collect()
}

#[test]
fn a_file_is_recognised_as_the_agent_that_wrote_it() {
    for sample in &SAMPLES {
        let kind = recognise(sample.text.as_bytes(), None).unwrap_or(AgentKind::Unknown);
        assert_eq!(kind, sample.kind);
    }
    let Some(data) = corpus::data() else {
        return;
    };
    let dir = data.join("transcripts");
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in corpus::files(&dir) {
        let name = path.strip_prefix(&dir).expect("below").display().to_string();
        let agent = name.split('/').next().unwrap_or_default().to_owned();
        let bytes = fs::read(&path).expect("a file");
        // The path would tell; here only the content may.
        let kind = recognise(&bytes[..bytes.len().min(64 << 10)], None);
        let found = kind.map_or("-", AgentKind::as_str);
        table.entry(agent.clone()).or_default().push(found.to_owned());
        let is_transcript =
            !["expected", "ORACLE", "manifest", ".sql", ".db"].iter().any(|it| name.contains(it));
        if let Some(known) = agent.parse::<AgentKind>().ok().filter(|_| is_transcript) {
            assert_eq!(kind, Some(known), "{name}");
        }
    }
    assert_eq!(table["seed-choragen"], ["choragen"]);
    table.iter().for_each(|(agent, found)| println!("{agent:15} {}", found.join(" ")));
    for agent in ["seed-maestro", "seed-monoco"] {
        assert!(table[agent].iter().all(|it| it == "-"), "{agent}");
    }
}

#[test]
fn every_event_can_be_written_and_read_again() {
    for (name, kind, bytes) in everything() {
        for told in read_as(kind, &bytes, 4096).events {
            let line = event::to_line(&told);
            let (seq, kind) = (told.seq, told.kind().to_owned());
            let again = event::parse(line.as_bytes());
            let again = again.unwrap_or_else(|it| panic!("{name}: event {seq:?}: {it}"));
            assert!(again == told, "{name}: event {seq:?} ({kind}) is another one when read again");
        }
    }
}

#[test]
fn numbers_have_no_gaps_and_no_byte_is_passed_over() {
    for (name, kind, bytes) in everything() {
        let told = read_as(kind, &bytes, 4096);
        let mut covered = vec![false; bytes.len()];
        for (event, seq) in told.events.iter().zip(1..) {
            assert_eq!(event.seq, Some(seq), "{name}");
            let src = event.src.expect("a place");
            let (from, to) = (src.offset as usize, (src.offset + src.n_bytes) as usize);
            covered[from..to].fill(true);
        }
        for (idx, byte) in bytes.iter().enumerate().take(told.offset as usize) {
            let is_free =
                byte.is_ascii_whitespace() || (idx < 3 && bytes.starts_with(b"\xef\xbb\xbf"));
            assert!(covered[idx] || is_free, "{name}: byte {idx} is in no event");
        }
        let is_torn = bytes[told.offset as usize..].iter().any(|it| !it.is_ascii_whitespace());
        assert!(!is_torn || name.contains("truncated"), "{name}: torn at {}", told.offset);
        let n_values =
            if kind == AgentKind::Aider { 0 } else { check_values(&name, &bytes, &told) };
        let n_raw = told.events.iter().filter(|it| it.kind() == "raw").count();
        println!(
            "{kind:11} {n_values:5} values {:5} events {n_raw:4} raw  {name}",
            told.events.len()
        );
    }
}

/// Finds the values with a reader of its own, up to the first fault, and checks that each has an event
/// from just there.
fn check_values(name: &str, bytes: &[u8], told: &Told) -> usize {
    let place = |it: &Event| it.src.map(|src| (src.offset, src.n_bytes));
    let places: HashSet<(u64, u64)> = told.events.iter().filter_map(place).collect();
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let (mut from, mut n_values) = (0, 0);
    while let Some(Ok(_)) = values.next() {
        let to = values.byte_offset();
        from += bytes[from..to].iter().take_while(|it| it.is_ascii_whitespace()).count();
        let is_there = places.contains(&(from as u64, (to - from) as u64));
        assert!(is_there, "{name}: the value from {from} to {to} is in no event");
        (from, n_values) = (to, n_values + 1);
    }
    n_values
}

#[test]
fn the_size_of_the_chunks_makes_no_difference() {
    for (name, kind, bytes) in everything().into_iter().filter(|it| it.2.len() < 30_000) {
        let whole = lines(&read_as(kind, &bytes, usize::MAX));
        for n_chunk in [1, 2, 3, 7, 64, 1000] {
            assert_eq!(lines(&read_as(kind, &bytes, n_chunk)), whole, "{name} by {n_chunk}");
        }
    }
    for sample in &SAMPLES {
        let bytes = sample.text.as_bytes();
        let whole = lines(&read_as(sample.kind, bytes, usize::MAX));
        for at in 1..bytes.len() {
            let mut transcript = git_session::agents::Transcript::new(sample.kind);
            let mut events: Vec<Event> = Vec::new();
            transcript.push(&bytes[..at], &mut events);
            transcript.push(&bytes[at..], &mut events);
            transcript.finish(&mut events);
            let cut: Vec<String> = events.iter().map(event::to_line).collect();
            assert_eq!(cut, whole, "{} cut at {at}", sample.kind);
        }
    }
}

#[test]
fn a_file_that_ends_anywhere_is_read_up_to_there() {
    for sample in &SAMPLES {
        let bytes = sample.text.as_bytes();
        for end in 0..bytes.len() {
            let told = read_as(sample.kind, &bytes[..end], 4096);
            assert!(told.offset <= end as u64);
            let torn = &bytes[told.offset as usize..end];
            let what = String::from_utf8_lossy(torn);
            let is_value = serde_json::from_slice::<Value>(torn).is_ok_and(|it| it.is_object());
            assert!(!is_value, "{} at {end}: {what}", sample.kind);
            let is_raw = |it: &&Event| it.kind() == "raw" && sample.kind != AgentKind::Unknown;
            let n_raw = told.events.iter().filter(is_raw).count();
            assert_eq!(n_raw, 0, "{} at {end}: {what}", sample.kind);
        }
    }
}

/// Returns what a moment of a conversation is told by: what was said and called, without answers' ids and models.
fn said(event: &Event) -> Option<String> {
    let what = match &event.payload {
        Payload::Message(it) => format!("{} {} {:?}", it.role.as_str(), it.is_meta, it.content),
        Payload::ToolCall(it) => format!("{} {} {}", it.call, it.name, it.input),
        Payload::ToolResult(it) => format!("{} {:?}", it.call, it.is_ok),
        _ => return None,
    };
    Some(format!("{:?} {:?} {what}", event.at, event.thread))
}

#[test]
fn what_is_said_from_a_record_on_is_told_alike_without_the_records_before() {
    let mut n_alike = 0;
    for (name, kind, bytes) in everything() {
        let mut transcript = Transcript::new(kind);
        let mut all = Vec::new();
        transcript.push(&bytes, &mut all);
        transcript.finish(&mut all);
        if !Transcript::new(kind).going_on(&transcript.memory()).tells_from_within() {
            continue;
        }
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let cuts: Vec<usize> = ends.map(|(at, _)| at + 1).collect();
        for cut in cuts.iter().step_by(cuts.len() / 20 + 1) {
            let later = all.iter().filter(|it| it.src.is_some_and(|src| src.offset >= *cut as u64));
            let later: Vec<&Event> = later.collect();
            let within = read_as(kind, &bytes[*cut..], bytes.len());
            let is_own =
                |it: &Event| matches!(&it.payload, Payload::ToolCall(it) if is_own_id(&it.call));
            // What comes again is told by its age, and what has no id not at all.
            if later.iter().any(|it| it.copied) || within.events.iter().any(is_own) {
                continue;
            }
            let expected: Vec<String> = later.into_iter().filter_map(said).collect();
            let told: Vec<String> = within.events.iter().filter_map(said).collect();
            assert_eq!(told, expected, "{name} from byte {cut} on");
            n_alike += usize::from(!told.is_empty());
        }
    }
    println!("{n_alike} ends of transcripts are told alike");
    assert!(n_alike > 4);
}

#[test]
fn a_line_with_64_mib_of_text_is_one_message() {
    let mut transcript = git_session::agents::Transcript::new(AgentKind::Cursor);
    let mut events = Vec::new();
    let mib = vec![b'a'; 1 << 20];
    transcript.push(br#"{"role":"user","message":{"content":""#, &mut events);
    (0..64).for_each(|_| transcript.push(&mib, &mut events));
    transcript.push(b"\"}}\n", &mut events);
    transcript.finish(&mut events);
    let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["session.start", "message"]);
    assert_eq!(transcript.offset(), (64 << 20) + 41);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400), idx in 0..AgentKind::ALL.len()) {
        let told = read_as(AgentKind::ALL[idx], &bytes, 16);
        prop_assert!(told.offset <= bytes.len() as u64);
        recognise(&bytes, None);
    }

    #[test]
    fn nor_do_broken_transcripts(idx in 0..SAMPLES.len(), other in 0..SAMPLES.len(), at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (one, two) = (SAMPLES[idx].text.as_bytes(), SAMPLES[other].text.as_bytes());
        let (at, from) = (at.index(one.len()), from.index(two.len()));
        let mut spliced = one[..at].to_vec();
        spliced.push(byte);
        spliced.extend_from_slice(&two[from..]);
        for kind in AgentKind::ALL {
            let told = read_as(kind, &spliced, 64);
            for line in lines(&told) {
                prop_assert!(event::parse(line.as_bytes()).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn nor_do_records_of_any_shape(value in json(), idx in 0..AgentKind::ALL.len()) {
        let told = read_as(AgentKind::ALL[idx], format!("{value}\n").as_bytes(), 64);
        prop_assert!(!told.events.is_empty());
    }
}

/// Any JSON with the keys that readers look for.
fn json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "type",
        "role",
        "message",
        "content",
        "payload",
        "id",
        "usage",
        "tokens",
        "messages",
        "info",
        "parts",
        "toolCalls",
        "$set",
        "data",
        "timestamp",
        "input_tokens",
        "output_tokens",
        "text",
        "state",
        "modelMetrics",
        "tool_use_id",
        "subtype",
        "attachment",
        "call_id",
        "total_token_usage",
    ]);
    let words = prop::sample::select(vec![
        "user",
        "assistant",
        "system",
        "tool_use",
        "tool_result",
        "event_msg",
        "token_count",
        "text",
        "response_item",
        "function_call",
        "message",
        "session",
        "2026-01-01T00:00:00Z",
        "gemini",
        "",
    ]);
    let leaf = prop_oneof![
        words.prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}
