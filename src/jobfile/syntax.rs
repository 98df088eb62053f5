//! What the YAML crate refuses, in plain words; and the limits it is given.

use serde_yaml::{
    DuplicateKeyPolicy, Error, ExternalMessageSource, Options, budget::BudgetBreach,
    granit_parser::ErrorKind,
};

use super::{
    problem::Problem,
    source::{Place, Source},
};

/// How deep lists and maps may be nested; a job file needs six levels.
const MAX_DEPTH: usize = 32;
/// How many keys and values a job file may have: 10,000 jobs with 15 of them each.
const MAX_NODES: usize = 150_000;
/// How many anchors, aliases or merges (`<<`) a job file may have.
const MAX_ALIASES: usize = 10_000;
/// How many values all aliases together may stand for: each is read again at each use.
const MAX_REPLAYED: usize = 100_000;

/// The options of the YAML crate: YAML 1.2 booleans, hard limits, duplicates passed on to us.
pub(super) fn options() -> Options {
    serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_merge_keys: MAX_ALIASES,
            max_recorded_anchor_events: MAX_REPLAYED,
            // One anchor that every job merges is no attack.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: MAX_ALIASES,
        },
    }
}

/// A message of ours and a hint.
type Told = (String, Option<&'static str>);

/// The problem that an error of the YAML crate stands for.
pub(super) fn problem(error: &Error, source: &Source) -> Problem {
    let error = unwrapped(error);
    let place = place_of(error, source);
    let line = line(source, place);
    let (message, hint) = told(error);
    Problem::new(place, message).maybe_hint(hint.or_else(|| quoting(line)).map(str::to_owned))
}

fn unwrapped(error: &Error) -> &Error {
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => unwrapped(error),
        _ => error,
    }
}

/// Where; the scanner gives no bytes, so they are found from line and column.
fn place_of(error: &Error, source: &Source) -> Place {
    let Some(location) = error.location().filter(|location| location.line() > 0) else {
        return Place::FILE;
    };
    let place = place(location);
    if place.end > place.start {
        return place;
    }
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let lines = source.text.split_inclusive('\n');
    let start: usize = lines.take(number(place.line)).map(str::len).sum();
    let line = source
        .text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let offset: usize = line
        .chars()
        .take(number(place.column))
        .map(char::len_utf8)
        .sum();
    let start = start + offset;
    let length = source
        .text
        .get(start..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, char::len_utf8);
    source.place(start..start + length)
}

fn line(source: &Source, place: Place) -> &str {
    let number = usize::try_from(place.line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    source.text.lines().nth(number).unwrap_or_default()
}

fn told(error: &Error) -> Told {
    let plain = |message: &str| (message.to_owned(), None);
    match error {
        Error::Budget { breach, .. } => budget(breach),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_many_aliases(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            plain("an alias inside its own anchor")
        }
        Error::MultipleDocuments { .. } => (
            "one file is one document, but a second one starts here".to_owned(),
            Some("remove the line `---` and what follows, or merge the two"),
        ),
        Error::UnknownAnchor { .. } => unknown_alias(),
        Error::NullIntoString { .. } => plain("a key must be text, and this one is empty"),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => plain("`<<` takes an alias of a map"),
        Error::InvalidUtf8Input => plain("the file is not UTF-8 text"),
        Error::NonFiniteFloat { .. } => plain("numbers must be finite"),
        Error::Unexpected { .. } | Error::SerdeInvalidType { .. } => plain("a key must be text"),
        Error::Eof { .. } => plain("the file ends in the middle of a value"),
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(error) => scanner(error.kind()),
            _ => plain("this cannot be read as YAML"),
        },
        _ => plain("this cannot be read as YAML"),
    }
}

fn budget(breach: &BudgetBreach) -> Told {
    match breach {
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::MergeKeys { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. } => too_many_aliases(),
        BudgetBreach::Documents { .. } => ("one file is one document".to_owned(), None),
        _ => (format!("more than {MAX_NODES} values in one file"), None),
    }
}

fn too_deep() -> Told {
    (
        format!("lists and maps are nested more than {MAX_DEPTH} levels deep"),
        None,
    )
}

fn too_many_aliases() -> Told {
    (
        "aliases (`*name`) stand for too many values".to_owned(),
        Some("write the values out"),
    )
}

fn unknown_alias() -> Told {
    (
        "`*` at the start of a value means an alias, and there is no anchor of that name"
            .to_owned(),
        Some(QUOTE_CRON),
    )
}

const QUOTE_CRON: &str = "quote the cron expression: `schedule: \"*/5 * * * *\"`";

fn scanner(kind: &ErrorKind) -> Told {
    use ErrorKind as K;
    let (message, hint) = match kind {
        K::UnknownAnchor | K::MissingAnchorOrAliasName => return unknown_alias(),
        K::RecursionLimitExceeded => return too_deep(),
        _ if kind.to_string().contains("tab") => (
            "a tab cannot be used to indent",
            Some("indent with spaces, two for each level"),
        ),
        K::UnexpectedEofFlowSequence | K::ExpectedFlowSequenceSeparator => {
            ("a list in `[…]` needs `,` or `]` here", None)
        }
        K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::ExpectedFlowMappingSeparator => ("a map in `{…}` needs `,` or `}` here", None),
        K::MisplacedFlowCollectionEnd => ("this bracket closes nothing", None),
        K::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), None);
        }
        K::UnclosedFlowCollection { open } => return (format!("`{open}` is never closed"), None),
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => {
            ("a quote is opened and never closed", None)
        }
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            ("something follows the closing quote", None)
        }
        K::UnknownQuotedScalarEscape => (
            "unknown escape in a text in double quotes",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        K::UnexpectedCharacter { character } => {
            return (
                format!("a value cannot start with `{character}`"),
                Some(QUOTE),
            );
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey | K::ExpectedBlockMappingKey => (
            "expected `key: value`",
            Some("check the colon, the space after it and the indentation"),
        ),
        K::MappingValueNotAllowed | K::InvalidColonPlacement | K::MappingKeyNotAllowed => (
            "a second `:` on one line, or a line that is indented too far",
            Some("put a text that holds `: ` in quotes, and look for an open bracket above"),
        ),
        K::InvalidIndentation
        | K::InvalidFlowScalarIndent
        | K::InvalidQuotedScalarIndent
        | K::InvalidBlockScalarIndent => ("this line is indented wrongly", None),
        K::CommentNotSeparated => ("a comment needs a space before its `#`", None),
        K::InvalidMappingValueWhitespace => ("`:` needs a space after it", None),
        K::ExpectedDocumentStart | K::InvalidDocumentEnd | K::BlockSequenceEntryNotAllowed => (
            "this does not fit what stands before it",
            Some("check the indentation and the line above"),
        ),
        _ => return (format!("this cannot be read as YAML ({kind})"), None),
    };
    (message.to_owned(), hint)
}

const QUOTE: &str = "put the value in quotes";

/// The place of a location of the YAML crate.
pub(super) fn place(location: serde_yaml::Location) -> Place {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let byte = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let start = byte(location.span().byte_offset());
    Place {
        line: count(location.line()),
        column: count(location.column()),
        start,
        end: start + byte(location.span().byte_len()),
    }
}

/// What people forget to quote.
fn quoting(line: &str) -> Option<&'static str> {
    let value = line.trim_start().trim_start_matches("- ");
    let value = value
        .split_once(": ")
        .map_or(value, |(_, value)| value)
        .trim_start();
    match value.chars().next()? {
        '*' => Some(QUOTE_CRON),
        '@' | '`' | '%' => Some(QUOTE),
        _ => None,
    }
}
