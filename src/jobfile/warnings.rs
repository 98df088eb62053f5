//! What is no mistake in a job file, but most likely not meant so.
//!
//! Looked for only in a file without mistakes. A new sort of warning is a function from the jobs to
//! problems, called in [`of`].

use jiff::Timestamp;

use super::{
    node::{Node, Skip, Text},
    problem::{MAX_PROBLEMS, Problem},
    source::{Place, Source},
};
use crate::{
    job::{JobSet, JobSpec},
    schedule::{Frame, Schedule},
};

/// All warnings of a file; `root` is the tree that `set` was read from.
pub(super) fn of(root: &Node, source: &Source, set: &JobSet, now: Timestamp) -> Vec<Problem> {
    schedules(root, source, set, now)
}

/// Schedules that most people read otherwise. What is disabled surprises nobody.
fn schedules(root: &Node, source: &Source, set: &JobSet, now: Timestamp) -> Vec<Problem> {
    let mut found = Vec::new();
    let jobs = root.get("jobs").map(Node::entries).unwrap_or_default();
    // The jobs of a file without mistakes are its entries, in the same order.
    for ((_, node), spec) in jobs.iter().zip(&set.jobs) {
        if found.len() > MAX_PROBLEMS {
            break;
        }
        let texts = node.get("schedule").map(|node| node.texts(&Skip::new()));
        let texts = texts.unwrap_or_default().into_iter();
        for ((text, place), schedule) in texts.zip(&spec.schedules) {
            found.extend(schedule_of(source, spec, schedule, (text, place), now));
        }
    }
    found
}

fn schedule_of(
    source: &Source,
    spec: &JobSpec,
    schedule: &Schedule,
    (text, place): (&Text, Place),
    now: Timestamp,
) -> Vec<Problem> {
    // A variable's value is never shown, and there is no telling a doubt without showing some.
    if !spec.policy.enabled || text.variable.is_some() {
        return Vec::new();
    }
    let frame = Frame {
        zone: spec.policy.timezone.clone(),
        dst: spec.policy.dst,
        anchor: now,
    };
    let blanks = text.text.len() - text.text.trim_start().len();
    let doubts = schedule.doubts(&frame, now).into_iter();
    doubts
        .map(|doubt| {
            let span = doubt.span.start + blanks..doubt.span.end + blanks;
            let place = source.inside(place, &text.text, &span);
            Problem::new(place, doubt.message).maybe_hint(doubt.hint)
        })
        .collect()
}
