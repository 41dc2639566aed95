//! Trailers of a commit's message as git has them: where the last block of them is, what it says, and how
//! another one is added. Source: git-interpret-trailers(1), git `trailer.c`.

/// What git writes itself into a block of trailers.
const GENERATED: [&[u8]; 2] = [b"Signed-off-by: ", b"(cherry picked from commit "];
/// What stands before a diff in the template of a message, after the comment character.
const SCISSORS: &[u8] = b" ------------------------ >8 ------------------------";

/// Returns the values of the trailers `key` in the last block, in order.
pub fn values<'a>(message: &'a str, key: &str) -> Vec<&'a str> {
    let block = Block::of(message.as_bytes(), b"#");
    let lines = message[block.start..block.end].lines();
    lines.filter_map(|line| value_of(line, key)).collect()
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (token, value) = line.split_once(':')?;
    token.trim_end().eq_ignore_ascii_case(key).then(|| value.trim())
}

/// Returns the message with the last of `values` as one trailer more, where it has trailers with this key from elsewhere;
/// else as [`add`]. `None` if that value is there already.
pub fn add_beside(message: &[u8], comment: &[u8], key: &str, values: &[String]) -> Option<Vec<u8>> {
    let said = String::from_utf8_lossy(&message[..end_of(message, comment)]).into_owned();
    let (known, last) = (self::values(&said, key), values.last()?);
    if known.is_empty() {
        return add(message, comment, key, values);
    }
    let is_new = !known.contains(&last.as_str());
    is_new.then(|| with(message, &Block::of(message, comment), key, std::slice::from_ref(last)))
}

/// Returns the message with a trailer more for each value; `None` if there is none, if it has one with this key
/// already, or if it says nothing yet: a trailer must not make a message of what is none.
pub fn add(message: &[u8], comment: &[u8], key: &str, values: &[String]) -> Option<Vec<u8>> {
    let block = Block::of(message, comment);
    if block.is_blank || values.is_empty() {
        return None;
    }
    let is_it = |line: &[u8]| value_of(&String::from_utf8_lossy(line), key).is_some();
    if lines(&message[block.start..block.end]).any(is_it) {
        return None;
    }
    Some(with(message, &block, key, values))
}

fn with(message: &[u8], block: &Block, key: &str, values: &[String]) -> Vec<u8> {
    let line_end: &[u8] = match message[..block.end].ends_with(b"\r\n") {
        true => b"\r\n",
        false => b"\n",
    };
    let mut text = message[..block.end].to_vec();
    if !text.ends_with(b"\n") {
        text.extend_from_slice(line_end);
    }
    if block.start == block.end {
        text.extend_from_slice(line_end);
    }
    for value in values {
        text.extend_from_slice(format!("{key}: {value}").as_bytes());
        text.extend_from_slice(line_end);
    }
    text.extend_from_slice(&message[block.end..]);
    text
}

/// Tells whether a message says nothing: it has only comments and white space.
pub fn is_blank(message: &[u8], comment: &[u8]) -> bool {
    Block::of(message, comment).is_blank
}

/// Returns what a message says, without comments and white space at line ends.
pub fn plain(message: &[u8], comment: &[u8]) -> Vec<u8> {
    let said = &message[..end_of(message, comment)];
    let kept = lines(said).filter(|line| !line.starts_with(comment));
    let kept: Vec<&[u8]> = kept.map(<[u8]>::trim_ascii_end).collect();
    kept.join(&b'\n').trim_ascii().to_vec()
}

/// Where the last block of trailers is.
struct Block {
    /// Where it begins; its end if there is none.
    start: usize,
    /// Where what is said ends: before trailing blank lines and comments.
    end: usize,
    /// Whether nothing is said.
    is_blank: bool,
}

impl Block {
    fn of(message: &[u8], comment: &[u8]) -> Block {
        let end = end_of(message, comment);
        let said = &message[..end];
        let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
        let is_comment = |line: &[u8]| line.starts_with(comment);
        let mut at = 0;
        let places: Vec<(usize, &[u8])> = lines(said)
            .map(|line| {
                at += line.len();
                (at - line.len(), line)
            })
            .collect();
        // The first paragraph is what the commit is called, and never trailers.
        // What git takes for an empty message is one: signatures alone say nothing.
        let says =
            |line: &[u8]| !is_comment(line) && !is_blank(line) && !line.starts_with(GENERATED[0]);
        let first = places.iter().position(|(_, line)| says(line));
        let Some(first) = first else { return Block { start: end, end, is_blank: true } };
        let after_title = places[first..].iter().position(|(_, line)| is_blank(line));
        let none = Block { start: end, end, is_blank: false };
        let Some(after_title) = after_title.map(|n| first + n) else { return none };
        let last = places.iter().rposition(|(_, line)| is_blank(line)).unwrap_or(after_title);
        let paragraph = &places[last + 1..];
        let is_block =
            is_block(paragraph.iter().map(|(_, line)| *line).filter(|it| !is_comment(it)));
        let start = paragraph.first().map_or(end, |(start, _)| *start);
        if is_block { Block { start, ..none } } else { none }
    }
}

/// Tells whether a paragraph is trailers: all of it, or a quarter of it where git itself wrote some.
fn is_block<'a>(paragraph: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut n_trailers, mut n_others, mut is_generated) = (0, 0, false);
    let mut is_continued = false;
    for line in paragraph {
        if GENERATED.iter().any(|it| line.starts_with(it)) {
            (n_trailers, is_generated, is_continued) = (n_trailers + 1, true, true);
        } else if line.starts_with(b" ") || line.starts_with(b"\t") {
            // A line more of the trailer before it, or of what is none.
            n_others += usize::from(!is_continued);
        } else if is_trailer(line) {
            (n_trailers, is_continued) = (n_trailers + 1, true);
        } else {
            (n_others, is_continued) = (n_others + 1, false);
        }
    }
    match is_generated {
        true => n_trailers * 3 >= n_others,
        false => n_trailers > 0 && n_others == 0,
    }
}

/// Tells whether a line is of the form `Token: value`.
fn is_trailer(line: &[u8]) -> bool {
    let token = line.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == b'-').count();
    let rest = &line[token..];
    token > 0 && rest.trim_ascii_start().starts_with(b":")
}

/// Returns where what is said ends: before the scissors, trailing comments and blank lines.
fn end_of(message: &[u8], comment: &[u8]) -> usize {
    let mut at = 0;
    let mut end = 0;
    for line in lines(message) {
        let is_cut = line.strip_prefix(comment).is_some_and(|it| it.trim_ascii_end() == SCISSORS);
        if is_cut {
            break;
        }
        at += line.len();
        if !line.starts_with(comment) && !line.trim_ascii().is_empty() {
            end = at;
        }
    }
    end
}

/// Returns the lines of a text with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(message: &str) -> Option<String> {
        let text = add(message.as_bytes(), b"#", "Session-Id", &["S".into()])?;
        Some(String::from_utf8(text).expect("it was text"))
    }

    #[test]
    fn a_trailer_stands_beside_those_from_elsewhere_and_never_twice() {
        let beside = |message: &str, values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            let added = add_beside(message.as_bytes(), b"#", "Session-Id", &values);
            added.map(|it| String::from_utf8(it).expect("UTF-8"))
        };
        let (one, both) = ("x\n\nSession-Id: a\n", "x\n\nSession-Id: a\nSession-Id: b\n");
        assert_eq!(beside(one, &["c", "b"]).as_deref(), Some(both));
        assert_eq!(beside(both, &["b"]), None);
        assert_eq!(beside(one, &[]), None);
        assert_eq!(beside("x\n", &["b"]).as_deref(), Some("x\n\nSession-Id: b\n"));
    }

    #[test]
    fn a_trailer_goes_where_git_puts_it() {
        for (message, expected) in [
            ("Fix\n", "Fix\n\nSession-Id: S\n"),
            ("Fix", "Fix\n\nSession-Id: S\n"),
            ("Fix\n\nbody\n", "Fix\n\nbody\n\nSession-Id: S\n"),
            ("Fix\n\nA-b: c\n", "Fix\n\nA-b: c\nSession-Id: S\n"),
            ("Fix: it\n", "Fix: it\n\nSession-Id: S\n"),
            ("Fix\n\nprose: and\nmore prose\n", "Fix\n\nprose: and\nmore prose\n\nSession-Id: S\n"),
            ("Fix\n\nnote\nSigned-off-by: A\n", "Fix\n\nnote\nSigned-off-by: A\nSession-Id: S\n"),
            ("Fix\n\nA: b\n  c\n", "Fix\n\nA: b\n  c\nSession-Id: S\n"),
            ("Fix\n\n# On branch\n#\n", "Fix\n\nSession-Id: S\n\n# On branch\n#\n"),
            ("Fix\r\n\r\nA: b\r\n", "Fix\r\n\r\nA: b\r\nSession-Id: S\r\n"),
            (
                "Fix\n\n# ------------------------ >8 ------------------------\ndiff\n+x\n",
                "Fix\n\nSession-Id: S\n\n# ------------------------ >8 ------------------------\ndiff\n+x\n",
            ),
        ] {
            assert_eq!(added(message).as_deref(), Some(expected), "{message:?}");
        }
    }

    #[test]
    fn one_that_is_there_stays_and_nothing_is_added_to_nothing() {
        for message in [
            "Fix\n\nSession-Id: other\n",
            "Fix\n\nsession-id : other\nA: b\n",
            "",
            "\n\n# Please enter the commit message\n",
            "\n\nSigned-off-by: A\n# Please enter\n",
            "# ------------------------ >8 ------------------------\ndiff\n",
        ] {
            assert_eq!(added(message), None, "{message:?}");
        }
        // What is said elsewhere in the message is no trailer.
        let said = "Fix\n\nSession-Id: other\n\nbody\n";
        assert_eq!(added(said).expect("added"), format!("{said}\nSession-Id: S\n"));
    }

    #[test]
    fn only_the_last_block_counts() {
        let id = |message| values(message, "Session-Id");
        assert_eq!(id("Fix\n\nSession-Id: a\n"), ["a"]);
        assert_eq!(id("Fix\n\nA: b\nSession-Id: a\nSession-Id:b\n"), ["a", "b"]);
        for none in [
            "Session-Id: a\n",
            "Fix\nSession-Id: a\n",
            "Fix\n\nSession-Id: a\n\nbody\n",
            "Fix\n\nSession-Id: a\nis what I mean\n",
            "Fix\n\n  Session-Id: a\n",
        ] {
            assert_eq!(id(none), Vec::<&str>::new(), "{none:?}");
        }
    }

    #[test]
    fn another_comment_character_is_obeyed() {
        let values = ["v".to_owned(), "w".to_owned()];
        let text = add(b"Fix\n\n; comment\n", b";", "K", &values).expect("added");
        assert_eq!(text, b"Fix\n\nK: v\nK: w\n\n; comment\n");
        assert_eq!(add(b"Fix\n", b";", "K", &[]), None);
        assert!(is_blank(b"; only\n", b";"));
        assert_eq!(plain(b"\n A \n; c\nb\n\n", b";"), b"A\nb");
    }
}
