use super::*;

/// A token of GitHub's form; no test holds one in one piece.
fn token() -> String {
    format!("ghp{}{}", "_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP")
}

fn redact(redactor: &Redactor, text: &str) -> String {
    String::from_utf8(redactor.redact(text.as_bytes()).text.into_owned()).expect("text stays text")
}

fn builtin() -> Redactor {
    Redactor::new(Rules::default())
}

#[test]
fn only_the_secret_is_replaced() {
    let (redactor, token) = (builtin(), token());
    let line = format!(r#"{{"a" : 1.50,"b":["x {token}\n","\u00e9\/"], "c":null}}"#);
    let expected = r#"{"a" : 1.50,"b":["x [REDACTED:github-token]\n","\u00e9\/"], "c":null}"#;
    assert_eq!(redact(&redactor, &line), expected);
    let found = redactor.find(line.as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(&line[found[0].start..found[0].end], token);
    assert_eq!(redactor.redact(b"nothing").kinds, Vec::<&str>::new());
}

#[test]
fn a_secret_is_found_behind_each_encoding() {
    let (redactor, token) = (builtin(), token());
    let unicode: String = token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let percent: String = token.bytes().map(|c| format!("%{c:02X}")).collect();
    let nested = format!(r#"{{\"a\": [\"{token}\"]}}"#);
    let twice = format!(r#"{{\"a\":\"{{\\\"b\\\":\\\"{token}\\\"}}\"}}"#);
    let letters: Vec<String> = token.chars().map(|c| format!("\"{c}\"")).collect();
    let halves = token.split_at(9);
    for text in [
        format!(r#"{{"x":"{unicode}"}}"#),
        format!(r#"{{"x":{{"{token}":1}}}}"#),
        format!(r#"{{"x":"{nested}"}}"#),
        format!(r#"{{"x":"{twice}"}}"#),
        format!("https://x.example/?q={percent}"),
        format!("[{}]", letters.join(",")),
        format!(r#"["{}", "{}"]"#, halves.0, halves.1),
        format!("+++ {token}"),
    ] {
        let redacted = redact(&redactor, &text);
        assert!(redacted.contains("[REDACTED:github-token]"), "{text}\n{redacted}");
        assert!(!redacted.contains(halves.1), "{redacted}");
    }
}

#[test]
fn base64_with_a_secret_in_it_goes_whole() {
    let text = "x: Z2l0aHViOiBnaHBfcThaazJMeDdSdDVWYjlOYzNXZDZGZzFIczRNcDBRZVl1SW9Q.";
    assert_eq!(redact(&builtin(), text), "x: [REDACTED:github-token].");
}

#[test]
fn a_private_key_goes_whole_in_a_string_an_array_and_a_file() {
    let redactor = builtin();
    let (begin, end) =
        (format!("-----BEGIN {} KEY-----", "PRIVATE"), format!("-----END {} KEY-----", "PRIVATE"));
    let lines = ["q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoPaSdFgHjKlZx"; 3];
    let file = format!("a\n{begin}\n{}\n{end}\nb\n", lines.join("\n"));
    assert_eq!(redact(&redactor, &file), "a\n[REDACTED:private-key]\nb\n");
    let string = format!(r#"{{"k":"{begin}\n{}\n{end}\n"}}"#, lines.join("\\n"));
    assert_eq!(redact(&redactor, &string), r#"{"k":"[REDACTED:private-key]\n"}"#);
    let array = format!(r#"["{begin}","{}","{end}"]"#, lines.join("\",\""));
    assert!(!redact(&redactor, &array).contains("q8Zk"), "{}", redact(&redactor, &array));
    let code = format!("if text.starts_with(\"{begin}\") {{ return parse(text); }}");
    assert_eq!(redact(&redactor, &code), code);
}

#[test]
fn the_home_directory_becomes_a_tilde_and_is_no_secret() {
    let redactor = Redactor::new(Rules::default().with_home("/home/ada/"));
    let line =
        r#"{"cwd":"/home/ada/x","f":"file:\/\/\/home\/ada","o":"/home/adam","m":"/mnt/home/ada"}"#;
    let expected = r#"{"cwd":"~/x","f":"file:\/\/~","o":"/home/adam","m":"/mnt/home/ada"}"#;
    assert_eq!(redact(&redactor, line), expected);
    assert_eq!(redactor.redact(line.as_bytes()).kinds, Vec::<&str>::new());
    assert_eq!(redactor.find(line.as_bytes()), []);
}

#[test]
fn known_values_go_but_for_those_that_are_met_by_chance() {
    let known = ["open-sesame-now", "short", "password", "/usr/local/bin", "12345678"];
    let redactor = Redactor::new(Rules::default().with_known(known.map(str::to_owned)));
    let line = "x open-sesame-now short password /usr/local/bin 12345678";
    let expected = "x [REDACTED:known-value] short password /usr/local/bin 12345678";
    assert_eq!(redact(&redactor, line), expected);
}

#[test]
fn ordinary_words_are_not_looked_at() {
    for text in ["", "Fix the login", "Add user sign-in", "waiting for the design (2 days)"] {
        assert!(!may_hold(text.as_bytes()), "{text}");
    }
    for text in [
        token().as_str(),
        "pw=abc123",
        "see /opt/x",
        "open-sesame-now",
        "correcthorse",
        "password: x",
    ] {
        assert!(may_hold(text.as_bytes()), "{text}");
    }
    assert!(is_secret_name("DB_PASSWORD") && is_secret_name("OPENAI_API_KEY"));
    assert!(!is_secret_name("HOME") && !is_secret_name("SSH_AUTH_SOCK") && !is_secret_name("KEY"));
}

#[test]
fn what_is_allowed_stays() {
    let token = token();
    let rules = Rules::default().with_allowed(&["ghp_q8Z.*".to_owned()]).expect("a pattern");
    assert_eq!(redact(&Redactor::new(rules), &token), token);
    let error = Rules::default().with_allowed(&["(".to_owned()]).expect_err("no pattern");
    assert!(error.to_string().starts_with("'(' is no pattern: "), "{error}");
}

const GITLEAKS: &str = r#"
title = "ours"
[[rules]]
id = "acme key"
description = "of ACME"
regex = '''(?i)acme[_-]?key\s*=\s*([a-z0-9]{8,})'''
secretGroup = 1
keywords = ["ACME"]
entropy = 2.5
path = '''\.txt$'''
[[rules.allowlists]]
stopwords = ["sample"]
regexes = ['''^000''']
[[rules]]
id = "no-keyword"
regex = '''zz-\d{6}'''
[[rules]]
id = "paths-only"
path = '''\.pem$'''
[allowlist]
regexes = ['''zz-999999''']
"#;

#[test]
fn rules_of_a_repository_are_read_as_gitleaks_has_them() {
    let rules = Rules::default().with_gitleaks(GITLEAKS).expect("good rules");
    let redactor = Redactor::new(rules);
    for (text, expected) in [
        ("Acme_Key = q8zk2lx7", "Acme_Key = [REDACTED:acme-key]"),
        ("acme_key = aaaaaaaa", "acme_key = aaaaaaaa"),
        ("acme_key = q8samplezk2", "acme_key = q8samplezk2"),
        ("acme_key = 000q8zk2lx7", "acme_key = 000q8zk2lx7"),
        ("zz-123456 zz-999999", "[REDACTED:no-keyword] zz-999999"),
    ] {
        assert_eq!(redact(&redactor, text), expected);
    }
}

#[test]
fn a_bad_rule_is_refused_by_its_id() {
    for (toml, message) in [
        ("[[rules]]\nid = 'a'\nregex = '('", "rule 'a': "),
        ("[[rules]]\nid = 'b'", "rule 'b': has no regex"),
        ("[[rules]]\nregex = 'x'", "rule '': has no id"),
        (
            "[[rules]]\nid = 'c'\nregex = 'x'\nkeywords = 'y'",
            "rule 'c': keywords is no list of texts",
        ),
        ("[[rules]]\nid = 'd'\nregex = 'x'\nsecretGroup = -1", "rule 'd': secretGroup"),
        ("[[rules]]\nid = 'e'\nregex = 'x'\nentropy = 'y'", "rule 'e': entropy"),
        ("[[rules", "TOML parse error"),
    ] {
        let error = Rules::default().with_gitleaks(toml).expect_err(toml).to_string();
        assert!(error.starts_with(message) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_pattern_that_cannot_be_compiled_hides_what_it_was_to_judge() {
    let toml = "[[rules]]\nid = 'huge'\nregex = 'acme\\pL{1000}{1000}'\nkeywords = ['acme']";
    let redactor = Redactor::new(Rules::default().with_gitleaks(toml).expect("syntax is good"));
    assert_eq!(redact(&redactor, "an acme text"), "[REDACTED:huge]");
    assert_eq!(redact(&redactor, "another text"), "another text");
}

#[test]
fn lines_of_json_become_the_same_alone_and_together() {
    let redactor = builtin();
    let lines = [
        format!(r#"{{"api_key":"{}"}}"#, token()),
        "DB_PASSWORD=hunter2x".to_owned(),
        format!(r#"{{"torn":"{}"#, token()),
    ];
    let alone: Vec<String> = lines.iter().map(|line| redact(&redactor, line)).collect();
    assert_eq!(redact(&redactor, &lines.join("\n")), alone.join("\n"));
    assert!(alone.iter().all(|line| line.contains("[REDACTED:")), "{alone:?}");
}
