//! From the IR of a function to the guards held at each of its points.

mod acquire;
mod assign;
mod blocks;
pub(crate) mod build;
pub(crate) mod callbacks;
mod callee;
mod calls;
mod captures;
mod chains;
pub(crate) mod closures;
pub(crate) mod control;
mod discards;
mod exprs;
pub(crate) mod extensions;
pub(crate) mod graph;
mod implicit;
mod invoke;
mod macros;
mod ownership;
pub(crate) mod patterns;
mod presence;
mod projections;
pub(crate) mod solve;
mod values;
