//! Secrets planted into lines of transcripts: none survives, and JSON stays what it was.

use serde_json::Value;

use crate::dice::Dice;
use crate::secrets::{self, FORMS, PLACES};
use crate::strings::{n_strings, nth_string};
use crate::{redact, redactor, transcripts};

/// Tells whether two values are alike but for their texts.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(_), Value::String(_)) => true,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.values().zip(other.values()).all(|(one, other)| is_alike(one, other))
        }
        _ => one == other,
    }
}

#[test]
fn no_planted_secret_survives_and_json_stays_what_it_was() {
    let redactor = redactor();
    let mut dice = Dice(60);
    let mut planted: Vec<(String, String, String)> = Vec::new();
    for round in 0..2 {
        for (kind, template) in FORMS {
            let secret = dice.fill(template);
            let text = if round == 0 { secret.clone() } else { format!("KEY={secret}") };
            planted.push((kind.to_owned(), secret, text));
        }
        for (kind, place, template) in PLACES {
            let secret = dice.fill(template);
            planted.push((kind.to_owned(), secret.clone(), place.replacen('@', &secret, 1)));
        }
        let jwt = secrets::jwt(&mut dice);
        planted.push(("jwt".to_owned(), jwt.clone(), jwt));
        let key = secrets::private_key(&mut dice, ["RSA PRIVATE KEY", "PRIVATE KEY"][round]);
        planted.push(("private-key".to_owned(), key.clone(), key));
        let basic = secrets::basic(&mut dice);
        planted.push(("basic".to_owned(), basic.clone(), format!("Authorization: Basic {basic}")));
    }
    let mut kinds: Vec<&str> = planted.iter().map(|(kind, ..)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let values: Vec<Value> = transcripts::lines()
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|it| n_strings(it) > 0)
        .collect();
    let mut survived = Vec::new();
    for (kind, secret, text) in &planted {
        let mut value = values[dice.below(values.len())].clone();
        let mut n = dice.below(n_strings(&value));
        let string = nth_string(&mut value, &mut n).expect("it has more");
        *string = format!("{string} {text} {string}");
        let line = value.to_string();
        let redacted = redact(&redactor, &line);
        let after: Value = serde_json::from_str(&redacted).expect("it is still JSON");
        assert!(is_alike(&value, &after), "{line}\n{redacted}");
        assert_eq!(redact(&redactor, &redacted), redacted, "it is done once");
        // Of an address, host and path are no secret.
        let core = &secret[secret.len() / 2..];
        if redacted.contains(core) || redacted.contains(&core.replace('\n', "\\n")) {
            survived.push(format!("{kind}: {text}"));
        }
    }
    println!(
        "{} of {} planted secrets of {} kinds survive",
        survived.len(),
        planted.len(),
        kinds.len()
    );
    assert!(planted.len() >= 120 && kinds.len() >= 60);
    assert!(survived.is_empty(), "{survived:#?}");
}
