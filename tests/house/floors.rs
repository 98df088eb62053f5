//! A module names only modules of lower floors, never beside or above.

use std::collections::BTreeMap;

use super::{File, paths, source::Source};

/// Each top-level module and its floor.
#[derive(Debug)]
pub(super) struct Floors(BTreeMap<String, i32>);

impl Floors {
    /// Reads the table in the documentation of `src/lib.rs`.
    ///
    /// Every declared module must stand in it and every module in it must be declared.
    pub(super) fn read(files: &[File]) -> Result<Self, Vec<String>> {
        let text = files
            .iter()
            .find(|file| file.path == "src/lib.rs")
            .map_or("", |file| &file.text);
        let floors: BTreeMap<_, _> = text.lines().flat_map(row).collect();
        let declared: Vec<_> = text.lines().filter_map(declared).collect();
        let unlisted = declared
            .iter()
            .filter(|name| !floors.contains_key(**name))
            .map(|name| format!("src/lib.rs: `{name}` stands on no floor of the table"));
        let undeclared = floors
            .keys()
            .filter(|name| !declared.contains(&name.as_str()))
            .map(|name| format!("src/lib.rs: the table names `{name}`, which is no module"));
        let problems: Vec<_> = unlisted.chain(undeclared).collect();
        match (floors.is_empty(), problems.is_empty()) {
            (true, _) => Err(vec!["src/lib.rs: has no table of floors".into()]),
            (_, false) => Err(problems),
            _ => Ok(Self(floors)),
        }
    }

    pub(super) fn check(&self, source: &Source) -> Vec<String> {
        let module = source.module();
        let Some(own) = module.first() else {
            return Vec::new();
        };
        let Some(floor) = self.0.get(own) else {
            return vec![format!("{}: stands on no floor", source.path)];
        };
        let mut found: Vec<String> = paths::named(source)
            .into_iter()
            .filter_map(|named| {
                let other = named.absolute?.into_iter().next().unwrap_or("*".into());
                let reachable = self.0.get(&other).is_none_or(|it| it < floor);
                let offence = other == "*" || (other != *own && !reachable);
                offence.then(|| {
                    let (path, line) = (&source.path, named.line);
                    format!("{path}:{line}: `{own}` must not import `{other}`")
                })
            })
            .collect();
        found.dedup();
        found
    }
}

/// The modules of one row `//! | 3 | [`job`] | … |`.
fn row(line: &str) -> Vec<(String, i32)> {
    let cells: Vec<_> = line
        .trim_start_matches("//!")
        .split('|')
        .map(str::trim)
        .collect();
    let [_, floor, modules, ..] = cells.as_slice() else {
        return Vec::new();
    };
    let Ok(floor) = floor.parse() else {
        return Vec::new();
    };
    let names = modules
        .split(',')
        .map(|name| name.trim().trim_matches(['[', ']', '`']));
    names.map(|name| (name.to_owned(), floor)).collect()
}

fn declared(line: &str) -> Option<&str> {
    line.strip_prefix("pub mod ")?.strip_suffix(';')
}

#[cfg(test)]
mod tests {
    use super::super::{
        offences,
        samples::{MANIFEST, MAP, file, judge},
    };

    const NONE: [&str; 0] = [];

    #[test]
    fn siblings_never_meet() {
        assert_eq!(
            judge("src/kinds/backup.rs", "fn f() { crate::engine::run(); }"),
            ["src/kinds/backup.rs:1: `kinds` must not import `engine`"]
        );
        assert_eq!(
            judge("src/kinds/backup.rs", "use super::other::Thing;"),
            NONE
        );
    }

    #[test]
    fn the_way_up_through_super_is_seen() {
        assert_eq!(
            judge("src/files.rs", "\nuse super::job;"),
            ["src/files.rs:2: `files` must not import `job`"]
        );
        assert_eq!(judge("src/job.rs", "\nuse super::files;"), NONE);
    }

    #[test]
    fn tests_may_look_down_but_not_up() {
        let tests = |import| format!("#[cfg(test)]\nmod tests {{\n    use {import};\n}}\n");
        assert_eq!(judge("src/job.rs", &tests("crate::files")), NONE);
        assert_eq!(
            judge("src/job.rs", &tests("crate::kinds::Backup")),
            ["src/job.rs:3: `job` must not import `kinds`"]
        );
    }

    #[test]
    fn the_whole_crate_cannot_be_imported() {
        assert_eq!(
            judge("src/job.rs", "use crate::*;"),
            ["src/job.rs:1: `job` must not import `*`"]
        );
        assert_eq!(judge("src/job.rs", "pub(crate) use crate::files::*;"), NONE);
    }

    #[test]
    fn a_module_and_the_table_cannot_differ() {
        let lib = MAP.replace("[`job`]", "[`jib`]");
        assert_eq!(
            offences(&[file("src/lib.rs", &lib)], MANIFEST),
            [
                "src/lib.rs: `job` stands on no floor of the table",
                "src/lib.rs: the table names `jib`, which is no module"
            ]
        );
        assert_eq!(
            judge("src/attic.rs", ""),
            ["src/attic.rs: stands on no floor"]
        );
    }
}
