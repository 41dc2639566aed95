//! Secrets of no provider: keys, headers, addresses with passwords.

use crate::redact::rule::Rule;
use crate::redact::value;

/// How far a private key may reach, in bytes.
const MAX_KEY: usize = 64 * 1024;
/// How far a signed token may reach, in bytes.
const MAX_JWT: usize = 16 * 1024;

pub(super) static RULES: &[Rule] = &[
    // RFC 7468, RFC 4880: a frame around lines of base64. The lines may stand in a string of a program
    // (`\n`, quotes, commas), in a diff or in a comment, and the end may be missing.
    Rule::new(
        "private-key",
        &["-----BEGIN "],
        r#"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\+[nrt]|["'`,|>#*;+]|\n-)+|(?:Proc-Type|DEK-Info|Version|Comment|Hash): ?[A-Za-z0-9 ,.:/()@-]{1,100})*(?:[A-Za-z0-9+/=]{24,}(?:\s|\\+[nrt]|["'`,|>#*;+]|\n-)*)+(?:(?:[A-Za-z0-9+/=]{1,64}(?:\s|\\+[nrt]|["'`,|>#*;+]|\n-)*){0,3}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"#,
    )
    .wide(MAX_KEY)
    .checked(value::is_anything),
    // https://age-encryption.org/v1: Bech32 with the prefix AGE-SECRET-KEY-.
    Rule::new(
        "age-secret-key",
        &["AGE-SECRET-KEY-"],
        r"AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,}",
    ),
    // PuTTY's own format.
    Rule::new("private-key", &["Private-Lines:"], r"Private-Lines: \d+((?:\s|\\[nr])+(?:[A-Za-z0-9+/=]{16,}(?:\s|\\[nr])*)+)")
        .wide(MAX_KEY),
    // RFC 7519, in the compact form of RFC 7515: two JSON objects and a signature.
    Rule::new(
        "jwt",
        &["eyJ"],
        r"eyJ[A-Za-z0-9_-]{10,}\.(?:eyJ|ey[A-Za-z])[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    )
    .wide(MAX_JWT),
    // RFC 3986, 3.2.1: `user:password@` before the host. Some write `@`, `/` and `#` unescaped.
    Rule::new("url-password", &["://"], r#"://[^\s/?#@:"'`<>\\{}()]{0,128}:([^\s/"'`<>\\{}()\[\]$]{1,})@[A-Za-z0-9\[_.%-]"#)
        .checked(value::is_password),
    Rule::new("url-password", &["://"], r#"://([A-Za-z0-9_-]{20,})@[A-Za-z0-9\[]"#).checked(value::is_random),
    // RFC 7235: `Authorization: <scheme> <credentials>`.
    Rule::new(
        "authorization",
        &["authorization"],
        r#"(?i)authorization["'`\\\]]{0,4}\s{0,4}(?:=>|:=|[:=,])\s{0,4}["'`\\(]{0,4}(?:bearer|basic|token|apikey|api-key|key|digest|negotiate|ssws|splunk|genie-?key|bot|oauth|discogs|private-token|hmac)\s{1,4}([A-Za-z0-9+/=_.~:-]{6,})"#,
    )
    .any_case()
    .wide(MAX_JWT)
    .checked(value::is_credential),
    // RFC 6750, wherever it stands.
    Rule::new("bearer-token", &["bearer"], r#"(?i)bearer(?:\s{1,4}|%20|\+)["'`\\]{0,2}([A-Za-z0-9+/=_.~-]{16,})"#)
        .any_case()
        .wide(MAX_JWT)
        .checked(value::is_random),
    // RFC 7617: `Basic`, and user and password in base64.
    Rule::new("basic-credentials", &["basic"], r"(?i)basic(?:\s{1,4}|%20|\+)([A-Za-z0-9+/_-]{8,}={0,2})")
        .any_case()
        .wide(4096)
        .checked(value::is_basic),
    // curl(1), `-u` and `--user`.
    Rule::new("basic-credentials", &["-u ", "--user ", "--user=", "--proxy-user "], r#"--?(?:proxy-)?u(?:ser)?[ =]["']?[^\s:"'/$]{1,64}:([^\s"'$@<>(){}]{4,})"#)
        .checked(value::is_password),
    // sshpass(1), `-p`.
    Rule::new("password", &["sshpass"], r#"sshpass -p ?["']?([^\s"'$<]{4,128})"#).checked(value::is_password),
    // netrc(5).
    Rule::new("password", &["machine "], r#"machine\s+\S{1,128}\s+login\s+\S{1,128}\s+password\s+([^\s"'\\]{4,})"#),
    // What a shared access signature of Azure or a presigned address of S3 is signed with.
    Rule::new("signed-url", &["sig=", "Signature="], r"[A-Za-z]{3,9}=([A-Za-z0-9+/_-]{40,}(?:=|%3[dD]){0,2}|(?:[A-Za-z0-9_-]|%2[bBfF]){40,}(?:%3[dD]){0,2})"),
    Rule::new("signed-url", &["X-Amz-Security-Token=", "X-Amz-Signature=", "X-Goog-Signature="], r"X-(?:Amz|Goog)-[A-Za-z-]+=([A-Za-z0-9%/+=_-]{40,})")
        .wide(4096),
];
