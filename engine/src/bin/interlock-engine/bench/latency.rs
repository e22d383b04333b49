//! Latencies of a row, in a histogram.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A minute: what takes longer counts as a minute.
const MAX_US: u64 = 60_000_000;

/// Latencies.
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, MAX_US, 3).expect("these bounds and digits are the histogram's own example"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(MAX_US);
        self.0.saturating_record(us.clamp(1, MAX_US));
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn percentile_us(&self, percentile: f64) -> u64 {
        self.0.value_at_percentile(percentile)
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latency = Latency::new();
        for us in 1..=100 {
            latency.record(Duration::from_micros(us));
        }
        assert_eq!((latency.count(), latency.percentile_us(50.0), latency.percentile_us(99.0)), (100, 50, 99));
        latency.record(Duration::from_secs(3600));
        assert!(latency.percentile_us(100.0) >= 60_000_000);
    }
}
