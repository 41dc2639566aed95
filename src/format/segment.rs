//! The names of the segments of a conversation. See `FORMAT.md`, "The conversation".

/// The most segments of a session.
pub const MAX_SEGMENTS: u64 = 1 << 24;
/// The largest line, in bytes, its end not included.
pub const MAX_LINE: usize = 64 << 20;
/// The largest segment, in bytes: one line and its end.
pub const MAX_BYTES: u64 = (64 << 20) + 1;
/// From this size on a writer begins another segment, in bytes.
pub const FULL: usize = 32 << 20;

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// Events, a line each.
    Events,
    /// Bytes of an agent's transcript.
    Transcript {
        /// The agent.
        agent: String,
        /// The number of the source.
        source: u64,
    },
}

/// Returns the path of segment `n` below `conversation`: the number of hexadecimal digits of `n`, then
/// each digit, so that no directory has more than 16 entries and git's order is the order of segments.
pub fn path(n: u64, holds: &Holds) -> String {
    let digits = format!("{n:x}");
    let (dirs, last) = digits.split_at(digits.len() - 1);
    let dirs: String = dirs.chars().flat_map(|digit| [digit, '/']).collect();
    let tail = match holds {
        Holds::Events => "events".to_owned(),
        Holds::Transcript { agent, source } => format!("{agent}-{source}"),
    };
    format!("{:x}/{dirs}{last}-{tail}.jsonl", digits.len())
}

/// Reads a path; `None` for one that [`path`] does not return.
pub fn parse(text: &str) -> Option<(u64, Holds)> {
    let (_, rest) = text.split_once('/')?;
    let (digits, tail) = rest.split_once('-')?;
    let n = u64::from_str_radix(&digits.replace('/', ""), 16).ok()?;
    let tail = tail.strip_suffix(".jsonl")?;
    let holds = match tail.rsplit_once('-') {
        None if tail == "events" => Holds::Events,
        None => return None,
        Some((agent, source)) => {
            Holds::Transcript { agent: agent.to_owned(), source: source.parse().ok()? }
        }
    };
    let is_named = match &holds {
        Holds::Events => true,
        Holds::Transcript { agent, .. } => is_agent(agent),
    };
    (is_named && path(n, &holds) == text).then_some((n, holds))
}

/// Tells whether `word` can name an agent: `[a-z][a-z0-9-]{0,31}`.
pub fn is_agent(word: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.len() <= 32
        && word.bytes().all(allowed)
}

/// What the names of agents begin with that a plug-in reads.
const CONVERTED: &str = "x-";

/// Returns how a source is called whose agent `name` a plug-in reads; `None` if it cannot name one.
pub fn converted(name: &str) -> Option<String> {
    let agent = format!("{CONVERTED}{name}");
    (is_agent(name) && is_agent(&agent)).then_some(agent)
}

/// Tells whether the events of a source stand in `-events` segments: nothing is derived from its own.
pub fn is_converted(agent: &str) -> bool {
    agent.starts_with(CONVERTED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transcript() -> Holds {
        Holds::Transcript { agent: "claude-code".into(), source: 12 }
    }

    #[test]
    fn a_path_has_a_directory_for_the_length_and_for_each_digit_but_the_last() {
        for (n, expected) in [
            (0, "1/0-events.jsonl"),
            (15, "1/f-events.jsonl"),
            (16, "2/1/0-events.jsonl"),
            (0x1a3, "3/1/a/3-events.jsonl"),
            (0xff_ffff, "6/f/f/f/f/f/f-events.jsonl"),
        ] {
            assert_eq!(path(n, &Holds::Events), expected);
        }
        assert_eq!(path(3, &transcript()), "1/3-claude-code-12.jsonl");
    }

    #[test]
    fn a_path_that_is_written_otherwise_is_none() {
        for text in [
            "",
            "1",
            "1/",
            "1/0",
            "1/0-",
            "1/0-events",
            "1/0-events.json",
            "2/0-events.jsonl",
            "1/A-events.jsonl",
            "1/00-events.jsonl",
            "2/0/1-events.jsonl",
            "1/1/0-events.jsonl",
            "1/0-claude.jsonl",
            "1/0-claude-x.jsonl",
            "1/0-claude-01.jsonl",
            "1/0--1.jsonl",
            "1/0-Claude-1.jsonl",
            "1/+1-events.jsonl",
            "/1/0-events.jsonl",
            "1/0-events-1.jsonl/x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_plug_in_reads_is_told_by_its_name() {
        assert_eq!(converted("my-agent").as_deref(), Some("x-my-agent"));
        assert!(is_converted("x-my-agent") && !is_converted("codex"));
        for name in ["", "My", "a b", "../x", "-x", "events/", &"x".repeat(31)] {
            assert_eq!(converted(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_back_and_git_has_them_in_order(a in 0..MAX_SEGMENTS, b in 0..MAX_SEGMENTS) {
            let paths = [path(a, &Holds::Events), path(b, &transcript())];
            prop_assert_eq!(parse(&paths[0]), Some((a, Holds::Events)));
            prop_assert_eq!(parse(&paths[1]), Some((b, transcript())));
            // Git compares names in a directory byte by byte, and a directory's with a final '/'.
            if a != b {
                prop_assert_eq!(paths[0] < paths[1], a < b);
            }
        }
    }
}
