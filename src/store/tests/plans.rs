//! Every query about bars, signals and findings goes by an index, however many rows there are.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::super::schema::MIGRATIONS;

/// The SQL that a source file holds, its tests left out.
fn queries(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    // A backslash at the end of a line joins it with the next one.
    let code = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    // Odd parts stand between quotes; no query holds one.
    let texts = code.split('"').skip(1).step_by(2).map(str::trim_start);
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
    let queries = texts.filter(|text| verbs.iter().any(|verb| text.starts_with(verb)));
    queries
        .map(|query| query.replace("{one}", "WHERE symbol = ?1"))
        .collect()
}

fn sources() -> Vec<std::path::PathBuf> {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let names = ["bars.rs", "signals.rs", "findings.rs", "record.rs"];
    let mut files: Vec<_> = names.iter().map(|name| store.join(name)).collect();
    let more = fs::read_dir(store.join("record")).into_iter().flatten();
    files.extend(more.map(|entry| entry.unwrap().path()));
    files.retain(|file| file.is_file() && !file.ends_with("tests.rs"));
    files
}

#[test]
fn every_query_of_an_analysis_goes_by_an_index() {
    let connection = Connection::open_in_memory().unwrap();
    for migration in MIGRATIONS {
        connection.execute_batch(migration).unwrap();
    }
    let mut seen = 0;
    for file in sources() {
        for query in queries(&fs::read_to_string(&file).unwrap()) {
            let explain = format!("EXPLAIN QUERY PLAN {query}");
            let mut statement = connection
                .prepare(&explain)
                .unwrap_or_else(|error| panic!("{}: {query}: {error}", file.display()));
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get(3).unwrap();
                let whole = ["bars", "signals", "findings"].map(|table| format!("SCAN {table}"));
                assert!(
                    !whole.contains(&step),
                    "{}: {query}: {step}",
                    file.display()
                );
                let sorts = step.contains("TEMP B-TREE");
                assert!(!sorts, "{}: {query}: {step}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} queries");
}
