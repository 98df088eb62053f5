//! `retry`: does a run again, for the slot that it had, and follows it.

use super::{
    args, run_job,
    shell::{Interrupts, Result, Shell, block_on_workers, variable},
};
use crate::{app, words::RunId};

pub(super) fn run(shell: &Shell, args: &args::Retry) -> Result {
    block_on_workers(async {
        let mut interrupts = Interrupts::new()?;
        let run = RunId(args.run);
        let following = app::retry_run(&shell.site, run, &variable, shell.log_filter()).await?;
        run_job::watch(shell, following, &mut interrupts).await
    })
}
