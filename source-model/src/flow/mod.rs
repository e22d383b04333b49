//! From the IR of a function to the guards held at each of its points.

pub(crate) mod build;
mod calls;
mod closures;
pub(crate) mod control;
mod exprs;
pub(crate) mod graph;
mod macros;
pub(crate) mod patterns;
pub(crate) mod solve;
