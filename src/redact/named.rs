//! Secrets that are known by their name: `DB_PASSWORD=...`, `"apiKey": "..."`, `--token ...`.

use std::ops::Range;

use super::value::{self, Makeup};

/// What a name can end in, lower case, as the index looks for it.
pub(super) const WORDS: [&str; 8] =
    ["pass", "pwd", "secret", "token", "key", "credential", "_auth", "passcode"];

/// The longest name that is looked at on each side of the word, in bytes.
const MAX_NAME: usize = 64;
/// How much of a value is judged, in bytes.
const MAX_JUDGED: usize = 512;

/// What a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A person's or a machine's password: may be short.
    Password,
    /// A token, an API key.
    Token,
    /// Some key, of a cache perhaps.
    Key,
}

/// How name and value stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `NAME=value`, a variable of the environment.
    Variable,
    /// `"name": "value"`, `name = 'value'`, `--name value`.
    Quoted,
    /// `name=value`, as in a query or a connection string.
    Tight,
    /// `name: value`, as in YAML, and in code.
    Loose,
}

/// A value and the kind of its name.
pub(super) struct Named {
    pub(super) kind: &'static str,
    pub(super) value: Range<usize>,
}

/// Returns the kind of what is called `name`, if that is a secret.
pub(super) fn kind_of(name: &[u8]) -> Option<(&'static str, Sort)> {
    const TAILS: [&str; 16] = [
        "prod",
        "production",
        "staging",
        "dev",
        "test",
        "live",
        "base",
        "value",
        "raw",
        "b64",
        "base64",
        "old",
        "new",
        "primary",
        "secondary",
        "default",
    ];
    if name.len() > MAX_NAME * 2 {
        return None;
    }
    let words = words(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_tail = |word: &&str| TAILS.contains(word) || word.bytes().all(|c| c.is_ascii_digit());
    while words.len() > 1 && words.last().is_some_and(is_tail) {
        words.pop();
    }
    let (last, before) = words.split_last()?;
    let ends = |end: &str| last.ends_with(end);
    if ["password", "passwd", "passphrase", "passcode", "pwd", "passwort"].into_iter().any(ends) {
        return Some(("password", Sort::Password));
    }
    match *last {
        "pass" if !before.is_empty() => Some(("password", Sort::Password)),
        "credential" | "credentials" | "auth" | "authorization" => {
            Some(("credential", Sort::Token))
        }
        "key" => key(before),
        _ if ends("token") => (!is_position(before)).then_some(("token", Sort::Token)),
        _ if ends("secret") || ends("secrets") => Some(("secret", Sort::Token)),
        _ if ["apikey", "accesskey", "secretkey", "privatekey", "authkey", "accountkey"]
            .into_iter()
            .any(ends) =>
        {
            Some(("api-key", Sort::Token))
        }
        _ => None,
    }
}

/// Tells what a key is for.
fn key(before: &[&str]) -> Option<(&'static str, Sort)> {
    const SECRET: [&str; 34] = [
        "api",
        "secret",
        "access",
        "private",
        "auth",
        "app",
        "application",
        "encryption",
        "encrypt",
        "signing",
        "sign",
        "master",
        "account",
        "service",
        "admin",
        "webhook",
        "client",
        "license",
        "subscription",
        "storage",
        "shared",
        "functions",
        "function",
        "deploy",
        "hmac",
        "jwt",
        "crypto",
        "cipher",
        "root",
        "consumer",
        "role",
        "host",
        "write",
        "integration",
    ];
    const PLAIN: [&str; 22] = [
        "public",
        "pub",
        "primary",
        "foreign",
        "sort",
        "partition",
        "cache",
        "unique",
        "hash",
        "object",
        "row",
        "lookup",
        "idempotency",
        "group",
        "shortcut",
        "hot",
        "foreign",
        "index",
        "storage",
        "react",
        "map",
        "dedup",
    ];
    let last = before.last()?;
    if SECRET.contains(last) {
        Some(("api-key", Sort::Token))
    } else if PLAIN.contains(last) {
        None
    } else {
        Some(("key", Sort::Key))
    }
}

/// Tells whether a token says where one is in a list, or guards a form for a minute.
fn is_position(before: &[&str]) -> bool {
    const WORDS: [&str; 9] = [
        "page",
        "next",
        "continuation",
        "sync",
        "cursor",
        "pagination",
        "csrf",
        "xsrf",
        "starting",
    ];
    before.iter().any(|word| WORDS.contains(word))
}

/// Splits a name at what is no letter or digit, and where camel case begins a word; lower case.
fn words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = b' ';
    for c in name {
        let is_hump = before.is_ascii_lowercase() && c.is_ascii_uppercase();
        if is_hump || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().expect("there is one").push(char::from(c.to_ascii_lowercase()));
        }
        before = *c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Tells whether `value` is the secret that its name promises.
pub(super) fn is_secret(sort: Sort, form: Form, value: &[u8]) -> bool {
    let value = &value[..value.len().min(MAX_JUDGED)];
    let is_long_enough = match sort {
        Sort::Password => value.len() >= 6,
        Sort::Token => value.len() >= 8,
        Sort::Key => value.len() >= 16,
    };
    if !is_long_enough || value::is_stand_in(value) || value::is_reference(value) {
        return false;
    }
    let makeup = Makeup::of(value);
    let is_words = value::is_words(value);
    match (sort, form) {
        (Sort::Password, Form::Variable) => true,
        (Sort::Password, Form::Quoted) => {
            !value.contains(&b' ') && (!is_words || makeup.n_digits > 1)
        }
        (_, Form::Loose) => makeup.is_mixed() && !is_words && !is_code(value),
        (Sort::Password, Form::Tight) => makeup.is_mixed() && !is_code(value),
        (Sort::Token, _) => {
            makeup.is_mixed() && !is_words && !value.contains(&b' ') && !is_code(value)
        }
        (Sort::Key, _) => value::is_random(value) && !is_id(value) && !is_code(value),
    }
}

/// Tells whether a value that is called a key is a hash or an id, which are keys of another sort.
fn is_id(value: &[u8]) -> bool {
    let is_hex = value.iter().all(|c| c.is_ascii_hexdigit() || *c == b'-');
    is_hex || value.contains(&b':') || value.contains(&b'.') || value.starts_with(b"sha")
}

/// Tells whether this is an expression.
fn is_code(value: &[u8]) -> bool {
    value.iter().any(|c| b"()[]{}<>\\".contains(c)) || value.windows(2).any(|two| two == b"::")
}

/// Returns the secret whose name has one of [`WORDS`] at `at`.
pub(super) fn find(text: &[u8], at: usize) -> Option<Named> {
    let end = at + text[at..].iter().take(MAX_NAME).take_while(|c| is_name(**c)).count();
    let (mut gap, is_name_quoted) = close_quote(text, end);
    let n_blanks = blanks(text, gap);
    let is_flag = n_blanks > 0 || text.get(gap) == Some(&b'=');
    let from = at - text[..at].iter().rev().take(MAX_NAME).take_while(|c| is_name(**c)).count();
    let separator = separator(text, gap + n_blanks, is_name_quoted);
    let is_flag =
        is_flag && text[from..end].starts_with(b"--") && separator.is_none_or(|it| it == 1);
    gap += n_blanks;
    gap += match separator {
        Some(n_bytes) => n_bytes,
        None if is_flag => 0,
        None => return None,
    };
    let (kind, sort) = kind_of(&text[from..end])?;
    let n_after = blanks(text, gap);
    let is_tight = n_blanks == 0 && n_after == 0 && text[gap - 1] == b'=';
    let Value { range: value, quote, is_cut } = value(text, gap + n_after)?;
    let is_quoted = quote.is_some();
    let is_variable = is_tight && !text[from..end].iter().any(u8::is_ascii_lowercase);
    let form = match (is_variable, is_quoted || is_flag, is_tight) {
        (true, _, _) => Form::Variable,
        (_, true, _) => Form::Quoted,
        (_, _, true) => Form::Tight,
        _ => Form::Loose,
    };
    let is_call = !is_quoted && matches!(text.get(value.end), Some(b'(' | b'['));
    if is_call || !is_secret(sort, form, &text[value.clone()]) {
        return None;
    }
    let n_more = text[value.end..].iter().take_while(|c| is_cut && !ends(**c, quote)).count();
    Some(Named { kind, value: value.start..value.end + n_more })
}

fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.')
}

fn blanks(text: &[u8], from: usize) -> usize {
    text[from..].iter().take(8).take_while(|c| matches!(c, b' ' | b'\t')).count()
}

/// Steps over the quote or bracket that ends a quoted name.
fn close_quote(text: &[u8], from: usize) -> (usize, bool) {
    let rest = &text[from..];
    let n_slashes = rest.iter().take(8).take_while(|c| **c == b'\\').count();
    match rest.get(n_slashes) {
        Some(b'"' | b'\'' | b'`') => {
            let is_index = rest.get(n_slashes + 1) == Some(&b']');
            (from + n_slashes + 1 + usize::from(is_index), true)
        }
        _ => (from, false),
    }
}

/// Returns how long the separator is that stands at `at`.
fn separator(text: &[u8], at: usize, is_name_quoted: bool) -> Option<usize> {
    match &text[at..] {
        [b':' | b'=', b'=', ..] | [b'=', b'>', ..] => Some(2),
        [b':', b':', ..] => None,
        [b'=' | b':', ..] => Some(1),
        [b'>', ..] => Some(1),
        [b',', ..] if is_name_quoted => Some(1),
        _ => None,
    }
}

/// What stands where a value would.
struct Value {
    /// Without its quotes.
    range: Range<usize>,
    quote: Option<u8>,
    /// Whether it goes on behind what is judged.
    is_cut: bool,
}

/// Returns the value that stands at `at`.
fn value(text: &[u8], at: usize) -> Option<Value> {
    let rest = &text[at..text.len().min(at + MAX_JUDGED)];
    let n_prefix = usize::from(matches!(rest, [b'b' | b'r' | b'f' | b'u', b'"' | b'\'', ..]));
    let n_slashes = rest[n_prefix..].iter().take(8).take_while(|c| **c == b'\\').count();
    let quote = rest.get(n_prefix + n_slashes).copied();
    let quote = quote.filter(|c| matches!(c, b'"' | b'\'' | b'`'));
    let from = if quote.is_some() { n_prefix + n_slashes + 1 } else { 0 };
    let end = from + rest[from..].iter().take_while(|c| !ends(**c, quote)).count();
    let is_cut = end == rest.len();
    let is_tail = |c: &&u8| match quote {
        Some(_) => **c == b'\\' && n_slashes > 0,
        None => b".,:\\".contains(c),
    };
    let n_tail = rest[from..end].iter().rev().take_while(is_tail).count();
    let end = if is_cut { end } else { end - n_tail };
    let range = at + from..at + end;
    (!range.is_empty()).then_some(Value { range, quote, is_cut })
}

/// Tells whether a value, in quotes or not, ends before `c`.
fn ends(c: u8, quote: Option<u8>) -> bool {
    match quote {
        Some(quote) => c == quote || c == b'\n',
        None => c.is_ascii_whitespace() || c.is_ascii_control() || b"\"'`;&|<>".contains(&c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::index::{Index, Target};

    fn found(text: &str) -> Vec<String> {
        let index = Index::new(WORDS.iter().map(|word| (word.as_bytes(), true, Target::Name)));
        let mut all = Vec::new();
        index.each(text.as_bytes(), |at, _, _| {
            all.extend(find(text.as_bytes(), at).map(|it| text[it.value].to_owned()));
        });
        all.dedup();
        all
    }

    #[test]
    fn a_value_is_secret_because_of_its_name() {
        for (text, secret) in [
            ("export DB_PASSWORD=letmein", "letmein"),
            ("STRIPE_API_KEY=q8Zk2Lx7", "q8Zk2Lx7"),
            ("+PGPASSWORD='hunter2x' psql", "hunter2x"),
            (r#"{\"client_secret\": \"a1b2c3d4e5\"}"#, "a1b2c3d4e5"),
            ("password: Tr0ub4dor3", "Tr0ub4dor3"),
            ("curl --token a1B2c3D4e5 x", "a1B2c3D4e5"),
            ("curl --api-key=a1B2c3D4e5 x", "a1B2c3D4e5"),
            ("?access_token=a1B2c3D4e5&x=1", "a1B2c3D4e5"),
            ("os.environ[\"API_KEY\"] = \"a1B2c3D4e5\"", "a1B2c3D4e5"),
            ("AccountKey=Zm9vYmFyMTIzNDU2Nzg5MA==;EndpointSuffix=x", "Zm9vYmFyMTIzNDU2Nzg5MA=="),
            ("<password>Tr0ub4dor3</password>", "Tr0ub4dor3"),
            ("secretAccessKey := `a1B2c3D4e5f6`", "a1B2c3D4e5f6"),
        ] {
            assert_eq!(found(text), [secret], "{text}");
        }
    }

    #[test]
    fn code_types_references_and_placeholders_are_no_secrets() {
        for text in [
            "password = get_password()",
            "token: str",
            "API_KEY=$API_KEY",
            "token: ${{ secrets.X }}",
            "api_key: <your-token>",
            "PASSWORD=changeme",
            "input_tokens: 12345678",
            "\"max_tokens\": 8192",
            "next_page_token=a1B2c3D4e5",
            "let token = lexer.next_token();",
            "const apiKey = process.env.API_KEY2;",
            "key: 0123456789abcdef0123456789abcdef",
            "primary_key = \"user_id_2\"",
            "PWD=/home/ada/src2",
            "password: Option<String>",
            "token = self.tokens[i2]",
            "cache_key: 5f2b7c1e-8a3d-4c6b-9e0f-1a2b3c4d5e6f",
            "the password is checked",
        ] {
            let nothing: [String; 0] = [];
            assert_eq!(found(text), nothing, "{text}");
        }
    }
}
