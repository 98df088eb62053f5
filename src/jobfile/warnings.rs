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
    job::{JobSet, JobSpec, calendar_warnings},
    schedule::Schedule,
};

/// All warnings of a file; `root` is the tree that `set` was read from.
pub(super) fn of(root: &Node, source: &Source, set: &JobSet, now: Timestamp) -> Vec<Problem> {
    let mut found = schedules(root, source, set, now);
    let calendars = calendar_warnings(set, now).into_iter();
    found.extend(calendars.map(|warning| Problem::new(Place::FILE, warning)));
    found
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
    let frame = spec.policy.frame(now);
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

#[cfg(test)]
mod tests {
    use super::super::{Loaded, load, tests::loading::with_context};

    fn loaded(text: &str) -> Loaded {
        with_context(|context| load(text.as_bytes(), "jobs.yaml".as_ref(), context))
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    }

    fn places(text: &str) -> Vec<(u32, u32)> {
        let loaded = loaded(text);
        let list = loaded.warnings.list().iter();
        list.map(|problem| (problem.place.line, problem.place.column))
            .collect()
    }

    #[test]
    fn warnings_in_a_terminal() {
        let text = "\
timezone: America/New_York
jobs:
  a:
    schedule: \"30 2 * * *\"
    backup: {}
  b:
    schedule: [\"@daily\", \"0 0 13 * fri\"]
    backup: {}
";
        let told = loaded(text).warnings.render(false);
        assert!(
            told.lines().all(|line| line.chars().count() <= 80),
            "{told}"
        );
        insta::assert_snapshot!(told, @r#"
        warning: 02:30 does not exist on 2027-03-14; runs at 03:00 instead (dst.gap:
                 run)
         --> jobs.yaml:4:16
          |
        4 |     schedule: "30 2 * * *"
          |                ^^^^^^^^^^
          |
          = help: in America/New_York; `dst: {gap: run}` or `{gap: skip}` decides

        warning: day OR weekday, as in cron: on day 13 of every month and also every
                 Friday
         --> jobs.yaml:7:31
          |
        7 |     schedule: ["@daily", "0 0 13 * fri"]
          |                               ^^^^^^^^
          |
          = help: cron cannot say both at once, but the 2nd Friday is weekday `5#2`
                  with day `*`; where either is meant, two schedules in a list say so
                  plainly
        "#);
    }

    #[test]
    fn the_caret_stands_under_the_part_that_is_meant() {
        for (text, place) in [
            (
                "jobs: {a: {schedule: \"  0 */5 * * *\", backup: {}}}",
                (1, 27),
            ),
            (
                "jobs:\n  a:\n    schedule: 0 */5 * * *\n    backup:\n",
                (3, 17),
            ),
            (
                "jobs:\n  a:\n    schedule:\n    - \"@daily\"\n    - 0 */5 * * *\n    backup:\n",
                (5, 9),
            ),
        ] {
            assert_eq!(places(text), [place], "{text}");
        }
        // What comes from an anchor is told once, where it stands.
        let text = "jobs:\n  a: &a {schedule: \"0 */5 * * *\", backup: {to: x}}\n  b:\n    \
                    <<: *a\n    backup: {to: y}\n";
        assert_eq!(places(text), [(2, 23)]);
    }

    #[test]
    fn what_is_disabled_or_from_a_variable_is_not_told() {
        let doubtful = "schedule: \"*/45 * * * *\"";
        for settings in [
            format!("{doubtful}, enabled: false"),
            "schedule: \"${CRON}\"".to_owned(),
            "schedule: \"*/15 * * * *\"".to_owned(),
        ] {
            let text = format!("jobs: {{a: {{{settings}, backup: {{}}}}}}");
            assert_eq!(places(&text), [], "{text}");
        }
        let text = format!("jobs: {{a: {{{doubtful}, backup: {{}}}}}}");
        assert_eq!(places(&text).len(), 1);
    }

    #[test]
    fn a_flood_is_cut() {
        let job = |n| format!("  j{n}: {{schedule: \"*/45 * * * *\", backup: {{to: b/{n}}}}}");
        let jobs = (0..300).map(job).collect::<Vec<_>>().join("\n");
        let warnings = loaded(&format!("jobs:\n{jobs}")).warnings;
        assert_eq!(warnings.list().len(), super::MAX_PROBLEMS);
    }
}
