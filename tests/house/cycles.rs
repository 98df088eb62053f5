//! No two modules need each other, directly or around corners.
//!
//! A module and the modules inside it are one room: their traffic is their own affair. A name
//! that a parent re-exports leads to the file it comes from; the re-export itself is no need.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    paths::{self, Named},
    source::Source,
};

type Module = Vec<String>;

struct Graph {
    files: BTreeSet<Module>,
    /// (module, name it re-exports) → the path behind the name.
    aliases: BTreeMap<(Module, String), Module>,
}

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let read: Vec<(Module, Vec<Named>)> = sources
        .iter()
        .map(|source| (source.module(), paths::named(source)))
        .filter(|(module, _)| !module.is_empty())
        .collect();
    let graph = Graph::new(&read);
    let mut needs: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, named) in &read {
        let others = named
            .iter()
            .filter(|named| !named.test && named.re_exported.is_none())
            .filter_map(|named| graph.file_behind(named.absolute.as_ref()?))
            .filter(|other| !other.starts_with(module) && !module.starts_with(other));
        needs.entry(module).or_default().extend(others);
    }
    let path_of = |module: &Module| {
        let source = sources.iter().find(|source| source.module() == *module);
        source.map_or(String::new(), |source| source.path.clone())
    };
    needs
        .keys()
        .filter_map(|start| shortest_circle(start, &needs))
        // A circle is found from each of its modules: tell it once.
        .filter(|circle| circle.first() == circle.iter().min())
        .map(|circle| {
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            let first = circle.first().map(path_of).unwrap_or_default();
            format!("{first}: needs itself: `{}`", names.join("` → `"))
        })
        .collect()
}

impl Graph {
    fn new(read: &[(Module, Vec<Named>)]) -> Self {
        let files: BTreeSet<Module> = read.iter().map(|(module, _)| module.clone()).collect();
        let mut aliases = BTreeMap::new();
        for (module, named) in read {
            for named in named {
                let Some(name) = &named.re_exported else {
                    continue;
                };
                // A bare path in a `use` starts at a child or at another crate.
                let path = named
                    .absolute
                    .clone()
                    .unwrap_or_else(|| module.iter().chain(&named.written).cloned().collect());
                aliases.insert((module.clone(), name.clone()), path);
            }
        }
        Self { files, aliases }
    }

    /// The file in which the item at `path` stands.
    fn file_behind(&self, path: &Module) -> Option<Module> {
        let mut path = path.clone();
        // A chain of re-exports longer than this is itself a circle.
        for _ in 0..16 {
            let length = (1..=path.len())
                .rev()
                .find(|length| self.files.contains(&path[..*length]))?;
            let (file, rest) = path.split_at(length);
            let alias = rest
                .first()
                .and_then(|name| self.aliases.get(&(file.to_vec(), name.clone())));
            match alias {
                Some(behind) => path = behind.iter().chain(&rest[1..]).cloned().collect(),
                None => return Some(file.to_vec()),
            }
        }
        None
    }
}

/// The shortest way from `start` back to it, both ends included.
fn shortest_circle(
    start: &Module,
    needs: &BTreeMap<&Module, BTreeSet<Module>>,
) -> Option<Vec<Module>> {
    let mut ways: Vec<Vec<Module>> = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way
                .last()
                .and_then(|last| needs.get(last))
                .into_iter()
                .flatten()
            {
                let mut way = way.clone();
                way.push(next.clone());
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{super::samples::file, *};

    fn judge(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = files
            .iter()
            .map(|(path, text)| Source::read(&file(path, text)))
            .collect();
        check(&sources)
    }

    #[test]
    fn a_circle_of_three_files_is_told_once() {
        let found = judge(&[
            ("src/e/a.rs", "use super::b::X;"),
            ("src/e/b.rs", "fn f() { crate::e::c::g() }"),
            ("src/e/c.rs", "use crate::e::a;"),
            ("src/e/mod.rs", "mod a; mod b; mod c;"),
        ]);
        assert_eq!(
            found,
            ["src/e/a.rs: needs itself: `e::a` → `e::b` → `e::c` → `e::a`"]
        );
    }

    #[test]
    fn a_re_exported_name_leads_to_its_file() {
        let found = judge(&[
            ("src/e/a.rs", "use super::X;"),
            ("src/e/b.rs", "use super::Y;"),
            ("src/e/mod.rs", "pub use a::Y; pub use b::X;"),
        ]);
        assert_eq!(
            found,
            ["src/e/a.rs: needs itself: `e::a` → `e::b` → `e::a`"]
        );
    }

    #[test]
    fn parents_and_tests_are_no_circle() {
        let found = judge(&[
            ("src/e/a.rs", "use super::{Error, b::X};"),
            (
                "src/e/b.rs",
                "use super::Error;\n#[cfg(test)] mod tests { use crate::e::a; }",
            ),
            ("src/e/mod.rs", "mod a; mod b; use a::f; pub enum Error {}"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
