//! IANA time zones by name.

use jiff::tz::TimeZone;

use super::{node::Text, problem::Problem, source::Place};
use crate::suggest;

/// The zone called `text`, or the problem at `place`.
pub(super) fn parse(text: &Text, place: Place) -> Result<TimeZone, Problem> {
    TimeZone::get(&text.text).map_err(|_| {
        let problem = Problem::new(place, format!("unknown time zone {}", text.shown()));
        let names: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .collect();
        let near = || suggest::hint(&text.text, names.iter().map(String::as_str));
        let near = if text.variable.is_none() {
            near()
        } else {
            None
        };
        let general = "write an IANA name such as `Europe/Berlin` or `UTC`";
        problem.hint(near.unwrap_or_else(|| general.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variable: Option<&str>) -> Result<TimeZone, Problem> {
        let text = Text {
            text: text.into(),
            variable: variable.map(str::to_owned),
        };
        parse(&text, Place::FILE)
    }

    #[test]
    fn zones_are_found_or_suggested() {
        assert_eq!(
            read("Asia/Shanghai", None).unwrap().iana_name(),
            Some("Asia/Shanghai")
        );
        let problem = read("Asia/Shangai", None).unwrap_err();
        assert_eq!(problem.hint.unwrap(), "did you mean `Asia/Shanghai`?");
        assert!(
            read("nowhere at all", None)
                .unwrap_err()
                .hint
                .unwrap()
                .contains("IANA")
        );
        assert!(read("", None).is_err());
    }

    #[test]
    fn a_variable_is_not_shown() {
        let problem = read("Asia/Shangai", Some("ZONE")).unwrap_err();
        assert_eq!(
            problem.message,
            "unknown time zone in the value of `${ZONE}`"
        );
        assert!(!problem.hint.unwrap().contains("Shang"));
    }
}
