//! `check NAME`: is it well? Answers as monitoring plugins do.

use super::{
    args,
    shell::{Result, Shell},
};

mod api;

pub(super) fn run(shell: &Shell, args: &args::Check) -> Result {
    match &args.what {
        args::CheckVerb::Api(args) => api::run(shell, args),
    }
}
