use std::path::Path;

use jiff::tz::TimeZone;

use super::super::{Context, Loaded, Problems, load};
use crate::{
    clock::Clock,
    settings::{Raw, Settings},
};

/// Loads a text against a root that does not exist and two variables.
pub(super) fn loaded(text: &[u8]) -> Result<Loaded, Problems> {
    let raw = Raw {
        root: Some("/box".into()),
        jobs_file: None,
    };
    let context = Context {
        settings: Settings::resolve(&raw, Path::new("/")),
        clock: Clock::System,
        host: "host".to_owned(),
        local_zone: TimeZone::UTC,
        vars: &|name| match name {
            "FOLDER" => Some("from/variable".to_owned()),
            "SECRET" => Some("hunter2".to_owned()),
            "SEVEN" => Some("7".to_owned()),
            _ => None,
        },
    };
    load(text, Path::new("jobs.yaml"), &context)
}

/// The problems of a text as a person sees them.
pub(super) fn rendered(text: &str) -> String {
    loaded(text.as_bytes()).unwrap_err().render(false)
}
