//! Secrets are kept out of the repository, whatever command they come with.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::harness::{TestRepo, executable, for_each_kind};

/// A token of a known form, put together here so that no file holds one.
fn token() -> String {
    ["ghp", "_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP"].concat()
}

/// Tells whether any object of the repository has `secret` in it.
fn is_stored(repo: &TestRepo, secret: &str) -> bool {
    let objects = repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    assert!(objects.lines().count() > 2, "there are objects");
    objects.lines().any(|oid| {
        let output =
            Command::new("git").arg("-C").arg(&repo.root).args(["cat-file", "-p", oid]).output();
        let stdout = output.expect("git runs").stdout;
        stdout.windows(secret.len()).any(|it| it == secret.as_bytes())
    })
}

#[test]
fn no_secret_reaches_an_object_by_any_way_in() {
    for_each_kind(|repo| {
        let token = token();
        let started = repo.run(&["start", &format!("Use {token} for the deployment")]);
        let warning = "warning: redacted 1 secret (github-token)\n";
        assert!(started.stderr.contains(warning), "{}", started.stderr);
        repo.run(&["suspend", "-m", &format!("{token} expired")]).ok();
        repo.run(&["update", "--set", &format!("links.api={token}"), "--label", &token]).ok();
        repo.run(&["update", "--set", "configuration.api_key=q8Zk2Lx7Rt5Vb9"]).ok();
        repo.write("notes.txt", format!("one\nDB_PASSWORD={token}x\ntwo\n"));
        let attached = repo.run(&["attach", "--json", "notes.txt"]).json();
        let size = attached["artifacts"][0]["bytes"].as_u64();
        let kept = "one\nDB_PASSWORD=[REDACTED:github-token]\ntwo\n";
        let blob = format!("{}:artifacts/notes.txt", attached["ref"].as_str().expect("a ref"));
        assert_eq!(repo.git(&["cat-file", "blob", &blob]), kept.trim_end());
        assert_eq!(size, Some(kept.len() as u64));
        let title = "Use [REDACTED:github-token] for the deployment";
        assert_eq!(attached["title"], title);
        assert_eq!(attached["links"]["api"], "[REDACTED:github-token]");
        assert_eq!(attached["configuration"]["api_key"], "[REDACTED:api-key]");
        repo.run(&["resume"]).ok();
        repo.run(&["finish", "-m", "done", "--handoff", &format!("the token is {token}")]).ok();
        assert!(!is_stored(repo, &token[4..]));
        assert!(!is_stored(repo, "q8Zk2Lx7Rt5Vb9"));
    });
}

#[test]
fn values_of_the_environment_and_of_env_files_are_known() {
    for_each_kind(|repo| {
        repo.write(".env", "SMTP_PASSWORD=\"open sesame now\"\nPORT=80808080\n");
        repo.write(".env.example", "SMTP_PASSWORD=put-yours-here\n");
        let title = "Say 'open sesame now' to 80808080, put-yours-here, a-word-of-ours";
        let made =
            repo.cmd(&["start", "--json", title]).env("OUR_TOKEN", "a-word-of-ours").run().json();
        let expected =
            "Say '[REDACTED:known-value]' to 80808080, put-yours-here, [REDACTED:known-value]";
        assert_eq!(made["title"], expected);
    });
}

#[test]
fn the_repository_has_its_own_rules_and_says_what_is_allowed() {
    for_each_kind(|repo| {
        repo.write(
            "rules.toml",
            "[[rules]]\nid = 'acme'\nregex = 'acme-\\d{6}'\nkeywords = ['acme']\n",
        );
        repo.git(&["config", "session.redactRules", "rules.toml"]);
        let made = repo.run(&["start", "--json", "With acme-123456"]).json();
        assert_eq!(made["title"], "With [REDACTED:acme]");
        repo.git(&["config", "session.redactAllow", "acme-\\d*6"]);
        let made = repo.run(&["create", "--json", "With acme-123456 again"]).json();
        assert_eq!(made["title"], "With acme-123456 again");
        repo.git(&["config", "session.redact", "false"]);
        let made = repo.run(&["create", "--json", &format!("With {}", token())]).json();
        assert_eq!(made["title"], format!("With {}", token()));
    });
}

#[test]
fn nothing_is_written_while_a_rule_is_wrong() {
    for_each_kind(|repo| {
        repo.write("rules.toml", "[[rules]]\nid = 'acme'\nregex = '('\n");
        repo.git(&["config", "session.redactRules", "rules.toml"]);
        let refused = repo.run(&["start", "With acme-123456"]);
        assert_eq!(refused.status, 1);
        let message = "error: session.redactRules: 'rules.toml': rule 'acme': ";
        assert!(
            refused.stderr.contains("'rules.toml': rule 'acme'"),
            "{message}\n{}",
            refused.stderr
        );
        assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), "");
    });
}

#[test]
fn no_secret_that_is_said_is_recorded_and_each_line_stays_an_event() {
    for_each_kind(|repo| {
        let token = token();
        repo.start(&["x"]);
        let said = format!("My token is {token}, \"keep\" it");
        let recorded = repo.run(&["record", "--role", "user", "--message", &said]);
        let warning = "warning: redacted 1 secret (github-token)\n";
        assert!(recorded.stderr.contains(warning), "{}", recorded.stderr);
        let escaped = token.replace('_', "\\u005f");
        let lines = format!(
            "{{\"kind\":\"tool.call\",\"call\":\"c\",\"name\":\"curl\",\"input\":{{\"auth\":\"{escaped}\"}}}}\n"
        );
        repo.feed(&["record"], &lines).ok();
        let events = repo.run(&["show", "--log", "--json"]).json_lines();
        let text = "My token is [REDACTED:github-token], \"keep\" it";
        assert_eq!(events[0]["content"][0]["text"], text);
        assert_eq!(events[1]["input"]["auth"], "[REDACTED:github-token]");
        assert!(!is_stored(repo, &token[4..]));
    });
}

#[test]
fn a_name_with_a_secret_in_it_is_refused_and_nothing_is_written() {
    for_each_kind(|repo| {
        let token = token();
        let refused = repo.run(&["start", "x", "--name", &token]).refused();
        let expected = "error: invalid value for 'name': there is a secret in it (github-token)\n";
        assert_eq!(refused, expected);
        assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), "");
        repo.start(&["x"]);
        let before = repo.refs();
        let file = format!("{token}.txt");
        repo.write(&file, "nothing");
        let refused = repo.run(&["attach", &file]).refused();
        assert!(refused.contains("invalid value for 'file': there is a secret"), "{refused}");
        let refused = repo.run(&["update", "--set", &format!("name={token}")]).refused();
        assert!(refused.contains("invalid value for 'name': there is a secret"), "{refused}");
        assert_eq!(repo.refs(), before);
        repo.run(&["attach", "--name", "a.txt", "--as", &token, "--version", &token, &file]).ok();
        assert!(!is_stored(repo, &token[4..]));
    });
}

#[test]
fn a_branch_with_a_secret_in_its_name_is_not_recorded() {
    for_each_kind(|repo| {
        let branch = format!("fix/{}", token());
        repo.git(&["switch", "-q", "-c", &branch]);
        let made = repo.start(&["x"]);
        assert_eq!((&made["branch"], &made["git"]["branch"]), (&Value::Null, &Value::Null));
        repo.git(&["switch", "-q", "main"]);
        repo.run(&["update", "--set", &format!("branch={branch}"), "-m", "y"]);
        assert!(!is_stored(repo, &branch[8..]));
    });
}

#[test]
fn the_user_s_hooks_are_told_what_is_recorded() {
    let repo = TestRepo::new();
    let out = repo.home.path().join("told");
    for name in ["session-transition", "session-start", "session-end"] {
        let script = format!("#!/bin/sh\ncat >>'{}'\n", out.display());
        executable(&repo.git_dir.join("hooks").join(name), &script);
    }
    let token = token();
    repo.start(&[&format!("Use {token}")]);
    repo.run(&["suspend", "-m", &format!("{token} expired")]).ok();
    repo.run(&["resume"]).ok();
    repo.run(&["finish", "-m", &token, "--handoff", &token]).ok();
    let told = fs::read_to_string(out).expect("they were told");
    assert_eq!(told.lines().count(), 6, "{told}");
    assert!(told.contains("[REDACTED:github-token] expired"), "{told}");
    assert!(!told.contains(&token[4..]), "{told}");
}

#[test]
fn what_was_stored_without_redaction_is_exported_without_its_secrets() {
    let repo = TestRepo::new();
    repo.git(&["config", "session.redact", "false"]);
    let token = token();
    repo.start(&["--issue", &token, &format!("Use {token}")]);
    repo.run(&["record", "--role", "user", "--message", &format!("It is {token}")]).ok();
    repo.run(&["record", "--role", "assistant", "--message", "I see"]).ok();
    repo.run(&["finish", "-m", &token]).ok();
    assert!(is_stored(&repo, &token));
    let export = |layout: &str| repo.run(&["export", "--all", "--layout", layout]).ok();
    for layout in ["json", "yaml", "markdown", "maestro", "monoco", "choragen", "atif"] {
        assert!(export(layout).stdout.contains(&token), "{layout}: {}", export(layout).stdout);
    }
    repo.git(&["config", "session.redact", "true"]);
    for layout in ["json", "yaml", "markdown", "maestro", "monoco", "choragen", "atif"] {
        let exported = export(layout);
        assert!(!exported.stdout.contains(&token[4..]), "{layout}: {}", exported.stdout);
        assert!(exported.stderr.contains("warning: redacted "), "{layout}");
    }
}
