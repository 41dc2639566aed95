//! What tells a secret from a placeholder, a reference, a word of code.

use super::base64;

/// Words that stand where a secret would be.
const STAND_INS: [&str; 40] = [
    "password",
    "passwort",
    "passwd",
    "pass",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "key",
    "apikey",
    "api_key",
    "api-key",
    "user",
    "username",
    "admin",
    "none",
    "null",
    "nil",
    "undefined",
    "true",
    "false",
    "string",
    "bytes",
    "required",
    "optional",
    "hidden",
    "masked",
    "redacted",
    "removed",
    "todo",
    "tbd",
    "test",
    "testing",
    "dummy",
    "fake",
    "value",
    "secrets",
    "default",
    "unknown",
    "foobar",
];

/// Parts of words that say that no secret is there.
const STAND_IN_PARTS: [&str; 11] = [
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "xxxx",
    "your_",
    "your-",
    "<your",
    "****",
    "redacted",
];

/// What a value is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Makeup {
    pub(super) n_lower: usize,
    pub(super) n_upper: usize,
    pub(super) n_digits: usize,
    pub(super) n_others: usize,
}

impl Makeup {
    /// Counts the bytes of `value` by class.
    pub(super) fn of(value: &[u8]) -> Makeup {
        let mut makeup = Makeup::default();
        for c in value {
            let class = match c {
                b'a'..=b'z' => &mut makeup.n_lower,
                b'A'..=b'Z' => &mut makeup.n_upper,
                b'0'..=b'9' => &mut makeup.n_digits,
                _ => &mut makeup.n_others,
            };
            *class += 1;
        }
        makeup
    }

    fn n_letters(self) -> usize {
        self.n_lower + self.n_upper
    }

    /// Tells whether there are letters and digits.
    pub(super) fn is_mixed(self) -> bool {
        self.n_letters() > 0 && self.n_digits > 0
    }
}

/// Tells yes: the form alone says it all.
pub(super) fn is_anything(_: &[u8]) -> bool {
    true
}

/// Tells whether what has a provider's form is more than an example of the form.
pub(super) fn is_real(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|c| seen[usize::from(*c)] = true);
    seen.iter().filter(|it| **it).count() >= 8 && !has_stand_in(value)
}

/// Tells whether a value that is said to be a password is one: anything but a placeholder or a reference.
pub(super) fn is_password(value: &[u8]) -> bool {
    value.len() >= 3 && !is_stand_in(value) && !is_reference(value)
}

/// Tells whether what stands behind `Authorization: <scheme>` can be a credential.
pub(super) fn is_credential(value: &[u8]) -> bool {
    let is_plausible = Makeup::of(value).is_mixed() && !is_words(value);
    is_password(value) && (is_plausible || is_basic(value))
}

/// Tells whether this is a user and a password in base64.
pub(super) fn is_basic(value: &[u8]) -> bool {
    base64::decode(value).is_some_and(|it| it.contains(&b':') && it.len() > 3)
}

/// Tells whether a value looks drawn by lot.
pub(super) fn is_random(value: &[u8]) -> bool {
    let makeup = Makeup::of(value);
    value.len() >= 16
        && makeup.is_mixed()
        && !is_stand_in(value)
        && !is_reference(value)
        && !is_words(value)
        && bits_a_byte(value) >= 3.0
}

/// Tells whether `value` only stands where a secret would be.
pub(super) fn is_stand_in(value: &[u8]) -> bool {
    let is_one_letter = value.iter().all(|c| *c == value[0]);
    let is_word = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
    is_one_letter || STAND_INS.iter().any(|word| is_word(word)) || has_stand_in(value)
}

fn has_stand_in(value: &[u8]) -> bool {
    let has = |part: &str| {
        let part = part.as_bytes();
        value.windows(part.len()).any(|it| it.eq_ignore_ascii_case(part))
    };
    STAND_IN_PARTS.iter().any(|part| has(part)) || value.windows(3).any(|it| it == b"...")
}

/// Tells whether `value` says where a secret is, and is none: a variable, a template, a path, code.
pub(super) fn is_reference(value: &[u8]) -> bool {
    const BEGINNINGS: [&str; 22] = [
        "$",
        "<",
        "{{",
        "{%",
        "%(",
        "%{",
        "#{",
        "@{",
        "./",
        "../",
        "~/",
        "/",
        "process.env",
        "os.",
        "env.",
        "ENV[",
        "secrets.",
        "vault:",
        "op://",
        "arn:",
        "http://",
        "https://",
    ];
    let begins = |beginning: &str| value.starts_with(beginning.as_bytes());
    let is_path = value.starts_with(b"/") && is_random_letters(value);
    (BEGINNINGS.iter().any(|it| begins(it)) && !is_path)
        || value.windows(2).any(|two| matches!(two, b"${" | b"$(" | b"{{" | b"()"))
}

/// Tells a key in base64 that happens to begin with a slash from a path.
fn is_random_letters(value: &[u8]) -> bool {
    let makeup = Makeup::of(value);
    let is_even = makeup.n_lower.min(makeup.n_upper).min(makeup.n_digits) >= 3;
    value.len() >= 32 && makeup.n_others <= 4 && is_even
}

/// Tells whether `value` is made of words and small numbers: `user-token-2`, `config.auth.key`,
/// `refreshToken2`.
pub(super) fn is_words(value: &[u8]) -> bool {
    let is_separator = |c: &u8| matches!(c, b'-' | b'_' | b'.' | b'/' | b':' | b'@' | b'[' | b']');
    value.split(is_separator).all(|part| {
        let n_letters = part.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let (word, number) = part.split_at(n_letters);
        let is_word = word.len() <= 24 && is_one_case_a_word(word);
        is_word && number.len() <= 4 && number.iter().all(u8::is_ascii_digit)
    })
}

/// Tells whether letters change to upper case no more often than camel case does.
fn is_one_case_a_word(word: &[u8]) -> bool {
    let n_humps =
        word.windows(2).filter(|it| it[0].is_ascii_lowercase() && it[1].is_ascii_uppercase());
    n_humps.count() * 4 <= word.len()
}

/// Returns the entropy of the bytes of `value`, in bits a byte.
pub(super) fn bits_a_byte(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|c| counts[usize::from(*c)] += 1);
    let n = value.len() as f64;
    let share = |count: &u32| f64::from(*count) / n;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_references_are_no_passwords() {
        for no in [
            "<your-token>",
            "xxx",
            "xxxxxxxx",
            "changeme",
            "$API_KEY",
            "${{ secrets.X }}",
            "example",
        ] {
            assert!(!is_password(no.as_bytes()), "{no}");
        }
        for no in [
            "{{ token }}",
            "process.env.KEY",
            "./key.pem",
            "get_password()",
            "*****",
            "your_key_here",
        ] {
            assert!(!is_password(no.as_bytes()), "{no}");
        }
        for yes in ["hunter2", "s3cr3t!", "Tr0ub4dor&3", "/Jq4kTz9Yw2Lx8Vb3Nc7Rd5Fg1Hs6Mp0Qe"] {
            assert!(is_password(yes.as_bytes()), "{yes}");
        }
    }

    #[test]
    fn words_are_not_random() {
        for no in [
            "refresh-token-expiry-2",
            "config.auth.tokenProvider2",
            "user_session_2024_01",
            "aaaaaaaaaaaaaaaa1",
        ] {
            assert!(!is_random(no.as_bytes()), "{no}");
        }
        for yes in ["kT9xQ2mV7pL4wZ8r", "9f86d081884c7d659a2feaa0c55ad015"] {
            assert!(is_random(yes.as_bytes()), "{yes}");
        }
    }
}
