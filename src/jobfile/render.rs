//! Problems as compilers show them: message, place, line, caret, help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::{
    problem::{Problem, Severity},
    source::{Place, Source},
};

const WIDTH: usize = 80;
/// What stands in front of a message and of a hint, and of their further lines.
const TITLE: usize = "warning: ".len();
const HELP: usize = "   = help: ".len();
/// A longer stretch of source between two places is not shown (a minified or hostile file).
const LONGEST_EXCERPT: usize = 20_000;

/// One problem as a person reads it, without a line break at the end.
pub(super) fn problem(
    problem: &Problem,
    severity: Severity,
    source: &Source,
    coloured: bool,
) -> String {
    let renderer = if coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let folded = |text: &str, beside| match severity {
        Severity::Error => text.to_owned(),
        Severity::Warning => folded(text, beside),
    };
    let title = folded(&problem.message, TITLE);
    let group = level.primary_title(title.as_str());
    let group = match excerpt(problem, source) {
        Some((first_line, range)) => {
            let text = source.text.get(range.clone()).unwrap_or_default();
            let span = |place: Place| {
                let from = |byte: usize| byte.saturating_sub(range.start).min(text.len());
                from(place.start)..from(one_line(source, place).end)
            };
            let also = problem
                .also
                .map(|(place, label)| AnnotationKind::Context.span(span(place)).label(label));
            let snippet = Snippet::source(text)
                .line_start(first_line)
                .path(source.name.as_str())
                .annotation(AnnotationKind::Primary.span(span(problem.place)))
                .annotations(also);
            group.element(snippet)
        }
        None => group.element(origin(problem.place, source)),
    };
    let hint = problem.hint.as_deref().map(|hint| folded(hint, HELP));
    let help = hint.as_deref().map(|hint| Level::HELP.message(hint));
    let report = [group.elements(help)];
    renderer.term_width(WIDTH).render(&report)
}

fn origin(place: Place, source: &Source) -> Origin<'_> {
    let origin = Origin::path(source.name.as_str());
    if place == Place::FILE {
        return origin;
    }
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    origin
        .line(number(place.line))
        .char_column(number(place.column))
}

/// The whole lines around the problem's places and the number of the first.
fn excerpt(problem: &Problem, source: &Source) -> Option<(usize, Range<usize>)> {
    if problem.private || problem.place == Place::FILE {
        return None;
    }
    let places = || {
        [Some(problem.place), problem.also.map(|(place, _)| place)]
            .into_iter()
            .flatten()
    };
    let first = places().min()?;
    let start = places().map(|place| place.start).min()?;
    let end = places().map(|place| one_line(source, place).end).max()?;
    let start = source
        .text
        .get(..start)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let rest = source.text.get(end..)?;
    let end = end + rest.find('\n').unwrap_or(rest.len());
    let line = usize::try_from(first.line).ok()?;
    (end - start <= LONGEST_EXCERPT).then_some((line, start..end))
}

/// The part of a place on its first line: a caret under a whole block says nothing.
fn one_line(source: &Source, place: Place) -> Range<usize> {
    let text = source.at(place);
    let line = text.lines().next().unwrap_or_default().trim_end();
    place.start..place.start + line.len()
}

/// A sentence broken between words so that it fits beside `beside` columns.
fn folded(text: &str, beside: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && beside + column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}
