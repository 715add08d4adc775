//! `vds completion`.

use clap::Command;
use clap_complete::Shell;
use serde_json::json;

use super::context::{Answer, Context};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vds completion bash > ~/.local/share/bash-completion/completions/vds
  vds completion zsh > ~/.zfunc/_vds      # with fpath+=~/.zfunc before compinit
  vds completion fish > ~/.config/fish/completions/vds.fish")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, mut program: Command, cx: &Context) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "vds", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let document = json!({ "shell": args.shell.to_string(), "script": script });
    cx.say(&document, || script.clone(), || script.clone())
}
