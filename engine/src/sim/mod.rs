//! A cluster in one thread, with virtual time, a network and disks that a seed determines.

mod network;
mod world;

pub use network::{Link, SimulatedNetwork};
pub use world::World;
