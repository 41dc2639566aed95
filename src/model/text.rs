//! Rules for single-line text and names that come from outside.

/// The longest title, in bytes.
pub const MAX_TITLE: usize = 4096;
/// The longest other single-line field, in bytes.
pub const MAX_FIELD: usize = 1024;

/// Tells whether `text` is one line without control characters, and not longer than `max` bytes.
pub fn is_line(text: &str, max: usize) -> bool {
    text.len() <= max && !text.chars().any(|c| c.is_control() || is_line_break(c))
}

/// The two line breaks that are no control characters.
fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Tells whether `text` can be the name that a caller gives a session: letters, digits, `.`, `_`,
/// `-` and `/`, beginning with a letter or digit, at most 64 bytes, and no path that climbs.
pub fn is_session_name(text: &str) -> bool {
    let begins_well = text.chars().next().is_some_and(char::is_alphanumeric);
    let allowed = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    begins_well && text.len() <= 64 && text.chars().all(allowed) && !text.contains("..")
}

/// Tells whether `text` can be the name of a branch.
///
/// Source: git-check-ref-format(1), for `refs/heads/<text>`, and no leading `-`.
pub fn is_branch_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let component_is_fine =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text.len() <= MAX_FIELD
        && text != "@"
        && text != "HEAD"
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(forbidden)
        && text.split('/').all(component_is_fine)
}

/// Tells whether `text` can be the name of an attached file: one path component that no file system
/// and no git takes for something else.
pub fn is_artifact_name(text: &str) -> bool {
    let reserved = ["con", "prn", "aux", "nul"];
    let stem = text.split('.').next().unwrap_or_default().to_lowercase();
    let is_device = reserved.contains(&stem.as_str())
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|~".contains(c) || is_invisible(c);
    !text.is_empty()
        && text.len() <= 128
        && !is_device
        && !text.starts_with(['.', '-', ' '])
        && !text.ends_with(['.', ' '])
        && !text.chars().any(forbidden)
}

/// Tells whether a terminal shows nothing for `c`, or lets it reorder what stands around it.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_character_and_no_line_break() {
        assert!(is_line("实现代理会话持久化", 100));
        for text in ["a\nb", "a\tb", "\u{1b}[31m", "a\u{85}b", "a\u{2028}b", "a\u{9b}b"] {
            assert!(!is_line(text, 100), "{text:?}");
        }
        assert!(!is_line("abc", 2));
    }

    #[test]
    fn a_path_that_climbs_is_no_session_name() {
        assert!(is_session_name("fix-auth"));
        assert!(is_session_name("feat/0138"));
        for text in ["", "..", "../x", "-x", "a b", "a..b", "$(id)", "a\u{202e}b", &"x".repeat(65)]
        {
            assert!(!is_session_name(text), "{text:?}");
        }
    }

    #[test]
    fn an_artifact_name_is_one_harmless_component() {
        assert!(is_artifact_name("prd.md"));
        assert!(is_artifact_name("设计.md"));
        for text in [
            "", ".", "..", ".git", "a/b", "a\\b", "-x", "NUL", "aux.txt", "com1", "a:b", "git~1",
            "x.",
        ] {
            assert!(!is_artifact_name(text), "{text:?}");
        }
    }
}
