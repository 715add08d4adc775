//! Reading what a pipeline file says of a command.

use std::collections::BTreeMap;

use toml::Spanned;

use super::command::{Batch, Command, Declared, Limits, Memory};
use super::file::Mistake;
use super::table::{Argv, Lines, StageTable};
use crate::object::TreePath;

/// How often a program is tried at most.
const MOST_TRIES: u32 = 100;

/// How many datums run at a time at most.
const MOST_AT_A_TIME: usize = 1024;

/// The first key of the table that belongs to a command, and where it stands.
pub(super) fn first(table: &StageTable) -> Option<(&'static str, usize)> {
    fn at<T>(key: &'static str, value: Option<&Spanned<T>>) -> Option<(&'static str, usize)> {
        value.map(|value| (key, value.span().start))
    }
    let keys = [
        at("code", table.code.as_ref()),
        at("env", table.env.as_ref()),
        at("batch", table.batch.as_ref()),
        at("stdin", table.stdin.as_ref()),
        at("err_cmd", table.err_cmd.as_ref()),
        at("accept_return_code", table.accept_return_code.as_ref()),
        at("tries", table.tries.as_ref()),
        at("timeout", table.timeout.as_ref()),
        at("job_timeout", table.job_timeout.as_ref()),
        at("limits", table.limits.as_ref()),
        at("parallelism", table.parallelism.as_ref()),
        at("reprocess", table.reprocess.as_ref()),
        at("incremental", table.incremental.as_ref()),
        at("isolation", table.isolation.as_ref()),
        at("compat", table.compat.as_ref()),
        at("on_conflict", table.on_conflict.as_ref()),
    ];
    keys.into_iter().flatten().next()
}

/// The command that the rest of the table describes.
pub(super) fn read(argv: Spanned<Argv>, table: StageTable) -> Result<Command, Mistake> {
    let argv = program(argv)?;
    if let Some(env) = &table.env {
        check_env(env.as_ref()).map_err(|message| Mistake { at: env.span().start, message })?;
    }
    let batch = table.batch.as_ref().map(|batch| batch.as_ref().0).unwrap_or_default();
    if batch != Batch::No {
        check_batch(&table)?;
    }
    if let Some(codes) = &table.accept_return_code
        && let Some(code) = codes.as_ref().iter().find(|code| !(0..=255).contains(*code))
    {
        let message = format!("an exit code is a whole number from 0 to 255, not {code}");
        return Err(Mistake { at: codes.span().start, message });
    }
    let mut success = vec![0];
    success.extend(table.accept_return_code.map(Spanned::into_inner).unwrap_or_default());
    let limits = table.limits.map(Spanned::into_inner).map(|limits| Limits {
        memory: limits.memory.map(|size| size.0),
        cpu: limits.cpu.map(|span| span.0),
        file_size: limits.file_size.map(|size| size.0),
    });
    let is_incremental = table.incremental.is_some_and(Spanned::into_inner);
    let reprocess = table.reprocess.map(Spanned::into_inner).unwrap_or_default();
    Ok(Command {
        argv,
        code: declared(table.code.map(Spanned::into_inner).unwrap_or_default())?,
        env: table.env.map(Spanned::into_inner).unwrap_or_default(),
        batch,
        stdin: table.stdin.map(Spanned::into_inner).map(Lines::text).unwrap_or_default(),
        success,
        err_cmd: table.err_cmd.map(program).transpose()?,
        tries: within("tries", table.tries, MOST_TRIES)?.unwrap_or(1),
        timeout: table.timeout.map(|span| span.into_inner().0),
        job_timeout: table.job_timeout.map(|span| span.into_inner().0),
        limits: limits.unwrap_or_default(),
        parallelism: within("parallelism", table.parallelism, MOST_AT_A_TIME)?,
        reprocess,
        memory: if is_incremental { Memory::Output } else { Memory::Nothing },
        isolation: table.isolation.map(Spanned::into_inner).unwrap_or_default(),
        compat: table.compat.map(Spanned::into_inner),
        on_conflict: table.on_conflict.map(Spanned::into_inner).unwrap_or_default(),
    })
}

/// Refuses what means nothing to a program that stays.
fn check_batch(table: &StageTable) -> Result<(), Mistake> {
    let refuse = |at: usize, message: &str| Err(Mistake { at, message: message.to_owned() });
    if let Some(stdin) = &table.stdin {
        return refuse(
            stdin.span().start,
            "with `batch` the standard input tells of the datums; let `command` name the script",
        );
    }
    if let Some(codes) = &table.accept_return_code {
        return refuse(
            codes.span().start,
            "with `batch` a program says with a line that a datum is done, not with an exit code",
        );
    }
    Ok(())
}

fn program(argv: Spanned<Argv>) -> Result<Vec<String>, Mistake> {
    let at = argv.span().start;
    let Argv(argv) = argv.into_inner();
    if argv.first().is_none_or(String::is_empty) {
        return Err(Mistake { at, message: "a command begins with the name of a program".to_owned() });
    }
    Ok(argv)
}

/// The number, which is at least 1 and at most `most`.
fn within<N>(key: &str, number: Option<Spanned<N>>, most: N) -> Result<Option<N>, Mistake>
where
    N: Copy + PartialOrd + From<u8> + std::fmt::Display,
{
    let Some(number) = number else { return Ok(None) };
    let at = number.span().start;
    let number = number.into_inner();
    if number < N::from(1) || number > most {
        return Err(Mistake {
            at,
            message: format!("`{key}` is a whole number from 1 to {most}, not {number}"),
        });
    }
    Ok(Some(number))
}

/// The files that belong to a program, all of them beside or below the pipeline file.
fn declared(code: Vec<Spanned<String>>) -> Result<Vec<Declared>, Mistake> {
    let one = |name: Spanned<String>| {
        let at = name.span().start;
        let path = name.into_inner().parse::<TreePath>();
        let wrong = |error| format!("{error}; expected a file beside or below the pipeline file");
        Ok(Declared { path: path.map_err(|error| Mistake { at, message: wrong(error) })?, at })
    };
    code.into_iter().map(one).collect()
}

fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    let legal = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    for (name, value) in env {
        if !legal(name) || value.contains('\0') {
            return Err(format!("{name:?} cannot be set in an environment"));
        }
        if name.starts_with("VDS_") {
            return Err(format!("{name:?} is set by vds; choose a name that does not begin with VDS_"));
        }
    }
    Ok(())
}
