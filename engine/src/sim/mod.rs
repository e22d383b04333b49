//! A cluster in one thread, with virtual time, a network and disks that a seed determines.

pub mod history;
mod invariants;
mod network;
pub mod plan;
mod world;

pub use network::{Link, SimulatedNetwork};
pub use world::{Servers, World};
