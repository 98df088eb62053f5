//! `restart`: the daemon starts again in its own place; when it is down it starts here.

use std::time::Duration;

use super::{
    shell::{Failure, Result, Shell, block_on, count, exit},
    start,
};
use crate::{
    app::{Client, SHUTDOWN_GRACE, StopRequest},
    units::Span,
};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much longer than the grace a daemon may take to be up again.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(shell: &Shell) -> Result {
    let restarted = block_on(async {
        let Some(client) = Client::connect(&shell.site.settings).await? else {
            return Ok(false);
        };
        // A broken job file must not take a running daemon down.
        shell.load()?;
        let before = client.status().await?;
        let grace = Span::from(SHUTDOWN_GRACE);
        client
            .stop(StopRequest {
                grace,
                restart: true,
            })
            .await?;
        let up = async {
            loop {
                match client.status().await {
                    Ok(after) if after.since != before.since => return after,
                    _ => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        let after = tokio::time::timeout(SHUTDOWN_GRACE + PATIENCE, up)
            .await
            .map_err(|_| {
                Failure::new(exit::TEMPORARY, "the daemon has not come back yet")
                    .hint("`bellkeeper status`, and the log, say why")
            })?;
        if shell.json {
            let (pid, jobs) = (after.pid, after.jobs);
            shell.json_line(&serde_json::json!({"state": "running", "pid": pid, "jobs": jobs}));
        } else {
            shell.line(format!(
                "restarted (pid {}, {})",
                after.pid,
                count(after.jobs, "job")
            ));
        }
        Ok(true)
    })?;
    if restarted {
        Ok(exit::OK)
    } else {
        start::run(shell)
    }
}
