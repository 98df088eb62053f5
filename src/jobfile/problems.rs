//! All that is wrong with a job file, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::{
    problem::{MAX_PROBLEMS, Place, Problem, Severity},
    render,
    source::Source,
};

/// All that is wrong with one job file (then never empty), or all that is doubtful in a good one,
/// in the file's order, and with the files it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    pub(super) source: Source,
    severity: Severity,
    list: Vec<Problem>,
    more: bool,
    /// Of the files that this one names.
    others: Vec<Self>,
}

/// A [`Problem`] for programs: one object per problem.
#[derive(Debug, Serialize)]
struct Json<'a> {
    severity: Severity,
    file: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    message: &'a str,
    hint: Option<&'a str>,
}

impl Problems {
    /// Sorts by place, drops repetitions (an alias shows one text in several jobs) and cuts.
    pub(super) fn new(source: Source, list: Vec<Problem>) -> Self {
        Self::of(Severity::Error, source, list)
    }

    /// As [`Self::new`], of what is doubtful in a good file.
    pub(super) fn warnings(source: Source, list: Vec<Problem>) -> Self {
        Self::of(Severity::Warning, source, list)
    }

    fn of(severity: Severity, source: Source, mut list: Vec<Problem>) -> Self {
        list.sort_by(|a, b| (a.place, &a.message).cmp(&(b.place, &b.message)));
        list.dedup();
        let more = list.len() > MAX_PROBLEMS;
        list.truncate(MAX_PROBLEMS);
        Self {
            source,
            severity,
            list,
            more,
            others: Vec::new(),
        }
    }

    /// Adds what is wrong with files that this one names; it is shown after its own.
    pub(super) fn and(mut self, others: Vec<Self>) -> Self {
        self.others = others;
        self
    }

    /// What is wrong with other files, although this one needs none of it.
    pub fn others(&self) -> &[Self] {
        &self.others
    }

    /// The problems.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// The file's name as it was given to [`super::load`].
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The problems for a person, each with its line and a caret under the place.
    pub fn render(&self, coloured: bool) -> String {
        let mut out = String::new();
        for problem in &self.list {
            out.push_str(&render::problem(
                problem,
                self.severity,
                &self.source,
                coloured,
            ));
            out.push_str("\n\n");
        }
        if self.more {
            out.push_str("… and more: mend these first\n");
        } else if !out.is_empty() {
            out.truncate(out.trim_end().len() + 1);
        }
        for other in &self.others {
            out.push('\n');
            out.push_str(&other.render(coloured));
        }
        out
    }

    /// One line per problem: `jobs.yaml:2:18: unknown kind`.
    pub fn lines(&self) -> Vec<String> {
        let name = &self.source.name;
        let line = |Problem { place, message, .. }: &Problem| match *place {
            Place::FILE => format!("{name}: {message}"),
            place => format!("{name}:{}:{}: {message}", place.line, place.column),
        };
        self.list.iter().map(line).collect()
    }

    /// One object per problem: `severity`, `file`, `line`, `column`, `message`, `hint`.
    pub fn json(&self) -> Vec<serde_json::Value> {
        let value = |problem: &Problem| {
            let known = problem.place != Place::FILE;
            serde_json::to_value(Json {
                severity: self.severity,
                file: &self.source.name,
                line: known.then_some(problem.place.line),
                column: known.then_some(problem.place.column),
                message: &problem.message,
                hint: problem.hint.as_deref(),
            })
            .unwrap_or_default()
        };
        let others = self.others.iter().flat_map(Self::json);
        self.list.iter().map(value).chain(others).collect()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, more) = (&self.source.name, if self.more { " or more" } else { "" });
        let what = match self.severity {
            Severity::Error => "problem",
            Severity::Warning => "warning",
        };
        match self.list.len() {
            1 => write!(f, "1 {what} in `{name}`"),
            n => write!(f, "{n}{more} {what}s in `{name}`"),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source {
            name: "jobs.yaml".into(),
            text: "a: 1\nb: 2\n".into(),
        }
    }

    #[test]
    fn they_are_sorted_and_told_once() {
        let source = source();
        let (a, b) = (source.place(0..1), source.place(5..6));
        let list = vec![
            Problem::new(b, "y"),
            Problem::new(a, "x"),
            Problem::new(b, "y"),
        ];
        let problems = Problems::new(source, list);
        let told: Vec<_> = problems.list().iter().map(|p| p.message.as_str()).collect();
        assert_eq!(told, ["x", "y"]);
        assert_eq!(problems.to_string(), "2 problems in `jobs.yaml`");
        assert_eq!(problems.json()[1]["line"], 2);
        assert_eq!(problems.lines(), ["jobs.yaml:1:1: x", "jobs.yaml:2:1: y"]);
    }

    #[test]
    fn the_file_as_a_whole_has_no_line() {
        let problems = Problems::new(source(), vec![Problem::new(Place::FILE, "x").hint("h")]);
        assert_eq!(problems.json()[0]["line"], serde_json::Value::Null);
        assert_eq!(
            problems.render(false),
            "error: x\n--> jobs.yaml\n = help: h\n"
        );
        assert_eq!(problems.lines(), ["jobs.yaml: x"]);
    }

    #[test]
    fn warnings_say_so() {
        let warnings = Problems::warnings(source(), Vec::new());
        assert_eq!(warnings.render(false), "");
        let list = vec![Problem::new(Place::FILE, "x")];
        let warnings = Problems::warnings(source(), list);
        assert_eq!(warnings.render(false), "warning: x\n--> jobs.yaml\n");
        assert_eq!(warnings.json()[0]["severity"], "warning");
        assert_eq!(warnings.to_string(), "1 warning in `jobs.yaml`");
    }

    #[test]
    fn a_flood_of_problems_is_cut() {
        let list = (0..500)
            .map(|n| Problem::new(Place::FILE, n.to_string()))
            .collect();
        let problems = Problems::new(source(), list);
        assert_eq!(problems.list().len(), MAX_PROBLEMS);
        assert!(
            problems
                .render(false)
                .ends_with("… and more: mend these first\n")
        );
    }
}
