//! The paths that a source names: `use` trees and paths inside expressions and types.

use super::source::Source;

/// One path, such as `crate::files::at`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) line: usize,
    /// As written, for a `use` tree one for each leaf; `*` for a glob.
    pub(super) written: Vec<String>,
    /// From the crate's root if it starts with `crate`, `self` or `super`.
    pub(super) absolute: Option<Vec<String>>,
    pub(super) test: bool,
    /// It is the leaf of a `pub use`, under this name.
    pub(super) re_exported: Option<String>,
}

/// All paths that `source` names, in its order.
pub(super) fn named(source: &Source) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.tokens.len() {
        let next = source.word(at + 1);
        if source.word(at) == "use" && next != "<" {
            at = use_tree(source, at, &mut found);
        } else if starts_path(source, at) {
            at = inline_path(source, at, &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn starts_path(source: &Source, at: usize) -> bool {
    let word = |at: Option<usize>| at.map_or("", |at| source.word(at));
    let is_word = source
        .tokens
        .get(at)
        .is_some_and(super::source::Token::is_word);
    let (before, earlier) = (word(at.checked_sub(1)), word(at.checked_sub(2)));
    // After `>` or a word the `::` continues a path; otherwise it starts one at the crates.
    let continues = before == "::"
        && (earlier == ">" || earlier.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    is_word && source.word(at + 1) == "::" && !continues
}

fn inline_path(source: &Source, start: usize, found: &mut Vec<Named>) -> usize {
    let mut written = vec![source.word(start).to_owned()];
    let mut at = start + 1;
    while source.word(at) == "::"
        && source
            .tokens
            .get(at + 1)
            .is_some_and(super::source::Token::is_word)
    {
        written.push(source.word(at + 1).to_owned());
        at += 2;
    }
    found.push(named_at(source, start, start, written, None));
    at
}

fn named_at(
    source: &Source,
    item: usize,
    place: usize,
    written: Vec<String>,
    re_exported: Option<String>,
) -> Named {
    let mut here = source.module();
    let token = source.tokens.get(item);
    here.extend(token.into_iter().flat_map(|token| token.inline.clone()));
    Named {
        line: source.tokens.get(place).map_or(0, |token| token.line),
        absolute: absolute(&here, &written),
        written,
        test: token.is_some_and(|token| token.test),
        re_exported,
    }
}

fn absolute(here: &[String], written: &[String]) -> Option<Vec<String>> {
    let mut path = match written.first()?.as_str() {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    for part in written {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
    }
    Some(path)
}

/// Reads the tree of the `use` at `start`; returns where its `;` is.
fn use_tree(source: &Source, start: usize, found: &mut Vec<Named>) -> usize {
    let public = start
        .checked_sub(1)
        .is_some_and(|at| matches!(source.word(at), "pub" | ")"));
    // One frame a group: the path before its brace.
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut alias: Option<String> = None;
    let mut place = start + 1;
    let mut at = start + 1;
    loop {
        match source.word(at) {
            "{" => {
                groups.push(path.clone());
                alias = None;
            }
            end @ ("," | "}" | ";" | "") => {
                let outer = groups.last().cloned().unwrap_or_default();
                if path.len() > outer.len() {
                    let name = alias.take().or_else(|| path.last().cloned());
                    let re_exported = name.filter(|_| public);
                    found.push(named_at(source, start, place, path.clone(), re_exported));
                }
                match end {
                    // What follows a group is a comma or an end, so its prefix is no leaf.
                    "}" => {
                        groups.pop();
                        path = groups.last().cloned().unwrap_or_default();
                    }
                    "," => path = outer,
                    _ => return at,
                }
            }
            "::" => {}
            "as" => {
                at += 1;
                alias = Some(source.word(at).to_owned());
            }
            name => {
                path.push(name.to_owned());
                place = at;
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::File, *};

    fn read(text: &str) -> Vec<Named> {
        named(&Source::read(&File {
            path: "src/a/b.rs".into(),
            text: text.into(),
        }))
    }

    fn absolutes(text: &str) -> Vec<String> {
        let found = read(text).into_iter();
        found
            .filter_map(|n| n.absolute)
            .map(|path| path.join("::"))
            .collect()
    }

    #[test]
    fn nested_groups_over_lines_are_read_leaf_by_leaf() {
        let text = "use crate::{\n  c::{D, e::F as G},\n  h,\n};\nuse crate::i;";
        assert_eq!(absolutes(text), ["c::D", "c::e::F", "h", "i"]);
        let lines: Vec<_> = read(text).iter().map(|n| n.line).collect();
        assert_eq!(lines, [2, 2, 3, 5]);
    }

    #[test]
    fn super_and_self_are_followed_from_inline_modules_too() {
        assert_eq!(absolutes("use super::c; use self::d;"), ["a::c", "a::b::d"]);
        assert_eq!(absolutes("mod t { use super::super::super::c; }"), ["c"]);
    }

    #[test]
    fn paths_in_code_are_read_but_not_in_comments_and_strings() {
        let text =
            "// crate::x::y\nfn f(_: &'a crate::c::D<T>) { \"crate::z::w\"; super::e::f::<U>(); }";
        assert_eq!(absolutes(text), ["c::D", "a::e::f"]);
    }

    #[test]
    fn other_crates_are_read_as_written() {
        let text = "use rusqlite::{Connection, params}; fn f() { ::tar::g(); T::new() }";
        let found: Vec<_> = read(text)
            .into_iter()
            .map(|n| n.written.join("::"))
            .collect();
        assert_eq!(
            found,
            [
                "rusqlite::Connection",
                "rusqlite::params",
                "tar::g",
                "T::new"
            ]
        );
    }

    #[test]
    fn what_is_re_exported_keeps_its_new_name() {
        let found = read("pub use self::c::D as E; pub(crate) use f::g; use h::i;");
        let names: Vec<_> = found.into_iter().map(|n| n.re_exported).collect();
        assert_eq!(names, [Some("E".into()), Some("g".into()), None]);
    }
}
