//! One execution again, along a way.

use super::ask::Ask;
use super::policy::{Next, Policy};
use super::record::Record;
use super::way::Route;

/// Follows a route once.
#[derive(Debug)]
pub(crate) struct Replay {
    route: Route,
    /// Picks so far, and the next one that is not usual.
    n_picks: usize,
    at_unusual: usize,
    begun: bool,
}

impl Replay {
    pub(crate) fn new(route: Route) -> Replay {
        Replay { route, n_picks: 0, at_unusual: 0, begun: false }
    }

    /// The pick at this place, if it is not the usual one. After the route's end, where a failure unwinds, all are usual.
    fn unusual(&mut self) -> Option<u32> {
        let (at, pick) = *self.route.unusual.get(self.at_unusual)?;
        let is_here = at == self.n_picks;
        self.at_unusual += usize::from(is_here);
        is_here.then_some(pick)
    }
}

impl Policy for Replay {
    fn next_execution(&mut self, _: &mut Record) -> Option<Next> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        is_first.then_some(Next { seed: self.route.seed, is_foreign: false })
    }

    fn pick(&mut self, ask: &Ask<'_>, _: &mut Record) -> Option<u32> {
        let picked = if ask.tasks.len() > 1 { self.unusual() } else { None };
        self.n_picks += usize::from(ask.tasks.len() > 1);
        Some(picked.unwrap_or_else(|| ask.usual()))
    }

    fn choose(&mut self, n: u32, _: &mut Record) -> u32 {
        let chosen = self.unusual().unwrap_or(0);
        self.n_picks += 1;
        chosen.min(n - 1)
    }
}
