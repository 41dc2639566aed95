//! What a tool call tells of commits that it made.

use crate::model::Value;

/// Returns the abbreviated ids of the commits that a tool call tells to have made: git's own words for it, as
/// in `[main 1a2b3c4] Fix it`, of a command that was to commit.
///
/// Source: builtin/commit.c, `print_commit_summary`.
pub(super) fn committed(call: &Value) -> Vec<String> {
    let first = |keys: [&str; 3]| keys.into_iter().find_map(|key| call.get(key));
    let input = first(["tool_input", "toolArgs", "toolInput"]);
    if !input.is_some_and(|input| input.to_string().contains("commit")) {
        return Vec::new();
    }
    let mut ids = Vec::new();
    if let Some(answer) = first(["tool_response", "tool_output", "toolResult"]) {
        look(answer, &mut ids);
    }
    ids
}

fn look(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::String(text) => ids.extend(text.lines().filter_map(id_of)),
        Value::Array(list) => list.iter().for_each(|it| look(it, ids)),
        Value::Object(map) => map.values().for_each(|it| look(it, ids)),
        _ => {}
    }
}

/// Reads `[<branch> <id>] <subject>`, which may stand behind a word that names the stream.
fn id_of(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    let (head, _) = rest.split_once("] ")?;
    let (branch, id) = head.rsplit_once(' ')?;
    let is_id = (4..=64).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_hexdigit());
    (is_id && !branch.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_commit_is_known_by_what_git_says_of_it() {
        for (input, answer, ids) in [
            (
                "git commit -m x",
                json!({ "stdout": "[main 1a2b3c4] x\n 1 file changed" }),
                &["1a2b3c4"][..],
            ),
            ("git commit -m x", json!("Output: [main (root-commit) 1a2b3c4] x"), &["1a2b3c4"]),
            (
                "a; git commit",
                json!(["[detached HEAD 1a2b3c4d] x", "[b 99999] y"]),
                &["1a2b3c4d", "99999"],
            ),
            ("git commit -q", json!({ "stdout": "" }), &[]),
            ("git log", json!({ "stdout": "[main 1a2b3c4] x" }), &[]),
            ("git commit", json!("[main] [x yz12] array[1 2] = 3"), &[]),
        ] {
            let call = json!({ "tool_input": { "command": input }, "tool_response": answer });
            assert_eq!(committed(&call), ids, "{call}");
        }
    }
}
