//! The built server as a child process: a free port, a data directory of its own, nothing of the developer's
//! environment. Dropping it kills exactly that process. Its debug log stays behind in `VIVA_TEST_LOGS` when that is set,
//! so that a check can look for secrets in it.

pub(crate) mod events;
pub(crate) mod faulty;
pub(crate) mod postgres;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, redirect};
use tempfile::TempDir;

/// Longer than any start on a busy machine; a server that says nothing by then has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that was not run yet.
pub(crate) struct Launch {
    command: Command,
    data: Option<TempDir>,
    log: PathBuf,
}

/// A running server.
pub(crate) struct Viva {
    child: Child,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) url: String,
    pub(crate) http: Client,
    data: Option<TempDir>,
    log: PathBuf,
}

/// A process that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Launch {
    /// `viva` with these arguments, on a fresh data directory.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let dir = data.path().join("data");
        Self { data: Some(data), ..Self::on(&dir, arguments) }
    }

    /// The same on a directory that is there already.
    pub(crate) fn on(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_viva"));
        command
            .args(arguments)
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", data_dir)
            .env("LOG_LEVEL", "debug")
            .stdin(Stdio::null());
        Self { command, data: None, log: log_file(data_dir) }
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with a signal ignored, which a program cannot do for its child without a shell between them.
    pub(crate) fn ignoring(self, signal: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("trap '' {signal}; exec \"$0\" \"$@\""))
            .arg(self.command.get_program())
            .args(self.command.get_args());
        let settings = self.command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)));
        command.env_clear().envs(settings).stdin(Stdio::null());
        Self { command, ..self }
    }

    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(mut self) -> Viva {
        let log = File::options().create(true).append(true).open(&self.log).expect("a writable log directory");
        let mut child = self.command.stdout(Stdio::piped()).stderr(log).spawn().expect("the server was built");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (sender, receiver) = std::sync::mpsc::channel();
        // Reads on until the end, so that the server never writes into a full pipe.
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = sender.send(line);
            }
        });
        let said = receiver.recv_timeout(PATIENCE);
        let url = said
            .ok()
            .and_then(|line| Some(line.strip_prefix("Viva is ready: open ")?.trim_end_matches('/').to_owned()));
        let Some(url) = url else {
            let _ = child.kill();
            panic!("the server did not get ready: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
        };
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().expect("a client");
        Viva { child, url, http, data: self.data, log: self.log }
    }

    /// Runs it to its end, for commands that have one.
    pub(crate) fn output(mut self) -> Ended {
        let output = self.command.output().expect("the server was built");
        let text = |bytes| String::from_utf8(bytes).expect("it prints text");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Viva {
    /// A server with nothing configured.
    pub(crate) fn start() -> Self {
        Launch::new(&[]).start()
    }

    /// A request to a path.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request for a path as a program makes it.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Where it keeps its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data.as_ref().map(|data| data.path().join("data")).expect("a server on a directory of its own")
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Memory that it has, KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends a signal by name (`TERM`, `INT`).
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the server is running");
    }

    /// From now on every write past so many bytes of a file fails, as on a full disk; or `unlimited` again. Only the soft
    /// limit: the hard one could not be raised again.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let done = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string(), &format!("--fsize={bytes}:")])
            .status();
        assert!(done.is_ok_and(|status| status.success()), "prlimit is part of util-linux, and the server is running");
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it at once, as a power cut would, and starts another one on the same data.
    pub(crate) fn killed_and_restarted(self) -> Self {
        self.killed_and_restarted_with(&[])
    }

    /// The same with these variables set.
    pub(crate) fn killed_and_restarted_with(mut self, settings: &[(&str, String)]) -> Self {
        let data = self.data.take();
        let dir = data.as_ref().expect("a server on a directory of its own").path().join("data");
        drop(self);
        let launch = Launch::on(&dir, &[]);
        let mut again = settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).start();
        again.data = data;
        again
    }
}

impl Drop for Viva {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A log file of its own for each server: kept where the secrets check looks, or else beside the data.
fn log_file(data_dir: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(kept) = std::env::var_os("VIVA_TEST_LOGS") else {
        return data_dir.with_extension("log");
    };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("test").replace("::", "-");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(kept).join(format!("{test}-{}-{number}.log", std::process::id()))
}
