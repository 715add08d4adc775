//! The reference of all verbs, as docs/cli.md prints it.

use clap::{Arg, Command, CommandFactory};

use super::root::Cli;

/// What stands above the verbs.
const HEAD: &str = "\
# The command line

This page is made from the program's own help; `make reference` makes it anew. Every verb prints its part with `--help`.

## REPO@REV:PATH

names a commit of a repo, or a file or directory in it. `REPO` alone stands for its branch `main`, `REPO:PATH` for a path there.
REV is looked for in this order:

| REV | what it means |
|---|---|
| `main`, `feature/x` | a branch |
| `v1` | a tag; a branch and a tag never have the same name |
| `4c9f21ab` | the commit whose id starts so; at least four digits |
| `origin/main` | where a branch of a remote stood when it was last seen |
| `main@{2 hours ago}` | where the branch stood then: `2024-05-01`, `2024-05-01 14:30`, RFC 3339, `yesterday`, `yesterday 14:30`, `3 days ago` |
| `main@{1}` | where the branch stood one move ago, whatever moved it |

and each may be followed by `~n` (n commits back, always to the first parent) and `^n` (the n-th parent). `REPO~2`,
`REPO^` and `REPO@{yesterday}` start from `main`. In patterns `*` and `?` stop at a slash, `**` does not, `[...]` is one of
several characters, `{a,b}` one of several texts; a name that exists is meant as it is, whatever characters it has.

";

/// The page, in Markdown.
pub fn reference() -> String {
    let mut program = Cli::command();
    program.build();
    let mut page = HEAD.to_owned();
    page += &about(&program);
    page += "\n## Options of every verb\n\n";
    page += &options(&program, Arg::is_global_set);
    page += &examples(&program);
    for verb in verbs(&program) {
        section(verb, "##", &mut page);
    }
    page
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help")
}

fn section(verb: &Command, depth: &str, page: &mut String) {
    let name = verb.get_bin_name().unwrap_or(verb.get_name());
    *page += &format!("\n{depth} {name}\n\n{}", about(verb));
    // Some verbs do something by themselves, and have others below them.
    if !(verb.has_subcommands() && verb.is_subcommand_required_set()) {
        let usage = verb.clone().render_usage().to_string();
        let lines = usage.trim_start_matches("Usage: ").lines().map(str::trim);
        *page +=
            &lines.filter(|line| !line.is_empty()).map(|line| format!("\n    {line}")).collect::<String>();
        *page += "\n\n";
        *page += &verb.get_positionals().map(positional).collect::<String>();
        *page += &options(verb, |arg| !arg.is_global_set());
        *page += &examples(verb);
    }
    for inner in verbs(verb) {
        section(inner, "###", page);
    }
}

fn options(verb: &Command, wanted: impl Fn(&Arg) -> bool) -> String {
    let named = verb.get_arguments().filter(|arg| !arg.is_positional() && wanted(arg));
    named.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).map(option).collect()
}

fn about(command: &Command) -> String {
    let text = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    format!("{}\n", text.replace('<', "\\<"))
}

fn help(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && !arg.is_hide_default_value_set() && arg.get_action().takes_values() {
        text += &format!(" [default: {}]", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        text += &format!(" [environment: {}]", variable.to_string_lossy());
    }
    let values = arg.get_possible_values();
    if !values.is_empty() && arg.get_action().takes_values() {
        let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        text += &format!(" [one of: {}]", names.join(", "));
    }
    text
}

fn positional(arg: &Arg) -> String {
    format!("- `{arg}`: {}\n", help(arg))
}

fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let names: Vec<String> =
        short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect();
    let values = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
    let values: String = values.iter().map(|value| format!(" <{value}>")).collect();
    format!("- `{}{values}`: {}\n", names.join(", "), help(arg))
}

fn examples(command: &Command) -> String {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut page = String::new();
    for part in text.split("\n\n").filter(|part| !part.is_empty()) {
        page += &match part.split_once(":\n") {
            Some((title, code)) => format!("\n{title}:\n\n```sh\n{}\n```\n", unindented(code)),
            None => format!("\n{part}\n"),
        };
    }
    page
}

fn unindented(code: &str) -> String {
    code.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(command: &Command) -> Vec<&Command> {
        if command.has_subcommands() { verbs(command).flat_map(leaves).collect() } else { vec![command] }
    }

    #[test]
    fn every_verb_explains_itself_with_examples() {
        let mut program = Cli::command();
        program.build();
        program.clone().debug_assert();
        let page = reference();
        assert!(page.contains("`-C <DIR>`") && !page.contains(", --`") && !page.contains(", -- <"), "{page}");
        let leaves = leaves(&program);
        assert!(leaves.len() > 30, "{}", leaves.len());
        for verb in leaves {
            let name = verb.get_bin_name().unwrap();
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("  {name}");
            assert!(help.starts_with("Example") && help.contains(&example), "{name}: {help:?}");
            assert!(verb.get_about().is_some(), "{name}");
            for arg in verb.get_arguments() {
                assert!(arg.get_help().is_some() || arg.get_id() == "help", "{name} {arg}");
            }
        }
    }
}
