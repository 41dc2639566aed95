use super::*;

/// What is found, in words: values as they are, damage in brackets, each with its place.
fn scanned(bytes: &[u8], n_chunk: usize) -> (Vec<String>, u64) {
    let mut found = Vec::new();
    let mut take = |span: Span, what| {
        let what = match what {
            Found::Value(value) => value.to_string(),
            Found::Damage(reason) => format!("[{reason}]"),
        };
        found.push(format!("{}+{} {what}", span.offset, span.n_bytes));
    };
    let mut scanner = Scanner::new(false);
    bytes.chunks(n_chunk.max(1)).for_each(|chunk| scanner.push(chunk, &mut take));
    scanner.finish(&mut take);
    (found, scanner.offset())
}

fn check(bytes: &[u8], expected: &[&str], offset: usize) {
    for n_chunk in 1..=bytes.len() {
        let (found, at) = scanned(bytes, n_chunk);
        assert_eq!(found, expected, "in chunks of {n_chunk}");
        assert_eq!(at, offset as u64, "in chunks of {n_chunk}");
    }
}

#[test]
fn values_come_with_their_places() {
    check(b"{\"a\":1}\r\n\n {\"b\":2}\n", &["0+7 {\"a\":1}", "11+7 {\"b\":2}"], 19);
    check(b"\xef\xbb\xbf{\"a\":1}\n", &["3+7 {\"a\":1}"], 11);
}

#[test]
fn two_values_on_a_line_are_two() {
    check(b"{\"a\":1}{\"b\":2}\n", &["0+7 {\"a\":1}", "7+7 {\"b\":2}"], 15);
}

#[test]
fn a_torn_last_line_is_no_error_and_tells_where_to_go_on() {
    check(b"{\"a\":1}\n{\"b\":", &["0+7 {\"a\":1}"], 8);
    check(b"{\"a\":1}\n12", &["0+7 {\"a\":1}"], 8);
    check(b"{\"a\":1}\n{\"b\":2}", &["0+7 {\"a\":1}", "8+7 {\"b\":2}"], 15);
}

#[test]
fn a_number_or_a_word_is_whole_at_the_end_of_its_line() {
    check(b"42\n null\ntrue", &["0+2 42", "4+4 null"], 9);
}

#[test]
fn a_torn_line_in_the_middle_is_damage_and_what_is_glued_to_it_is_found() {
    let eof = "[not JSON: EOF while parsing a string]";
    check(b"{\"b\":\"x\n{\"a\":1}\n", &[&format!("0+7 {eof}"), "8+7 {\"a\":1}"], 16);
    let glued = b"{\"b\":\"x{\"a\":1}\n";
    check(glued, &["0+7 [not JSON: expected `,` or `}`]", "7+7 {\"a\":1}"], 15);
}

#[test]
fn nul_bytes_of_a_crash_are_damage() {
    check(
        b"\0\0\0{\"a\":1}\n\0\0",
        &["0+3 [3 NUL bytes]", "3+7 {\"a\":1}", "11+2 [2 NUL bytes]"],
        13,
    );
}

#[test]
fn a_document_on_several_lines_is_one_value() {
    check(b"{\n  \"a\": [\n    1\n  ]\n}\n", &["0+22 {\"a\":[1]}"], 23);
    check(b"{\n  \"a\": [\n    1\n", &[], 0);
}

#[test]
fn half_a_surrogate_pair_does_not_lose_the_line() {
    check(br#"{"a":"\ud83d"}"#, &["0+14 {\"a\":\"\u{fffd}\"}"], 14);
}

#[test]
fn garbage_gives_a_bounded_number_of_damages() {
    let garbage = [b"{".repeat(10_000), b"\n{\"a\":1}\n".to_vec()].concat();
    let (found, offset) = scanned(&garbage, 4096);
    assert!(found.len() <= MAX_DAMAGE + 1, "{} findings", found.len());
    assert_eq!(found.last().map(String::as_str), Some("10001+7 {\"a\":1}"));
    assert_eq!(offset, garbage.len() as u64);
}

#[test]
fn a_line_that_is_too_long_is_damage_and_the_next_one_is_read() {
    let mut found = Vec::new();
    let mut take = |span: Span, what: Found| found.push((span, matches!(what, Found::Damage(_))));
    let mut scanner = Scanner::new(false);
    let mib = vec![b'x'; 1 << 20];
    for _ in 0..73 {
        scanner.push(&mib, &mut take);
    }
    scanner.push(b"\n{\"a\":1}\n", &mut take);
    scanner.finish(&mut take);
    let n_long = (73 << 20) + 1;
    let long = (Span { offset: 0, n_bytes: n_long }, true);
    assert_eq!(found, [long, (Span { offset: n_long, n_bytes: 7 }, false)]);
}
