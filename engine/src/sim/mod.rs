//! A cluster in one thread, with virtual time, a network and disks that a seed determines.

mod clients;
pub mod history;
mod invariants;
mod network;
pub mod plan;
mod rest;
mod storm;
mod swarm;
mod users;
mod world;

pub use network::{Link, SimulatedNetwork};
pub use world::{Adjust, Servers, World};
