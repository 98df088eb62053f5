//! `trade-stats`: what trades were worth.

use serde_json::{Map, Value, json};

use super::{
    args,
    shell::{Failure, Result, Shell, count, exit},
};
use crate::{analysis::Known, app};

pub(super) fn run(shell: &Shell, args: &args::TradeStats) -> Result {
    let database = shell.load()?.set.env.database.clone();
    let now = shell.site.clock.now();
    let from = since(now, args.days)?;
    let stats = app::trade_stats(&database, from, now, args.capital)?;
    let closed = &stats.performance;
    let figures = [
        ("win_rate", closed.win_rate),
        ("profit_factor", closed.profit_factor),
        ("expectancy", closed.expectancy),
        ("sharpe", stats.sharpe),
        ("sortino", stats.sortino),
        ("max_drawdown", stats.drawdown),
        ("exposure", stats.exposure),
    ];
    if shell.json {
        let mut line = json!({
            "days": args.days,
            "trades": stats.trades,
            "closed": closed.closed,
            "wins": closed.wins,
            "losses": closed.losses,
            "net": closed.net.to_string(),
        });
        let reasons: Map<String, Value> = figures
            .iter()
            .filter_map(|(name, known)| Some(((*name).to_owned(), known.err()?.into())))
            .collect();
        if let Some(object) = line.as_object_mut() {
            for (name, known) in figures {
                object.insert(name.to_owned(), known.ok().into());
            }
            object.insert("undefined".to_owned(), reasons.into());
        }
        shell.json_line(&line);
        return Ok(exit::OK);
    }
    shell.line(format!(
        "{} in the last {}, {} closed: {} with a gain, {} with a loss, net {}",
        count(stats.trades, "trade"),
        count(usize::from(args.days), "day"),
        closed.closed,
        closed.wins,
        closed.losses,
        closed.net
    ));
    if let (0, Some(newest)) = (stats.trades, stats.newest) {
        shell.say(format!(
            "the newest trade is of {}",
            shell.times().absolute(newest)
        ));
    }
    for (name, known) in figures {
        let name = name.replace('_', " ");
        shell.line(format!("  {name:<14} {}", shown(&name, known)));
    }
    Ok(exit::OK)
}

/// The instant so many days ago.
pub(super) fn since(
    now: jiff::Timestamp,
    days: u16,
) -> std::result::Result<jiff::Timestamp, Failure> {
    now.checked_sub(jiff::SignedDuration::from_hours(24 * i64::from(days)))
        .map_err(|_| Failure::new(exit::USAGE, format!("{days} days ago there was no time")))
}

fn shown(name: &str, known: Known) -> String {
    match known {
        Ok(value) if ["win rate", "max drawdown", "exposure"].contains(&name) => {
            format!("{:.1} %", value * 100.0)
        }
        Ok(value) => format!("{value:.2}"),
        Err(reason) => format!("- ({reason})"),
    }
}
