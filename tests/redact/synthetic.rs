//! 25 kinds in 15 carriers against 4,000 lines that hold none.

use crate::benign;
use crate::dice::{Dice, base64, percent, unicode};
use crate::secrets::{self, FORMS};
use crate::{redact, redactor};

/// The kinds: what such a secret is called, and what it looks like (a template, or a kind of [`FORMS`]).
const KINDS: [(&str, &str); 22] = [
    ("AWS_ACCESS_KEY_ID", "aws-access-key-id"),
    ("AWS_SECRET_ACCESS_KEY", "{A20}/{A19}"),
    ("GITHUB_TOKEN", "github-classic"),
    ("GH_TOKEN", "github-fine-grained"),
    ("GITLAB_TOKEN", "gitlab"),
    ("SLACK_BOT_TOKEN", "slack-bot"),
    ("SLACK_WEBHOOK_URL", "slack-webhook"),
    ("STRIPE_SECRET_KEY", "stripe"),
    ("STRIPE_WEBHOOK_SECRET", "stripe-webhook"),
    ("OPENAI_API_KEY", "openai-project"),
    ("ANTHROPIC_API_KEY", "anthropic"),
    ("OPENROUTER_API_KEY", "openrouter"),
    ("GOOGLE_API_KEY", "google-api-key"),
    ("HF_TOKEN", "huggingface"),
    ("NPM_TOKEN", "npm"),
    ("PYPI_TOKEN", "pypi"),
    ("SENDGRID_API_KEY", "sendgrid"),
    ("TELEGRAM_BOT_TOKEN", "telegram"),
    ("AZURE_STORAGE_KEY", "azure-storage-key"),
    ("TWILIO_AUTH_TOKEN", "{x32}"),
    ("DB_PASSWORD", "{l6}{U3}!{d2}"),
    ("DATABASE_URL", "postgres://app:{A12}@db.internal/app"),
];

/// Returns the carriers: what they are, and the text.
fn carriers(name: &str, secret: &str) -> [(&'static str, String); 15] {
    let quoted = serde_json::to_string(secret).expect("text is JSON");
    let lower = name.to_lowercase();
    let inner = serde_json::to_string(&format!("{{\"{lower}\":{quoted}}}")).expect("text is JSON");
    let flag = lower.replace('_', "-");
    [
        ("raw", format!("the one for staging is {secret} as of today")),
        ("json value", format!(r#"{{"type":"x","{lower}":{quoted},"n":1}}"#)),
        ("json key", format!(r#"{{"seen":{{{quoted}:1}}}}"#)),
        ("nested json", format!(r#"{{"type":"tool_result","content":{inner}}}"#)),
        ("unicode escapes", format!(r#"{{"{lower}":"{}"}}"#, unicode(secret))),
        ("base64", format!("data: {}", base64(format!("{name}={secret}\n").as_bytes()))),
        ("percent", format!("GET /cb?{lower}={}&x=1", percent(secret))),
        ("header", format!("> Authorization: Bearer {secret}")),
        ("env", format!("{name}={secret}")),
        ("array", format!(r#"["tool","--{flag}",{quoted}]"#)),
        ("url", format!("https://api.internal/v1/x?a=1&{lower}={secret}")),
        ("yaml", format!("  {lower}: {secret}")),
        ("diff", format!("+  {lower} = \"{secret}\"")),
        ("shell", format!("export {name}='{secret}' && make deploy")),
        ("log", format!("2026-01-07T09:05:00Z DEBUG http: sending {lower}={secret} (attempt 2)")),
    ]
}

#[test]
fn nine_of_ten_secrets_are_found_and_no_benign_line_is_touched() {
    let redactor = redactor();
    let mut dice = Dice(25);
    let mut kinds: Vec<(&str, String)> = Vec::new();
    for (name, kind) in KINDS {
        let template = FORMS.iter().find(|(known, _)| known == &kind).map_or(kind, |(_, it)| it);
        kinds.push((name, dice.fill(template)));
    }
    kinds.push(("SESSION_JWT", secrets::jwt(&mut dice)));
    kinds.push(("DEPLOY_KEY", secrets::private_key(&mut dice, "OPENSSH PRIVATE KEY")));
    kinds.push(("BASIC_AUTH", secrets::basic(&mut dice)));
    let (mut n, mut missed) = (0, Vec::new());
    for (name, secret) in &kinds {
        // What makes it one: an address may keep its host.
        let core = secret.rsplit_once("://").map_or(secret.as_str(), |(_, it)| it);
        let core = core.strip_prefix("hooks.slack.com/services/").unwrap_or(core);
        let core = core.strip_prefix("app:").map_or(core, |it| it.split('@').next().unwrap_or(it));
        for (carrier, text) in carriers(name, secret) {
            n += 1;
            let redacted = redact(&redactor, &text);
            let part = &core[core.len() / 3..core.len() * 2 / 3];
            let is_there = [part.to_owned(), unicode(part), percent(part)]
                .iter()
                .any(|it| redacted.contains(it));
            if is_there || redacted == text {
                missed.push(format!("{name} in {carrier}"));
            }
        }
    }
    let recall = 1.0 - missed.len() as f64 / n as f64;
    println!(
        "recall {recall:.3}: {} of {n} in {} kinds x 15 carriers",
        n - missed.len(),
        kinds.len()
    );
    println!("missed: {missed:#?}");
    let lines = benign::lines(4000, &mut dice);
    let touched: Vec<&String> =
        lines.iter().filter(|line| redact(&redactor, line) != **line).collect();
    println!("touched: {} of {} benign lines", touched.len(), lines.len());
    for line in &touched {
        println!("  {line}\n  {}", redact(&redactor, line));
    }
    assert!(recall >= 0.9, "{recall}");
    assert_eq!(touched.len(), 0);
}
