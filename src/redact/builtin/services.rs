//! Messages, payments, monitoring, offices.

use crate::redact::rule::Rule;
use crate::redact::value;

/// Discord: the bot's number in base64, a time, a signature. It begins with no word of its own.
pub(in crate::redact) static DISCORD: Rule = Rule::new(
    "discord-token",
    &[],
    r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,40}",
);

pub(super) static RULES: &[Rule] = &[
    // Slack: "Token types".
    Rule::new(
        "slack-token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxd-", "xoxc-"],
        r"xox[bparsodc]-(?:\d-)?[A-Za-z0-9%/+-]{20,}",
    ),
    Rule::new("slack-token", &["xoxe-", "xoxe."], r"xoxe[.-](?:xox[bp]-)?[A-Za-z0-9-]{20,}"),
    Rule::new("slack-token", &["xapp-"], r"xapp-\d-[A-Za-z0-9]{8,}-\d{8,}-[A-Za-z0-9]{16,}"),
    Rule::new(
        "slack-webhook",
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/((?:services|workflows|triggers)/[A-Za-z0-9/]{20,})",
    ),
    Rule::new(
        "discord-webhook",
        &["/api/webhooks/"],
        r"/api/webhooks/(\d{16,20}/[A-Za-z0-9_-]{40,})",
    ),
    Rule::new(
        "teams-webhook",
        &[".webhook.office.com/", "outlook.office.com/webhook/"],
        r"[a-z.]*office\.com/(webhook[A-Za-z0-9@/-]{60,})",
    ),
    Rule::new(
        "zapier-webhook",
        &["hooks.zapier.com/"],
        r"hooks\.zapier\.com/hooks/catch/([A-Za-z0-9/]{12,})",
    ),
    // Telegram: the bot's number, a colon, 35 letters that begin with AA.
    Rule::new("telegram-token", &[":AA"], r"(?:^|[^0-9])(\d{8,10}:AA[A-Za-z0-9_-]{32,33})")
        .after(11),
    // Stripe: "API keys", "Webhooks".
    Rule::new(
        "stripe-key",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_org_"],
        r"[sr]k_(?:live|test|org)_[A-Za-z0-9_]{16,}",
    ),
    Rule::new("stripe-webhook-secret", &["whsec_"], r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    Rule::new("square-token", &["sq0atp-", "sq0csp-"], r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}"),
    Rule::new("square-token", &["EAAA"], r"EAAA[A-Za-z0-9_-]{60}\b").checked(value::is_random),
    Rule::new(
        "braintree-token",
        &["access_token$"],
        r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}",
    ),
    Rule::new(
        "plaid-token",
        &["access-"],
        r"access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    Rule::new("razorpay-key", &["rzp_live_", "rzp_test_"], r"rzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    Rule::new("flutterwave-key", &["FLWSECK"], r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?"),
    Rule::new(
        "coinbase-key",
        &["organizations/"],
        r"organizations/[0-9a-f-]{36}/apiKeys/([0-9a-f-]{36})",
    ),
    Rule::new(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"],
        r"shp(?:at|ca|pa|ss|tka|ua)_[A-Fa-f0-9]{32,}",
    ),
    Rule::new("shippo-token", &["shippo_"], r"shippo_(?:live|test)_[0-9a-f]{40}"),
    Rule::new("easypost-key", &["EZAK", "EZTK"], r"EZ[AT]K[A-Za-z0-9]{54}"),
    Rule::new("duffel-token", &["duffel_"], r"duffel_(?:live|test)_[A-Za-z0-9_=-]{43}"),
    // Twilio: "API keys"; the account's own SID is no secret.
    Rule::new(
        "twilio-key",
        &[
            "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb",
            "SKc", "SKd", "SKe", "SKf",
        ],
        r"SK[0-9a-f]{32}\b",
    ),
    Rule::new("sendgrid-key", &["SG."], r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}"),
    Rule::new("mailgun-key", &["key-"], r"key-[0-9a-f]{32}\b"),
    Rule::new("mailchimp-key", &["-us"], r"(?:^|[^0-9a-f])([0-9a-f]{32}-us\d{1,2})\b").after(33),
    Rule::new(
        "brevo-key",
        &["xkeysib-", "xsmtpsib-"],
        r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
    ),
    Rule::new("resend-key", &["re_"], r"re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,}\b")
        .checked(value::is_random),
    Rule::new("mailersend-key", &["mlsn."], r"mlsn\.[0-9a-f]{60,}"),
    // Monitoring.
    Rule::new(
        "datadog-key",
        &["ddapp_", "ddpat_", "ddsat_"],
        r"dd(?:app|pat|sat)_[A-Za-z0-9_]{30,}",
    ),
    Rule::new(
        "newrelic-key",
        &["NRAK-", "NRAA-", "NRIQ-", "NRII-", "NRJS-", "NRRA-"],
        r"NR(?:AK|AA|IQ|II|JS|RA)-[A-Za-z0-9_-]{19,}",
    ),
    Rule::new("newrelic-key", &["NRAL"], r"[0-9a-f]{6}[A-Za-z0-9]{26,30}NRAL\b").after(36),
    Rule::new(
        "sentry-token",
        &["sntrys_", "sntryu_", "sntrya_"],
        r"sntry[sua]_[A-Za-z0-9+/=_-]{40,}",
    )
    .wide(1024),
    Rule::new("grafana-token", &["glsa_"], r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    Rule::new("grafana-token", &["glc_"], r"glc_[A-Za-z0-9+/]{32,}={0,2}"),
    Rule::new("grafana-token", &["eyJrIjoi"], r"eyJrIjoi[A-Za-z0-9+/]{60,}={0,2}"),
    Rule::new("pagerduty-key", &["pdus+", "pdeu+"], r"pd(?:us|eu)\+_[A-Z0-9]{4}\+[0-9a-f-]{32,}"),
    Rule::new(
        "dynatrace-token",
        &["dt0c01.", "dt0s16.", "dt0s08.", "dt0s01."],
        r"dt0[cs]\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}",
    ),
    Rule::new(
        "honeycomb-key",
        &["hcaik_", "hcamk_", "hcxik_", "hcbik_"],
        r"hc[abx][im]k_[a-z0-9]{50,}",
    ),
    Rule::new("posthog-key", &["phx_", "phs_"], r"ph[xs]_[A-Za-z0-9]{40,}\b"),
    Rule::new("segment-token", &["sgp_"], r"sgp_[A-Za-z0-9]{64}\b"),
    Rule::new("logfire-token", &["pylf_v"], r"pylf_v\d_[a-z]{2,8}_[A-Za-z0-9]{40,}"),
    Rule::new("axiom-token", &["xaat-", "xapt-"], r"xa(?:at|pt)-[0-9a-f]{8}-[0-9a-f-]{27}"),
    Rule::new("opsgenie-key", &["GenieKey "], r"GenieKey ([0-9a-f-]{36})"),
    // Offices and design.
    Rule::new(
        "linear-key",
        &["lin_api_", "lin_oauth_", "lin_wh_"],
        r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,}",
    ),
    Rule::new("notion-token", &["ntn_"], r"ntn_[A-Za-z0-9]{40,}\b"),
    Rule::new("notion-token", &["secret_"], r"secret_[A-Za-z0-9]{43}\b"),
    Rule::new("figma-token", &["figd_", "figu_", "figo_"], r"fig[duo]_[A-Za-z0-9_-]{36,}"),
    Rule::new("airtable-token", &["pat"], r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    Rule::new("asana-token", &["1/1", "2/1", "0/1"], r"[012]/\d{16}(?:/\d{16})?:[0-9a-f]{32}"),
    Rule::new("clickup-token", &["pk_"], r"pk_\d{6,10}_[A-Z0-9]{32}"),
    Rule::new("trello-token", &["ATTA"], r"ATTA[0-9a-f]{60,}"),
    Rule::new(
        "hubspot-token",
        &["pat-na", "pat-eu", "pat-ap"],
        r"pat-(?:na|eu|ap)\d-[0-9a-f]{8}-[0-9a-f-]{27}",
    ),
    Rule::new("intercom-token", &["dG9rO"], r"dG9rO[A-Za-z0-9+/]{50,}={0,2}"),
    Rule::new("typeform-token", &["tfp_"], r"tfp_[A-Za-z0-9_-]{40,}"),
    Rule::new("contentful-token", &["CFPAT-"], r"CFPAT-[A-Za-z0-9_-]{43}"),
    Rule::new("storyblok-token", &["storyblok_"], r"storyblok_[A-Za-z0-9-]{30,}")
        .checked(value::is_random),
    Rule::new("mapbox-token", &["sk.eyJ"], r"sk\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}"),
    Rule::new("adafruit-key", &["aio_"], r"aio_[A-Za-z0-9]{28}\b"),
    Rule::new("frameio-token", &["fio-u-"], r"fio-u-[A-Za-z0-9_=-]{60,}"),
    Rule::new(
        "facebook-token",
        &["EAAC", "EAAB", "EAAD", "EAAG", "EAAJ", "EAAM"],
        r"EAA[A-Z][A-Za-z0-9]{80,}\b",
    )
    .checked(value::is_random),
    Rule::new("facebook-token", &["IGQV", "IGQW"], r"IGQ[VW][A-Za-z0-9_-]{80,}"),
    Rule::new("dropbox-token", &["sl.u.", "sl.B"], r"sl\.(?:u\.|B)[A-Za-z0-9_-]{100,}").wide(4096),
    Rule::new("adobe-secret", &["p8e-", "p8_"], r"p8(?:e-|_)[A-Za-z0-9_-]{28,}"),
    Rule::new("salesforce-token", &["00D"], r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{60,}"),
    Rule::new("okta-token", &["SSWS "], r"SSWS (00[A-Za-z0-9_-]{40})"),
    Rule::new("discord-token", &["mfa."], r"mfa\.[A-Za-z0-9_-]{84}"),
];
