//! What the operating system says about a process and a disk. Linux only, as is everything that Viva is deployed on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// `/proc` counts processor time in hundredths of a second on every Linux that matters here (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Processor time used so far by a process and its children (nginx works in children).
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let mut total = own_cpu_time(pid)?;
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace() {
        total += own_cpu_time(child.parse()?)?;
    }
    Ok(total)
}

fn own_cpu_time(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in brackets and may hold spaces; user and system time are the 14th and 15th.
    let after_name = stat.rsplit_once(") ").context("unexpected /proc stat")?.1;
    let mut fields = after_name.split(' ').skip(11);
    let mut ticks = || -> Result<u32> { Ok(fields.next().context("short /proc stat")?.parse()?) };
    Ok(TICK * (ticks()? + ticks()?))
}

/// What it costs to make 4 KiB durable in this directory (median of 64): on a memory file system it is nothing, and a
/// report that did not say so would flatter every store.
pub(crate) fn fsync_cost(dir: &Path) -> Result<Duration> {
    let mut file = fs::File::create(dir.join("fsync"))?;
    let mut costs = Vec::with_capacity(64);
    for _ in 0..64 {
        file.write_all(&[0; 4096])?;
        let since = Instant::now();
        file.sync_data()?;
        costs.push(since.elapsed());
    }
    costs.sort_unstable();
    Ok(costs[costs.len() / 2])
}
