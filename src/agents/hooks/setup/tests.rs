use super::*;

fn in_files() -> Vec<Setup> {
    ALL.into_iter().filter(|it| !matches!(it.form, Form::Plugin | Form::Copilot)).collect()
}

#[test]
fn what_is_put_into_a_file_is_taken_out_to_the_byte() {
    let texts = [
        "",
        "\n",
        " \r\n\n",
        "\n{}\n",
        "{}",
        "{}\n",
        "{ }\n",
        "{\n}\n",
        "{\n\n  }",
        r#"{"a":1}"#,
        "{\n  \"a\": 1\n}\n",
        "{\r\n  \"a\": [1, 2],\r\n  \"b\": \"é\\u0041\"\r\n}\r\n",
        "{\n\t\"hooks\": {}\n}\n",
        "{\"hooks\": {\n}, \"z\": null}",
        "{\n    \"hooks\": {\n        \"Stop\": [],\n        \"stop\": [ ]\n    },\n    \"z\": 1\n}",
        "{\n  \"hooks\": {\n    \"Stop\": [\n      {\"hooks\": [{\"type\": \"command\", \"command\": \"x\"}]}\n    ]\n  }\n}\n",
        "{\n  \"version\": 1\n}\n",
        "{\"version\": 1, \"hooks\": {\"stop\": [{\"command\": \"./x\"}], \"AfterTool\": [{\"hooks\": []}]}}",
    ];
    for setup in in_files() {
        for text in texts {
            for command in [Command::OnPath, Command::At("/it's/git-session".into())] {
                let enabled = setup.enable(Some(text), &command).expect("a file of JSON");
                assert!(setup.is_enabled(&enabled), "{}: {enabled}", setup.agent);
                let value: Value = serde_json::from_str(&enabled).expect("still JSON");
                for event in setup.events {
                    let list = value["hooks"][event].as_array().expect("a list");
                    assert!(list.last().expect("ours").to_string().contains("hook agent"));
                }
                let again = setup.enable(Some(&enabled), &command).expect("ours");
                assert_eq!(again, enabled);
                let without = setup.disable(&enabled).expect("ours");
                assert_eq!(without.as_deref(), Some(text), "{}: {enabled}", setup.agent);
            }
        }
    }
}

#[test]
fn a_byte_order_mark_stays_before_all() {
    for setup in in_files() {
        for text in ["\u{feff}", "\u{feff}{\"a\": 1}\n"] {
            let enabled = setup.enable(Some(text), &Command::OnPath).expect("a file of JSON");
            assert!(enabled.starts_with('\u{feff}') && setup.is_enabled(&enabled), "{enabled}");
            assert_eq!(setup.enable(Some(&enabled), &Command::OnPath).as_ref(), Ok(&enabled));
            assert_eq!(setup.disable(&enabled).expect("ours").as_deref(), Some(text));
        }
    }
}

#[test]
fn comments_stay_where_an_agent_has_them() {
    let text = "// mine\n{\n  /* one */ \"a\": 1, // two\n  \"hooks\": {\n    // none\n  },\n}\n";
    for setup in in_files() {
        match setup.has_comments() {
            true => {
                let enabled = setup.enable(Some(text), &Command::OnPath).expect("JSON");
                assert_eq!(setup.disable(&enabled).expect("ours").as_deref(), Some(text));
            }
            false => assert!(setup.enable(Some(text), &Command::OnPath).is_err()),
        }
    }
}

#[test]
fn a_file_that_we_made_is_gone_when_our_part_is() {
    for setup in &ALL {
        let made = setup.enable(None, &Command::OnPath).expect("a new file");
        assert!(setup.is_enabled(&made), "{}", setup.agent);
        assert_eq!(setup.enable(Some(&made), &Command::OnPath).as_ref(), Ok(&made));
        assert_eq!(setup.disable(&made), Ok(None), "{}", setup.agent);
    }
}

#[test]
fn another_program_replaces_the_one_before() {
    for setup in in_files() {
        let text = "{\n  \"a\": 1\n}\n";
        let old = setup.enable(Some(text), &Command::At("/old".into())).expect("JSON");
        let new = setup.enable(Some(&old), &Command::OnPath).expect("JSON");
        assert!(!new.contains("/old"), "{new}");
        assert_eq!(setup.disable(&new).expect("JSON").as_deref(), Some(text));
    }
}

#[test]
fn what_others_added_meanwhile_stays() {
    let setup = Setup::find("claude").expect("known");
    let made = setup.enable(None, &Command::OnPath).expect("a new file");
    let theirs = r#""PostToolUse": [{"hooks": [{"command": "x"}]}, "#;
    let added = made.replace("\"PostToolUse\": [", theirs);
    let rest = setup.disable(&added).expect("JSON").expect("theirs is left");
    let value: Value = serde_json::from_str(&rest).expect("JSON");
    assert_eq!(value, json!({"hooks": {"PostToolUse": [{"hooks": [{"command": "x"}]}]}}));
}

#[test]
fn a_file_that_does_not_parse_or_is_something_else_is_refused() {
    for setup in in_files() {
        let event = setup.events[0];
        let texts = [
            "{",
            "[]",
            "{} x",
            "{\"a\": 1,, }",
            "{\"a\": 1, \"a\": 2}",
            "{\"hooks\": []}",
            &format!("{{\"hooks\": {{\"{event}\": {{}}}}}}"),
            "{\"a\": \"\\x\"}",
            "{'a': 1}",
        ];
        for text in texts {
            assert!(setup.enable(Some(text), &Command::OnPath).is_err(), "{text}");
        }
        assert!(setup.enable(Some(&"[".repeat(100_000)), &Command::OnPath).is_err());
    }
    for name in ["opencode", "copilot"] {
        let setup = Setup::find(name).expect("known");
        assert!(setup.enable(Some("mine"), &Command::OnPath).is_err());
        assert_eq!(setup.disable("mine"), Ok(Some("mine".to_owned())));
    }
}
