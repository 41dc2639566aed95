//! Transcripts without what does not compress and nobody can read: signatures, encrypted reasoning, and the
//! agent's own instructions, which are the same in every transcript.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::Regex;

use crate::model::Value;

/// Keys that are left out wherever they are.
///
/// Source: Codex `response_item` and `session_meta`; Gemini's parts.
const ANYWHERE: [&str; 3] = ["encrypted_content", "base_instructions", "thoughtSignature"];
/// A key that is left out of a block of thinking. Source: Anthropic's Messages API.
const SIGNATURE: &str = "signature";

/// Returns lines without those values; a line that has none of them, or that is no JSON, stays as it is.
pub fn lean(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !may_shrink(bytes) {
        return Cow::Borrowed(bytes);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match may_shrink(line).then(|| without(line)).flatten() {
            Some(lean) => kept.extend_from_slice(lean.as_bytes()),
            None => kept.extend_from_slice(line),
        }
    }
    Cow::Owned(kept)
}

/// Tells, at next to no cost, whether bytes may have one of the keys.
fn may_shrink(bytes: &[u8]) -> bool {
    static KEYS: OnceLock<Regex> = OnceLock::new();
    let keys = || {
        let keys = format!("\"({}|{SIGNATURE})\"", ANYWHERE.join("|"));
        Regex::new(&keys).expect("words are a pattern")
    };
    KEYS.get_or_init(keys).is_match(bytes)
}

/// Returns a line without the values; `None` if it has none, or is not one value.
fn without(line: &[u8]) -> Option<String> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    let end = if line.ends_with(b"\n") { "\n" } else { "" };
    shrink(&mut value).then(|| format!("{value}{end}"))
}

fn shrink(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            let n_keys = map.len();
            let is_thinking = map.get("type").is_some_and(|it| it == "thinking");
            map.retain(|key, _| {
                let is_signature = is_thinking && key == SIGNATURE;
                !is_signature && !ANYWHERE.contains(&key.as_str())
            });
            let is_less = map.len() < n_keys;
            map.values_mut().fold(is_less, |is_less, it| shrink(it) | is_less)
        }
        Value::Array(list) => list.iter_mut().fold(false, |is_less, it| shrink(it) | is_less),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaned(text: &str) -> String {
        String::from_utf8(lean(text.as_bytes()).into_owned()).expect("text")
    }

    #[test]
    fn what_nobody_can_read_is_left_out_and_other_lines_stay_byte_for_byte() {
        let plain = "{ \"a\" : 1.0 }\n";
        let text = format!(
            "{plain}{{\"payload\":{{\"type\":\"reasoning\",\"encrypted_content\":\"gAAA\",\"n\":1}}}}\n\
             {{\"content\":[{{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"Eq\"}}]}}\n"
        );
        let expected = format!(
            "{plain}{{\"payload\":{{\"type\":\"reasoning\",\"n\":1}}}}\n\
             {{\"content\":[{{\"type\":\"thinking\",\"thinking\":\"hm\"}}]}}\n"
        );
        assert_eq!(leaned(&text), expected);
        // Twice is once.
        assert_eq!(leaned(&expected), expected);
    }

    #[test]
    fn a_signature_that_somebody_talks_of_and_a_broken_line_stay() {
        for text in [
            "{\"tool\":{\"type\":\"function\",\"signature\":\"f(x)\"}}",
            "{\"encrypted_content\":\"gAAA\"",
            "[\n{\"encrypted_content\":\n\"x\"}]",
        ] {
            assert_eq!(leaned(text), text);
        }
    }
}
