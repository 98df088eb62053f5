//! The rules of the house, checked on the sources themselves: floors, owners, length, words.
//!
//! The floors are read from the table in `src/lib.rs`, so the map that people read and the rule
//! that is enforced cannot differ. Every rule has a bad sample that it must catch.

use std::{fs, path::Path};

mod cycles;
mod floors;
mod habits;
mod owners;
mod paths;
mod source;

/// One source file: its path from the package's folder, with `/`, and its text.
#[derive(Debug, Clone)]
struct File {
    path: String,
    text: String,
}

/// All offences in `files`, each as `path:line: what`, in the order of the files.
fn offences(files: &[File], manifest: &str) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(source::Source::read).collect();
    let mut found = habits::lints(manifest);
    match floors::Floors::read(files) {
        Ok(floors) => found.extend(sources.iter().flat_map(|source| floors.check(source))),
        Err(problems) => found.extend(problems),
    }
    found.extend(sources.iter().flat_map(owners::check));
    found.extend(sources.iter().flat_map(habits::check));
    found.extend(cycles::check(&sources));
    found
}

/// The files below `folder` whose names end in one of `endings`, sorted by path.
fn read_all(folder: &str, endings: &[&str]) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if endings
                .iter()
                .any(|end| path.to_string_lossy().ends_with(end))
            {
                files.push(File {
                    path: path.strip_prefix(root).unwrap().display().to_string(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[test]
fn the_sources_obey_the_rules_of_the_house() {
    let manifest = include_str!("../Cargo.toml");
    let files = read_all("src", &[".rs"]);
    assert!(files.iter().any(|file| file.path == "src/lib.rs"));
    let found = offences(&files, manifest);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn nothing_shipped_names_somebodys_home_folder() {
    let endings = [".rs", ".md", ".yaml", ".toml", ".json", ".txt", "run"];
    let mut files: Vec<File> = ["src", "docs", "benches", "config", "schema", ".ci"]
        .into_iter()
        .chain(["tests/fixtures", "backups"])
        .flat_map(|folder| read_all(folder, &endings))
        .collect();
    for name in ["README.md", "CHANGELOG.md", "jobs.yaml", "justfile"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        files.extend(fs::read_to_string(path).map(|text| File {
            path: name.into(),
            text,
        }));
    }
    let found: Vec<_> = files.iter().flat_map(habits::home_folders).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[cfg(test)]
mod samples {
    use super::*;

    /// A sound little crate: `lib.rs` with three floors, to which a test adds a bad file.
    pub(super) const MAP: &str = "\
//! | floor | modules | what |
//! |---|---|---|
//! | 2 | [`kinds`], [`engine`] | siblings |
//! | 1 | [`job`] | the contract |
//! | 0 | [`files`], [`sqlite`] | tools |
pub mod files;
pub mod sqlite;
pub mod job;
pub mod engine;
pub mod kinds;
";

    pub(super) const MANIFEST: &str = "[lints.rust]\nunsafe_code = \"forbid\"\n\
        unreachable_pub = \"warn\"\nmissing_docs = \"warn\"\n\n[lints.clippy]\n";

    pub(super) fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    /// What is found when `path` with `text` stands beside a sound `lib.rs`.
    pub(super) fn judge(path: &str, text: &str) -> Vec<String> {
        offences(&[file("src/lib.rs", MAP), file(path, text)], MANIFEST)
    }

    #[test]
    fn a_broken_floor_is_named_with_file_and_line() {
        let text = "//! The contract.\n\nuse std::fmt;\n\nuse crate::{\n    files,\n    engine::Engine,\n};\n";
        assert_eq!(
            judge("src/job.rs", text),
            ["src/job.rs:7: `job` must not import `engine`"]
        );
    }

    #[test]
    fn a_sound_file_passes() {
        let text = "//! An engine.\nuse crate::{files, job::{Job, Cx as C}};\nfn f() { crate::files::at(); }\n";
        assert_eq!(judge("src/engine/mod.rs", text), [""; 0]);
    }
}
