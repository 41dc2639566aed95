//! Which commits were made since HEAD was somewhere else, as HEAD's reflog tells.

use crate::store::Store;

/// How much of the end of a reflog is read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// Returns the commits that were made in this work tree since HEAD was at `before`, oldest first. Where HEAD
/// was moved by anything else (a switch, a pull, a rebase), nothing was made.
pub fn made_since(store: &Store, before: &str) -> Vec<String> {
    let log = store.head_log(MAX_BYTES).unwrap_or_default();
    made(&String::from_utf8_lossy(&log), before)
}

/// Reads lines of `<old> <new> <who> <time> <zone>\t<why>`. Source: git-update-ref(1).
fn made(log: &str, before: &str) -> Vec<String> {
    let mut made = Vec::new();
    for line in log.lines().rev() {
        let Some((head, why)) = line.split_once('\t') else { break };
        let mut words = head.split(' ');
        let (Some(old), Some(new)) = (words.next(), words.next()) else { break };
        if new == before {
            break;
        }
        if ["commit:", "commit ("].iter().any(|it| why.starts_with(it)) {
            made.push(new.to_owned());
        }
        if old == before {
            break;
        }
    }
    made.reverse();
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_committed_counts_and_only_since_then() {
        let line = |old: &str, new: &str, why: &str| format!("{old} {new} A <a> 1 +0000\t{why}\n");
        let log = [
            line("0", "a", "commit (initial): x"),
            line("a", "b", "commit: y"),
            line("b", "c", "checkout: moving from main to x"),
            line("c", "d", "commit (amend): z"),
            line("d", "e", "pull: Fast-forward"),
        ];
        let log = log.concat();
        assert_eq!(made(&log, "a"), ["b", "d"]);
        assert_eq!(made(&log, "d"), Vec::<String>::new());
        assert_eq!(made(&log, "e"), Vec::<String>::new());
        assert_eq!(made("garbage", "a"), Vec::<String>::new());
    }
}
