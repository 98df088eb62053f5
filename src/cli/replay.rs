//! `replay`: which signals the rules as they are now would add or remove.

use serde_json::json;

use super::{
    args,
    shell::{Bare, Failure, Result, Shell, Table, count, exit},
};
use crate::app;

pub(super) fn run(shell: &Shell, args: &args::Replay) -> Result {
    let since = shell.moment(&args.since, Bare::Ago)?.start();
    let loaded = shell.load()?;
    let replay = app::replay(&shell.site, &loaded, since)?;
    if replay.jobs == 0 {
        let failure = Failure::new(exit::NOT_FOUND, "no job analyses anything");
        return Err(failure.hint("add one: `analyse-close: {analysis: {}}`"));
    }
    if shell.json {
        for signal in &replay.added {
            shell.json_line(&json!({
                "change": "add",
                "id": null,
                "symbol": signal.symbol,
                "timeframe": signal.timeframe,
                "timestamp": signal.timestamp,
                "strategy": signal.strategy,
                "side": signal.side,
                "price": signal.price.to_string(),
            }));
        }
        for signal in &replay.removed {
            shell.json_line(&json!({
                "change": "remove",
                "id": signal.id,
                "symbol": signal.symbol,
                "timeframe": signal.timeframe,
                "timestamp": signal.timestamp,
                "strategy": signal.strategy,
                "side": signal.side.to_string(),
                "price": signal.price.to_string(),
            }));
        }
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["would", "at", "symbol", "strategy", "side", "price"]);
    for signal in &replay.added {
        let at = times.absolute(signal.timestamp);
        let cells = [&signal.symbol, &signal.strategy, &signal.side];
        let cells = cells.into_iter().cloned();
        let cells = ["add".to_owned(), at].into_iter().chain(cells);
        table.cells(cells.chain([signal.price.to_string()]));
    }
    for signal in &replay.removed {
        table.cells([
            "remove".to_owned(),
            times.absolute(signal.timestamp),
            signal.symbol.clone(),
            signal.strategy.clone(),
            signal.side.to_string(),
            signal.price.to_string(),
        ]);
    }
    if !table.is_empty() {
        shell.line(table.render());
    }
    shell.line(format!(
        "{} would be added, {} removed, {} stay; nothing was written",
        count(replay.added.len(), "signal"),
        replay.removed.len(),
        replay.kept
    ));
    Ok(exit::OK)
}
