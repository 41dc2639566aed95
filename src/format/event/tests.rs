use super::*;
use crate::model::conversation::Payload;

/// One line of each kind with all of its fields, in the order of the format: a golden sample, which
/// never changes.
const SAMPLE: &str = include_str!("../../../tests/format/v1/conversation.events.jsonl");

#[test]
fn every_kind_is_read_and_written_again_byte_for_byte() {
    assert_eq!(SAMPLE.lines().count(), 26);
    for line in SAMPLE.lines() {
        let event = parse(line.as_bytes()).unwrap_or_else(|it| panic!("{line}: {it}"));
        assert_eq!(to_line(&event), line);
    }
}

#[test]
fn unknown_keys_are_kept_after_the_known_ones() {
    let event = parse(br#"{"new":[1,null],"kind":"note","text":"n"}"#).expect("an event");
    assert_eq!(to_line(&event), r#"{"v":1,"kind":"note","text":"n","new":[1,null]}"#);
}

#[test]
fn a_number_is_the_same_when_it_is_written_and_read_again() {
    for number in ["33333333333333333333333333333333333333333333", "0.30000000000000004", "1e-7"] {
        let line = format!(r#"{{"kind":"note","text":"n","x":{number}}}"#);
        let event = parse(line.as_bytes()).expect("an event");
        assert_eq!(parse(to_line(&event).as_bytes()).expect("an event"), event, "{number}");
    }
}

#[test]
fn a_content_may_be_a_text() {
    let event = parse(br#"{"kind":"message","role":"user","content":"hi"}"#).expect("an event");
    let Payload::Message(message) = event.payload else {
        panic!("not a message");
    };
    assert_eq!(message.content, [crate::model::conversation::Content::Text("hi".to_owned())]);
}

#[test]
fn every_fault_is_named() {
    for (line, fault) in [
        ("", "not JSON: EOF while parsing a value at column 0"),
        ("[1]", "not JSON: invalid type: sequence, expected a map at column 0"),
        (r#"{"kind":"note","text":"#, "not JSON: EOF while parsing a value at column 22"),
        ("{}", "field 'kind' is missing"),
        (r#"{"v":2,"kind":"note"}"#, "field 'v' is 2, and this git-session knows 1"),
        (r#"{"kind":7}"#, "field 'kind' is not text"),
        (r#"{"kind":"A b"}"#, "field 'kind' is not a word of lower-case letters and dots"),
        (r#"{"kind":"note"}"#, "field 'text' is missing"),
        (r#"{"kind":"note","text":null}"#, "field 'text' is not text"),
        (
            r#"{"kind":"note","text":"","seq":0}"#,
            "field 'seq' is not an integer from 1 to 9007199254740992",
        ),
        (
            r#"{"kind":"note","text":"","ts":"now"}"#,
            "field 'ts' is not an RFC 3339 time with offset, of the years 1970 to 9999",
        ),
        (
            r#"{"kind":"note","text":"","replaces":["1"]}"#,
            "field 'replaces' has an entry that is not the number of an event",
        ),
        (r#"{"kind":"note","text":"","src":{"f":0}}"#, "field 'off' is missing"),
        (r#"{"kind":"message","content":""}"#, "field 'role' is missing"),
        (
            r#"{"kind":"message","role":"robot","content":""}"#,
            "field 'role' has the unknown value 'robot'",
        ),
        (r#"{"kind":"message","role":"user"}"#, "field 'content' is missing"),
        (
            r#"{"kind":"message","role":"user","content":1}"#,
            "field 'content' is neither text nor a list",
        ),
        (
            r#"{"kind":"message","role":"user","content":[1]}"#,
            "field 'content' has an entry that is neither text nor a map",
        ),
        (r#"{"kind":"message","role":"user","content":[{}]}"#, "field 'content.type' is missing"),
        (
            r#"{"kind":"message","role":"user","content":[{"type":"text"}]}"#,
            "field 'content.text' is missing",
        ),
        (r#"{"kind":"tool.call","name":"x"}"#, "field 'call' is missing"),
        (r#"{"kind":"tool.call","call":"x"}"#, "field 'name' is missing"),
        (
            r#"{"kind":"tool.call","call":"x","name":"y","governance":{}}"#,
            "field 'governance.allowed' is missing",
        ),
        (r#"{"kind":"tool.result"}"#, "field 'call' is missing"),
        (r#"{"kind":"usage"}"#, "field 'input' is missing"),
        (
            r#"{"kind":"usage","input":-1}"#,
            "field 'input' is not an integer from 0 to 9007199254740992",
        ),
        (r#"{"kind":"compaction"}"#, "field 'phase' is missing"),
        (r#"{"kind":"state"}"#, "field 'to' is missing"),
        (r#"{"kind":"file","path":"a"}"#, "field 'op' is missing"),
        (r#"{"kind":"link"}"#, "field 'commit' is missing"),
        (r#"{"kind":"link","pr":"1","url":"u"}"#, "field 'url' is a second target"),
        (r#"{"kind":"decision"}"#, "field 'text' is missing"),
        (r#"{"kind":"error"}"#, "field 'message' is missing"),
        (r#"{"kind":"raw"}"#, "field 'reason' is missing"),
    ] {
        let error = parse(line.as_bytes()).expect_err(line);
        assert_eq!(error.to_string(), fault, "{line}");
    }
}
