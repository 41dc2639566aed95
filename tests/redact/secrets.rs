//! Secrets as the providers make them, drawn by lot: templates only, so that nothing here is one.

use crate::dice::{Dice, base64};

/// A kind of secret that is known by its form.
pub const FORMS: [(&str, &str); 84] = [
    ("aws-access-key-id", "AKIA{U16}"),
    ("aws-temporary-key-id", "ASIA{U16}"),
    ("google-api-key", "AIza{w35}"),
    ("google-oauth", "ya29.a0{w120}"),
    ("google-client-secret", "GOCSPX-{w28}"),
    ("google-refresh", "1//0{w60}"),
    ("azure-client-secret", "{A3}8Q~{A34}"),
    ("azure-storage-key", "{A76}+ASt{A6}=="),
    ("azure-devops", "{A76}AZDO{A4}"),
    ("digitalocean", "dop_v1_{x64}"),
    ("cloudflare", "cfut_{A48}"),
    ("heroku", "HRKU-{A60}"),
    ("vercel", "vcp_{A56}"),
    ("netlify", "nfp_{A36}"),
    ("supabase", "sbp_{x40}"),
    ("doppler", "dp.pt.{A43}"),
    ("vault", "hvs.{w90}"),
    ("terraform", "{A14}.atlasv1.{A67}"),
    ("databricks", "dapi{x32}"),
    ("tailscale", "tskey-auth-{A16}-{A32}"),
    ("1password", "A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}"),
    ("fly", "fm2_{b120}"),
    ("planetscale", "pscale_tkn_{w43}"),
    ("pulumi", "pul-{x40}"),
    ("github-classic", "ghp_{A36}"),
    ("github-oauth", "gho_{A36}"),
    ("github-app", "ghs_{A36}"),
    ("github-refresh", "ghr_{A76}"),
    ("github-fine-grained", "github_pat_{A22}_{A59}"),
    ("gitlab", "glpat-{w20}"),
    ("gitlab-runner", "glrt-{w20}"),
    ("bitbucket", "ATBB{A32}"),
    ("atlassian", "ATATT3xFfGF0{w180}={U8}"),
    ("npm", "npm_{A36}"),
    ("pypi", "pypi-AgEIcHlwaS5vcmc{w120}"),
    ("crates-io", "cio{A32}"),
    ("rubygems", "rubygems_{x48}"),
    ("docker", "dckr_pat_{w27}"),
    ("nuget", "oy2{l43}"),
    ("circleci", "CCIPAT_{A22}_{x40}"),
    ("buildkite", "bkua_{x40}"),
    ("sonar", "squ_{x40}"),
    ("postman", "PMAK-{x24}-{x34}"),
    ("openai-project", "sk-proj-{w74}T3BlbkFJ{w74}"),
    ("openai", "sk-{A20}T3BlbkFJ{A20}"),
    ("anthropic", "sk-ant-api03-{w93}AA"),
    ("openrouter", "sk-or-v1-{x64}"),
    ("huggingface", "hf_{L34}"),
    ("replicate", "r8_{A37}"),
    ("groq", "gsk_{A52}"),
    ("xai", "xai-{A80}"),
    ("perplexity", "pplx-{A48}"),
    ("nvidia", "nvapi-{w64}"),
    ("tavily", "tvly-dev-{A32}"),
    ("pinecone", "pcsk_{A6}_{A63}"),
    ("langsmith", "lsv2_pt_{x32}_{x10}"),
    ("slack-bot", "xoxb-{d12}-{d13}-{A24}"),
    ("slack-user", "xoxp-{d12}-{d12}-{d13}-{x32}"),
    ("slack-app", "xapp-1-A{U10}-{d13}-{x64}"),
    ("slack-webhook", "https://hooks.slack.com/services/T{U10}/B{U10}/{A24}"),
    ("discord-webhook", "https://discord.com/api/webhooks/{d18}/{w68}"),
    ("telegram", "{d10}:AA{w33}"),
    ("stripe", "sk_live_{A99}"),
    ("stripe-restricted", "rk_test_{A24}"),
    ("stripe-webhook", "whsec_{A32}"),
    ("square", "sq0atp-{w22}"),
    ("shopify", "shpat_{x32}"),
    ("twilio", "SK{x32}"),
    ("sendgrid", "SG.{w22}.{w43}"),
    ("mailgun", "key-{x32}"),
    ("mailchimp", "{x32}-us12"),
    ("brevo", "xkeysib-{x64}-{A16}"),
    ("newrelic", "NRAK-{U27}"),
    ("sentry", "sntryu_{x64}"),
    ("grafana", "glsa_{A32}_{x8}"),
    ("dynatrace", "dt0c01.{U24}.{U64}"),
    ("linear", "lin_api_{A40}"),
    ("notion", "ntn_{A46}"),
    ("figma", "figd_{w40}"),
    ("airtable", "pat{A14}.{x64}"),
    ("hubspot", "pat-na1-{x8}-{x4}-{x4}-{x4}-{x12}"),
    ("age", "AGE-SECRET-KEY-1{k58}"),
    ("databricks-oauth", "dose{x32}"),
    ("contentful", "CFPAT-{w43}"),
];

/// A kind that is known by its name or its place only: a text with `@` for the secret.
pub const PLACES: [(&str, &str, &str); 14] = [
    ("password", "DB_PASSWORD=@", "{l6}{U3}!"),
    ("aws-secret-key", "aws_secret_access_key = @", "{A20}/{A19}"),
    ("twilio-auth-token", "TWILIO_AUTH_TOKEN=@", "{x32}"),
    ("datadog-key", "DD_API_KEY=@", "{x32}"),
    ("heroku-uuid", "HEROKU_API_KEY=@", "{x8}-{x4}-{x4}-{x4}-{x12}"),
    ("fastly-token", "Fastly-Key: @", "{w32}"),
    ("azure-account-key", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@;", "{A86}=="),
    ("postgres-url", "postgres://app:@@db.internal:5432/app", "{A14}"),
    ("mongodb-url", "mongodb+srv://app:@@cluster0.ab1cd.mongodb.net/x", "{A14}"),
    ("redis-url", "redis://:@@cache:6379/0", "{A14}"),
    ("amqp-url", "amqp://guest2:@@mq:5672", "{A14}"),
    ("bearer", "Authorization: Bearer @", "{w40}"),
    ("netrc", "machine api.internal login ada password @", "{A14}"),
    ("npmrc", "//registry.internal/:_authToken=@", "{A36}"),
];

/// Returns a signed token.
pub fn jwt(dice: &mut Dice) -> String {
    let part = |text: &str| {
        base64(text.as_bytes()).trim_end_matches('=').replace('+', "-").replace('/', "_")
    };
    let claims = dice.fill(r#""sub":"{d10}","iat":1516239022"#);
    let header = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    format!("{header}.{}.{}", part(&format!("{{{claims}}}")), dice.fill("{w43}"))
}

/// Returns a private key in its frame, as it would be in a file.
pub fn private_key(dice: &mut Dice, name: &str) -> String {
    let lines: Vec<String> = (0..6).map(|_| dice.fill("{b64}")).collect();
    format!(
        "-----BEGIN {name}-----\n{}\n{}=\n-----END {name}-----",
        lines.join("\n"),
        dice.fill("{b27}")
    )
}

/// Returns user and password as HTTP has them.
pub fn basic(dice: &mut Dice) -> String {
    base64(dice.fill("ada:{A14}").as_bytes())
}
