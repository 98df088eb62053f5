//! `man`: the manual page.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{
    args::Args,
    shell::{Failure, Result, Shell, exit},
};

pub(super) fn run(shell: &Shell) -> Result {
    let page = page().map_err(|error| {
        let message = format!("write the manual page: {error}");
        Failure::new(exit::FAILED, message)
    })?;
    shell.line(String::from_utf8_lossy(&page).trim_end());
    Ok(exit::OK)
}

/// One page for all: the program first, then each command with its options.
fn page() -> io::Result<Vec<u8>> {
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    let mut page = Vec::new();
    Man::new(program.clone()).render(&mut page)?;
    for verb in shown(&program) {
        verb_section(verb, verb.get_name(), &mut page)?;
    }
    Ok(page)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set())
}

/// A section named as the command is typed, and those of the commands in it.
fn verb_section(verb: &Command, path: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let title = format!(".SH \"{}\"\n", path.to_uppercase());
    page.extend(title.as_bytes());
    let man = Man::new(verb.clone());
    let mut part = Vec::new();
    man.render_synopsis_section(&mut part)?;
    man.render_description_section(&mut part)?;
    if verb.get_arguments().next().is_some() {
        man.render_options_section(&mut part)?;
    }
    // Its sections are parts of this one.
    let part = String::from_utf8_lossy(&part).replace(".SH ", ".SS ");
    page.extend(part.as_bytes());
    for inner in shown(verb) {
        verb_section(inner, &format!("{path} {}", inner.get_name()), page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_command() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for verb in shown(&Args::command()) {
            let title = format!(".SH \"{}\"\n", verb.get_name().to_uppercase());
            assert!(page.contains(&title), "{title}");
        }
        assert!(page.contains(".SH \"BACKUPS LIST\"\n"));
    }
}
