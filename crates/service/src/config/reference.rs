//! The settings of a process as a page of the documentation, made from its declarations.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

/// Every setting with its flag, environment variable and default, in tables by heading, as Markdown.
#[must_use]
pub fn reference<C: CommandFactory>() -> String {
    let mut command = C::command();
    command.build();
    let mut page = format!("# Settings of {}\n\n", command.get_name());
    page.push_str("Made from the declarations; what holds for all processes stands in ");
    page.push_str("[configuration.md](../configuration.md).\n");
    let mut headings: Vec<&str> = Vec::new();
    for heading in settings(&command).map(heading_of) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        // Writing to a string cannot fail.
        let _ =
            write!(page, "\n## {heading}\n\n| flag | variable | default | |\n|---|---|---|---|\n");
        for arg in settings(&command).filter(|arg| heading_of(arg) == heading) {
            let _ = writeln!(page, "{}", row(arg));
        }
    }
    page
}

fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let asked = ["help", "version"];
    command.get_arguments().filter(move |arg| !asked.contains(&arg.get_id().as_str()))
}

fn heading_of(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or("Process")
}

fn row(arg: &Arg) -> String {
    let flag = arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}"));
    let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
    let defaults: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    let default = match defaults.as_slice() {
        [] if arg.is_required_set() => "must be given".to_owned(),
        [] => "none".to_owned(),
        values => format!("`{}`", values.join(",")),
    };
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let (help, values) = (help.split_whitespace().collect::<Vec<_>>().join(" "), values(arg));
    let variable = variable.unwrap_or_default();
    format!("| `{flag}` | {variable} | {default} | {}.{values} |", help.trim_end_matches('.'))
}

/// The values that a setting can have, where they are few.
fn values(arg: &Arg) -> String {
    let told: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !matches!(value.get_name(), "true" | "false"))
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if told.is_empty() { String::new() } else { format!(" One of: {}.", told.join(", ")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "kiln")]
    struct Config {
        /// Degrees at which
        /// it fires.
        #[arg(long, env = "HEAT", default_value_t = 900)]
        heat: u16,
        /// The clay.
        #[arg(long, help_heading = "Clay", value_parser = ["red", "white"])]
        clay: String,
    }

    #[test]
    fn every_setting_stands_in_the_table_of_its_heading() {
        let page = reference::<Config>();
        assert!(page.starts_with("# Settings of kiln\n"), "{page}");
        let heat = "## Process\n\n| flag | variable | default | |\n|---|---|---|---|\n\
                    | `--heat` | `HEAT` | `900` | Degrees at which it fires. |\n";
        assert!(page.contains(heat), "{page}");
        let clay = "| `--clay` |  | must be given | The clay. One of: `red`, `white`. |\n";
        assert!(page.contains(clay) && page.contains("## Clay\n"), "{page}");
        assert!(!page.contains("--help"), "{page}");
    }
}
