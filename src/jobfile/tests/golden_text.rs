//! Mistakes in the text of a file: one golden text each, what a person sees at 80 columns.

use insta::assert_snapshot;

use super::loading::rendered;

#[test]
fn a_duplicate_job() {
    let text = "jobs:
  a:
    backup: {}
  b:
    backup: {to: x}
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: the key `a` stands here twice
     --> jobs.yaml:6:3
      |
    2 |   a:
      |   - first here
    ...
    6 |   a:
      |   ^
      |
      = help: remove or rename one of the two
    ");
}

#[test]
fn an_empty_file() {
    let text = "";
    assert_snapshot!(rendered(text), @r#"
    error: no jobs: the key `jobs` is missing
    --> jobs.yaml
     = help: start with `jobs: {backup-daily: {schedule: "0 2 * * *", backup: {}}}`
    "#);
}

#[test]
fn a_list_instead_of_a_map() {
    let text = "- jobs\n";
    assert_snapshot!(rendered(text), @r"
    error: expected keys with values, found a list
     --> jobs.yaml:1:1
      |
    1 | - jobs
      | ^
    ");
}

#[test]
fn an_unquoted_star() {
    let text = "jobs:
  a:
    schedule: */5 * * * *
    backup: {}
";
    assert_snapshot!(rendered(text), @r#"
    error: `*` at the start of a value means an alias, and there is no anchor of that name
     --> jobs.yaml:3:15
      |
    3 |     schedule: */5 * * * *
      |               ^
      |
      = help: quote the cron expression: `schedule: "*/5 * * * *"`
    "#);
}

#[test]
fn an_unquoted_at() {
    let text = "jobs:
  a:
    schedule: @daily
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: a value cannot start with `@`
     --> jobs.yaml:3:15
      |
    3 |     schedule: @daily
      |               ^
      |
      = help: put the value in quotes
    ");
}

#[test]
fn a_tab() {
    let text = "jobs:\n\ta:\n";
    assert_snapshot!(rendered(text), @r"
    error: a tab cannot be used to indent
     --> jobs.yaml:2:2
      |
    2 |     a:
      |     ^
      |
      = help: indent with spaces, two for each level
    ");
}

#[test]
fn a_bracket_that_stays_open() {
    let text = "jobs:
  a: {backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: `{` is never closed
     --> jobs.yaml:2:6
      |
    2 |   a: {backup: {}
      |      ^
    ");
}

#[test]
fn a_list_that_stays_open() {
    let text = "jobs:
  a:
    backup: {what: [config, logs}
";
    assert_snapshot!(rendered(text), @r"
    error: `[` is closed by `}`
     --> jobs.yaml:3:20
      |
    3 |     backup: {what: [config, logs}
      |                    ^
    ");
}

#[test]
fn a_quote_that_stays_open() {
    let text = r#"jobs:
  a:
    schedule: "0 2 * * *
    backup: {}
"#;
    assert_snapshot!(rendered(text), @r#"
    error: a quote is opened and never closed
     --> jobs.yaml:3:15
      |
    3 |     schedule: "0 2 * * *
      |               ^
    "#);
}

#[test]
fn a_missing_colon() {
    let text = "jobs:
  a:
    backup: {}
    enabled
";
    assert_snapshot!(rendered(text), @r"
    error: expected `key: value`
     --> jobs.yaml:4:5
      |
    4 |     enabled
      |     ^
      |
      = help: check the colon, the space after it and the indentation
    ");
}

#[test]
fn two_colons() {
    let text = "jobs:
  a:
    description: backup: daily
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: a second `:` on one line, or a line that is indented too far
     --> jobs.yaml:3:24
      |
    3 |     description: backup: daily
      |                        ^
      |
      = help: put a text that holds `: ` in quotes, and look for an open bracket above
    ");
}

#[test]
fn two_documents() {
    let text = "jobs:
  a:
    backup: {}
---
jobs:
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: one file is one document, but a second one starts here
     --> jobs.yaml:5:1
      |
    5 | jobs:
      | ^
      |
      = help: remove the line `---` and what follows, or merge the two
    ");
}

#[test]
fn a_key_that_is_a_list() {
    let text = "jobs:
  [a, b]: {backup: {}}
";
    assert_snapshot!(rendered(text), @r"
    error: a key must be text
     --> jobs.yaml:2:3
      |
    2 |   [a, b]: {backup: {}}
      |   ^
    ");
}

#[test]
fn an_undefined_variable() {
    let text = r#"jobs:
  a:
    backup: {to: "backups/${NOPE}"}
"#;
    assert_snapshot!(rendered(text), @r#"
    error: the variable `NOPE` is not set
     --> jobs.yaml:3:27
      |
    3 |     backup: {to: "backups/${NOPE}"}
      |                           ^^^^^^^
      |
      = help: set `NOPE` in the environment, or write `$${` for a plain `${`
    "#);
}

#[test]
fn a_variable_that_is_not_closed() {
    let text = r#"jobs:
  a:
    backup: {to: "${FOLDER"}
"#;
    assert_snapshot!(rendered(text), @r#"
    error: `${` without `}`
     --> jobs.yaml:3:19
      |
    3 |     backup: {to: "${FOLDER"}
      |                   ^^^^^^^^
      |
      = help: write `${NAME}`, or `$${` for a plain `${`
    "#);
}

#[test]
fn the_value_of_a_variable_is_not_shown() {
    let text = r#"timezone: ${SECRET}
jobs:
  a:
    schedule: ${SECRET}
    backup: {keep: {daily: "${SECRET}"}, compression: "${SECRET}"}
    timeout: ${SECRET}
"#;
    assert_snapshot!(rendered(text), @r#"
    error: unknown time zone in the value of `${SECRET}`
     --> jobs.yaml:1:11
      |
    1 | timezone: ${SECRET}
      |           ^^^^^^^^^
      |
      = help: write an IANA name such as `Europe/Berlin` or `UTC`

    error: no schedule in the value of `${SECRET}`
     --> jobs.yaml:4:15
      |
    4 |     schedule: ${SECRET}
      |               ^^^^^^^^^

    error: `daily`: expected a whole number, 0 or more, found the value of `${SECRET}`
     --> jobs.yaml:5:28
      |
    5 |     backup: {keep: {daily: "${SECRET}"}, compression: "${SECRET}"}
      |                            ^^^^^^^^^^^

    error: `compression`: the value of `${SECRET}` is none of `fast`, `default` or `best`
     --> jobs.yaml:5:55
      |
    5 |     backup: {keep: {daily: "${SECRET}"}, compression: "${SECRET}"}
      |                                                       ^^^^^^^^^^^

    error: `timeout`: the value of `${SECRET}` does not fit here
     --> jobs.yaml:6:14
      |
    6 |     timeout: ${SECRET}
      |              ^^^^^^^^^
    "#);
}
