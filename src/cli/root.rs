//! The door: parse, run, and turn failures into two lines and an exit code.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

use super::context::{Answer, Context, Form};
use super::{branch, commit, files, init, job, look, pipeline, repo};
use crate::fault::{Cause, Kind};

/// The exit code when a job failed.
pub(super) const JOB_FAILED: u8 = 6;

/// A content-addressed, versioned data store with commit-triggered pipelines
#[derive(Debug, Parser)]
#[command(
    name = "vds",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 a no (difference, conflict), 2 usage, 3 not found, 4 busy, 5 damaged store, 6 job failed, 7 other I/O."
)]
struct Cli {
    /// The store, or the directory it was made for [default: the nearest above]
    #[arg(long, global = true, env = "VDS_STORE", value_name = "DIR")]
    store: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long, global = true, conflicts_with = "quiet")]
    json: bool,
    /// Answer with ids or names only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Who you are, for commits [default: the login name]
    #[arg(long, global = true, env = "VDS_AUTHOR", value_name = "NAME")]
    author: Option<String>,
    /// How many seconds to wait for other processes
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    lock_timeout: u64,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Init(init::Args),
    #[command(subcommand)]
    Repo(repo::Verb),
    Commit(commit::Args),
    Rm(files::RmArgs),
    Cp(files::CpArgs),
    Mv(files::MvArgs),
    Log(look::LogArgs),
    Show(look::ShowArgs),
    Ls(look::LsArgs),
    Cat(look::CatArgs),
    Diff(look::DiffArgs),
    Du(look::DuArgs),
    Checkout(files::CheckoutArgs),
    #[command(subcommand)]
    Branch(branch::Verb),
    #[command(subcommand)]
    Tag(branch::TagVerb),
    #[command(subcommand)]
    Pipeline(pipeline::Verb),
    Run(job::RunArgs),
    #[command(subcommand)]
    Job(job::Verb),
    /// Print the completion script of a shell
    #[command(
        after_help = "Example:\n  vds completion bash > ~/.local/share/bash-completion/completions/vds"
    )]
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("VDS_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sled=off"));
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().try_init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let form = match (cli.json, cli.quiet) {
        (true, _) => Form::Json,
        (_, true) => Form::Quiet,
        _ => Form::Text,
    };
    let cx = Context::new(cli.store, Duration::from_secs(cli.lock_timeout), form, cli.author);
    match run(cli.verb, &cx) {
        Ok(code) => ExitCode::from(code),
        Err(cause) => {
            complain(&cause);
            ExitCode::from(code_of(cause.kind()))
        }
    }
}

/// Help goes out as it is; a mistake becomes the same two lines as any other.
fn misused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "{}", words.join(" "));
    let _ = writeln!(out, "hint: `vds help` lists the verbs, `vds VERB --help` explains one");
    ExitCode::from(2)
}

fn run(verb: Verb, cx: &Context) -> Answer {
    match verb {
        Verb::Init(args) => init::run(&args, cx),
        Verb::Repo(verb) => repo::run(verb, cx),
        Verb::Commit(args) => commit::run(&args, cx),
        Verb::Rm(args) => files::rm(args, cx),
        Verb::Cp(args) => files::cp(args, cx),
        Verb::Mv(args) => files::mv(args, cx),
        Verb::Log(args) => look::log(&args, cx),
        Verb::Show(args) => look::show(&args, cx),
        Verb::Ls(args) => look::ls(&args, cx),
        Verb::Cat(args) => look::cat(&args, cx),
        Verb::Diff(args) => look::diff(&args, cx),
        Verb::Du(args) => look::du(&args, cx),
        Verb::Checkout(args) => files::checkout(&args, cx),
        Verb::Branch(verb) => branch::run(verb, cx),
        Verb::Tag(verb) => branch::tag(verb, cx),
        Verb::Pipeline(verb) => pipeline::run(verb, cx),
        Verb::Run(args) => job::run(&args, cx),
        Verb::Job(verb) => job::job(verb, cx),
        Verb::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "vds", &mut io::stdout());
            Ok(0)
        }
    }
}

fn code_of(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 1,
        Kind::Usage => 2,
        Kind::NotFound => 3,
        Kind::Busy => 4,
        Kind::Damaged => 5,
        Kind::JobFailed => JOB_FAILED,
        Kind::Io => 7,
    }
}

/// One line that says what failed and why, and one that says what to do.
fn complain(cause: &Cause) {
    let mut line = cause.to_string();
    let mut source = cause.as_error().source();
    while let Some(error) = source {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = error.source();
    }
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "error: {}", line.replace('\n', " "));
    if let Some(hint) = cause.hint() {
        let _ = writeln!(out, "hint: {hint}");
    }
}
