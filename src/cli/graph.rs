//! The graph of a pipeline, drawn: for a terminal, for Graphviz, for Mermaid.

use serde_json::{Value, json};

use crate::object::BranchName;
use crate::pipeline::{Health, Node};

/// How a stage stands, in a few words.
fn told(health: &Health) -> String {
    let word = health.word();
    let job = health.job().map(|job| format!("job {job}"));
    let about: Vec<String> = job.into_iter().chain(health.causes()).collect();
    if about.is_empty() { word.to_owned() } else { format!("{word} ({})", about.join(", ")) }
}

/// How the stage stands, the branches that stand alike together.
fn standing(node: &Node) -> String {
    let mut alike: Vec<(String, Vec<&BranchName>)> = Vec::new();
    for (branch, health) in &node.branches {
        let told = told(health);
        match alike.iter_mut().find(|(other, _)| *other == told) {
            Some((_, branches)) => branches.push(branch),
            None => alike.push((told, vec![branch])),
        }
    }
    let group = |(told, branches): &(String, Vec<&BranchName>)| {
        let names: Vec<&str> = branches.iter().map(|branch| branch.as_str()).collect();
        format!("{told} on {}", names.join(", "))
    };
    match alike.as_slice() {
        [] if node.awaits.is_empty() => "waits for its inputs".to_owned(),
        [] => format!("waits for {}", node.awaits.join(", ")),
        groups => groups.iter().map(group).collect::<Vec<_>>().join("; "),
    }
}

/// A line for each stage, with what it reads and how it stands.
pub(super) fn text(nodes: &[Node]) -> String {
    let width = nodes.iter().map(|node| node.stage.as_str().chars().count()).max().unwrap_or(0);
    let line = |node: &Node| {
        let (stage, inputs) = (node.stage.as_str(), node.sources.join(", "));
        format!(" {stage:<width$} <- {inputs}\n {:<width$}    {}\n", "", standing(node))
    };
    nodes.iter().map(line).collect()
}

/// The sources that are no outputs of the pipeline itself, each once.
fn outside(pipeline: &str, nodes: &[Node]) -> Vec<String> {
    let own = |source: &str| {
        nodes
            .iter()
            .any(|node| source.split(['@', ':']).next() == Some(&format!("{pipeline}/{}", node.stage)))
    };
    let mut all: Vec<String> = Vec::new();
    for source in nodes.iter().flat_map(|node| &node.sources).filter(|source| !own(source)) {
        if !all.contains(source) {
            all.push(source.clone());
        }
    }
    all
}

/// The arrows: from a stage or a source, by the number of the source, to a stage.
fn arrows<'n>(nodes: &'n [Node], outside: &'n [String]) -> impl Iterator<Item = (String, &'n Node)> {
    nodes.iter().flat_map(move |node| {
        let stages = node.after.iter().map(|stage| format!("s_{}", id(stage.as_str())));
        let sources = (0..).zip(outside).filter(|(_, source)| node.sources.contains(source));
        let sources = sources.map(|(number, _): (usize, _)| format!("r{number}"));
        sources.chain(stages).map(move |from| (from, node))
    })
}

/// A name that every drawing program takes.
fn id(name: &str) -> String {
    name.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("_{byte:x}") }
            },
        )
        .collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "'"))
}

/// The graph in the language of Graphviz.
pub(super) fn dot(pipeline: &str, nodes: &[Node]) -> String {
    let outside = outside(pipeline, nodes);
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(pipeline));
    for (number, source) in outside.iter().enumerate() {
        text += &format!("  r{number} [shape=cylinder, label={}];\n", quoted(source));
    }
    for node in nodes {
        let label = quoted(&format!("{}\n{}", node.stage, standing(node))).replace('\n', "\\n");
        text += &format!("  s_{} [shape=box, label={label}];\n", id(node.stage.as_str()));
    }
    for (from, node) in arrows(nodes, &outside) {
        text += &format!("  {from} -> s_{};\n", id(node.stage.as_str()));
    }
    text + "}\n"
}

/// The graph in the language of Mermaid.
pub(super) fn mermaid(pipeline: &str, nodes: &[Node]) -> String {
    let outside = outside(pipeline, nodes);
    let mut text = "flowchart LR\n".to_owned();
    for (number, source) in outside.iter().enumerate() {
        text += &format!("  r{number}[({})]\n", quoted(source));
    }
    for node in nodes {
        let label = quoted(&format!("{}<br>{}", node.stage, standing(node)));
        text += &format!("  s_{}[{label}]\n", id(node.stage.as_str()));
    }
    for (from, node) in arrows(nodes, &outside) {
        text += &format!("  {from} --> s_{}\n", id(node.stage.as_str()));
    }
    text
}

/// A stage as a document shows it.
pub(super) fn shape(node: &Node) -> Value {
    let branch = |(branch, health): (&BranchName, &Health)| json!({ "branch": branch, "state": health.word(), "causes": health.causes(), "job": health.job() });
    let branches: Vec<Value> = node.branches.iter().map(branch).collect();
    json!({ "stage": node.stage, "inputs": node.sources, "after": node.after, "awaits": node.awaits, "branches": branches })
}
