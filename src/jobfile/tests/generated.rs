//! What is committed is what the code generates; schema and parser know the same keys.

use std::path::Path;

use serde_json::Value;

use super::loading::loaded;
use crate::{
    job::Kind,
    jobfile::{jobs_md, kinds_table, schema},
    kinds::{self, Visit},
};

/// Compares a committed file with its generated text; writes it instead if `BELLKEEPER_BLESS` is
/// set.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that regenerates a committed file"
)]
fn committed(file: &str, text: &str, remedy: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var("BELLKEEPER_BLESS").is_ok() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{file} is out of date; regenerate it: {remedy}"
    );
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let remedy = "bellkeeper schema > schema/jobs.schema.json";
    committed("schema/jobs.schema.json", &schema(), remedy);
    assert!(schema().ends_with("}\n"));
}

#[test]
fn the_committed_page_is_the_generated_one() {
    let remedy = "BELLKEEPER_BLESS=1 cargo test jobfile";
    committed("docs/JOBS.md", &jobs_md(), remedy);
}

/// `text` with what stands between the two markers replaced by `part`.
fn between_markers(text: &str, [from, to]: [&str; 2], part: &str) -> String {
    let (head, rest) = text.split_once(from).expect(from);
    let (_, tail) = rest.split_once(to).expect(to);
    format!("{head}{from}\n{part}{to}{tail}")
}

#[test]
fn the_readme_holds_the_generated_table_of_kinds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let markers = ["<!-- kinds -->", "<!-- /kinds -->"];
    let text = between_markers(&readme, markers, &kinds_table());
    committed(
        "README.md",
        &text,
        "BELLKEEPER_BLESS=1 cargo test generated",
    );
}

struct RoundTrip;

impl Visit for RoundTrip {
    type Out = ();

    fn visit<K: Kind>(&mut self) {
        let text = K::EXAMPLE.replace('\n', "\n  ");
        let loaded = loaded(format!("jobs:\n  {text}").as_bytes());
        let loaded = loaded.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let spec = loaded.set.jobs.first().unwrap();
        let name = K::EXAMPLE.split_once(':').unwrap().0;
        assert_eq!((spec.name.as_str(), spec.kind), (name, K::NAME));
        assert!(spec.as_kind::<K>().is_some());
    }
}

#[test]
fn the_example_of_every_kind_is_a_job() {
    kinds::each(&mut RoundTrip);
}

/// The keys that a message of the parser offers for an unknown key at the place `at` makes.
fn offered(text: &str) -> Vec<String> {
    let problems = loaded(text.as_bytes()).unwrap_err();
    let hints = problems
        .list()
        .iter()
        .filter_map(|problem| problem.hint.as_deref());
    let hint = hints
        .into_iter()
        .find(|hint| hint.starts_with("expected one of "))
        .unwrap();
    let mut keys: Vec<_> = hint
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    keys.sort();
    keys
}

fn declared(pointer: &str) -> Vec<String> {
    let root: Value = serde_json::from_str(&schema()).unwrap();
    let properties = root.pointer(pointer).and_then(Value::as_object).unwrap();
    let mut keys: Vec<_> = properties.keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_knows_exactly_the_keys_of_the_parser() {
    let job = "jobs: {a: {backup: {}}}";
    for (text, pointer) in [
        (format!("{job}\nzzzzzzzz: 1\n"), "/properties"),
        (
            "jobs: {a: {backup: {}, zzzzzzzz: 1}}".to_owned(),
            "/$defs/Job/properties",
        ),
        (
            format!("{job}\ndefaults: {{zzzzzzzz: 1}}\n"),
            "/$defs/Defaults/properties",
        ),
        (
            format!("{job}\ndefaults: {{retry: {{zzzzzzzz: 1}}}}\n"),
            "/$defs/Retry/properties",
        ),
        (
            format!("{job}\ndefaults: {{dst: {{zzzzzzzz: 1}}}}\n"),
            "/$defs/Dst/properties",
        ),
        (
            format!("{job}\nencryption: {{zzzzzzzz: 1}}\n"),
            "/$defs/Encryption/properties",
        ),
        (
            "jobs: {a: {backup: {zzzzzzzz: 1}}}".to_owned(),
            "/$defs/Backup/properties",
        ),
        (
            "jobs: {a: {backup: {keep: {zzzzzzzz: 1}}}}".to_owned(),
            "/$defs/Keep/properties",
        ),
    ] {
        assert_eq!(offered(&text), declared(pointer), "{pointer}");
    }
}
