//! Pipelines: named graphs of stages that run on new commits.

pub mod stage;
