//! Lines without secrets that look as if they had some: ids, hashes, code.

use crate::dice::Dice;

const TEMPLATES: [&str; 66] = [
    "commit {x40}",
    "index {x7}..{x7} 100644",
    "{x64}  target/release/app",
    "Date: 2026-01-07 id={x8}-{x4}-{x4}-{x4}-{x12}",
    r#"    "integrity": "sha512-{b86}==","#,
    r#"resolved "https://registry.npmjs.org/a/-/a-1.{d2}.0.tgz#{x40}""#,
    "checksum = \"{x64}\"",
    "golang.org/x/sys v0.{d2}.0 h1:{b43}=",
    "golang.org/x/sys v0.{d2}.0/go.mod h1:{b43}=",
    "    image: nginx@sha256:{x64}",
    "ETag: \"{x32}\"",
    "traceparent: 00-{x32}-{x16}-01",
    "toolu_01{A22}",
    "{\"id\":\"toolu_01{A22}\",\"type\":\"tool_use\"",
    "{\"tool_call_id\":\"call_{A24}\",\"role\":\"tool\"",
    "\"request_id\": \"req_01{A22}\"",
    "msg_01{A22} chatcmpl-{A29} resp_{x48}",
    "\"signature\":\"Eq{b120}==\"",
    "\"encrypted_content\":\"gAAAAAB{w120}==\"",
    "src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA{b88}\"",
    "url(data:font/woff2;base64,d09GMgABAAAAA{b80})",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b43} ada@host",
    "01J{U23}",
    "span {x16} parent {x16}",
    "arn:aws:iam::{d12}:role/deploy-{d3}",
    "s3://bucket-{d4}/logs/{x32}.gz",
    "https://example.com/a/{A11}?v={A11}",
    "https://github.com/o/r/commit/{x40}",
    "password = get_password()",
    "password: str = Field(min_length={d1})",
    "token: str",
    "let token = self.next_token(pos{d1});",
    "const apiKey = process.env.API_KEY_{d1};",
    "api_key = os.environ[\"API_KEY_{d1}\"]",
    "API_KEY=$API_KEY_{d1}",
    "TOKEN: ${{ secrets.TOKEN_{d1} }}",
    "api_key: <your-api-key-{d2}>",
    "PASSWORD=changeme",
    "password: example{d3}",
    "SECRET_KEY=xxxxxxxxxxxx{d2}",
    "if password != confirm_password{d1}: raise ValueError",
    "def verify_password(plain_password, hashed_password{d1}):",
    "\"usage\":{\"input_tokens\":{d4},\"output_tokens\":{d4},\"cache_read_input_tokens\":{d6}}",
    "max_tokens: {d4}",
    "tokens used: {d6} of 200000",
    "key: {x40}",
    "cache-key: v2-{x40}",
    "key = f\"user:{d4}:profile\"",
    "primary_key=True, index{d1}=True",
    "\"keyCode\": {d3}, \"key\": \"ArrowDown{d1}\"",
    "keys: [\"{x8}\", \"{x8}\"]",
    "private_key_path = \"/etc/ssl/{l8}.pem\"",
    "ssh_key_name: deploy-key-{d2}",
    "fn token_kind(&self) -> TokenKind{d1} {",
    "  at Object.<anonymous> (/app/node_modules/jest-{d2}/build/index.js:{d3}:{d2})",
    "test auth::token::tests::a_token_{d2}_expires ... ok",
    "warning: unused variable: `password{d1}`",
    "next_page_token={w32}",
    "continuationToken: \"{w40}\"",
    "Cookie consent: accepted {d4}",
    "Authorization header is required (code {d3})",
    "Authorization: Bearer $TOKEN_{d1}",
    "git clone https://github.com/ada/repo-{d3}.git",
    "postgres://user:password@localhost:5432/db{d2}",
    "sk-learn and sk_buff are no keys, {d3} times",
    "d {d8} {x128}",
];

/// Returns `n` lines.
pub fn lines(n: usize, dice: &mut Dice) -> Vec<String> {
    (0..n).map(|number| fill(dice, TEMPLATES[number % TEMPLATES.len()])).collect()
}

/// Fills the places of a template and leaves other braces alone.
fn fill(dice: &mut Dice, template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let place = rest[at + 1..].split('}').next().unwrap_or_default();
        let is_place = place.len() > 1 && place[1..].bytes().all(|c| c.is_ascii_digit());
        let end = if is_place { at + place.len() + 2 } else { at + 1 };
        text.push_str(&rest[..at]);
        let filled = if is_place { dice.fill(&rest[at..end]) } else { "{".to_owned() };
        text.push_str(&filled);
        rest = &rest[end..];
    }
    text + rest
}
