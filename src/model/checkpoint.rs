use super::{Map, Oid, Timestamp, Value};

/// A work tree that was kept with a session, at `checkpoints/<n>` in the session's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number in the session, from 1.
    pub number: u64,
    /// The work tree.
    pub tree: Oid,
    /// Where HEAD stood; `None` if it was unborn.
    pub commit: Option<Oid>,
    /// When it was kept.
    pub at: Timestamp,
    /// How many files differ from the checkpoint before, or from where the session began.
    pub n_files: u64,
    /// The first line of what was said of it; may be empty.
    pub message: String,
    /// Whether nobody asked for it.
    pub is_automatic: bool,
}

impl Checkpoint {
    /// Reads an entry of [`super::Session::checkpoints`]; `None` if it is not of this form.
    pub fn of(value: &Value) -> Option<Checkpoint> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        Some(Checkpoint {
            number: value.get("n").and_then(Value::as_u64)?,
            tree: Oid::from_hex(text("tree")?)?,
            commit: text("commit").and_then(Oid::from_hex),
            at: Timestamp::parse(text("at")?)?,
            n_files: value.get("files").and_then(Value::as_u64).unwrap_or(0),
            message: text("message").unwrap_or_default().to_owned(),
            is_automatic: value.get("auto").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Returns it as an entry of [`super::Session::checkpoints`].
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("n".into(), self.number.into());
        map.insert("tree".into(), self.tree.to_string().into());
        if let Some(commit) = self.commit {
            map.insert("commit".into(), commit.to_string().into());
        }
        map.insert("at".into(), self.at.to_string().into());
        map.insert("files".into(), self.n_files.into());
        if !self.message.is_empty() {
            map.insert("message".into(), self.message.as_str().into());
        }
        if self.is_automatic {
            map.insert("auto".into(), true.into());
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_written_and_nothing_else_is_one() {
        let oid = |c: &str| Oid::from_hex(&c.repeat(40)).expect("an id");
        let full = Checkpoint {
            number: 2,
            tree: oid("a"),
            commit: Some(oid("b")),
            at: Timestamp::from_seconds(1_767_790_800).expect("a time"),
            n_files: 3,
            message: "before the change".into(),
            is_automatic: true,
        };
        let bare = Checkpoint {
            commit: None,
            message: String::new(),
            is_automatic: false,
            ..full.clone()
        };
        for checkpoint in [full, bare] {
            assert_eq!(Checkpoint::of(&checkpoint.to_value()), Some(checkpoint));
        }
        assert_eq!(Checkpoint::of(&Value::from("x")), None);
        assert_eq!(Checkpoint::of(&Value::Object(Map::new())), None);
    }
}
