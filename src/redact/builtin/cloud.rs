//! Clouds, hosting and infrastructure.

use crate::redact::rule::Rule;

pub(super) static RULES: &[Rule] = &[
    // IAM unique identifiers: access keys and temporary ones.
    Rule::new("aws-access-key-id", &["AKIA", "ASIA", "ABIA", "ACCA"], r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}\b"),
    // The secret half, where it follows the other one at once.
    Rule::new("aws-secret-key", &["AKIA", "ASIA"], r#"A(?:KI|SI)A[A-Z0-9]{16}[\s,;:|"'\\=]{1,8}([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#),
    Rule::new("aws-bedrock-key", &["ABSK"], r"ABSK[A-Za-z0-9+/]{60,}={0,2}"),
    Rule::new("aws-bedrock-key", &["bedrock-api-key-"], r"bedrock-api-key-[A-Za-z0-9+/=]{40,}").wide(4096),
    Rule::new("google-api-key", &["AIza"], r"AIza[A-Za-z0-9_-]{35}"),
    Rule::new("google-oauth-token", &["ya29."], r"ya29\.[A-Za-z0-9_-]{20,}").wide(4096),
    Rule::new("google-refresh-token", &["1//0"], r"1//0[A-Za-z0-9_-]{40,}"),
    Rule::new("google-client-secret", &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{24,}"),
    // Entra ID: three characters, a digit, `Q~`.
    Rule::new(
        "azure-client-secret",
        &["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
        r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34})",
    )
    .after(4),
    // Keys that carry the mark of their service.
    Rule::new(
        "azure-key",
        &["+ASt", "ACDb", "+ABa", "+AMC", "+AEh", "+ASb", "AIoT", "AzSe", "AzFu", "+ACR", "AzCa"],
        r"[A-Za-z0-9+/_-]{33,76}(?:\+A(?:St|Ba|MC|Eh|Sb|CR)|ACDb|AIoT|Az(?:Se|Fu|Ca))[A-Za-z0-9+/]{5,7}={0,2}",
    )
    .after(76),
    Rule::new("azure-devops-token", &["AZDO"], r"[A-Za-z0-9]{52,76}AZDO[A-Za-z0-9]{4}").after(76),
    Rule::new("azure-ai-key", &["JQQJ99"], r"[A-Za-z0-9]{40,52}JQQJ99[A-Za-z0-9]{20,30}").after(52),
    Rule::new("alibaba-access-key", &["LTAI"], r"LTAI[A-Za-z0-9]{12,26}\b"),
    Rule::new("tencent-secret-id", &["AKID"], r"AKID[A-Za-z0-9]{32}\b"),
    Rule::new("digitalocean-token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[0-9a-f]{40,}"),
    Rule::new("cloudflare-token", &["cfk_", "cfut_", "cfat_"], r"cf(?:k|ut|at)_[A-Za-z0-9]{40,}"),
    Rule::new("cloudflare-origin-key", &["v1.0-"], r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"),
    Rule::new("heroku-key", &["HRKU-"], r"HRKU-[A-Za-z0-9_-]{36,}"),
    Rule::new("vercel-token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], r"vc[piark]_[A-Za-z0-9_-]{24,}"),
    Rule::new("vercel-token", &["vercel_blob_rw_"], r"vercel_blob_rw_[A-Za-z0-9]{12,}_[A-Za-z0-9]{24,}"),
    Rule::new("netlify-token", &["nfp_", "nfc_", "nfo_", "nfb_", "nfu_"], r"nf[pcobu]_[A-Za-z0-9_-]{32,}"),
    Rule::new("supabase-key", &["sbp_"], r"sbp_(?:v0_)?[0-9a-f]{40}"),
    Rule::new("supabase-key", &["sb_secret_"], r"sb_secret_[A-Za-z0-9_-]{20,}"),
    Rule::new("render-key", &["rnd_"], r"rnd_[A-Za-z0-9]{28,}"),
    Rule::new("fly-token", &["fm1r_", "fm1a_", "fm2_", "fo1_"], r"f(?:m1[ar]|m2|o1)_[A-Za-z0-9+/_-]{40,}={0,3}").wide(4096),
    Rule::new("planetscale-key", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"),
    Rule::new("neon-key", &["napi_"], r"napi_[a-z0-9]{40,}"),
    Rule::new("doppler-token", &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit.", "dp.said."], r"dp\.(?:pt|ct|sa|scim|audit|said|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{32,}"),
    Rule::new("vault-token", &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[A-Za-z0-9_-]{20,}").wide(1024),
    Rule::new("terraform-token", &[".atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}").after(14),
    Rule::new("pulumi-token", &["pul-"], r"pul-[0-9a-f]{40}\b"),
    Rule::new("databricks-token", &["dapi", "dose", "dkea"], r"d(?:api|ose|kea)[0-9a-f]{32}(?:-\d)?\b"),
    Rule::new("tailscale-key", &["tskey-"], r"tskey-[a-z]+-[A-Za-z0-9]{6,}(?:-[A-Za-z0-9]{16,})?"),
    Rule::new("1password-token", &["ops_eyJ"], r"ops_eyJ[A-Za-z0-9_+/=-]{100,}").wide(4096),
    Rule::new("1password-secret-key", &["A3-"], r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b"),
    Rule::new("confluent-key", &["cflt"], r"cflt[A-Za-z0-9+/]{60}"),
    Rule::new("aiven-token", &["AVNS_"], r"AVNS_[A-Za-z0-9_-]{18,}"),
    Rule::new("scaleway-key", &["SCW"], r"SCW[A-Z0-9]{17}\b"),
    Rule::new("yandex-key", &["AQVN"], r"AQVN[A-Za-z0-9_-]{35,38}\b"),
    Rule::new("yandex-key", &["t1.9"], r"t1\.9[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{60,}").wide(1024),
    Rule::new("ibm-key", &["ApiKey-"], r"ApiKey-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    Rule::new("infracost-key", &["ico-"], r"ico-[A-Za-z0-9]{32}\b"),
    Rule::new("scalr-token", &["at-"], r"at-[A-Za-z0-9]{12,}\.[A-Za-z0-9_-]{40,}"),
    Rule::new("openshift-token", &["sha256~"], r"sha256~[A-Za-z0-9_-]{43}"),
];
