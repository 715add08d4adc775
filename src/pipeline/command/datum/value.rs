//! A datum: what one process sees.

use crate::object::{Digest, Entry, NodeId, TreePath};
use crate::pipeline::spec::Contents;

/// Files of an input.
pub(in crate::pipeline) type Files = Vec<(TreePath, Entry)>;

/// The part of one input that a datum sees.
#[derive(Debug, Clone)]
pub(in crate::pipeline::command) struct Part {
    /// The number of the source among those of the stage.
    pub(in crate::pipeline::command) source: usize,
    /// The input's name in the stage. Sources in different members of a union may share one.
    pub(in crate::pipeline::command) input: String,
    /// What the pattern cut: paths, or one that is empty for the whole tree. None where a join found no partner; several in a
    /// group.
    pub(in crate::pipeline::command) units: Vec<String>,
    /// What the units of a join or a group have in common.
    pub(in crate::pipeline::command) key: Option<String>,
    pub(in crate::pipeline::command) files: Files,
    pub(in crate::pipeline::command) contents: Contents,
}

/// One datum: what a process sees.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Datum {
    /// Its place among all datums of the stage.
    pub(in crate::pipeline) order: Vec<u8>,
    pub(in crate::pipeline::command) name: String,
    pub(in crate::pipeline::command) parts: Vec<Part>,
    pub(in crate::pipeline::command) previous: Option<Previous>,
}

/// What a datum of an incremental stage finds of its last run.
#[derive(Debug, Clone)]
pub(in crate::pipeline::command) struct Previous {
    /// Its output; none if it has not run.
    pub(in crate::pipeline::command) output: Option<NodeId>,
    /// What has changed since in what it reads, a line for each file.
    pub(in crate::pipeline::command) changes: String,
}

impl Datum {
    /// The hash of what the stage does and of all that the datum sees: names, paths and contents.
    pub(in crate::pipeline) fn key(&self, code: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds datum 1\0").update(code.as_bytes());
        let mut text = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        for part in &self.parts {
            text(&part.input);
            text(&part.units.join("\0"));
            text(part.key.as_deref().unwrap_or_default());
            text(&part.files.len().to_string());
            for (path, entry) in &part.files {
                text(path.as_str());
                match part.contents {
                    // How they come to the program is not what is in them.
                    Contents::Whole | Contents::Lazy => text(&format!("{} {}", entry.kind as u8, entry.blob)),
                    Contents::Empty => text("empty"),
                }
            }
        }
        if let Some(Previous { output, changes }) = &self.previous {
            text(&output.map(|output| output.to_string()).unwrap_or_default());
            text(changes);
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// The same for one job alone.
    pub(in crate::pipeline) fn key_in(&self, code: &Digest, job: u64) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vds datum of a job 1\0").update(self.key(code).as_bytes()).update(&job.to_le_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// The names of its inputs, with their files.
    pub(in crate::pipeline) fn files(&self) -> impl Iterator<Item = (&str, &Files)> {
        self.parts.iter().map(|part| (part.input.as_str(), &part.files))
    }

    /// The numbers of its sources, with their files.
    pub(in crate::pipeline) fn sources(&self) -> impl Iterator<Item = (usize, &Files)> {
        self.parts.iter().map(|part| (part.source, &part.files))
    }

    /// How many bytes it reads.
    pub(in crate::pipeline::command) fn size(&self) -> u64 {
        let whole = self.parts.iter().filter(|part| part.contents != Contents::Empty);
        whole.flat_map(|part| &part.files).map(|(_, entry)| entry.size).sum()
    }

    /// Its name.
    pub(in crate::pipeline) fn name(&self) -> &str {
        &self.name
    }

    /// The inputs that it reads: the name, how many files, how many bytes.
    pub(in crate::pipeline) fn inputs(&self) -> Vec<(String, u64, u64)> {
        let bytes = |part: &Part| part.files.iter().map(|(_, entry)| entry.size).sum();
        self.parts.iter().map(|part| (part.input.clone(), part.files.len() as u64, bytes(part))).collect()
    }

    /// What it reads, for people.
    pub(in crate::pipeline::command) fn reads(&self) -> String {
        let inputs = self.parts.iter().map(|part| match part.files.as_slice() {
            [(path, _)] => path.to_string(),
            [(path, _), ..] => format!("{path} and {} more", part.files.len() - 1),
            [] => "nothing".to_owned(),
        });
        inputs.collect::<Vec<_>>().join(", ")
    }
}
