//! JSON text that somebody else wrote, changed where it must be and nowhere else.
//!
//! What [`insert`] adds, [`remove`] takes away again to the byte. A container that was there and empty is
//! marked with blanks where its first line ends, since nothing else would tell it from one that we made.

use std::ops::Range;

/// How deep a document may be.
const MAX_DEPTH: usize = 100;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Text(String),
    Other,
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: String,
    start: usize,
    pub(super) value: Node,
}

impl Node {
    /// Returns the value of a key; `None` if this is no object or has no such key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        Some(&self.member(key)?.1.value)
    }

    pub(super) fn member(&self, key: &str) -> Option<(usize, &Member)> {
        let Kind::Object(members) = &self.kind else { return None };
        members.iter().enumerate().find(|(_, member)| member.key == key)
    }

    /// Returns the values of a list; none if this is no list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    /// Returns the text; `None` if this is none.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns where each part begins and ends, the key of a member included.
    fn parts(&self) -> Vec<Range<usize>> {
        match &self.kind {
            Kind::Object(members) => members.iter().map(|it| it.start..it.value.span.end).collect(),
            Kind::Array(items) => items.iter().map(|it| it.span.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn child(&self, idx: usize) -> &Node {
        match &self.kind {
            Kind::Object(members) => &members[idx].value,
            Kind::Array(items) => &items[idx],
            _ => self,
        }
    }
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it, and in which line.
pub(super) fn parse(text: &str, has_comments: bool) -> Result<Node, String> {
    let mut parser = Parser { text, at: 0, has_comments };
    let root = parser.value(0).and_then(|root| {
        parser.blank()?;
        if parser.at == text.len() { Ok(root) } else { Err("something follows its end") }
    });
    root.map_err(|reason| {
        let line = text[..parser.at.min(text.len())].matches('\n').count() + 1;
        format!("it is no JSON: {reason} (line {line})")
    })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    has_comments: bool,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over what stands between values.
    fn blank(&mut self) -> Result<(), &'static str> {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.at += blanks;
            let rest = self.rest();
            let n = match self.has_comments {
                true if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                true if rest.starts_with("/*") => {
                    rest.find("*/").ok_or("a comment does not end")? + 2
                }
                _ => return Ok(()),
            };
            self.at += n;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, &'static str> {
        self.blank()?;
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err("it is too deep");
        }
        let kind = match self.peek().ok_or("it ends too early")? {
            b'{' => Kind::Object(self.members(depth)?),
            b'[' => Kind::Array(self.items(depth)?),
            b'"' => Kind::Text(self.string()?),
            _ => self.scalar()?,
        };
        Ok(Node { span: start..self.at, kind })
    }

    /// Goes on behind a comma or an end; tells whether there is more.
    fn goes_on(&mut self, end: u8, is_first: bool) -> Result<bool, &'static str> {
        self.blank()?;
        let has_comma = !is_first && self.peek() == Some(b',');
        if has_comma {
            self.at += 1;
            self.blank()?;
        }
        match self.peek() {
            Some(c) if c == end && (!has_comma || self.has_comments) => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if is_first || has_comma => Ok(true),
            _ => Err("a comma or an end is missing"),
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member>, &'static str> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        while self.goes_on(b'}', members.is_empty())? {
            let start = self.at;
            let key = self.string()?;
            self.blank()?;
            if self.peek() != Some(b':') {
                return Err("a colon is missing");
            }
            self.at += 1;
            if members.iter().any(|member| member.key == key) {
                return Err("a key is there twice");
            }
            let value = self.value(depth + 1)?;
            members.push(Member { key, start, value });
        }
        Ok(members)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, &'static str> {
        self.at += 1;
        let mut items = Vec::new();
        while self.goes_on(b']', items.is_empty())? {
            items.push(self.value(depth + 1)?);
        }
        Ok(items)
    }

    fn string(&mut self) -> Result<String, &'static str> {
        let bytes = self.text.as_bytes();
        if self.peek() != Some(b'"') {
            return Err("a text is missing");
        }
        let mut end = self.at + 1;
        while *bytes.get(end).ok_or("a text does not end")? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let text = self.text.get(self.at..=end).ok_or("a text does not end")?;
        let text = serde_json::from_str(text).map_err(|_| "a text is broken")?;
        self.at = end + 1;
        Ok(text)
    }

    fn scalar(&mut self) -> Result<Kind, &'static str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let word = self.rest();
        let word = &word[..word.find(|c| !is_part(c)).unwrap_or(word.len())];
        serde_json::from_str::<serde_json::Value>(word).map_err(|_| "a value is missing")?;
        self.at += word.len();
        Ok(Kind::Other)
    }
}

/// How a document is laid out: one step of its indentation; `None` if it stands on one line.
pub(super) struct Layout(Option<String>);

impl Layout {
    /// Returns the layout of a new document.
    pub(super) fn new() -> Layout {
        Layout(Some("  ".to_owned()))
    }

    /// Returns the layout that a document has.
    pub(super) fn of(text: &str, root: &Node) -> Layout {
        let first = root.parts().first().map(|part| part.start);
        let Some(first) = first else { return Layout::new() };
        let before = &text[..first];
        let line = before.rsplit_once('\n').map(|(_, line)| line);
        Layout(match line {
            Some(line) if line.trim().is_empty() && !line.is_empty() => Some(line.to_owned()),
            _ if text[root.span.clone()].contains('\n') => Some("  ".to_owned()),
            _ => None,
        })
    }

    /// Returns the break before a line at this depth.
    fn line(&self, depth: usize) -> String {
        self.0.as_ref().map(|step| format!("\n{}", step.repeat(depth))).unwrap_or_default()
    }

    /// Spells a value that begins at this depth.
    pub(super) fn spell(&self, value: &serde_json::Value, depth: usize) -> String {
        let Some(step) = &self.0 else { return value.to_string() };
        let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
        let mut text = String::new();
        for (n, line) in pretty.lines().enumerate() {
            let inner = line.trim_start_matches(' ');
            let n_steps = (line.len() - inner.len()) / 2 + depth;
            if n > 0 {
                text.push('\n');
                text.push_str(&step.repeat(n_steps));
            }
            text.push_str(inner);
        }
        text
    }
}

/// Adds a part at the end of a container whose parts stand at this depth.
pub(super) fn insert(
    text: &str,
    container: &Node,
    part: &str,
    layout: &Layout,
    depth: usize,
) -> String {
    let put =
        |at: Range<usize>, new: &str| format!("{}{new}{}", &text[..at.start], &text[at.end..]);
    if let Some(last) = container.parts().last() {
        return put(last.end..last.end, &format!(",{}{part}", layout.line(depth)));
    }
    let inside = container.span.start + 1..container.span.end - 1;
    let blank = &text[inside.clone()];
    let (mark, end) = match blank.contains('\n') {
        true => (" ", String::new()),
        false => ("  ", layout.line(depth - 1)),
    };
    put(inside, &format!("{mark}{}{part}{blank}{end}", layout.line(depth)))
}

/// Takes the part away that `path` leads to, and each container that is empty then and was made for it;
/// `None` if nothing is left.
pub(super) fn remove(text: &str, root: &Node, path: &[usize]) -> Option<String> {
    let (&last, above) = path.split_last()?;
    let container = above.iter().fold(root, |node, idx| node.child(*idx));
    let parts = container.parts();
    let cut = |at: Range<usize>| Some(format!("{}{}", &text[..at.start], &text[at.end..]));
    if last > 0 {
        return cut(parts[last - 1].end..parts[last].end);
    }
    if let Some(next) = parts.get(1) {
        return cut(parts[0].start..next.start);
    }
    let (open, close) = (container.span.start + 1, container.span.end - 1);
    let before = &text[open..parts[0].start];
    let after = &text[parts[0].end..close];
    let n_blanks = before.len() - before.trim_start_matches(' ').len();
    let is_marked =
        n_blanks > 0 && (n_blanks == before.len() || before[n_blanks..].starts_with('\n'));
    match n_blanks {
        1 if is_marked => cut(open..parts[0].end),
        2 if is_marked => {
            let kept = after.split('\n').next().unwrap_or_default();
            Some(format!("{}{kept}{}", &text[..open], &text[close..]))
        }
        _ => remove(text, root, above),
    }
}
