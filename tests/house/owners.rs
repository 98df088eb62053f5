//! Each heavy dependency has an owner; nobody else names it outside tests.

use super::{paths, source::Source};

/// A crate and the modules (`gzip`) or files (`engine/board`) that may name it.
const OWNERS: [(&str, &[&str]); 28] = [
    ("age", &["archive"]),
    ("annotate_snippets", &["jobfile", "cli"]),
    ("anstream", &["cli"]),
    ("anstyle", &["cli"]),
    ("axum", &["app"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli"]),
    ("crc32fast", &["archive", "gzip"]),
    ("croner", &["schedule"]),
    ("csv", &["market"]),
    ("dotenvy", &["dotenv"]),
    ("flate2", &["gzip"]),
    ("http_body_util", &["app"]),
    ("hyper", &["app"]),
    ("hyper_util", &["app"]),
    ("indicatif", &["cli"]),
    ("lettre", &["notify"]),
    ("notify", &["system/watching"]),
    ("rusqlite", &["sqlite", "ledger", "store", "archive"]),
    ("serde_yaml", &["jobfile", "settings"]),
    ("sysinfo", &["system"]),
    ("ta_lib", &["analysis"]),
    ("tar", &["archive"]),
    ("tokio_cron_scheduler", &["engine/board"]),
    ("tracing_subscriber", &["logs"]),
    ("ureq", &["market", "notify"]),
];

pub(super) fn check(source: &Source) -> Vec<String> {
    let place = source.module().join("/");
    let mut found: Vec<String> = paths::named(source)
        .into_iter()
        .filter(|named| !named.test)
        .filter_map(|named| {
            let name = named.written.first()?;
            let (_, owners) = OWNERS.iter().find(|(owned, _)| owned == name)?;
            let home = owners.iter().any(|owner| {
                place
                    .strip_prefix(owner)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            let owners = owners.join("`, `");
            let (path, line) = (&source.path, named.line);
            (!home).then(|| format!("{path}:{line}: `{name}` belongs to `{owners}`"))
        })
        .collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::super::samples::judge;

    const NONE: [&str; 0] = [];

    #[test]
    fn a_stranger_cannot_name_an_owned_crate() {
        assert_eq!(
            judge("src/job.rs", "use rusqlite::Connection;"),
            ["src/job.rs:1: `rusqlite` belongs to `sqlite`, `ledger`, `store`, `archive`"]
        );
        assert_eq!(
            judge(
                "src/engine/timer.rs",
                "fn f() {\n  tokio_cron_scheduler::x();\n}"
            ),
            ["src/engine/timer.rs:2: `tokio_cron_scheduler` belongs to `engine/board`"]
        );
        assert_eq!(
            judge("src/job.rs", "use age;"),
            ["src/job.rs:1: `age` belongs to `archive`"]
        );
    }

    #[test]
    fn an_owner_may_and_so_may_tests() {
        assert_eq!(judge("src/sqlite.rs", "use rusqlite::Connection;"), NONE);
        assert_eq!(
            judge("src/engine/board.rs", "use tokio_cron_scheduler::Job;"),
            NONE
        );
        let test = "#[cfg(test)]\nmod tests {\n    use rusqlite::Connection;\n}\n";
        assert_eq!(judge("src/job.rs", test), NONE);
        assert_eq!(judge("src/job/tests.rs", "use rusqlite::Connection;"), NONE);
    }

    #[test]
    fn a_local_name_is_not_a_crate() {
        assert_eq!(
            judge("src/job.rs", "fn f(age: u8) { crate::files::age::g(age) }"),
            NONE
        );
    }
}
