//! `findings`: what is wrong with bars.

use serde_json::json;

use super::{
    args,
    shell::{Result, Shell, Table, exit},
};
use crate::{app, store};

pub(super) fn run(shell: &Shell, args: &args::Findings) -> Result {
    let database = shell.load()?.set.env.database.clone();
    let symbol = args.symbol.as_deref();
    let findings = store::findings(&database, symbol).map_err(app::Error::from)?;
    if shell.json {
        for finding in &findings {
            shell.json_line(&json!({
                "symbol": finding.symbol,
                "timeframe": finding.timeframe,
                "timestamp": finding.stamp,
                "flaw": finding.flaw,
                "severity": finding.severity,
                "line": finding.line,
                "what": finding.what,
                "source": finding.source,
                "found_at": finding.found_at,
                "bar": finding.bar,
            }));
        }
        return Ok(exit::OK);
    }
    if findings.is_empty() {
        let of = symbol.map_or(String::new(), |symbol| format!(" of `{symbol}`"));
        shell.say(format!("nothing was found in the bars{of}"));
        return Ok(exit::OK);
    }
    let mut table = Table::new(["symbol", "bar", "severity", "finding"]);
    for finding in findings {
        let line = || finding.line.map(|line| format!("line {line}"));
        let bar = finding.stamp.clone().or_else(line);
        table.row([
            finding.symbol,
            bar.unwrap_or_else(|| "all".to_owned()),
            finding.severity,
            format!("{}: {}", finding.flaw, finding.what),
        ]);
    }
    shell.line(table.render());
    Ok(exit::OK)
}
