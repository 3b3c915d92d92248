//! The server under test as an operator starts it: its own process, a fresh data directory, settings by environment.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::machine;

/// A server that is not ready after this long will not be.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running server; it is asked to stop when dropped.
#[derive(Debug)]
pub(crate) struct Viva {
    child: Child,
    addr: SocketAddr,
    ready_after: Duration,
    /// Keeps the pipe open: a server whose standard output is closed could fail on its next line.
    _stdout: BufReader<std::process::ChildStdout>,
}

/// The settings of the runs against the fake upstream. Limits are on and only raised, as far as the run needs; the
/// sideband is off because the fake upstream has none, and dialling it in vain is no part of an offer.
pub(crate) fn against(upstream: SocketAddr) -> Vec<(&'static str, String)> {
    // The most that each setting takes.
    let sessions = String::from("100000");
    vec![
        ("OPENAI_BASE_URL", format!("http://{upstream}")),
        ("OPENAI_API_KEY", String::from("sk-bench-not-a-real-key")),
        ("SIDEBAND", String::from("off")),
        ("MAX_CONCURRENT_SESSIONS", sessions.clone()),
        ("MAX_SESSIONS_PER_TENANT", sessions.clone()),
        ("MAX_SESSIONS_PER_USER", sessions),
        ("RATE_LIMIT_PER_MINUTE", String::from("10000000")),
    ]
}

impl Viva {
    /// Starts the server and waits for the line that says where it listens.
    pub(crate) fn start(binary: &Path, data: &PathBuf, settings: &[(&str, String)]) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let log = data.join("stderr.log");
        let since = Instant::now();
        let mut child = Command::new(binary)
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", data)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take().context("standard output was not piped")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let ready = stdout.read_line(&mut line);
        let ready_after = since.elapsed();
        let addr = ready.ok().and_then(|_| address(&line));
        let Some(addr) = addr.filter(|_| ready_after < READY_WITHIN) else {
            terminate(&mut child);
            anyhow::bail!("Viva did not start; its log ends with:\n{}", tail(&log)?);
        };
        Ok(Self { child, addr, ready_after, _stdout: stdout })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From the spawn to the line that says it is ready, which it prints once it listens.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    pub(crate) fn resident_kib(&self) -> Result<u64> {
        machine::resident_kib(self.pid())
    }

    /// Ends it without a word, by SIGKILL.
    pub(crate) fn kill(mut self) {
        // It cannot be refused, and one that had ended before is as dead.
        let _ = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Viva {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// Asks a child of ours to stop, by its own id, and makes sure that it has.
pub(crate) fn terminate(child: &mut Child) {
    // A child that was waited for has given its id back; somebody else may have it by now.
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    // Best effort on the way out: a child that is already gone is what we want.
    let _ = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    let deadline = Instant::now() + Duration::from_secs(10);
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The address in `Viva is ready: open http://127.0.0.1:PORT/`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    rest.trim().trim_end_matches('/').parse().ok()
}

fn tail(log: &Path) -> Result<String> {
    let text = std::fs::read_to_string(log)?;
    let from = text.lines().count().saturating_sub(10);
    let last: Vec<&str> = text.lines().skip(from).collect();
    ensure!(!last.is_empty(), "(it wrote nothing)");
    Ok(last.join("\n"))
}
