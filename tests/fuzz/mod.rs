//! Hostile bytes for whatever reads files that others may have written.
//!
//! A target (`targets`) is a function of bytes that must neither panic nor take much memory or time,
//! and that holds its laws against what was read. Here each gets its corpus and mutations of it, in
//! a process of its own (`process`) that can be limited and may die. `Cargo.toml` beside this file
//! is the crate for long campaigns that coverage leads; docs/CONTRIBUTING.md tells how.
//!
//! `BELLKEEPER_FUZZ_SEED` and `BELLKEEPER_FUZZ_ROUNDS` repeat or prolong a run.

mod mutate;
mod process;
mod targets;

use process::{Target, fuzz};

/// Runs a target when it is the child of one of the tests below; those look at how it ends.
#[test]
fn child() {
    process::child(&[
        ALPHA_VANTAGE,
        ARCHIVE_FILE,
        ARCHIVE_MADE,
        ARCHIVE_TAR,
        JOBS_YAML,
        LOG_READER,
        MANIFEST,
        PRICES,
        RULE,
        SCHEDULE,
        SIDECAR,
        STRATEGIES,
        YAHOO,
        PANICS,
        HUNGRY,
    ]);
}

const ARCHIVE_TAR: Target = Target {
    name: "archive_tar",
    corpus: "archive_tar",
    run: targets::archive_tar,
    words: &[
        b"ustar  \0",
        b"../",
        b"..",
        b"/",
        b"/tmp/x",
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
        b"6",
        b"7",
        b"L",
        b"K",
        b"S",
        b"x",
        b"g",
        b"MANIFEST.json",
        b"././@LongLink",
        b"00000000000",
        b"77777777777",
        b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\"entries\": ",
        b"\"complete\": true",
        b"\"sha256\": \"",
        b"\"planned\": {",
    ],
    block: 512,
    rounds: [10_000, 300],
};

#[test]
fn a_tar_that_is_not_ours_writes_nothing_outside() {
    fuzz(&ARCHIVE_TAR);
}

const ARCHIVE_MADE: Target = Target {
    name: "archive_made",
    corpus: "archive_made",
    run: targets::archive_made,
    words: &[b"../", b"/", b"\0\0\0\0", b"\xff\xff\xff\xff"],
    block: 8,
    rounds: [10_000, 300],
};

#[test]
fn a_well_formed_archive_of_hostile_entries_writes_nothing_outside() {
    fuzz(&ARCHIVE_MADE);
}

const ARCHIVE_FILE: Target = Target {
    name: "archive_file",
    corpus: "archive_file",
    run: targets::archive_file,
    words: &[
        b"age-encryption.org/v1\n",
        b"-> X25519 ",
        b"--- ",
        b"\x1f\x8b\x08",
        b"\x03\0",
        b"\0\0\xff\xff",
        b"ustar  \0",
    ],
    block: 64,
    rounds: [4_000, 200],
};

#[test]
fn an_archive_is_verified_whatever_it_is() {
    fuzz(&ARCHIVE_FILE);
}

const JSON: &[&[u8]] = &[
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"-1",
    b"0",
    b"1e999",
    b"1.7976931348623157e308",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"0.1",
    b"\\u0000",
    b"\\ud800",
    b"\\\\x2e",
    b"../",
    b"\"format\": 1,",
    b"\"complete\": true",
    b"\"newest\": ",
    b"\"rows\": null",
    b"9999-12-31T23:59:59Z",
    b"-009999-01-01T00:00:00Z",
    b"\"type\": \"link\"",
];

const MANIFEST: Target = Target {
    name: "manifest",
    corpus: "manifest",
    run: targets::manifest,
    words: JSON,
    block: 16,
    rounds: [200_000, 4_000],
};

#[test]
fn what_is_read_as_a_manifest_is_written_and_read_again() {
    fuzz(&MANIFEST);
}

const SIDECAR: Target = Target {
    name: "sidecar",
    corpus: "sidecar",
    run: targets::sidecar,
    words: JSON,
    block: 16,
    rounds: [50_000, 1_000],
};

#[test]
fn what_is_read_as_a_sidecar_is_written_and_read_again() {
    fuzz(&SIDECAR);
}

const JOBS_YAML: Target = Target {
    name: "jobs_yaml",
    corpus: "jobs_yaml",
    run: targets::jobs_yaml,
    words: &[
        b"&a ",
        b"*a",
        b"<<: ",
        b"? ",
        b"- ",
        b": ",
        b"\n",
        b"\n  ",
        b"\n\n",
        b"\t",
        b"#",
        b"---\n",
        b"...\n",
        b"%YAML 1.2\n",
        b"!!binary ",
        b"!!set ",
        b"|\n",
        b">-\n",
        b"[",
        b"]",
        b"{",
        b"}",
        b"\"",
        b"'",
        b"${VAR}",
        b"${VAR:-x}",
        b"${",
        b"$$",
        b"null",
        b"~",
        b"true",
        b"0x1f",
        b".inf",
        b"1e9",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\\u0000",
        b"jobs:",
        b"schedule: ",
        b"backup: ",
        b"defaults: ",
        b"timezone: ",
        b"needs: ",
        b"locks: ",
        b"calendar: ",
        b"keep: ",
        b"every 5m",
        b"\"0 2 * * *\"",
        b"1000000000000000000000d",
        b"-1",
        b"\"\"",
    ],
    block: 16,
    rounds: [20_000, 400],
};

#[test]
fn a_job_file_is_read_or_refused_whatever_it_is() {
    fuzz(&JOBS_YAML);
}

const LOG_READER: Target = Target {
    name: "log_reader",
    corpus: "log_reader",
    run: targets::log_reader,
    words: &[
        b"\n",
        b"\n\n",
        b"\"timestamp\":\"2026-01-02T00:00:00Z\",",
        b"\"level\":\"ERROR\",",
        b"\"job\":\"b\",",
        b"\"run\":7,",
        b"\"span\":{",
        b"\"spans\":[",
        b"\\u001b",
        b"\x1b[2J",
        b"\x1f\x8b\x08",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"\0",
    ],
    block: 64,
    rounds: [4_000, 200],
};

#[test]
fn a_log_is_read_whatever_stands_in_it() {
    fuzz(&LOG_READER);
}

const PRICES: Target = Target {
    name: "prices",
    corpus: "prices",
    run: targets::prices,
    words: &[
        b"date,open,high,low,close,volume\n",
        b"date,symbol,side,quantity,price\n",
        b"2026-01-05",
        b"2026-01-05T15:30:00Z",
        b",",
        b"\n",
        b"\r\n",
        b"\"",
        b"\xef\xbb\xbf",
        b"nan",
        b"inf",
        b"-1",
        b"1e999",
        b"0.000001",
        b"99999999999999999999",
        b"buy",
        b"sell",
    ],
    block: 4,
    rounds: [20_000, 500],
};

#[test]
fn prices_and_trades_are_read_or_refused_whatever_they_are() {
    fuzz(&PRICES);
}

const RULE: Target = Target {
    name: "rule",
    corpus: "rule",
    run: targets::rule,
    words: &[
        b"close",
        b"volume",
        b"sma(",
        b"rsi(14)",
        b"bbands(20).upper",
        b"macd(12, 26, 9).signal",
        b"vwap()",
        b"crosses_above(",
        b"within(",
        b"highest(",
        b" and ",
        b" or ",
        b"not ",
        b" < ",
        b" >= ",
        b" == ",
        b"[1]",
        b"[100000]",
        b"(",
        b")",
        b", ",
        b".",
        b"-",
        b"/ 0",
        b"100000",
        b"1e9",
        b"0.5",
        b"1_000",
        b"\xc3\xa9",
    ],
    block: 4,
    rounds: [50_000, 2_000],
};

#[test]
fn a_rule_is_read_or_refused_whatever_it_is() {
    fuzz(&RULE);
}

const STRATEGIES: Target = Target {
    name: "strategies",
    corpus: "strategies",
    run: targets::strategies_yaml,
    words: &[
        b"strategies:\n",
        b"symbols: [",
        b"  a: {side: buy, when: ",
        b"timeframe: 5m",
        b"confirm: 2",
        b"cooldown: 10000",
        b"strength: .nan",
        b"when: |\n    ",
        b"\"close > 1\"",
        b"'close > ''1'",
        b"\"\\u0061\"",
        b"sma(10000)",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"\xef\xbb\xbf",
        b"\r\n",
    ],
    block: 8,
    rounds: [20_000, 1_000],
};

#[test]
fn a_file_of_strategies_is_read_or_refused_whatever_it_is() {
    fuzz(&STRATEGIES);
}

const ALPHA_VANTAGE: Target = Target {
    name: "alpha_vantage",
    corpus: "alpha_vantage",
    run: targets::alpha_vantage,
    words: &[
        b"\"Meta Data\":{",
        b"\"2. Symbol\":\"AAPL\"",
        b"\"5. Time Zone\":\"US/Eastern\"",
        b"\"Time Series (Daily)\":{",
        b"\"Time Series (5min)\":{",
        b"\"2026-01-05\":{",
        b"\"2026-03-08 02:30:00\":{",
        b"\"1. open\":\"1\"",
        b"\"Error Message\":",
        b"\"Information\":",
        b"\"Note\":",
        b"\"Global Quote\":{}",
        b"timestamp,open,high,low,close,volume\r\n",
        b"\"NaN\"",
        b"\"1e999\"",
        b"\"-9999-01-01\":{",
        b"\"9999-12-31 23:59:59\":{",
        b"null",
        b"\\u0000",
        b"\\ud800",
        b"<html>",
    ],
    block: 8,
    rounds: [50_000, 1_500],
};

#[test]
fn an_answer_of_alpha_vantage_is_read_or_refused_whatever_it_is() {
    fuzz(&ALPHA_VANTAGE);
}

const YAHOO: Target = Target {
    name: "yahoo",
    corpus: "yahoo",
    run: targets::yahoo,
    words: &[
        b"\"chart\":{",
        b"\"finance\":{",
        b"\"result\":[",
        b"\"meta\":{\"symbol\":\"AAPL\"}",
        b"\"dataGranularity\":\"5m\"",
        b"\"exchangeTimezoneName\":\"America/New_York\"",
        b"\"timestamp\":[",
        b"1767623400",
        b"99999999999999",
        b"-99999999999999",
        b"9223372036854775807",
        b"\"indicators\":{\"quote\":[",
        b"\"splits\":{\"1\":{\"date\":1,\"numerator\":2,\"denominator\":0}}",
        b"\"error\":{\"code\":\"Not Found\"}",
        b"null",
        b"1e308",
        b"-0.0",
        b"Too Many Requests",
        b"<html>",
    ],
    block: 8,
    rounds: [50_000, 1_500],
};

#[test]
fn an_answer_of_yahoo_is_read_or_refused_whatever_it_is() {
    fuzz(&YAHOO);
}

const SCHEDULE: Target = Target {
    name: "schedule",
    corpus: "schedule",
    run: targets::schedule,
    words: &[
        b"*",
        b"*/",
        b",",
        b"-",
        b"/",
        b"?",
        b"L",
        b"W",
        b"LW",
        b"#",
        b"sun",
        b"mon",
        b"jan",
        b"feb",
        b" ",
        b"every ",
        b"at ",
        b"at open+",
        b"at close-",
        b"@daily",
        b"@",
        b"59",
        b"60",
        b"0",
        b"7",
        b"31",
        b"30 2",
        b"29 2 ",
        b"4294967296",
        b"5m",
        b"1h30m",
        b"ms",
        b"\xc2\xa0",
        b"18446744073709551615s",
    ],
    block: 4,
    rounds: [50_000, 2_000],
};

#[test]
fn a_schedule_is_read_or_refused_whatever_it_is() {
    fuzz(&SCHEDULE);
}

/// Fails at its first mutation.
const PANICS: Target = Target {
    name: "panics",
    run: |data| {
        assert!(data.is_empty() || data.len() > 13, "a law is broken");
        true
    },
    ..SCHEDULE
};

#[test]
#[should_panic(expected = "a law is broken")]
fn a_broken_law_is_noticed() {
    fuzz(&PANICS);
}

/// Believes a size without looking.
const HUNGRY: Target = Target {
    name: "hungry",
    run: |data| Vec::<u8>::with_capacity(data.len() << 27).capacity() > 0,
    ..SCHEDULE
};

#[test]
#[should_panic(expected = "memory allocation of")]
fn a_claim_to_much_memory_is_noticed() {
    fuzz(&HUNGRY);
}
