//! What the table of the archive says of a session beside its newest commit: what a list shows.
//!
//! Columns between tabs, of which no value has any: `seq`, `status`, `class`, `outcome`, `lifecycle`, `created`,
//! `updated`, `branch`, `name`, `title`; what is unset is empty. See `FORMAT.md`, "The archive".

use super::message::Excerpt;
use crate::model::{SessionId, Timestamp};

/// Returns the columns of an excerpt.
pub fn to_columns(excerpt: &Excerpt) -> String {
    let outcome = excerpt.outcome.map(|it| it.to_string());
    [
        excerpt.seq.to_string().as_str(),
        &excerpt.status,
        &excerpt.class.to_string(),
        outcome.as_deref().unwrap_or_default(),
        &excerpt.lifecycle,
        &excerpt.created_at.to_string(),
        &excerpt.updated_at.to_string(),
        excerpt.branch.as_deref().unwrap_or_default(),
        excerpt.name.as_deref().unwrap_or_default(),
        &excerpt.title,
    ]
    .join("\t")
}

/// Reads the columns of a session; `None` unless all that must be there is there and valid. What follows them is
/// of a newer writer and is passed over.
pub fn parse(session_id: SessionId, columns: &str) -> Option<Excerpt> {
    let mut columns = columns.split('\t');
    let mut next = || columns.next();
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Excerpt {
        id: session_id,
        seq: next()?.parse().ok()?,
        status: optional(next()?)?,
        class: next()?.parse().ok()?,
        outcome: optional(next()?).map(|it| it.parse()).transpose().ok()?,
        lifecycle: optional(next()?)?,
        created_at: Timestamp::parse(next()?)?,
        updated_at: Timestamp::parse(next()?)?,
        branch: optional(next()?),
        name: optional(next()?),
        title: next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Outcome};

    fn excerpt() -> Excerpt {
        let at = |text| Timestamp::parse(text).expect("a time");
        Excerpt {
            id: SessionId::from_bytes([7; 16]),
            seq: 9,
            name: Some("login".into()),
            title: "实现 \"login\", \\ and more".into(),
            lifecycle: "worker".into(),
            status: "terminated".into(),
            class: Class::Ended,
            outcome: Some(Outcome::Success),
            branch: Some("session/login".into()),
            created_at: at("2026-01-07T13:02:57.119275Z"),
            updated_at: at("2026-01-08T00:00:00.000001Z"),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let all = excerpt();
        let few =
            Excerpt { name: None, outcome: None, branch: None, title: "".into(), ..excerpt() };
        for excerpt in [all, few] {
            let columns = to_columns(&excerpt);
            assert_eq!(parse(excerpt.id, &columns), Some(excerpt.clone()), "{columns}");
            assert_eq!(parse(excerpt.id, &format!("{columns}\tmore")), Some(excerpt), "{columns}");
        }
    }

    #[test]
    fn columns_that_lack_something_or_make_no_sense_say_nothing() {
        let columns = to_columns(&excerpt());
        let all: Vec<&str> = columns.split('\t').collect();
        for at in 0..all.len() {
            assert_eq!(parse(excerpt().id, &all[..at].join("\t")), None, "{at}");
        }
        for (at, value) in [(0, "-1"), (1, ""), (2, "done"), (3, "well"), (4, ""), (5, "now")] {
            let mut wrong = all.clone();
            wrong[at] = value;
            assert_eq!(parse(excerpt().id, &wrong.join("\t")), None, "{at}");
        }
    }
}
