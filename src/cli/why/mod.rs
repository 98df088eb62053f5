//! `why`: what became of each slot of a job, and for what reason.

use serde_json::{Value, json};

use super::{
    args,
    shell::{Bare, Moment, Result, Shell, Times, WIDTH, count, exit, unknown_job, wrap},
};
use crate::{
    app::{self, Fate, Told, Which},
    job::JobSpec,
    ledger::{AttemptRow, Filter, Gap, Ledger, RunRow},
    words::{GapKind, Trigger},
};

mod reason;

use reason::reason;

pub(super) fn run(shell: &Shell, args: &args::Why) -> Result {
    // `why x yesterday 02:00` is clear without quotes.
    let which = match args.time.join(" ").as_str() {
        "" => Which::Newest,
        text => match shell.moment(text, Bare::Ago)? {
            Moment::Day(from, until) => Which::Day(from, until),
            Moment::At(at) => Which::At(at),
        },
    };
    let loaded = shell.load()?;
    let ledger = app::open_ledger(&shell.site)?;
    let Some(spec) = loaded.set.get(&args.job) else {
        let failure = unknown_job(&loaded, &args.job);
        return Err(if has_run(ledger.as_deref(), &args.job)? {
            failure.hint("it has run under that name: `bellkeeper history` shows its runs")
        } else {
            failure
        });
    };
    let why = app::why(&shell.site, ledger.as_deref(), spec, which, args.count)?;
    let times = shell.times();
    if !shell.json {
        shell.say(heading(spec));
    }
    if shell.json {
        for told in &why.slots {
            shell.json_line(&as_json(told, spec));
        }
    } else {
        for like in why.slots.chunk_by(alike) {
            for line in lines(like, spec, &times) {
                shell.line(line);
            }
        }
    }
    if why.slots.is_empty() {
        shell.say(nothing(spec, which));
    }
    if why.more {
        shell.note("cut here: there are older ones, `-n` shows more");
    }
    Ok(exit::OK)
}

/// Whether there are runs of a job that jobs.yaml may not have any more.
fn has_run(ledger: Option<&Ledger>, job: &str) -> std::result::Result<bool, app::Error> {
    let (Some(ledger), Ok(job)) = (ledger, job.parse()) else {
        return Ok(false);
    };
    let filter = Filter {
        job: Some(job),
        limit: 1,
        ..Filter::default()
    };
    Ok(!ledger.runs(&filter)?.is_empty())
}

/// What stands below a slot is indented.
const INDENT: usize = 4;

/// What the job is due at, for the person who wonders.
fn heading(spec: &JobSpec) -> String {
    let zone = spec.policy.timezone.iana_name().unwrap_or("local time");
    let words = spec.due_words();
    let due = match (spec.schedules.is_empty(), spec.policy.enabled) {
        (true, _) => words,
        (false, true) => format!("{words} ({zone})"),
        (false, false) => format!("disabled ({words})"),
    };
    wrap(&format!("{}: {due}", spec.name), 0).join("\n")
}

fn nothing(spec: &JobSpec, which: Which) -> &'static str {
    match which {
        Which::Day(..) => "it was not due on that day, and nobody ran it",
        Which::At(_) => "it was not due before that time, and nobody ran it",
        Which::Newest if spec.schedules.is_empty() => "it has no schedule, and nobody ran it yet",
        Which::Newest if !spec.policy.enabled => "it is disabled, and nobody ran it yet",
        Which::Newest => "no slot has come yet",
    }
}

/// Slots without a row that have none for the same reason are told together.
fn alike(a: &Told, b: &Told) -> bool {
    matches!((&a.fate, &b.fate), (Fate::None(a), Fate::None(b)) if a == b)
}

/// Slots that are alike as a person reads them: a line for the newest, and below it the reasons.
fn lines(like: &[Told], spec: &JobSpec, times: &Times) -> Vec<String> {
    let Some(told) = like.first() else {
        return Vec::new();
    };
    let mut facts = Vec::new();
    let mut below = Vec::new();
    if let [_, older @ .., oldest] = like {
        let (more, oldest) = (count(older.len() + 1, "slot"), times.absolute(oldest.slot));
        below.push(format!("and {more} before it, back to {oldest}"));
    }
    match &told.fate {
        Fate::Row { run, failed } => {
            facts = row_facts(run);
            below.extend(run.reason.clone());
            below.extend(failed.iter().map(attempt));
            if run.missed > 0 {
                let missed = count(run.missed as usize, "slot");
                below.push(format!("stands for {missed} missed before it"));
            }
        }
        Fate::None(absence) => below.extend(reason(absence, spec, |at| times.absolute(at))),
    }
    below.extend(told.gap.map(|gap| awake(gap, times)));
    facts.push(times.relative(told.slot));
    let (at, word) = (times.absolute(told.slot), told.fate.word());
    let mut lines = fit(format!("{at}  {word}"), &facts.join(", "));
    lines.extend(below.iter().flat_map(|text| wrap(text, INDENT)));
    lines
}

/// Head and facts in one line where they fit.
fn fit(head: String, facts: &str) -> Vec<String> {
    let line = format!("{head} ({facts})");
    if line.chars().count() <= WIDTH {
        return vec![line];
    }
    let facts = wrap(facts, INDENT);
    std::iter::once(head).chain(facts).collect()
}

fn row_facts(run: &RunRow) -> Vec<String> {
    let mut facts = vec![format!("run {}", run.run)];
    if run.trigger != Trigger::Schedule {
        facts.push(run.trigger.to_string());
    }
    if run.attempts > 1 {
        facts.push(format!("{} attempts", run.attempts));
    }
    if let (Some(end), true) = (run.finished_at, run.attempts > 0) {
        facts.push(format!("took {}", Times::took(run.started_at, end)));
    }
    facts
}

/// Why nobody was awake when a slot came.
fn awake(gap: Gap, times: &Times) -> String {
    let what = match gap.what {
        GapKind::Stopped => "no daemon was running",
        GapKind::Suspended => "the computer slept",
        GapKind::Stepped => "the clock was set forward",
    };
    let (from, until) = (times.absolute(gap.began_at), times.absolute(gap.ended_at));
    format!("{what}: from {from} until {until}")
}

fn attempt(row: &AttemptRow) -> String {
    format!("attempt {} failed: {}", row.attempt, row.error)
}

fn as_json(told: &Told, spec: &JobSpec) -> Value {
    let (run, failed, reason) = match &told.fate {
        Fate::Row { run, failed } => (Some(run), failed.as_slice(), run.reason.clone()),
        Fate::None(absence) => (None, [].as_slice(), reason(absence, spec, Times::utc)),
    };
    let failed: Vec<Value> = failed
        .iter()
        .map(|row| json!({"attempt": row.attempt, "ended_at": row.ended_at, "error": row.error}))
        .collect();
    json!({
        "job": spec.name,
        "slot": told.slot,
        "fate": told.fate.word(),
        "reason": reason,
        "gap": told.gap.map(|gap| json!({
            "what": gap.what, "began_at": gap.began_at, "ended_at": gap.ended_at,
        })),
        "run_id": run.map(|run| run.run),
        "trigger": run.map(|run| run.trigger),
        "missed": run.map(|run| run.missed),
        "attempts": run.map(|run| run.attempts),
        "failed_attempts": failed,
        "started_at": run.map(|run| run.started_at),
        "finished_at": run.and_then(|run| run.finished_at),
    })
}

#[cfg(test)]
mod tests;
