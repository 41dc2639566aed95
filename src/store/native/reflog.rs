use crate::model::Oid;

/// What a reflog line says beside the two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reflog<'a> {
    /// The committer's name.
    pub name: &'a str,
    /// The committer's address, without the angle brackets.
    pub email: &'a str,
    /// Seconds since 1970.
    pub seconds: i64,
    /// How far local time is ahead of UTC, in minutes.
    pub offset_minutes: i32,
    /// Why the ref moved; line ends become spaces.
    pub message: &'a str,
}

impl Reflog<'_> {
    /// Returns the line as git writes it, with its line end.
    pub(super) fn line(&self, old: Oid, new: Oid) -> String {
        let name = one_line(self.name).replace(['<', '>'], "");
        let email = one_line(self.email).replace(['<', '>'], "");
        let (sign, minutes) = match self.offset_minutes {
            ahead @ 0.. => ('+', ahead),
            behind => ('-', behind.saturating_neg()),
        };
        let zone = format!("{sign}{:02}{:02}", minutes / 60, minutes % 60);
        let message = one_line(self.message);
        let (name, email, seconds) = (name.trim(), email.trim(), self.seconds);
        format!("{old} {new} {name} <{email}> {seconds} {zone}\t{message}\n")
    }
}

/// Replaces every run of white space and control characters by one space.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HashKind;

    #[test]
    fn a_line_is_as_git_writes_it_whatever_the_texts_contain() {
        let reflog = Reflog {
            name: "A <U>\nThor",
            email: "a@b\n>",
            seconds: 1,
            offset_minutes: -210,
            message: " one\ntwo\t\0three ",
        };
        let null = Oid::null(HashKind::Sha1);
        assert_eq!(
            reflog.line(null, null),
            format!("{null} {null} A U Thor <a@b> 1 -0330\tone two three\n")
        );
    }
}
