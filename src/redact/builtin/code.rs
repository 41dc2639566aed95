//! Forges, package registries, continuous integration.

use crate::redact::rule::Rule;
use crate::redact::value;

pub(super) static RULES: &[Rule] = &[
    // GitHub: a prefix for each kind of token, up to 255 letters.
    Rule::new(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"gh[pousr]_[A-Za-z0-9]{36,}",
    ),
    Rule::new("github-token", &["github_pat_"], r"github_pat_[A-Za-z0-9_]{30,}"),
    // GitLab: see "Token prefixes" of its token overview.
    Rule::new(
        "gitlab-token",
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-",
            "glagent-", "gloas-", "glsoat-", "glffct-", "glwt-",
        ],
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_=-]{20,}(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?",
    ),
    Rule::new("gitlab-token", &["GR1348941"], r"GR1348941[A-Za-z0-9_-]{20,}"),
    Rule::new(
        "bitbucket-token",
        &["ATBB", "ATCTT3xFfG"],
        r"AT(?:BB[A-Za-z0-9]{28,}|CTT3xFfG[A-Za-z0-9_=-]{40,})",
    ),
    Rule::new("atlassian-token", &["ATATT3"], r"ATATT3[A-Za-z0-9_=-]{60,}"),
    Rule::new("npm-token", &["npm_"], r"npm_[A-Za-z0-9]{36}"),
    // Macaroons for pypi.org and test.pypi.org.
    Rule::new("pypi-token", &["pypi-"], r"pypi-A[A-Za-z0-9_-]{60,}").wide(1024),
    Rule::new("crates-io-token", &["cio"], r"cio[A-Za-z0-9]{32}\b"),
    Rule::new("rubygems-key", &["rubygems_"], r"rubygems_[0-9a-f]{48}"),
    Rule::new("docker-token", &["dckr_pat_", "dckr_oat_"], r"dckr_[op]at_[A-Za-z0-9_-]{24,}"),
    Rule::new("nuget-key", &["oy2"], r"oy2[a-z0-9]{43}\b"),
    Rule::new("clojars-token", &["CLOJARS_"], r"CLOJARS_[A-Za-z0-9]{60}"),
    Rule::new("jfrog-key", &["AKCp"], r"AKCp[A-Za-z0-9]{69}"),
    Rule::new("jfrog-key", &["cmVmd"], r"cmVmd[A-Za-z0-9]{59}\b"),
    Rule::new("jsr-token", &["jsrd_", "jsrp_"], r"jsr[dp]_[A-Za-z0-9]{40,}"),
    Rule::new(
        "circleci-token",
        &["CCIPAT_", "CCIPRJ_"],
        r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{20,}_[0-9a-f]{40}",
    ),
    Rule::new("buildkite-token", &["bkua_", "bkat_", "bkct_"], r"bk(?:ua|at|ct)_[A-Za-z0-9]{32,}"),
    Rule::new("sonar-token", &["sqp_", "squ_", "sqa_"], r"sq[pua]_[0-9a-f]{40}"),
    Rule::new(
        "snyk-token",
        &["snyk_"],
        r"snyk_(?:uat|sat)\.[A-Za-z0-9]{8}\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{20,})?",
    ),
    Rule::new("codecov-token", &["codecov_"], r"codecov_[A-Za-z0-9]{32,}")
        .checked(value::is_random),
    Rule::new("sourcegraph-token", &["sgp_"], r"sgp_(?:[A-Fa-f0-9]{16}_|local_)?[0-9a-f]{40}"),
    Rule::new("gitea-token", &["gta_"], r"gta_[a-z2-7]{52}"),
    Rule::new(
        "postman-key",
        &["PMAK-", "PMAT-"],
        r"PMA[KT]-[A-Za-z0-9]{24,}(?:-[A-Za-z0-9]{30,})?",
    ),
    Rule::new(
        "launchdarkly-key",
        &["sdk-", "mob-", "api-"],
        r"(?:sdk|mob|api)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
    Rule::new("prefect-key", &["pnu_", "pnb_"], r"pn[ub]_[A-Za-z0-9]{36}"),
    Rule::new("readme-key", &["rdme_"], r"rdme_[a-z0-9]{70}"),
    Rule::new("nx-cloud-token", &["nxc_"], r"nxc_[A-Za-z0-9_-]{30,}"),
    Rule::new("depot-token", &["depot_"], r"depot_(?:project|user|org)_[0-9a-f]{40,}"),
    Rule::new("stackhawk-key", &["hawk."], r"hawk\.[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}"),
    Rule::new("cypress-key", &["cy_"], r"cy_(?:rec|api)_[A-Za-z0-9]{20,}"),
    Rule::new("browserbase-key", &["bb_live_", "bb_test_"], r"bb_(?:live|test)_[A-Za-z0-9_-]{24,}"),
    Rule::new("expo-token", &["expo_"], r"expo_[A-Za-z0-9_-]{36,}").checked(value::is_random),
];
