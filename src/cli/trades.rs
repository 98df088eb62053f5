//! `trades add|import|list` and `positions`.

use serde_json::json;

use super::{
    args::{self, TradesVerb},
    shell::{Bare, Failure, Result, Shell, Table, count, exit},
};
use crate::{
    analysis::{Book, Trade},
    app, market,
    micros::Micros,
    store::{self, StoredTrade, Twice},
};

/// So many wrong rows are told one by one.
const TOLD: usize = 20;

pub(super) fn run(shell: &Shell, args: &args::Trades) -> Result {
    match &args.verb {
        TradesVerb::Add(args) => add(shell, args),
        TradesVerb::Import { file, dry_run } => import(shell, file, *dry_run),
        TradesVerb::List { symbol } => list(shell, symbol.as_deref()),
    }
}

fn add(shell: &Shell, args: &args::TradeAdd) -> Result {
    let at = match &args.at {
        Some(text) => shell.moment(text, Bare::Ago)?.start(),
        None => shell.site.clock.now(),
    };
    if args.quantity <= Micros::ZERO || args.price <= Micros::ZERO || args.fee < Micros::ZERO {
        let message = "quantity and price must be more than 0, the fee not less";
        return Err(Failure::new(exit::USAGE, message));
    }
    let trade = Trade {
        symbol: args.symbol.clone(),
        side: args.side,
        quantity: args.quantity,
        price: args.price,
        fee: args.fee,
        at,
        strategy: args.strategy.clone(),
        note: args.note.clone(),
    };
    let database = shell.load()?.set.env.database.clone();
    let added = store::add_trades(&database, std::slice::from_ref(&trade), Twice::Keep);
    let id = added
        .map_err(app::Error::from)?
        .into_iter()
        .flatten()
        .next();
    let stored = StoredTrade {
        id: id.unwrap_or_default(),
        trade,
    };
    if shell.json {
        shell.json_line(&as_json(&stored));
    } else {
        let Trade {
            symbol,
            side,
            quantity,
            price,
            ..
        } = &stored.trade;
        let when = shell.times().absolute(at);
        shell.line(format!(
            "trade {}: {side} {quantity} {symbol} at {price}, {when}",
            stored.id
        ));
    }
    Ok(exit::OK)
}

fn import(shell: &Shell, file: &std::path::Path, dry_run: bool) -> Result {
    let zone = &shell.site.zone.zone;
    let (trades, wrong) = market::read_trades(file, zone).map_err(Failure::from)?;
    if let Some(first) = wrong.first() {
        for finding in wrong.iter().take(TOLD) {
            shell.note(format!(
                "{}:{}: {}",
                file.display(),
                finding.line,
                finding.what
            ));
        }
        let message = format!(
            "{} of `{}` from line {} on cannot be read; nothing was imported",
            count(wrong.len(), "row"),
            file.display(),
            first.line
        );
        return Err(Failure::new(exit::FAILED, message).hint("mend the file and import it again"));
    }
    let database = shell.load()?.set.env.database.clone();
    let added = if dry_run {
        store::try_trades(&database, &trades)
    } else {
        store::add_trades(&database, &trades, Twice::Skip)
    };
    let added = added.map_err(app::Error::from)?;
    let new = added.iter().flatten().count();
    let known = added.len() - new;
    if shell.json {
        shell.json_line(&json!({"imported": new, "already_there": known, "dry_run": dry_run}));
    } else {
        let would = if dry_run { "would be " } else { "" };
        shell.line(format!(
            "{} {would}imported, {known} were there already",
            count(new, "trade")
        ));
    }
    Ok(exit::OK)
}

fn list(shell: &Shell, symbol: Option<&str>) -> Result {
    let database = shell.load()?.set.env.database.clone();
    let mut trades = store::trades(&database).map_err(app::Error::from)?;
    trades.retain(|stored| symbol.is_none_or(|symbol| stored.trade.symbol == symbol));
    if shell.json {
        for stored in &trades {
            shell.json_line(&as_json(stored));
        }
        return Ok(exit::OK);
    }
    if trades.is_empty() {
        shell.say("there is no trade");
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["id", "at", "symbol", "side", "quantity", "price", "fee"]);
    for StoredTrade { id, trade } in &trades {
        table.row([
            id.to_string(),
            times.absolute(trade.at),
            trade.symbol.clone(),
            trade.side.to_string(),
            trade.quantity.to_string(),
            trade.price.to_string(),
            trade.fee.to_string(),
        ]);
    }
    shell.line(table.render());
    Ok(exit::OK)
}

fn as_json(StoredTrade { id, trade }: &StoredTrade) -> serde_json::Value {
    json!({
        "id": id,
        "symbol": trade.symbol,
        "side": trade.side.to_string(),
        "quantity": trade.quantity.to_string(),
        "price": trade.price.to_string(),
        "fee": trade.fee.to_string(),
        "at": trade.at,
        "strategy": trade.strategy,
        "note": trade.note,
    })
}

/// `positions`: derived from the trades, so that they always agree with them.
pub(super) fn positions(shell: &Shell) -> Result {
    let database = shell.load()?.set.env.database.clone();
    let trades = store::trades(&database).map_err(app::Error::from)?;
    let book = Book::of(trades.iter().map(|stored| &stored.trade));
    let book = book.map_err(|error| app::Error::from(store::Error::from(error)))?;
    if shell.json {
        for (symbol, position) in &book.positions {
            shell.json_line(&json!({
                "symbol": symbol,
                "quantity": position.quantity.to_string(),
                "average_cost": position.average_cost().to_string(),
                "realised_pnl": position.realised.to_string(),
                "updated_at": position.updated_at,
            }));
        }
        return Ok(exit::OK);
    }
    if book.positions.is_empty() {
        shell.say("there is no position: nothing was traded");
        return Ok(exit::OK);
    }
    let times = shell.times();
    let mut table = Table::new(["symbol", "quantity", "average cost", "realised", "changed"]);
    for (symbol, position) in &book.positions {
        table.row([
            symbol.clone(),
            position.quantity.to_string(),
            position.average_cost().to_string(),
            position.realised.to_string(),
            times.relative(position.updated_at),
        ]);
    }
    shell.line(table.render());
    Ok(exit::OK)
}
