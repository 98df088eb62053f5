//! A line of the log as an event: what it is asked for, and how a person sees it.

use std::{borrow::Cow, fmt::Write};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use tracing::Level;

/// What a line of the log says. Anything may have written it: nothing has to be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(Vec<(String, Value)>);

/// Fields that have a place of their own when an event is shown.
const PLACED: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

impl Event {
    /// Reads a line; `None` unless it is a JSON object.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// When it happened.
    pub fn at(&self) -> Option<Timestamp> {
        self.text("timestamp")?.parse().ok()
    }

    /// How bad it is.
    pub fn level(&self) -> Option<Level> {
        self.text("level")?.parse().ok()
    }

    /// Whether it is about this job, or happened in a run of it.
    pub fn is_of_job(&self, job: &str) -> bool {
        self.about("job").any(|value| value.as_str() == Some(job))
    }

    /// Whether it is about this run, or happened in it.
    pub fn is_of_run(&self, run: i64) -> bool {
        self.about("run").any(|value| value.as_i64() == Some(run))
    }

    /// The line that a console shows of it, without the line break.
    pub fn human(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut line = String::new();
        if let Some(stamp) = self.text("timestamp") {
            line.push_str(&paint.dim(&printable(stamp)));
            line.push(' ');
        }
        line.push_str(&paint.level(self.text("level").unwrap_or("?")));
        line.push(' ');
        for span in self.spans() {
            line.push_str(&printable(&paint.span(span)));
        }
        if let Some(message) = self.get("message") {
            line.push_str(&value(message, false));
        }
        for (name, found) in &self.0 {
            if !PLACED.contains(&name.as_str()) {
                line.push(' ');
                line.push_str(&paint.field(name, found));
            }
        }
        line
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let mut fields = self.0.iter();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The spans it happened in, the outermost first.
    fn spans(&self) -> impl Iterator<Item = &Value> {
        let all = self.get("spans").and_then(Value::as_array);
        let one = self.get("span").filter(|_| all.is_none());
        all.into_iter().flatten().chain(one)
    }

    /// What is said of `name`, by itself and by its spans.
    fn about(&self, name: &str) -> impl Iterator<Item = &Value> {
        let of_spans = self.spans().filter_map(move |span| span.get(name));
        self.get(name).into_iter().chain(of_spans)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Keeps the fields in the order in which they were written.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Event;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Event(fields))
    }
}

/// Text without anything that moves the cursor or changes colours: whoever can write a log must not
/// write on a terminal.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() && letter != '\t' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// A value as a console shows it; text that is no single word in quotes where it could run into what
/// follows.
fn value(value: &Value, quoted: bool) -> String {
    match value.as_str() {
        // JSON escapes only some of the characters that control a terminal.
        None => printable(&value.to_string()).into_owned(),
        Some(text) => {
            let is_word = !text.is_empty() && !text.contains([' ', '"', '=']);
            if quoted && !is_word {
                format!("\"{}\"", printable(&text.replace('"', "\\\"")))
            } else {
                printable(text).into_owned()
            }
        }
    }
}

/// Colours as the log's console has them, or none.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn level(&self, level: &str) -> String {
        let code = match level {
            "ERROR" => "31",
            "WARN" => "33",
            "INFO" => "32",
            "DEBUG" => "34",
            _ => "35",
        };
        self.with(code, &format!("{:>5}", printable(level)))
    }

    fn field(&self, name: &str, found: &Value) -> String {
        let name = self.with("3", &printable(name));
        format!("{name}{}{}", self.dim("="), value(found, true))
    }

    fn span(&self, span: &Value) -> String {
        let mut inside = String::new();
        for (name, found) in span.as_object().into_iter().flatten() {
            if name != "name" {
                let gap = if inside.is_empty() { "" } else { " " };
                // Writing to a String cannot fail.
                let _written = write!(inside, "{gap}{}", self.field(name, found));
            }
        }
        let name = span.get("name").and_then(Value::as_str).unwrap_or("?");
        let braces = if inside.is_empty() {
            String::new()
        } else {
            format!("{{{inside}}}")
        };
        format!("{}{braces}: ", self.with("1", &printable(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2026-11-24T10:00:00.250+08:00","level":"WARN","message":"attempt failed","job":"b","run":7,"reason":"no \"room\"\nat all","slot":"2026-11-24T02:00:00Z","target":"x","span":{"id":7,"name":"run"}}"#;

    #[test]
    fn it_is_shown_as_the_console_shows_it() {
        let event = Event::parse(LINE.as_bytes()).unwrap();
        assert_eq!(
            event.human(false),
            "2026-11-24T10:00:00.250+08:00  WARN run{id=7}: attempt failed job=b run=7 \
             reason=\"no \\\"room\\\"\\nat all\" slot=2026-11-24T02:00:00Z"
        );
        let coloured = event.human(true);
        assert!(coloured.contains("\u{1b}[33m WARN\u{1b}[0m"), "{coloured}");
        assert_eq!(event.at(), "2026-11-24T02:00:00.25Z".parse().ok());
        assert_eq!(event.level(), Some(Level::WARN));
    }

    #[test]
    fn job_and_run_may_stand_in_a_span() {
        let of = |line: &str| {
            let event = Event::parse(line.as_bytes()).unwrap();
            (event.is_of_job("b"), event.is_of_run(7))
        };
        assert_eq!(of(r#"{"job":"b","run":7}"#), (true, true));
        assert_eq!(
            of(r#"{"span":{"name":"run","job":"b","run":7}}"#),
            (true, true)
        );
        assert_eq!(
            of(r#"{"spans":[{"job":"b"},{"run":7}],"span":{}}"#),
            (true, true)
        );
        assert_eq!(of(r#"{"job":"bb","run":"7"}"#), (false, false));
    }

    #[test]
    fn nothing_in_a_log_reaches_the_terminal_raw() {
        let line = r#"{"timestamp":"\u001b[2J","level":"\u001b[1m","message":"\u001b]0;x\u0007","a\u001b":"\u009b1m","nested":["\u009b\u007f"],"span":{"name":"\u001bc","b\r":"\u001b"}}"#;
        let shown = Event::parse(line.as_bytes()).unwrap().human(false);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert_eq!(printable("a\tb\u{1b}"), "a\tb\\u{1b}");
    }

    #[test]
    fn what_is_no_object_is_no_event() {
        for line in ["", "{", "[]", "7", "\"x\"", "{} {}", "\u{0}"] {
            assert_eq!(Event::parse(line.as_bytes()), None, "{line}");
        }
        let nothing = Event::parse(b"{}").unwrap();
        assert_eq!((nothing.at(), nothing.level()), (None, None));
        assert_eq!(nothing.human(false), "    ? ");
    }
}
