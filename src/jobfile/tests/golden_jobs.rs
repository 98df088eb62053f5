//! Mistakes in what a file says: one golden text each, what a person sees at 80 columns.

use insta::assert_snapshot;

use super::loading::rendered;

#[test]
fn an_unknown_key() {
    let text = r#"jobs:
  a:
    schedule: "0 2 * * *"
    backup: {}
    retrys: {attempts: 5}
"#;
    assert_snapshot!(rendered(text), @r"
    error: unknown key `retrys`
     --> jobs.yaml:5:5
      |
    5 |     retrys: {attempts: 5}
      |     ^^^^^^
      |
      = help: did you mean `retry`?
    ");
}

#[test]
fn a_key_nobody_could_mean() {
    let text = "jobs:
  a:
    backup: {}
    shell: rm
";
    assert_snapshot!(rendered(text), @r"
    error: unknown key `shell`
     --> jobs.yaml:4:5
      |
    4 |     shell: rm
      |     ^^^^^
      |
      = help: expected one of `description`, `schedule`, `timezone`, `calendar`, `only`, `dst`, `enabled`, `timeout`, `retry`, `overlap`, `catch_up`, `catch_up_window`, `jitter`, `locks`, `needs`, `priority`, `keep_history`, `backup`, `verify`, `drill`, `prune`, `maintain`, `rotate_logs`, `analysis` or `command`
    ");
}

#[test]
fn an_unknown_key_at_the_top() {
    let text = "tiemzone: UTC
jobs:
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: unknown key `tiemzone`
     --> jobs.yaml:1:1
      |
    1 | tiemzone: UTC
      | ^^^^^^^^
      |
      = help: did you mean `timezone`?
    ");
}

#[test]
fn an_unknown_kind() {
    let text = "jobs:
  a:
    bakup: {what: [database]}
";
    assert_snapshot!(rendered(text), @r"
    error: unknown kind `bakup`
     --> jobs.yaml:3:5
      |
    3 |     bakup: {what: [database]}
      |     ^^^^^
      |
      = help: did you mean `backup`?
    ");
}

#[test]
fn a_kind_that_is_not_there() {
    let text = r#"jobs:
  a:
    schedule: "0 2 * * *"
"#;
    assert_snapshot!(rendered(text), @r"
    error: the job `a` has no kind: nothing says what it does
     --> jobs.yaml:2:3
      |
    2 |   a:
      |   ^
      |
      = help: add one of `backup`, `verify`, `drill`, `prune`, `maintain`, `rotate_logs`, `analysis` or `command`, e.g. `backup: {}`
    ");
}

#[test]
fn an_unknown_setting_of_a_kind() {
    let text = "jobs:
  a:
    backup: {kep: {daily: 7}}
";
    assert_snapshot!(rendered(text), @r"
    error: unknown key `kep`
     --> jobs.yaml:3:14
      |
    3 |     backup: {kep: {daily: 7}}
      |              ^^^
      |
      = help: did you mean `keep`?
    ");
}

#[test]
fn a_wrong_type() {
    let text = "jobs:
  a:
    backup: {keep: {daily: many}}
    enabled: yes
    timeout: 5
";
    assert_snapshot!(rendered(text), @r"
    error: `daily`: expected a whole number, 0 or more, found text `many`
     --> jobs.yaml:3:28
      |
    3 |     backup: {keep: {daily: many}}
      |                            ^^^^

    error: `enabled`: expected `true` or `false`, found text `yes`
     --> jobs.yaml:4:14
      |
    4 |     enabled: yes
      |              ^^^

    error: `timeout`: expected a duration with its unit, such as `90s`, `10m`, `1h30m` or `7d`, found the number 5
     --> jobs.yaml:5:14
      |
    5 |     timeout: 5
      |              ^
    ");
}

#[test]
fn a_number_where_text_belongs() {
    let text = "jobs:
  a:
    backup: {what: [2024, config]}
";
    assert_snapshot!(rendered(text), @r"
    error: `what`: expected text, found the number 2024
     --> jobs.yaml:3:21
      |
    3 |     backup: {what: [2024, config]}
      |                     ^^^^
      |
      = help: put it in quotes
    ");
}

#[test]
fn a_wrong_word() {
    let text = "jobs:
  a:
    backup: {}
    overlap: skpi
";
    assert_snapshot!(rendered(text), @r"
    error: `overlap`: unknown value `skpi`
     --> jobs.yaml:4:14
      |
    4 |     overlap: skpi
      |              ^^^^
      |
      = help: did you mean `skip`?
    ");
}

#[test]
fn a_bad_duration() {
    let text = "jobs:
  a:
    backup: {}
    timeout: 10 minutes
";
    assert_snapshot!(rendered(text), @r"
    error: `timeout`: expected a duration such as `90s`, `10m` or `1h30m`, found `10 minutes`
     --> jobs.yaml:4:14
      |
    4 |     timeout: 10 minutes
      |              ^^^^^^^^^^
    ");
}

#[test]
fn values_out_of_range() {
    let text = "jobs:
  a:
    backup: {}
    timeout: 5ms
    retry:
      attempts: 0
      backoff: 0.5
";
    assert_snapshot!(rendered(text), @r"
    error: `timeout` must be at least `1s`
     --> jobs.yaml:4:14
      |
    4 |     timeout: 5ms
      |              ^^^

    error: `attempts` must be from 1 (no retry) to 100
     --> jobs.yaml:6:17
      |
    6 |       attempts: 0
      |                 ^

    error: `backoff` must be 1 or more
     --> jobs.yaml:7:16
      |
    7 |       backoff: 0.5
      |                ^^^
    ");
}

#[test]
fn an_unknown_zone() {
    let text = "timezone: Asia/Shangai
jobs:
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: unknown time zone `Asia/Shangai`
     --> jobs.yaml:1:11
      |
    1 | timezone: Asia/Shangai
      |           ^^^^^^^^^^^^
      |
      = help: did you mean `Asia/Shanghai`?
    ");
}

#[test]
fn an_unknown_zone_of_a_job() {
    let text = "jobs:
  a:
    timezone: berlin
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: unknown time zone `berlin`
     --> jobs.yaml:3:15
      |
    3 |     timezone: berlin
      |               ^^^^^^
      |
      = help: did you mean `Europe/Berlin`?
    ");
}

#[test]
fn a_bad_name() {
    let text = "jobs:
  ../up:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: `../up` cannot be a job's name: use 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit
     --> jobs.yaml:2:3
      |
    2 |   ../up:
      |   ^^^^^
    ");
}

#[test]
fn no_jobs() {
    let text = "timezone: UTC\n";
    assert_snapshot!(rendered(text), @r#"
    error: no jobs: the key `jobs` is missing
    --> jobs.yaml
     = help: start with `jobs: {backup-daily: {schedule: "0 2 * * *", backup: {}}}`
    "#);
}

#[test]
fn nothing_under_jobs() {
    let text = "jobs:\n";
    assert_snapshot!(rendered(text), @r#"
    error: no jobs: nothing stands under `jobs`
     --> jobs.yaml:1:1
      |
    1 | jobs:
      | ^^^^
      |
      = help: start with `jobs: {backup-daily: {schedule: "0 2 * * *", backup: {}}}`
    "#);
}

#[test]
fn a_job_that_is_a_word() {
    let text = "jobs:
  a: backup
";
    assert_snapshot!(rendered(text), @r#"
    error: the job `a` has no settings: expected keys with values
     --> jobs.yaml:2:6
      |
    2 |   a: backup
      |      ^^^^^^
      |
      = help: start with `jobs: {backup-daily: {schedule: "0 2 * * *", backup: {}}}`
    "#);
}

#[test]
fn jobs_that_are_a_list() {
    let text = "jobs:
  - backup: {}
";
    assert_snapshot!(rendered(text), @r#"
    error: expected jobs by name: keys with values
     --> jobs.yaml:2:3
      |
    2 |   - backup: {}
      |   ^
      |
      = help: start with `jobs: {backup-daily: {schedule: "0 2 * * *", backup: {}}}`
    "#);
}

#[test]
fn a_bad_recipient() {
    let text = "encryption:
  recipients: [bob]
jobs:
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: `bob` is not an age public key: expected `age1` and 58 characters
     --> jobs.yaml:2:16
      |
    2 |   recipients: [bob]
      |                ^^^
      |
      = help: write an age public key, `age1…`; `bellkeeper keys show` prints yours
    ");
}

#[test]
fn a_private_key_is_not_shown() {
    let text = "encryption:
  recipients:
    - AGE-SECRET-KEY-1QQPQQZ
jobs:
  a:
    backup: {}
";
    assert_snapshot!(rendered(text), @r"
    error: this is a private key, and it must not stand here
    --> jobs.yaml:3:7
     = help: write its public half, `age1…`, and replace the key: it may have been seen
    ");
}

#[test]
fn many_mistakes_are_told_in_order() {
    let text = r#"timezone: Europe/Berln
defaults: {retry: {atempts: 5}, overlap: nope}
jobs:
  a:
    schedule: ["0 2 * * *", 5]
    backup: {what: config}
    catchup: all
  b:
    enabled: 1
"#;
    assert_snapshot!(rendered(text), @r#"
    error: unknown time zone `Europe/Berln`
     --> jobs.yaml:1:11
      |
    1 | timezone: Europe/Berln
      |           ^^^^^^^^^^^^
      |
      = help: did you mean `Europe/Berlin`?

    error: unknown key `atempts`
     --> jobs.yaml:2:20
      |
    2 | defaults: {retry: {atempts: 5}, overlap: nope}
      |                    ^^^^^^^
      |
      = help: did you mean `attempts`?

    error: `overlap`: unknown value `nope`
     --> jobs.yaml:2:42
      |
    2 | defaults: {retry: {atempts: 5}, overlap: nope}
      |                                          ^^^^
      |
      = help: expected one of `skip`, `queue`, `replace` or `allow`

    error: `schedule`: expected text, found the number 5
     --> jobs.yaml:5:29
      |
    5 |     schedule: ["0 2 * * *", 5]
      |                             ^
      |
      = help: put it in quotes

    error: `what`: expected a list, found text `config`
     --> jobs.yaml:6:20
      |
    6 |     backup: {what: config}
      |                    ^^^^^^
      |
      = help: put it in brackets: `[…]`

    error: unknown key `catchup`
     --> jobs.yaml:7:5
      |
    7 |     catchup: all
      |     ^^^^^^^
      |
      = help: did you mean `catch_up`?

    error: the job `b` has no kind: nothing says what it does
     --> jobs.yaml:8:3
      |
    8 |   b:
      |   ^
      |
      = help: add one of `backup`, `verify`, `drill`, `prune`, `maintain`, `rotate_logs`, `analysis` or `command`, e.g. `backup: {}`

    error: `enabled`: expected `true` or `false`, found the number 1
     --> jobs.yaml:9:14
      |
    9 |     enabled: 1
      |              ^
    "#);
}

#[test]
fn a_catch_up_window_longer_than_the_history_kept() {
    let text = "jobs:
  a: {catch_up_window: 500d, backup: {}}
  b: {catch_up_window: 20d, keep_history: 10d, backup: {}}
  c: {keep_history: 1d, backup: {}}
";
    assert_snapshot!(rendered(text), @r"
    error: `catch_up_window` (500d) is longer than `keep_history` (400d)
     --> jobs.yaml:2:24
      |
    2 |   a: {catch_up_window: 500d, backup: {}}
      |                        ^^^^
      |
      = help: a slot can be caught up only while its history is kept: set `keep_history` to `500d` or more, or `catch_up_window` to `400d` or less

    error: `catch_up_window` (20d) is longer than `keep_history` (10d)
     --> jobs.yaml:3:24
      |
    3 |   b: {catch_up_window: 20d, keep_history: 10d, backup: {}}
      |                        ^^^                --- so long history is kept
      |
      = help: a slot can be caught up only while its history is kept: set `keep_history` to `20d` or more, or `catch_up_window` to `10d` or less

    error: the kind's `catch_up_window` (1d12h) is longer than `keep_history` (1d)
     --> jobs.yaml:4:21
      |
    4 |   c: {keep_history: 1d, backup: {}}
      |                     ^^
      |
      = help: a slot can be caught up only while its history is kept: set `keep_history` to `1d12h` or more, or `catch_up_window` to `1d` or less
    ");
}

#[test]
fn history_that_defaults_keep_too_short_is_told_once() {
    let text = "defaults: {keep_history: \"${SEVEN}d\", catch_up_window: 20d}
jobs:
  a: {backup: {}}
  b: {backup: {}}
  c: {catch_up_window: 6d, backup: {}}
  d: {keep_history: 20d, backup: {}}
";
    assert_snapshot!(rendered(text), @r##"
    error: `catch_up_window` (20d) is longer than `keep_history` (`${SEVEN}`)
     --> jobs.yaml:1:56
      |
    1 | defaults: {keep_history: "${SEVEN}d", catch_up_window: 20d}
      |                          -----------                   ^^^
      |                          |
      |                          so long history is kept
      |
      = help: a slot can be caught up only while its history is kept: make `keep_history` longer or `catch_up_window` shorter
    "##);
}

#[test]
fn history_for_hours() {
    let text = "defaults: {keep_history: 23h}
jobs:
  a: {backup: {}}
  b: {keep_history: 0s, backup: {}}
";
    assert_snapshot!(rendered(text), @r"
    error: `keep_history` must be at least `1d`
     --> jobs.yaml:1:26
      |
    1 | defaults: {keep_history: 23h}
      |                          ^^^

    error: `keep_history` must be at least `1d`
     --> jobs.yaml:4:21
      |
    4 |   b: {keep_history: 0s, backup: {}}
      |                     ^^
    ");
}

#[test]
fn logs_that_cannot_be_rotated() {
    let text = "jobs:
  a:
    rotate_logs: {files: [logs/**/x.log, '../y.log']}
  b:
    rotate_logs: {files: [/var/log/*.log, jobs.yaml], every: 12h}
  c:
    rotate_logs: {files: [/var/log/*.log, jobs.yaml], min_size: 1GB}
";
    assert_snapshot!(rendered(text), @r"
    error: `files`: `logs/**/x.log`: `**` is not known: name each folder, or use `*` for one
     --> jobs.yaml:3:27
      |
    3 |     rotate_logs: {files: [logs/**/x.log, '../y.log']}
      |                           ^^^^^^^^^^^^^

    error: `files`: `../y.log`: it leaves the root with `..`: write the whole path
     --> jobs.yaml:3:42
      |
    3 |     rotate_logs: {files: [logs/**/x.log, '../y.log']}
      |                                          ^^^^^^^^^^

    error: `every`: unknown value `12h`
     --> jobs.yaml:5:62
      |
    5 |     rotate_logs: {files: [/var/log/*.log, jobs.yaml], every: 12h}
      |                                                              ^^^
      |
      = help: expected one of `hour`, `day`, `week` or `month`

    error: `/var/log` lies outside of the root
     --> jobs.yaml:7:26
      |
    7 |     rotate_logs: {files: [/var/log/*.log, jobs.yaml], min_size: 1GB}
      |                          ^
      |
      = help: add its folder to `allowed`

    error: `jobs.yaml` is no log
     --> jobs.yaml:7:26
      |
    7 |     rotate_logs: {files: [/var/log/*.log, jobs.yaml], min_size: 1GB}
      |                          ^
      |
      = help: name only logs, e.g. `logs/*.log`

    error: `min_size` of 1.0 GB is more than `max_size` of 20.0 MB
     --> jobs.yaml:7:65
      |
    7 |     rotate_logs: {files: [/var/log/*.log, jobs.yaml], min_size: 1GB}
      |                                                                 ^^^
      |
      = help: make it smaller
    ");
}

#[test]
fn a_job_that_would_rotate_what_another_one_has_put_away() {
    let text = "jobs:
  all:
    rotate_logs: {files: ['*/*.log']}
  keeper:
    rotate_logs: {files: [logs/*.log], archive_dir: ./shared/}
  logs:
    rotate_logs: {files: [logs/bellkeeper.log, shared/x/*.log]}
  shared:
    rotate_logs: {files: [shared/*.log], keep: {count: 1}}
";
    assert_snapshot!(rendered(text), @r"
    error: the folder `shared` holds the rotated logs of the job `keeper`
     --> jobs.yaml:3:26
      |
    3 |     rotate_logs: {files: ['*/*.log']}
      |                          ^
    4 |   keeper:
    5 |     rotate_logs: {files: [logs/*.log], archive_dir: ./shared/}
      |                                                     --------- the other job
      |
      = help: name the folders where logs are written; leave the rest to that job

    error: the folder `shared` holds the rotated logs of the job `keeper`
     --> jobs.yaml:9:26
      |
    5 |     rotate_logs: {files: [logs/*.log], archive_dir: ./shared/}
      |                                                     --------- the other job
    ...
    9 |     rotate_logs: {files: [shared/*.log], keep: {count: 1}}
      |                          ^
      |
      = help: name the folders where logs are written; leave the rest to that job
    ");
}

#[test]
fn archives_of_jobs_that_make_none() {
    let text = "jobs:
  backup-daily:
    backup: {}
  prove:
    verify: {jobs: [backup-daly], newest: 1}
  drill:
    drill:
      jobs:
        - backup-daily
        - prove
";
    assert_snapshot!(rendered(text), @r"
    error: there is no job `backup-daly`
     --> jobs.yaml:5:21
      |
    5 |     verify: {jobs: [backup-daly], newest: 1}
      |                     ^^^^^^^^^^^
      |
      = help: did you mean `backup-daily`?

    error: the job `prove` makes no archives
      --> jobs.yaml:10:11
       |
    10 |         - prove
       |           ^^^^^
       |
       = help: expected one of `backup-daily`
    ");
    let text = "jobs:
  drill:
    drill: {jobs: [b]}
";
    assert_snapshot!(rendered(text), @r"
    error: there is no job `b`
     --> jobs.yaml:3:20
      |
    3 |     drill: {jobs: [b]}
      |                    ^
      |
      = help: add a job of the kind `backup`
    ");
}

#[test]
fn a_number_of_archives_that_is_none() {
    let text = "jobs:
  backup-daily:
    backup: {}
  prove:
    verify: {newest: 0}
";
    assert_snapshot!(rendered(text), @r"
    error: `newest`: expected a number from 1 or `all`, found the number 0
     --> jobs.yaml:5:22
      |
    5 |     verify: {newest: 0}
      |                      ^
    ");
}
