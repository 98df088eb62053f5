//! `restore`: puts what an archive holds in its place, extracts it beside, or takes that back.

use std::path::Path;

use serde_json::json;

use super::{
    args,
    shell::{
        Bar, Bare, Failure, Interrupts, Moment, Result, Shell, block_on, block_on_workers, count,
        exit, interruptible, variable,
    },
};
use crate::{
    app::{
        self,
        restore::{self, Chosen, Done, Quiet, Request, Selection, Staged, Which},
    },
    archive::{self, EntryName, Identity},
    job::{Plan, RunInfo},
    jobfile::Loaded,
};

mod beside;
mod difference;

pub(super) fn run(shell: &Shell, args: &args::Restore) -> Result {
    if args.undo {
        return undo(shell, args);
    }
    // On a new machine there may be no job file: an archive given by its path needs none.
    let loaded = app::load_to_mend(&shell.site, &variable);
    if loaded.is_err() && shell.site.settings.jobs_file().exists() {
        shell.note(
            "the job file cannot be read (`bellkeeper validate`): archives are looked for in",
        );
        shell.note("backups/ alone, and where files belong is taken from the archive's own");
    }
    let loaded = loaded.ok();
    let loaded = loaded.as_ref();
    let selection = Selection::read(&shell.site, loaded, &args.only)?;
    let which = which(shell, loaded, &args.archive.join(" "))?;
    let chosen = restore::choose(&shell.site, loaded, &which, &selection)?;
    let identities = identities(shell, args.key.as_deref())?;
    if let Some(to) = &args.to {
        return beside::run(shell, loaded, &selection, &chosen, &identities, to);
    }
    let request = Request {
        site: &shell.site,
        loaded,
        selection: &selection,
        identities: &identities,
        vars: &variable,
    };
    let changes = !args.diff && !args.dry_run;
    if changes {
        settle_first(shell)?;
    }
    let staged = stage(shell, &request, &chosen)?;
    if args.diff {
        return difference::run(shell, &staged);
    }
    if staged.is_nothing() {
        shell.plan(&staged.plan);
        shell.say("everything is as in the archive");
        return Ok(exit::OK);
    }
    if !agreed(shell, args, &staged.plan)? {
        return Ok(exit::OK);
    }
    let site = shell.site.clone();
    let done = in_quiet(shell, move |quiet| staged.apply(&site, quiet))?;
    tell(shell, &done, "restored");
    Ok(exit::OK)
}

fn undo(shell: &Shell, args: &args::Restore) -> Result {
    if !args.dry_run {
        settle_first(shell)?;
    }
    let undoing = restore::undo_plan(&shell.site)?;
    if !agreed(shell, args, &undoing.plan)? {
        return Ok(exit::OK);
    }
    let site = shell.site.clone();
    let done = in_quiet(shell, move |quiet| undoing.apply(&site, quiet))?;
    tell(shell, &done, "put back");
    Ok(exit::OK)
}

/// What an earlier restore that was cut short has left is ended before anything is compared with it.
fn settle_first(shell: &Shell) -> std::result::Result<(), Failure> {
    let settled = block_on(async { Ok(restore::settle_first(&shell.site).await?) })?;
    for line in settled {
        shell.note(line);
    }
    Ok(())
}

/// A name first; what is none may be a time.
fn which(
    shell: &Shell,
    loaded: Option<&Loaded>,
    text: &str,
) -> std::result::Result<Which, Failure> {
    let named = Which::Named(text.to_owned());
    let found = app::find_archive(&shell.site, loaded, text);
    let Err(missing @ app::Error::NoArchive { .. }) = found else {
        return Ok(named);
    };
    let is_job = loaded.is_some_and(|loaded| loaded.set.get(text).is_some());
    if is_job || text == "latest" || Path::new(text).components().count() > 1 {
        return Ok(named);
    }
    let at = match shell.moment(text, Bare::Ago) {
        // All of that second, or of that day.
        Ok(Moment::At(at)) => at
            .checked_add(jiff::SignedDuration::from_secs(1))
            .unwrap_or(at),
        Ok(Moment::Day(_, until)) => until,
        Err(_) => {
            let failure = Failure::from(missing);
            return Err(failure.hint(
                "a time would be `2026-11-24`, `2026-11-24 02:00`, `yesterday` or `2h ago`",
            ));
        }
    };
    let written = text.to_owned();
    Ok(Which::Before { at, written })
}

fn identities(shell: &Shell, key: Option<&Path>) -> std::result::Result<Vec<Identity>, Failure> {
    let found = app::identities(&shell.site, key)?;
    let path = || key.map_or_else(|| shell.site.settings.key_file(), Path::to_owned);
    Ok(found.ok_or_else(|| app::Error::NoKey { path: path() })?)
}

fn stage(
    shell: &Shell,
    request: &Request<'_>,
    chosen: &[Chosen],
) -> std::result::Result<Staged, Failure> {
    let watch = interruptible();
    let bar = Bar::new(shell.draws());
    // The variables of this process are asked on this thread alone.
    Ok(bar.while_running(&watch, || Staged::new(request, chosen, &watch))?)
}

/// Shows the plan; whether it is to be done.
fn agreed(shell: &Shell, args: &args::Restore, plan: &Plan) -> std::result::Result<bool, Failure> {
    if args.dry_run || !args.yes || !shell.json {
        shell.plan(plan);
    }
    if args.dry_run {
        return Ok(false);
    }
    if args.yes {
        return Ok(true);
    }
    match shell.asks("do this?")? {
        Some(true) => Ok(true),
        Some(false) => {
            shell.say("nothing has changed");
            Ok(false)
        }
        None => Err(Failure::new(
            exit::USAGE,
            "this replaces files, and there is nobody to ask",
        )
        .hint("say `--yes` to do it, `--dry-run` only to look")),
    }
}

/// Does something while nobody else is at work. A signal while it waits leaves everything as it is;
/// later ones are too late: the swap is short.
fn in_quiet(
    shell: &Shell,
    act: impl FnOnce(&Quiet) -> std::result::Result<Done, app::Error> + Send + 'static,
) -> std::result::Result<Done, Failure> {
    block_on_workers(async {
        let mut interrupts = Interrupts::new()?;
        let waits = |runs: &[RunInfo]| {
            for run in runs {
                shell.say(format!("waits for run {} of {}", run.id, run.job));
            }
        };
        let quiet = tokio::select! {
            quiet = Quiet::make(&shell.site, waits) => quiet?,
            code = interrupts.next() => {
                return Err(Failure::new(code, "cancelled; nothing has changed"));
            }
        };
        let (quiet, done) = tokio::task::spawn_blocking(move || {
            let done = act(&quiet);
            (quiet, done)
        })
        .await
        .map_err(|error| Failure::new(exit::FAILED, error.to_string()))?;
        let ended = quiet.end().await;
        let mut done = done?;
        if let Err(error) = ended {
            let failure = Failure::from(error);
            shell.fail(&failure);
            done.notes
                .push("the daemon did not take the job file".to_owned());
        }
        Ok(done)
    })
}

fn tell(shell: &Shell, done: &Done, verb: &str) {
    if shell.json {
        shell.json_line(&json!({
            "done": verb,
            "replaced": done.replaced,
            "created": done.created,
            "put_aside": done.cleared,
            "kept": done.kept,
            "removed": done.removed,
            "notes": done.notes,
        }));
        return;
    }
    let files = count(done.replaced + done.created + done.cleared, "file");
    shell.line(format!("{verb} {files}"));
    let kept = shell.within(&done.kept);
    shell.line(format!("  what was there is kept in {kept}"));
    shell.line("  `bellkeeper restore --undo` puts it back");
    for path in &done.removed {
        shell.line(format!("  removed {}", shell.within(path)));
    }
    for note in &done.notes {
        shell.note(format!("  {note}"));
    }
}

/// Whether an entry is wanted beside; the manifest always is.
fn is_wanted_beside<'a>(
    shell: &'a Shell,
    loaded: Option<&'a Loaded>,
    selection: &'a Selection,
) -> impl Fn(&EntryName) -> bool + 'a {
    let wants = restore::wants(&shell.site, loaded, selection);
    move |name| name.as_bytes() == archive::MANIFEST.as_bytes() || wants(name)
}
