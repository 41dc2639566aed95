//! What holds for every text.

use git_session::redact::{Redactor, Rules};
use proptest::prelude::*;
use serde_json::Value;

use crate::dice::{Dice, base64, percent, unicode};
use crate::secrets::{FORMS, PLACES};
use crate::{redact, redactor};

/// Returns parts that rules care for, which chance would seldom make.
fn part(seed: u64) -> String {
    let mut dice = Dice(seed);
    let secret = {
        let n = dice.below(FORMS.len());
        dice.fill(FORMS[n].1)
    };
    let named = {
        let (_, place, template) = PLACES[dice.below(PLACES.len())];
        place.replacen('@', &dice.fill(template), 1)
    };
    match dice.below(12) {
        0 => secret,
        1 => named,
        2 => base64(secret.as_bytes()),
        3 => percent(&secret),
        4 => unicode(&secret),
        5 => format!("\"password\": \"{}\"", dice.fill("{A12}")),
        6 => "-----BEGIN PRIVATE KEY-----".to_owned() + &dice.fill("{b64}"),
        7 => "[REDACTED:api-key]".to_owned(),
        8 => dice
            .pick(&["token=", "key: ", "--secret ", "://a:", "@", "eyJ", "sk-", "Bearer "])
            .to_owned(),
        9 => dice.pick(&["\n", "\\", "\"", "{", "[", ",", ":", " ", "%", "\\u00", "="]).to_owned(),
        10 => "/home/ada".to_owned(),
        _ => dice.fill("{w8}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    let one = prop_oneof![any::<u64>().prop_map(part), ".{0,8}"];
    prop::collection::vec(one, 0..12).prop_map(|parts| parts.concat())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn with_home() -> Redactor {
    Redactor::new(
        Rules::default().with_home("/home/ada").with_known(["zq8-known-value".to_owned()]),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_again_changes_nothing(text in text()) {
        let redactor = with_home();
        let once = redact(&redactor, &text);
        prop_assert_eq!(redact(&redactor, &once), once);
    }

    #[test]
    fn json_stays_json_of_the_same_structure(value in json()) {
        let redactor = with_home();
        let line = value.to_string();
        let redacted = redact(&redactor, &line);
        let bones = |text: &str| text.bytes().filter(|c| b"{}".contains(c)).count();
        let after: Value = serde_json::from_str(&redacted).map_err(|error| TestCaseError::fail(format!("{error}: {redacted}")))?;
        prop_assert_eq!(std::mem::discriminant(&after), std::mem::discriminant(&value));
        if redacted == line {
            prop_assert_eq!(bones(&redacted), bones(&line));
        }
        prop_assert_eq!(redact(&redactor, &redacted), redacted.clone());
    }

    #[test]
    fn what_is_outside_of_a_finding_is_untouched(text in text()) {
        let redactor = redactor();
        let (mut expected, mut from) = (String::new(), 0);
        for found in redactor.find(text.as_bytes()) {
            prop_assert!(found.start >= from);
            expected += &format!("{}[REDACTED:{}]", &text[from..found.start], found.kind);
            from = found.end;
        }
        expected += &text[from..];
        let redacted = redact(&redactor, &text);
        if redactor.find(expected.as_bytes()).is_empty() {
            prop_assert_eq!(redacted, expected);
        } else {
            // What was beside a secret may be one once it stands alone.
            prop_assert_eq!(redacted, redact(&redactor, &expected));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..400), text in text(), at in 0usize..400) {
        let mut bytes = bytes;
        let at = at.min(bytes.len());
        bytes.splice(at..at, text.into_bytes());
        let redactor = with_home();
        let once = redactor.redact(&bytes).text.into_owned();
        prop_assert_eq!(redactor.redact(&once).text.into_owned(), once.clone());
    }
}

#[test]
fn long_lines_of_one_thing_are_no_trouble() {
    let redactor = with_home();
    let parts = [
        "a",
        "\"",
        "\\",
        "[",
        "{",
        "{\"a\":",
        "[\"a\",",
        "sk-",
        "://a:",
        "token=",
        "key:",
        "eyJ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "%41",
        "\\u0041",
        "YWFh",
        "-us",
        ":AA",
        "AKIA",
        "Authorization: Basic ",
        "[REDACTED:",
        "/home/ada",
        "A3-",
        "\n{",
        "\n[1]",
    ];
    for part in parts {
        let text = part.repeat((256 << 10) / part.len());
        let redacted = redactor.redact(text.as_bytes());
        assert!(redacted.text.len() <= 3 * text.len(), "{part}");
        let quoted = format!("[{}]", serde_json::to_string(&text).expect("text is JSON"));
        redactor.redact(quoted.as_bytes());
    }
}
