//! What the system tells of a running process: memory and processor time. On Linux only; elsewhere nothing is known.

/// Whether the memory of a process can be watched here.
pub(crate) const WATCHES_MEMORY: bool = cfg!(target_os = "linux");

/// Clock ticks a second of `/proc/<pid>/stat`: the same on every architecture of Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Bytes that a process has in memory and in swap.
pub(crate) fn memory_bytes(id: u32) -> Option<u64> {
    if !WATCHES_MEMORY {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    memory_of_status(&status)
}

fn memory_of_status(status: &str) -> Option<u64> {
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((kilobytes("VmRSS:")? + kilobytes("VmSwap:").unwrap_or(0)) * 1024)
}

/// Milliseconds of processor time that a process has taken.
pub(crate) fn cpu_ms(id: u32) -> Option<u64> {
    if !WATCHES_MEMORY {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    cpu_ms_of_stat(&stat)
}

fn cpu_ms_of_stat(stat: &str) -> Option<u64> {
    // The name in parentheses may hold spaces; the twelfth and thirteenth fields after it are the ticks.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks * 1000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_is_resident_and_swapped() {
        let status = "Name:\tx\nVmPeak:\t 9 kB\nVmRSS:\t    4 kB\nVmSwap:\t    2 kB\n";
        assert_eq!(memory_of_status(status), Some(6 * 1024));
        assert_eq!(memory_of_status("Name:\tzombie\n"), None);
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_is_passed_over() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 9 9 9";
        assert_eq!(cpu_ms_of_stat(stat), Some(2000));
    }

    #[test]
    fn this_process_is_watched_where_that_is_said() {
        assert_eq!(memory_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000), WATCHES_MEMORY);
        assert_eq!(cpu_ms(std::process::id()).is_some(), WATCHES_MEMORY);
    }
}
