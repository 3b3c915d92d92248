//! The server under torture: one data directory and one port, one process after the other.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::viva::Viva;

/// The server, whichever process it is at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    binary: PathBuf,
    data: PathBuf,
    settings: Vec<(&'static str, String)>,
    addr: SocketAddr,
    running: Mutex<Option<Viva>>,
    stops: Mutex<Vec<Stop>>,
}

/// A process that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) at: Instant,
    /// When the next one was ready.
    pub(crate) back: Instant,
    pub(crate) how: How,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Killed,
    /// Asked by SIGTERM.
    HandedOver,
    /// By itself. Nobody should ever see this.
    Died,
}

impl Server {
    pub(crate) async fn start(binary: &Path, data: &Path, mut settings: Vec<(&'static str, String)>) -> Result<Self> {
        // Free now; whoever takes it in the next milliseconds makes the start fail, which is told.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        settings.push(("PORT", addr.port().to_string()));
        let inner = Inner {
            binary: binary.to_owned(),
            data: data.to_owned(),
            settings,
            addr,
            running: Mutex::default(),
            stops: Mutex::default(),
        };
        let server = Self(Arc::new(inner));
        server.clone().blocking(Self::begin).await?;
        Ok(server)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.addr
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.running().as_ref().map(Viva::pid)
    }

    pub(crate) fn stops(&self) -> Vec<Stop> {
        self.0.stops.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the process and starts the next.
    pub(crate) async fn restart(&self, how: How) -> Result<()> {
        self.restart_after(how, Duration::ZERO).await
    }

    /// The same with nothing in its place for a while.
    pub(crate) async fn restart_after(&self, how: How, away: Duration) -> Result<()> {
        self.clone()
            .blocking(move |server| {
                let mut ending = server.running().take().context("it does not run")?;
                let at = Instant::now();
                let was_alive = ending.is_alive();
                match how {
                    How::Killed => ending.kill(),
                    How::HandedOver | How::Died => drop(ending),
                }
                let how = if was_alive { how } else { How::Died };
                std::thread::sleep(away);
                server.begin()?;
                let stop = Stop { at, back: Instant::now(), how };
                server.0.stops.lock().unwrap_or_else(PoisonError::into_inner).push(stop);
                Ok(())
            })
            .await
    }

    /// Stops it in the middle of whatever it does, and lets it go on later, knowing nothing of the time between: a machine
    /// that was suspended.
    pub(crate) async fn suspend(&self, time: Duration) -> Result<()> {
        let pid = self.pid().context("it does not run")?.to_string();
        signal("-STOP", &pid)?;
        tokio::time::sleep(time).await;
        signal("-CONT", &pid)
    }

    /// What it is called among those that share a database.
    pub(crate) fn machine(&self) -> Result<String> {
        let name = std::fs::read_to_string(self.0.data.join("machine.id")).context("it gave itself no name")?;
        Ok(name.trim().to_owned())
    }

    /// Ends it for good, as an operator does.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.clone()
            .blocking(|server| {
                drop(server.running().take());
                Ok(())
            })
            .await
    }

    fn begin(&self) -> Result<()> {
        let viva = Viva::start(&self.0.binary, &self.0.data, &self.0.settings)?;
        *self.running() = Some(viva);
        Ok(())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Viva>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes are waited for by blocking.
    async fn blocking(self, work: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Result<()> {
        tokio::task::spawn_blocking(move || work(&self)).await?
    }
}

fn signal(which: &str, pid: &str) -> Result<()> {
    let sent = Command::new("kill").args([which, pid]).status()?;
    ensure!(sent.success(), "kill {which} {pid} failed");
    Ok(())
}
