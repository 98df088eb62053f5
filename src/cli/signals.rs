//! `signals` and `signal-stats`.

use serde_json::{Value, json};

use super::{
    args,
    shell::{Result, Shell, Table, count, exit},
    signals_explain,
    trade_stats::since,
};
use crate::{analysis::Forward, app, store};

pub(super) fn run(shell: &Shell, args: &args::Signals) -> Result {
    if let Some(args::SignalsVerb::Explain { id }) = args.verb {
        return signals_explain::run(shell, id);
    }
    let database = shell.load()?.set.env.database.clone();
    let from = since(shell.site.clock.now(), args.days)?;
    let signals = store::signals(&database, from, args.symbol.as_deref());
    let signals = signals.map_err(app::Error::from)?;
    if shell.json {
        for signal in &signals {
            shell.json_line(&json!({
                "id": signal.id,
                "symbol": signal.symbol,
                "timeframe": signal.timeframe,
                "timestamp": signal.timestamp,
                "strategy": signal.strategy,
                "side": signal.side.to_string(),
                "strength": signal.strength,
                "price": signal.price.to_string(),
                "inputs": signal.inputs,
                "source": signal.source,
            }));
        }
        return Ok(exit::OK);
    }
    if signals.is_empty() {
        let days = count(usize::from(args.days), "day");
        shell.say(format!("there was no signal in the last {days}"));
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["id", "at", "symbol", "strategy", "side", "price"]);
    for signal in &signals {
        table.row([
            signal.id.to_string(),
            times.absolute(signal.timestamp),
            signal.symbol.clone(),
            signal.strategy.clone(),
            signal.side.to_string(),
            signal.price.to_string(),
        ]);
    }
    shell.line(table.render());
    Ok(exit::OK)
}

pub(super) fn stats(shell: &Shell, args: &args::SignalStats) -> Result {
    let database = shell.load()?.set.env.database.clone();
    let from = since(shell.site.clock.now(), args.days)?;
    let (symbol, strategy) = (args.symbol.as_deref(), args.strategy.as_deref());
    let stats = app::signal_stats(&database, from, symbol, strategy)?;
    let groups = stats.groups.iter().map(|((strategy, symbol, side), count)| {
        json!({"strategy": strategy, "symbol": symbol, "side": side, "count": count})
    });
    if shell.json {
        let outcomes: Vec<Value> = stats.outcomes.iter().map(as_json).collect();
        shell.json_line(&json!({
            "days": args.days,
            "count": stats.count,
            "groups": groups.collect::<Vec<_>>(),
            "outcomes": outcomes,
            "without_bar": stats.without_bar,
        }));
        return Ok(exit::OK);
    }
    let days = count(usize::from(args.days), "day");
    shell.line(format!(
        "{} in the last {days}",
        count(stats.count, "signal")
    ));
    if stats.count == 0 {
        return Ok(exit::OK);
    }
    let mut table = Table::new(["strategy", "symbol", "side", "count"]);
    for ((strategy, symbol, side), count) in &stats.groups {
        table.row([
            strategy.clone(),
            symbol.clone(),
            side.clone(),
            count.to_string(),
        ]);
    }
    shell.line(table.render());
    for outcome in &stats.outcomes {
        shell.line(told(outcome));
    }
    if stats.without_bar > 0 {
        let without = count(stats.without_bar, "signal");
        shell.say(format!("{without} without a stored bar are left out of it"));
    }
    Ok(exit::OK)
}

fn as_json(outcome: &Forward) -> Value {
    json!({
        "bars": outcome.bars,
        "known": outcome.known,
        "right": outcome.right,
        "low": outcome.interval.map(|interval| interval.low),
        "high": outcome.interval.map(|interval| interval.high),
        "mean_return": outcome.mean,
        "holding_return": outcome.holding,
        "evidence": outcome.is_evidence(),
    })
}

/// `after 5 bars: n = 9, right 44–89 %, mean +0.31 % (holding +0.02 %): not enough evidence`
fn told(outcome: &Forward) -> String {
    let bars = count(outcome.bars, "bar");
    let (Some(interval), Some(mean)) = (outcome.interval, outcome.mean) else {
        return format!("after {bars}: not known yet");
    };
    let percent = |share: f64| share * 100.0;
    let holding = outcome.holding.map_or_else(String::new, |holding| {
        format!(" (holding {:+.2} %)", percent(holding))
    });
    let verdict = if outcome.is_evidence() {
        ""
    } else {
        ": not enough evidence"
    };
    format!(
        "after {bars}: n = {}, right {:.0}–{:.0} %, mean {:+.2} %{holding}{verdict}",
        outcome.known,
        percent(interval.low),
        percent(interval.high),
        percent(mean)
    )
}
