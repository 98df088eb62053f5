//! `completions`: what a shell needs to complete commands and options.

use clap::CommandFactory;

use super::{
    args::{self, Args},
    shell::{Shell, exit},
};

pub(super) fn run(shell: &Shell, args: &args::Completions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "bellkeeper", &mut script);
    shell.line(String::from_utf8_lossy(&script).trim_end());
    exit::OK
}
