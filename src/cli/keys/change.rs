//! `keys add`, `keys rotate`: the plan, then what was done and what a person must do now.

use serde_json::json;

use super::super::{
    args,
    shell::{Failure, Result, Shell, Table, block_on, exit, variable},
};
use crate::{
    app::{self, KeyChange},
    archive::Recipient,
};

/// What `keys add` is asked for.
pub(super) fn added(
    shell: &Shell,
    args: &args::KeysAdd,
) -> std::result::Result<KeyChange, Failure> {
    match (&args.recipient, &args.generate) {
        (Some(text), _) => {
            let recipient: Recipient = text
                .parse()
                .map_err(|what: String| Failure::new(exit::USAGE, what))?;
            Ok(KeyChange::Add(recipient))
        }
        (None, Some(path)) => Ok(KeyChange::Generate(shell.here(path))),
        (None, None) => Err(Failure::new(exit::USAGE, "no key is named")
            .hint("give a public key (`age1…`), or `--generate FILE`")),
    }
}

pub(super) fn run(shell: &Shell, change: KeyChange, dry_run: bool) -> Result {
    if !dry_run {
        // The job file is changed: first it must be the one that shall stand.
        let settled = block_on(async { Ok(app::restore::settle_leftovers(&shell.site).await?) })?;
        for line in settled {
            shell.note(line);
        }
    }
    let loaded = shell.load()?;
    let key_file = loaded.set.env.encryption.key_file.clone();
    let is_rotation = matches!(change, KeyChange::Rotate);
    let plan = app::plan_keys(&shell.site, &loaded, change)?;
    if dry_run && shell.json {
        for step in &plan.plan.steps {
            shell.json_line(step);
        }
        return Ok(exit::OK);
    }
    if !shell.json {
        let mut table = Table::new([if dry_run { "would" } else { "does" }, "what", "because"]);
        for step in &plan.plan.steps {
            let subject = shell.within(step.subject.as_ref());
            table.row([step.act.clone(), subject, step.reason.clone()]);
        }
        shell.line(table.render());
    }
    if dry_run {
        return Ok(exit::OK);
    }
    let steps = plan.plan.steps.clone();
    let new = plan.apply(&shell.site, &variable)?;
    if shell.json {
        shell.json_line(&json!({
            "recipient": new.to_string(),
            "fingerprint": new.fingerprint(),
            "steps": steps,
        }));
        return Ok(exit::OK);
    }
    shell.line(format!("\n{new}"));
    shell.line(format!(
        "  fingerprint {}; new archives are encrypted to it",
        new.fingerprint()
    ));
    shell.line("  archives made so far stay as they are: the keys they were made for open them");
    if is_rotation {
        let key_file = shell.within(&key_file);
        shell.say(format!(
            "keep a copy of the new {key_file} elsewhere, and the old"
        ));
        shell.say("one and its copy for as long as there are archives from before");
    }
    Ok(exit::OK)
}
