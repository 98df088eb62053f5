//! `stop`: asks the daemon to end and waits until it has.

use std::time::Duration;

use super::{
    args,
    shell::{Failure, Result, Shell, block_on, count, exit},
};
use crate::{
    app::{Client, StopRequest},
    lock,
    units::Span,
};

/// How much longer than the grace a daemon may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(super) fn run(shell: &Shell, args: &args::Stop) -> Result {
    block_on(async {
        let Some(client) = Client::connect(&shell.site.settings).await? else {
            return Err(not_running(shell));
        };
        let info = client.status().await?;
        let grace = if args.now {
            Span::default()
        } else {
            args.timeout
        };
        client
            .stop(StopRequest {
                grace,
                restart: false,
            })
            .await?;
        if !info.engine.running.is_empty() {
            shell.say(format!(
                "waiting for {}",
                count(info.engine.running.len(), "running job")
            ));
        }
        wait_until_free(shell, grace.duration()).await?;
        if shell.json {
            shell.json_line(&serde_json::json!({"state": "stopped", "pid": info.pid}));
        } else {
            shell.line(format!("stopped (pid {})", info.pid));
        }
        Ok(exit::OK)
    })
}

/// Nothing answers at the socket; whoever holds the lock instead is named.
pub(super) fn not_running(shell: &Shell) -> Failure {
    let message = match lock::holder(&shell.site.settings.lock()) {
        Ok(Some(holder)) => {
            let holder = shell.holder(&holder);
            format!("no daemon is running here, but another process is ({holder})")
        }
        _ => format!(
            "no daemon is running in {}",
            shell.site.settings.root().display()
        ),
    };
    Failure::new(exit::NOT_RUNNING, message).hint("start one with `bellkeeper start`")
}

async fn wait_until_free(shell: &Shell, grace: Duration) -> std::result::Result<(), Failure> {
    let path = shell.site.settings.lock();
    let wait = async {
        while matches!(lock::holder(&path), Ok(Some(_))) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(grace.saturating_add(PATIENCE), wait)
        .await
        .map_err(|_| {
            Failure::new(exit::TEMPORARY, "the daemon is still stopping")
                .hint("`bellkeeper status` shows what it waits for")
        })
}
