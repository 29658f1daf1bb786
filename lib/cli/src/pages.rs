//! Manual pages and completion scripts, made from the clap commands.

use crate::{Doc, EXIT_STATUS, command};
use clap::CommandFactory;
use clap_mangen::roff::{Roff, bold, roman};

/// The completion script of a tool for a shell.
pub fn completions<A: CommandFactory>(doc: &Doc, shell: clap_complete::Shell) -> String {
    let mut cmd = command::<A>(doc);
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut cmd, doc.name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The section 1 manual page of a tool: clap's own sections, then examples, exit statuses, other pages.
/// Reproducible: no date, no host.
pub fn manual<A: CommandFactory>(doc: &Doc) -> String {
    let cmd = command::<A>(doc).after_help(None).after_long_help(None);
    let commands: Vec<clap::Command> = cmd.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    let page = clap_mangen::Man::new(cmd).section("1").manual("xnuboot").source("xnuboot").date("");
    let mut out = Vec::new();
    let mut roff = Roff::default();
    let rendered = page
        .render_title(&mut out)
        .and_then(|()| page.render_name_section(&mut out))
        .and_then(|()| page.render_synopsis_section(&mut out))
        .and_then(|()| page.render_description_section(&mut out))
        .and_then(|()| page.render_options_section(&mut out));
    debug_assert!(rendered.is_ok(), "writing to memory");
    if !commands.is_empty() {
        roff.control("SH", ["COMMANDS"]);
    }
    for command in commands {
        sub_command(&mut out, &mut roff, doc.name, command);
    }
    if !doc.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for e in doc.examples {
            roff.control("TP", []);
            roff.text([bold(e.command)]);
            roff.text([roman(e.what)]);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, what) in EXIT_STATUS.iter().chain(doc.exit_status) {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(*what)]);
    }
    if !doc.see_also.is_empty() {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([roman(doc.see_also.join(", "))]);
    }
    let mut text = String::from_utf8_lossy(&out).into_owned();
    text.push_str(&roff.render());
    text
}

/// A command's part of the page: how it is called, what it does, its own options. What is written so far is moved from
/// `roff` to `out`, as clap's own renderer of options writes there.
fn sub_command(out: &mut Vec<u8>, roff: &mut Roff, tool: &str, command: clap::Command) {
    let name = format!("{tool} {}", command.get_name());
    let mut command = command.bin_name(name).disable_help_flag(true);
    let usage = command.render_usage().to_string();
    roff.control("SS", [usage.trim_start_matches("Usage: ").trim()]);
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    roff.text([roman(about)]);
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        roff.text([roman(format!("Also called {}.", aliases.join(", ")))]);
    }
    out.extend(std::mem::take(roff).render().bytes());
    let mut options = Vec::new();
    let rendered = clap_mangen::Man::new(command).render_options_section(&mut options);
    debug_assert!(rendered.is_ok(), "writing to memory");
    let options = String::from_utf8_lossy(&options).into_owned();
    out.extend(
        options.lines().filter(|l| !l.starts_with(".SH")).flat_map(|l| [l, "\n"]).flat_map(str::bytes),
    );
}
