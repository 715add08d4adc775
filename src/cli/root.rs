//! The door: parse, run, and turn failures into two lines and an exit code.

use std::env;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser, ValueHint};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::EnvFilter;

use super::answer::{Form, document, print, settle};
use super::complaint::{code_of, complain, failure, io_error, usage};
use super::context::{Answer, Context};
use super::pager::{self, Closed, Pager};
use super::tidy::tidy;
use super::{
    backup, blame, branch, bundle, cat, checkout, clone, commit, completion, config, conflicts, cp, datum,
    df, diff, du, fetch, gc, import, init, job, log, ls, merge, migrate, mv, op, pin, pipeline, pull, purge,
    push, rebuild, remote, repair, repo, rerun, reset, resolve, restore, revert, rm, run, show,
    sparse_checkout, status, switch, tag, trigger, undo, verify, watch, why,
};
use crate::fault::Cause;
use crate::interrupt::{self, Parting};
use crate::program;

/// A content-addressed, versioned data store with commit-triggered pipelines
#[derive(Debug, Parser)]
#[command(
    name = "vds",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  vds init
  vds repo create ticks
  vds commit ticks day-1/ -m 'day 1'
  vds log ticks

Exit codes: 0 done, 1 a no (difference, conflict), 2 usage, 3 not found, 4 busy, 5 damaged store, 6 job failed, 7 other I/O."
)]
pub(super) struct Cli {
    /// The store, or the directory it was made for [default: the nearest above]
    #[arg(long, global = true, help_heading = "Options of every verb", env = "VDS_STORE", value_name = "DIR", value_hint = ValueHint::DirPath)]
    store: Option<PathBuf>,
    /// Answer with one JSON document, failures too (docs/json.md)
    #[arg(long, global = true, help_heading = "Options of every verb", conflicts_with = "quiet")]
    json: bool,
    /// Answer with ids or names only
    #[arg(short, long, global = true, help_heading = "Options of every verb")]
    quiet: bool,
    /// Who you are, for commits [default: `$VDS_AUTHOR`, `$USER` or `$LOGNAME`]
    // Not from the environment: `log` takes the same option for somebody else.
    #[arg(long, global = true, help_heading = "Options of every verb", value_name = "NAME")]
    author: Option<String>,
    /// How many seconds to wait for other processes
    #[arg(
        long,
        global = true,
        help_heading = "Options of every verb",
        default_value_t = 30,
        value_name = "SECONDS"
    )]
    lock_timeout: u64,
    /// Print long answers at once, not page by page
    #[arg(long, global = true, help_heading = "Options of every verb")]
    no_pager: bool,
    /// Work as if started in this directory
    #[arg(
        short = 'C',
        global = true,
        help_heading = "Options of every verb",
        value_name = "DIR",
        value_hint = ValueHint::DirPath
    )]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Init(init::Args),
    #[command(subcommand)]
    Repo(repo::Verb),
    Commit(commit::Args),
    Import(import::Args),
    Watch(watch::Args),
    Rm(rm::Args),
    Cp(cp::Args),
    Mv(mv::Args),
    Log(log::Args),
    Show(show::Args),
    Blame(blame::Args),
    Why(why::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Diff(diff::Args),
    Du(du::Args),
    Df(df::Args),
    Gc(gc::Args),
    Purge(purge::Args),
    Checkout(checkout::Args),
    Merge(merge::Args),
    Conflicts(conflicts::Args),
    Resolve(resolve::Args),
    Revert(revert::RevertArgs),
    CherryPick(revert::CherryPickArgs),
    Status(status::Args),
    Switch(switch::Args),
    Restore(restore::Args),
    #[command(subcommand)]
    SparseCheckout(sparse_checkout::Verb),
    #[command(subcommand)]
    Branch(branch::Verb),
    #[command(subcommand)]
    Tag(tag::Verb),
    Pin(pin::Args),
    #[command(subcommand)]
    Trigger(trigger::Verb),
    Reset(reset::Args),
    Undo(undo::UndoArgs),
    Redo(undo::RedoArgs),
    #[command(subcommand)]
    Op(op::Verb),
    #[command(subcommand)]
    Config(config::Verb),
    Clone(clone::Args),
    #[command(subcommand)]
    Remote(remote::Verb),
    Fetch(fetch::Args),
    Pull(pull::Args),
    Push(push::Args),
    #[command(subcommand)]
    Bundle(bundle::Verb),
    #[command(subcommand)]
    Pipeline(pipeline::Verb),
    Run(run::Args),
    Rerun(rerun::Args),
    #[command(subcommand)]
    Job(job::Verb),
    #[command(subcommand)]
    Datum(datum::Verb),
    Verify(verify::Args),
    Repair(repair::Args),
    Rebuild(rebuild::Args),
    Backup(backup::Args),
    Migrate(migrate::Args),
    Completion(completion::Args),
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    if let Some(code) = program::launched() {
        return ExitCode::from(code);
    }
    program::offer_launcher();
    let filter = EnvFilter::try_from_env("VDS_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sled=off"));
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours);
    // Without its own complaints, which panic where standard error cannot be written: inside sled that broke the facts.
    let _ = log.without_time().log_internal_errors(false).try_init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let form = match (cli.json, cli.quiet) {
        (true, _) => Form::Json,
        (_, true) => Form::Quiet,
        _ => Form::Text,
    };
    if let Some(dir) = &cli.directory
        && let Err(error) = env::set_current_dir(dir)
    {
        let cause = io_error(&format!("cannot go into {}", dir.display()), &error, "check the path");
        return refuse(&cause, form == Form::Json);
    }
    listen();
    let pager = if cli.no_pager { Pager::Unwanted } else { Pager::Wanted };
    let cx = Context::new(cli.store, Duration::from_secs(cli.lock_timeout), form, cli.author, pager);
    let answer = carry_out(cli.verb, &cx);
    pager::close();
    if let Some(store) = cx.opened.get().filter(|_| answer.is_ok()) {
        tidy(store, &cx);
    }
    match answer {
        Ok(code) => ExitCode::from(code),
        Err(cause) => refuse(&cause, form == Form::Json && !cx.has_answered()),
    }
}

/// Ends plainly when the person says so: what was begun is taken back, and what is left is swept by the next vds.
fn listen() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        interrupt::undo_all();
        if pager::close() == Closed::Pager {
            std::process::exit(128 + signal);
        }
        let _ = writeln!(io::stderr().lock(), "{}", last_words());
        std::process::exit(128 + signal);
    });
}

/// What is said when the person has ended the process.
fn last_words() -> String {
    match interrupt::parting() {
        Some(Parting::Ended(how)) => format!("ended; {how}"),
        Some(Parting::Cut(how)) => format!("error: interrupted\nhint: {how}"),
        None => {
            "error: interrupted\nhint: nothing is half done; the same command can be given again".to_owned()
        }
    }
}

/// Tells of a failure, to programs too if they have had no document yet.
fn refuse(cause: &Cause, to_programs: bool) -> ExitCode {
    interrupt::stand_still_if_ending();
    if to_programs {
        let _ = print(&format!("{}\n", document(&json!({ "error": failure(cause) }))));
    }
    complain(cause);
    ExitCode::from(code_of(cause.kind()))
}

/// Help goes out as it is; a mistake becomes the same two lines as any other.
fn misused(error: &clap::Error) -> ExitCode {
    let help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if help || !error.use_stderr() {
        let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        let shown = settle(error.print().and_then(|()| io::stdout().flush()));
        return shown.map_or_else(|cause| refuse(&cause, false), |_| code);
    }
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    let cause = usage(plain(message, error), suggestion(error).unwrap_or_else(|| help_of(Cli::command())));
    let to_programs = env::args_os().any(|arg| arg == "--json");
    refuse(&cause, to_programs)
}

/// The message with what was expected in place of how a number was read in vain.
fn plain(message: &str, error: &clap::Error) -> String {
    let Some(number) = error.source().and_then(<dyn Error>::downcast_ref::<ParseIntError>) else {
        return message.to_owned();
    };
    let expected = match number.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "the number is too large",
        _ => "expected a whole number",
    };
    message.replace(&number.to_string(), expected)
}

/// What clap thinks was meant.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let names = kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        // The likeliest is the last.
        ContextValue::Strings(names) if !names.is_empty() => {
            Some(names.iter().rev().map(String::as_str).collect::<Vec<_>>().join(" or "))
        }
        _ => None,
    })?;
    Some(format!("did you mean {names}?"))
}

/// Which help explains the verb that was given.
fn help_of(program: Command) -> String {
    let mut words = vec!["vds".to_owned()];
    let mut command = &program;
    for arg in env::args_os().skip(1) {
        let Some(found) = arg.to_str().and_then(|arg| command.find_subcommand(arg)) else { continue };
        words.push(found.get_name().to_owned());
        command = found;
    }
    if words.len() == 1 {
        return "`vds --help` lists the verbs, `vds VERB --help` explains one".to_owned();
    }
    format!("`{} --help` explains it, with examples", words.join(" "))
}

fn carry_out(verb: Verb, cx: &Context) -> Answer {
    match verb {
        Verb::Init(args) => init::run(&args, cx),
        Verb::Repo(verb) => repo::run(verb, cx),
        Verb::Commit(args) => commit::run(&args, cx),
        Verb::Import(args) => import::run(&args, cx),
        Verb::Watch(args) => watch::run(&args, cx),
        Verb::Rm(args) => rm::run(&args, cx),
        Verb::Cp(args) => cp::run(&args, cx),
        Verb::Mv(args) => mv::run(&args, cx),
        Verb::Log(args) => log::run(&args, cx),
        Verb::Show(args) => show::run(&args, cx),
        Verb::Blame(args) => blame::run(&args, cx),
        Verb::Why(args) => why::run(&args, cx),
        Verb::Ls(args) => ls::run(&args, cx),
        Verb::Cat(args) => cat::run(&args, cx),
        Verb::Diff(args) => diff::run(&args, cx),
        Verb::Du(args) => du::run(&args, cx),
        Verb::Df(args) => df::run(&args, cx),
        Verb::Gc(args) => gc::run(&args, cx),
        Verb::Purge(args) => purge::run(&args, cx),
        Verb::Checkout(args) => checkout::run(&args, cx),
        Verb::Merge(args) => merge::run(&args, cx),
        Verb::Conflicts(args) => conflicts::run(&args, cx),
        Verb::Resolve(args) => resolve::run(&args, cx),
        Verb::Revert(args) => revert::run(&args, cx),
        Verb::CherryPick(args) => revert::run_cherry_pick(&args, cx),
        Verb::Status(args) => status::run(&args, cx),
        Verb::Switch(args) => switch::run(&args, cx),
        Verb::SparseCheckout(verb) => sparse_checkout::run(&verb, cx),
        Verb::Restore(args) => restore::run(&args, cx),
        Verb::Branch(verb) => branch::run(verb, cx),
        Verb::Tag(verb) => tag::run(verb, cx),
        Verb::Pin(args) => pin::run(args, cx),
        Verb::Trigger(verb) => trigger::run(verb, cx),
        Verb::Reset(args) => reset::run(args, cx),
        Verb::Undo(args) => undo::undo(&args, cx),
        Verb::Redo(args) => undo::redo(&args, cx),
        Verb::Op(verb) => op::run(verb, cx),
        Verb::Config(verb) => config::run(verb, cx),
        Verb::Clone(args) => clone::run(&args, cx),
        Verb::Remote(verb) => remote::run(verb, cx),
        Verb::Fetch(args) => fetch::run(&args, cx),
        Verb::Pull(args) => pull::run(&args, cx),
        Verb::Push(args) => push::run(&args, cx),
        Verb::Bundle(verb) => bundle::run(verb, cx),
        Verb::Pipeline(verb) => pipeline::run(verb, cx),
        Verb::Run(args) => run::run(&args, cx),
        Verb::Rerun(args) => rerun::run(&args, cx),
        Verb::Job(verb) => job::job(verb, cx),
        Verb::Datum(verb) => datum::run(verb, cx),
        Verb::Verify(args) => verify::run(&args, cx),
        Verb::Repair(args) => repair::run(&args, cx),
        Verb::Rebuild(args) => rebuild::run(&args, cx),
        Verb::Backup(args) => backup::run(&args, cx),
        Verb::Migrate(args) => migrate::run(&args, cx),
        Verb::Completion(args) => completion::run(&args, Cli::command(), cx),
    }
}
