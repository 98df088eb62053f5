//! Which kind a job is, and its settings.

use std::sync::Arc;

use super::{
    collect,
    fault::Fault,
    node::{Key, Node, Skip, Value},
    problem::Problem,
};
use crate::{
    job::{Job, Kind},
    kinds::Visit,
    suggest,
    units::Span,
};

/// The kind of a job with its settings as read.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) job: Arc<dyn Job>,
    pub(super) name: &'static str,
    pub(super) window: Span,
}

/// Reads the settings of a kind from its node.
pub(super) struct Read<'a> {
    pub(super) node: &'a Node,
    pub(super) skip: &'a mut Skip,
    pub(super) tell: &'a mut dyn FnMut(Fault),
}

impl Visit for Read<'_> {
    type Out = Option<Built>;

    fn visit<K: Kind>(&mut self) -> Option<Built> {
        let job: K = collect::read(self.node, self.skip, self.tell)?;
        Some(Built {
            job: Arc::new(job),
            name: K::NAME,
            window: K::CATCH_UP_WINDOW,
        })
    }
}

/// The one entry of a job that is its kind; each further one is a problem.
pub(super) fn pick<'a>(
    job: &'a Node,
    names: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<&'a (Key, Node)> {
    let mut kinds = job
        .entries()
        .iter()
        .filter(|(key, _)| names.contains(&key.text.as_str()));
    let first = kinds.next()?;
    for (key, _) in kinds {
        let message = format!(
            "a job has one kind, and this one is `{}` already",
            first.0.text
        );
        problems.push(
            Problem::new(key.place, message)
                .also(first.0.place, "its kind")
                .hint("make two jobs of it"),
        );
    }
    Some(first)
}

/// Whether an unknown key of a job without kind is a misspelled (or missing) kind.
pub(super) fn is_meant(key: &str, value: &Node, names: &[&str], job_keys: &[&str]) -> bool {
    let like_settings = matches!(value.value, Value::Map(_) | Value::Null);
    let near_kind = suggest::nearest(key, names.iter().copied()).is_some();
    let near_key = suggest::nearest(key, job_keys.iter().copied()).is_some();
    near_kind || (like_settings && !near_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobfile::{node, source::Source};

    fn tree(text: &str) -> Node {
        let source = Source {
            name: "x".into(),
            text: text.into(),
        };
        node::parse(&source, &mut Vec::new()).unwrap()
    }

    #[test]
    fn a_second_kind_is_told_with_the_place_of_the_first() {
        let mut problems = Vec::new();
        let job = tree("schedule: x\nprune: {}\nbackup: {}\n");
        let kind = pick(&job, &["backup", "prune"], &mut problems).unwrap();
        assert_eq!(kind.0.text, "prune");
        assert_eq!(problems[0].place.line, 3);
        assert_eq!(problems[0].also.unwrap().0.line, 2);
        assert_eq!(
            problems[0].message,
            "a job has one kind, and this one is `prune` already"
        );
    }

    #[test]
    fn a_misspelled_kind_is_told_from_a_misspelled_key() {
        let job = tree("bakup: {}\nretyr: {}\nrocket: {}\nfuel: 7\nbackups: now\n");
        let meant: Vec<_> = job
            .entries()
            .iter()
            .map(|(key, value)| is_meant(&key.text, value, &["backup"], &["retry", "timeout"]))
            .collect();
        assert_eq!(meant, [true, false, true, false, true]);
    }
}
