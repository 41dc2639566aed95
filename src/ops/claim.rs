//! That a commit was made in a session: what speaks for it, and how sure it is.

use crate::model::{CommitLink, SessionId};

/// What speaks for it that a commit was made in a session; the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The session recorded this very commit.
    Record,
    /// The session recorded that it made a part of this very commit; of the rest no session is known.
    Part,
    /// The session recorded a commit that changes the same.
    Patch,
    /// The session recorded the commits that led to the same tree, from the same one.
    Tree,
    /// The session recorded commits that change the same together.
    Squash,
    /// The commit says so in its last block of trailers.
    Trailer,
    /// A note in `refs/notes/sessions` says so.
    Note,
}

impl Evidence {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Record => "record",
            Evidence::Part => "part",
            Evidence::Patch => "patch",
            Evidence::Tree => "tree",
            Evidence::Squash => "squash",
            Evidence::Trailer => "trailer",
            Evidence::Note => "note",
        }
    }
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// The session recorded it here; or it says so wherever it comes from, and the commit names the session.
    Certain,
    /// One session alone says so, or recorded the same content, of the same author and time; or it surely made a part.
    Likely,
    /// Only the commit says so, several sessions do, or the content is the same and may have been made twice.
    Claimed,
}

impl Confidence {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Claimed => "claimed",
        }
    }
}

/// Whether the session of a claim can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It can be read.
    Here,
    /// There is no such session in this repository: it was never fetched, deleted, or never was.
    Missing,
    /// It is damaged, for this reason.
    Damaged(String),
}

/// That a commit was made in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The session.
    pub session_id: SessionId,
    /// What speaks for it.
    pub evidence: Evidence,
    /// How sure it is.
    pub confidence: Confidence,
    /// Whether the session can be asked.
    pub standing: Standing,
    /// What the session recorded: of this commit, or of the one with the same content.
    pub link: Option<CommitLink>,
    /// Whether this clone itself wrote that down.
    pub is_own: bool,
}

impl Claim {
    pub(super) fn new(session_id: SessionId, evidence: Evidence, standing: Standing) -> Claim {
        let confidence = Confidence::Claimed;
        Claim { session_id, evidence, confidence, standing, link: None, is_own: false }
    }

    /// Tells whether more speaks for it than the word of somebody who may be anybody.
    pub fn is_sure(&self) -> bool {
        self.confidence == Confidence::Certain
            || (self.is_own && self.confidence == Confidence::Likely)
    }

    /// Tells whether more than the session's word says that it had a part in this very commit.
    pub(super) fn is_vouched(&self) -> bool {
        match self.evidence {
            Evidence::Part => self.confidence < Confidence::Claimed,
            _ => self.confidence == Confidence::Certain,
        }
    }

    /// Tells whether each of two sessions says that the other one had a part in it, too.
    fn is_shared(&self, other: &Claim) -> bool {
        let says = |one: &Claim, other: &Claim| {
            one.link.as_ref().is_some_and(|link| link.shared_with.contains(&other.session_id))
        };
        says(self, other) && says(other, self)
    }
}

/// Returns the claims in order, the surest first. What only a session says, whoever made it, is no more than a claim beside
/// what is surer, beside another one that says so, unless both say that they made it together, and beside the word of the
/// commit for another one.
pub(super) fn settled(mut claims: Vec<Claim>) -> Vec<Claim> {
    let is_denied = |claim: &Claim| {
        let says_so = |other: &&Claim| {
            other.confidence < Confidence::Claimed || other.evidence == Evidence::Trailer
        };
        let others = claims.iter().filter(|other| other.session_id != claim.session_id);
        !claim.is_sure() && others.filter(says_so).any(|other| !claim.is_shared(other))
    };
    let denied: Vec<bool> = claims.iter().map(is_denied).collect();
    for (claim, _) in claims.iter_mut().zip(denied).filter(|(_, is_denied)| *is_denied) {
        claim.confidence = Confidence::Claimed;
    }
    // Who can be asked is asked first; then comes what was seen here, and what the commit says before what others say.
    let is_away = |claim: &Claim| claim.standing != Standing::Here;
    let place = |claim: &Claim| match claim.evidence {
        _ if claim.is_own => 0,
        Evidence::Trailer => 1,
        _ => 2,
    };
    claims.sort_by_key(|it| (it.confidence, is_away(it), place(it), it.evidence, it.session_id));
    claims
}

/// Adds a claim. One for a session that the commit names itself makes both of them certain.
pub(super) fn put(claims: &mut Vec<Claim>, claim: Claim) {
    match claims.iter_mut().find(|known| known.session_id == claim.session_id) {
        Some(known) if known.evidence == Evidence::Trailer => {
            *known = Claim { confidence: Confidence::Certain, ..claim };
        }
        Some(known) if known.confidence > claim.confidence => *known = claim,
        Some(_) => {}
        None => claims.push(claim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KnownBy, Oid};

    fn id(digit: char) -> SessionId {
        let text = format!("0199f0c2-1c4d-7abc-8def-01234567890{digit}");
        SessionId::parse(&text).expect("an id")
    }

    fn claim(digit: char, evidence: Evidence, confidence: Confidence) -> Claim {
        Claim { confidence, ..Claim::new(id(digit), evidence, Standing::Here) }
    }

    fn recorded(digit: char, with: &[char]) -> Claim {
        let oid = Oid::from_hex(&"a".repeat(40)).expect("hex");
        let shared_with = with.iter().map(|digit| id(*digit)).collect();
        let link = CommitLink { shared_with, ..CommitLink::new(oid, KnownBy::Hook) };
        let claim = claim(digit, Evidence::Record, Confidence::Likely);
        Claim { link: Some(link), ..claim }
    }

    /// Returns what becomes of claims: whose they are, and how sure.
    fn told(claims: Vec<Claim>) -> String {
        let digit = |it: &Claim| it.session_id.to_string().pop().unwrap_or_default();
        let claims = settled(claims);
        let words = claims.iter().map(|it| format!("{} {}", digit(it), it.confidence.as_str()));
        words.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_one_session_alone_says_is_likely_and_what_two_say_is_a_claim() {
        assert_eq!(told(vec![recorded('b', &[])]), "b likely");
        assert_eq!(told(vec![recorded('b', &[]), recorded('a', &[])]), "a claimed, b claimed");
        let patch = claim('c', Evidence::Patch, Confidence::Likely);
        assert_eq!(told(vec![patch, recorded('b', &[])]), "b claimed, c claimed");
    }

    #[test]
    fn who_made_it_together_says_so_of_each_other() {
        assert_eq!(told(vec![recorded('b', &['a']), recorded('a', &['b'])]), "a likely, b likely");
        assert_eq!(told(vec![recorded('b', &['a']), recorded('a', &[])]), "a claimed, b claimed");
    }

    #[test]
    fn what_a_session_says_is_a_claim_beside_what_is_surer_and_beside_the_word_of_the_commit() {
        let certain = claim('c', Evidence::Record, Confidence::Certain);
        assert_eq!(told(vec![recorded('a', &[]), certain]), "c certain, a claimed");
        let own = Claim { is_own: true, ..claim('c', Evidence::Patch, Confidence::Likely) };
        assert_eq!(told(vec![recorded('a', &[]), own]), "c likely, a claimed");
        let said = claim('c', Evidence::Trailer, Confidence::Claimed);
        assert_eq!(told(vec![recorded('a', &[]), said.clone()]), "c claimed, a claimed");
        let own = Claim { is_own: true, ..claim('a', Evidence::Patch, Confidence::Likely) };
        assert_eq!(told(vec![said, own]), "a likely, c claimed");
        // A note may be anybody's.
        let note = claim('c', Evidence::Note, Confidence::Claimed);
        assert_eq!(told(vec![note, recorded('a', &[])]), "a likely, c claimed");
    }

    #[test]
    fn the_word_of_the_commit_makes_certain_what_a_session_says_and_a_note_does_not() {
        for (evidence, expected) in [(Evidence::Trailer, "a certain"), (Evidence::Note, "a likely")]
        {
            let mut claims = vec![claim('a', evidence, Confidence::Claimed)];
            put(&mut claims, claim('a', Evidence::Patch, Confidence::Likely));
            assert_eq!(told(claims), expected);
        }
    }
}
