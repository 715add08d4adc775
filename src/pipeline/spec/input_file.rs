//! Reading what a pipeline file says of a stage's input: a text, or a table of one of several forms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::DateTime;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::input::{Clock, Contents, Earlier, Input, Leaf, Partner, Role, Template};
use super::model::variable;
use crate::pipeline::condition::{Condition, Schedule};
use crate::pipeline::pattern::{PathPattern, Source};

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// An input as it is written: a text, or a table with `from` or with one of the forms.
pub(super) enum InputTable {
    From(Box<Marked>),
    Clock(Box<Ticking>),
    Several(Form, Vec<InputTable>),
}

/// How several inputs are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Cross,
    Union,
    Join,
    Group,
}

/// A source, and what is said of it for a join or a group.
pub(super) struct Marked {
    leaf: Leaf,
    join_on: Option<Template>,
    outer_join: Option<bool>,
    group_by: Option<Template>,
}

/// A clock, whose files lie in a repo of its own.
pub(super) struct Ticking {
    name: String,
    clock: Clock,
}

/// One pattern, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a pattern, or a list of patterns")]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Option<String>,
    from: Option<Source>,
    except: Option<Patterns>,
    join_on: Option<Template>,
    outer_join: Option<bool>,
    group_by: Option<Template>,
    empty_files: Option<bool>,
    trigger: Option<Condition>,
    cron: Option<Schedule>,
    start: Option<String>,
    overwrite: Option<bool>,
    lazy: Option<bool>,
    cross: Option<Vec<InputTable>>,
    union: Option<Vec<InputTable>>,
    join: Option<Vec<InputTable>>,
    group: Option<Vec<InputTable>>,
}

fn marked(name: Option<String>, source: Source) -> Marked {
    let last = source.repo.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let leaf = Leaf::new(name.unwrap_or(last), source);
    Marked { leaf, join_on: None, outer_join: None, group_by: None }
}

impl TryFrom<Raw> for InputTable {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let Raw { name, from, except, join_on, outer_join, group_by, empty_files, lazy, trigger, .. } = raw;
        let is_marked = except.is_some() || empty_files.is_some() || lazy.is_some() || trigger.is_some();
        let is_marked = is_marked || join_on.is_some() || outer_join.is_some() || group_by.is_some();
        if let Some(schedule) = raw.cron {
            if is_marked
                || from.is_some()
                || raw.cross.is_some()
                || raw.union.is_some()
                || raw.join.is_some()
                || raw.group.is_some()
            {
                return Err(
                    "a `cron` has a `name`, a `start` and an `overwrite`, and nothing else".to_owned()
                );
            }
            let start = raw.start.map(|text| start(&text)).transpose()?;
            let earlier = if raw.overwrite == Some(true) { Earlier::Replaced } else { Earlier::Kept };
            let name = name.unwrap_or_else(|| "tick".to_owned());
            return Ok(Self::Clock(Box::new(Ticking { name, clock: Clock { schedule, start, earlier } })));
        }
        if raw.start.is_some() || raw.overwrite.is_some() {
            return Err("`start` and `overwrite` belong to a `cron`".to_owned());
        }
        let is_bare = name.is_none() && !is_marked;
        let forms = [
            (Form::Cross, raw.cross),
            (Form::Union, raw.union),
            (Form::Join, raw.join),
            (Form::Group, raw.group),
        ];
        let mut forms: Vec<_> =
            forms.into_iter().filter_map(|(form, inputs)| Some((form, inputs?))).collect();
        match (from, forms.pop()) {
            (Some(mut source), None) => {
                source.glob = source.glob.without(patterns(except)?);
                let mut marked = Marked { join_on, outer_join, group_by, ..marked(name, source) };
                marked.leaf.contents = match (empty_files == Some(true), lazy == Some(true)) {
                    (true, true) => return Err("`empty_files` has nothing to be `lazy` with; choose one".to_owned()),
                    (true, false) => Contents::Empty,
                    (false, true) => Contents::Lazy,
                    (false, false) => Contents::Whole,
                };
                marked.leaf.trigger = trigger;
                Ok(Self::From(Box::new(marked)))
            }
            (None, Some((form, inputs))) if is_bare && forms.is_empty() && !inputs.is_empty() => {
                Ok(Self::Several(form, inputs))
            }
            (None, _) if !is_bare => {
                Err("a `name` and the like belong to a `from`; the inputs of other forms have their own".to_owned())
            }
            _ => Err("expected exactly one of `from`, `cron`, `cross`, `union`, `join` and `group`, the last four with at least one input"
                .to_owned()),
        }
    }
}

/// The moment after which a clock begins, in milliseconds since 1970.
fn start(text: &str) -> Result<i64, String> {
    let moment = DateTime::parse_from_rfc3339(text);
    moment.map(|moment| moment.timestamp_millis()).map_err(|_| {
        format!("{text:?} is not a moment for `start`; expected such as \"2024-05-01T00:00:00Z\"")
    })
}

fn patterns(except: Option<Patterns>) -> Result<Vec<PathPattern>, String> {
    let texts = match except {
        None => Vec::new(),
        Some(Patterns::One(text)) => vec![text],
        Some(Patterns::Several(texts)) => texts,
    };
    let pattern = |text: &String| {
        let wrong = |reason: String| format!("{text:?} is not a pattern for `except`: {reason}");
        text.parse::<PathPattern>().map_err(wrong)
    };
    texts.iter().map(pattern).collect()
}

impl<'de> Deserialize<'de> for InputTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = InputTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"REPO@BRANCH:/GLOB\" or a table with `from`, `cron`, `cross`, `union`, `join` or `group`",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<InputTable, E> {
                Ok(InputTable::From(Box::new(marked(None, text.parse().map_err(E::custom)?))))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InputTable, A::Error> {
                Raw::deserialize(MapAccessDeserializer::new(map))?.try_into().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl InputTable {
    /// What it stands for in the stage `home`, `PIPELINE/STAGE`; or what is wrong with it.
    pub(super) fn input(self, home: &str) -> Result<Input, String> {
        match self {
            Self::From(marked) => Ok(Input::One(Box::new(marked.plain()?))),
            Self::Clock(ticking) => Ok(Input::One(Box::new(ticking.leaf(home)?))),
            Self::Several(form @ (Form::Cross | Form::Union), inputs) => {
                let inputs = inputs.into_iter().map(|input| input.input(home)).collect::<Result<_, _>>()?;
                Ok(if form == Form::Cross { Input::Cross(inputs) } else { Input::Union(inputs) })
            }
            Self::Several(form, inputs) => {
                let leaf = |input| {
                    match input {
                    Self::From(marked) if form == Form::Join => marked.joined(),
                    Self::From(marked) => marked.grouped(),
                    Self::Several(..) | Self::Clock(_) => {
                        Err("a `join` and a `group` have sources only; a stage of its own can put others together first".to_owned())
                    }
                }
                };
                let leaves = inputs.into_iter().map(leaf).collect::<Result<_, _>>()?;
                Ok(if form == Form::Join { Input::Join(leaves) } else { Input::Group(leaves) })
            }
        }
    }
}

impl Ticking {
    /// The source of the stage `home`. Its repo has the stage's name before its own.
    fn leaf(self, home: &str) -> Result<Leaf, String> {
        let Self { name, clock } = self;
        let source = format!("{home}/{name}@main:/*").parse();
        let source =
            source.map_err(|_| format!("a clock cannot be named {name:?}: its repo is {home}/NAME"))?;
        Ok(Leaf { clock: Some(clock), ..Leaf::new(name, source) })
    }
}

impl Marked {
    fn plain(self) -> Result<Leaf, String> {
        match (self.join_on, self.outer_join, self.group_by) {
            (None, None, None) => Ok(self.leaf),
            (_, _, None) => Err("`join_on` and `outer_join` belong to the inputs of a `join`".to_owned()),
            _ => Err("`group_by` belongs to the inputs of a `group`".to_owned()),
        }
    }

    fn joined(self) -> Result<Leaf, String> {
        if self.group_by.is_some() {
            return Err("`group_by` belongs to the inputs of a `group`".to_owned());
        }
        let partner = if self.outer_join == Some(true) { Partner::Optional } else { Partner::Needed };
        let on = key(&self.leaf, self.join_on, "join_on")?;
        Ok(Leaf { role: Role::Join { on, partner }, ..self.leaf })
    }

    fn grouped(self) -> Result<Leaf, String> {
        if self.join_on.is_some() || self.outer_join.is_some() {
            return Err("`join_on` and `outer_join` belong to the inputs of a `join`".to_owned());
        }
        let by = key(&self.leaf, self.group_by, "group_by")?;
        Ok(Leaf { role: Role::Group { by }, ..self.leaf })
    }
}

/// The key of a source, which the groups of its glob must have.
fn key(leaf: &Leaf, key: Option<Template>, word: &str) -> Result<Template, String> {
    let name = &leaf.name;
    let Some(key) = key else {
        return Err(format!(
            "the input {name:?} needs a `{word}`: which groups of its glob are its key, such as {word} = \"$1\" for \"/(*).csv\""
        ));
    };
    let (named, there) = (key.highest(), leaf.source.glob.groups());
    if named > there {
        let has = if there == 1 { "1 group".to_owned() } else { format!("{there} groups") };
        return Err(format!(
            "`{word}` of the input {name:?} names ${named}, and its glob {} has {has} in parentheses",
            leaf.source.glob
        ));
    }
    Ok(key)
}

/// The name of the output directory beside those of the inputs.
const OUTPUT: &str = "out";

/// An error if a program could not tell the inputs apart.
pub(super) fn check_names(input: &Input) -> Result<(), String> {
    let names: Vec<&str> = input.sources().into_iter().map(|(name, _)| name).collect();
    let legal = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    if names.contains(&OUTPUT) {
        return Err(format!(
            "no input can be named {OUTPUT:?}: under that name lies the output; give another with `name`"
        ));
    }
    if let Some(name) = names.iter().find(|name| !legal(name)) {
        return Err(format!(
            "the input name {name:?} may hold letters, digits, _ and - only; give another with `name`"
        ));
    }
    // A program finds them by variables, which know neither small letters nor `-`.
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in &names {
        if let Some(other) = seen.insert(variable(name), name).filter(|other| other != name) {
            return Err(format!(
                "the inputs {other:?} and {name:?} would have the same variables; tell them apart with `name`"
            ));
        }
    }
    together(input)?;
    let alone = |leaf: &&Leaf| leaf.trigger.is_some() || leaf.clock.is_some();
    let shares = |leaf: &&Leaf| names.iter().filter(|name| **name == leaf.name).count() > 1;
    match input.leaves().into_iter().filter(alone).find(shares) {
        Some(Leaf { name, .. }) => {
            Err(format!("an input with a `trigger` and a clock have a name of their own, not {name:?}"))
        }
        None => Ok(()),
    }
}

/// The names that a datum may find, which are different ones in each. Those of the members of a union are never found together.
fn together(input: &Input) -> Result<BTreeSet<&str>, String> {
    fn apart<'a>(
        several: impl Iterator<Item = Result<BTreeSet<&'a str>, String>>,
    ) -> Result<BTreeSet<&'a str>, String> {
        let mut all = BTreeSet::new();
        for names in several {
            for name in names? {
                if !all.insert(name) {
                    return Err(format!("two inputs are named {name:?}; tell them apart with `name`"));
                }
            }
        }
        Ok(all)
    }
    match input {
        Input::One(leaf) => Ok(BTreeSet::from([leaf.name.as_str()])),
        Input::Union(members) => {
            let members: Vec<_> = members.iter().map(together).collect::<Result<_, _>>()?;
            Ok(members.into_iter().flatten().collect())
        }
        Input::Cross(members) => apart(members.iter().map(together)),
        Input::Join(leaves) | Input::Group(leaves) => {
            apart(leaves.iter().map(|leaf| Ok(BTreeSet::from([leaf.name.as_str()]))))
        }
    }
}
