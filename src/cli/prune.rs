//! `prune --undo RUN`: puts the rows that a run has removed back into their tables.

use serde_json::json;

use super::{
    args,
    shell::{Result, Shell, block_on, count, exit, variable},
};
use crate::{app, words::RunId};

pub(super) fn run(shell: &Shell, args: &args::Prune) -> Result {
    let run = RunId(args.undo);
    if args.dry_run {
        let loaded = shell.load()?;
        shell.plan(&app::plan_undo(&shell.site, &loaded, run)?);
        return Ok(exit::OK);
    }
    let identities =
        app::identities(&shell.site, args.key.as_deref())?.ok_or_else(|| app::Error::NoKey {
            path: shell.site.settings.key_file(),
        })?;
    let undone =
        block_on(async { Ok(app::undo_prune(&shell.site, &variable, run, &identities).await) })??;
    let code = if undone.rows.conflicts == 0 {
        exit::OK
    } else {
        exit::FAILED
    };
    if shell.json {
        shell.json_line(&json!({
            "run_id": run,
            "inserted": undone.rows.inserted,
            "already_there": undone.rows.there,
            "conflicts": undone.rows.conflicts,
            "archives": undone.archives,
            "notes": undone.rows.refused,
        }));
        return Ok(code);
    }
    let rows = usize::try_from(undone.rows.inserted).unwrap_or(usize::MAX);
    shell.line(format!("put {} back from run {run}", count(rows, "row")));
    if undone.rows.there > 0 {
        shell.line(format!(
            "  {} were there already, as they were",
            undone.rows.there
        ));
    }
    if undone.rows.conflicts > 0 {
        shell.line(format!(
            "  {} were not put back and stay in their archive: make room for them and try again",
            undone.rows.conflicts
        ));
    }
    for refused in &undone.rows.refused {
        shell.line(format!("  {refused}"));
    }
    for archive in &undone.archives {
        shell.line(format!(
            "  the archive is now {}",
            shell.within(archive.as_ref())
        ));
    }
    shell.say("the next run of the job removes them again, unless `keep` is longer by then");
    Ok(code)
}
