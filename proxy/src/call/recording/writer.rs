//! Writing recordings beside the calls: a file a call, a task a file, a bounded queue between them. A full queue, a
//! file that is too large or a disk that refuses end the recording and never the call.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::format::{End, Header, Step, end_line, header_line, step_line};
use crate::call::core::{Effect, Input, Setup};
use crate::clock::At;
use crate::ops::version;
use crate::transcript::Record;

/// Lines that may wait for the disk. Full: the recording ends, with [`End::Queue`] as its last line.
const QUEUE: usize = 1_024;
/// What waits and what is written of one call. More: the recording ends, with [`End::Size`] as its last line.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Lines written at once.
const BATCH: usize = 64;

/// Where calls are recorded.
#[derive(Clone)]
pub(in crate::call) struct Recordings {
    dir: PathBuf,
    tasks: TaskTracker,
}

impl Recordings {
    /// Recordings in `dir`, which is made private when it is missing; their tasks are finished with `tasks`.
    pub(in crate::call) fn open(dir: &Path, tasks: TaskTracker) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned(), tasks })
    }

    /// Begins the recording of a core that is made now, from `journal` if that is not empty.
    pub(in crate::call) fn begin(&self, setup: &Setup, journal: &[Record], at: At) -> Recorder {
        let path = self.dir.join(format!("{}-{}.call.jsonl", setup.session, at.unix_ms));
        let (queue, lines) = mpsc::channel(QUEUE);
        let header = header_line(&Header::new(setup, journal, at, version::LONG));
        let left = MAX_BYTES.saturating_sub(header.len());
        self.tasks.spawn(async move {
            if let Err(error) = write(&path, header, lines).await {
                tracing::warn!(%error, "the recording of a call could not be written");
            }
        });
        Recorder { queue: Some(queue), left }
    }
}

/// The recording of one call, as its task sees it.
pub(in crate::call) struct Recorder {
    queue: Option<mpsc::Sender<String>>,
    left: usize,
}

impl Recorder {
    /// Whether anything is still recorded.
    pub(in crate::call) fn is_running(&self) -> bool {
        self.queue.is_some()
    }

    /// Records an input and what came of it; never waits.
    pub(in crate::call) fn step(&mut self, at: At, input: Input, effects: &[Effect]) {
        if self.queue.is_none() {
            return;
        }
        let line = step_line(&Step::new(at, input, effects));
        match self.left.checked_sub(line.len()) {
            Some(left) => {
                self.left = left;
                self.send(line);
            }
            None => {
                tracing::warn!(limit_bytes = MAX_BYTES, "the recording of a call ends: it is too large");
                self.end(End::Size);
            }
        }
    }

    /// Ends it.
    pub(in crate::call) fn end(&mut self, end: End) {
        self.send(end_line(end));
        self.queue = None;
    }

    fn send(&mut self, line: String) {
        let Some(queue) = &self.queue else { return };
        // Without its receiver the file could not be written, which was said where it happened.
        if let Err(mpsc::error::TrySendError::Full(_)) = queue.try_send(line) {
            tracing::warn!(lines = QUEUE, "the recording of a call ends: the disk is too slow");
            self.queue = None;
        } else if queue.is_closed() {
            self.queue = None;
        }
    }
}

async fn write(path: &Path, header: String, mut lines: mpsc::Receiver<String>) -> io::Result<()> {
    let mut file: File = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).await?;
    file.write_all(header.as_bytes()).await?;
    let (mut batch, mut last) = (Vec::with_capacity(BATCH), String::new());
    while lines.recv_many(&mut batch, BATCH).await > 0 {
        file.write_all(batch.concat().as_bytes()).await?;
        file.flush().await?;
        last = batch.pop().unwrap_or_default();
        batch.clear();
    }
    // Nobody sends any more. Without a last word of its own it was cut off.
    if !last.starts_with("{\"end\"") {
        file.write_all(end_line(End::Queue).as_bytes()).await?;
        file.flush().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn written(lines: Vec<String>) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.call.jsonl");
        let (queue, receiver) = mpsc::channel(lines.len().max(1));
        for line in lines {
            queue.send(line).await.expect("room");
        }
        drop(queue);
        write(&path, "header\n".into(), receiver).await.expect("written");
        std::fs::read_to_string(&path).expect("there")
    }

    #[tokio::test]
    async fn a_recording_says_how_it_ended() {
        let (step, over) = ("{\"step\":1}\n".to_owned(), end_line(End::Over));
        assert_eq!(written(vec![step.clone(), over.clone()]).await, format!("header\n{step}{over}"));
        assert_eq!(written(vec![step.clone()]).await, format!("header\n{step}{}", end_line(End::Queue)));
        assert_eq!(written(Vec::new()).await, format!("header\n{}", end_line(End::Queue)));
    }

    #[tokio::test]
    async fn a_disk_that_is_too_slow_ends_the_recording_and_not_the_call() {
        let (queue, mut lines) = mpsc::channel(2);
        let mut recorder = Recorder { queue: Some(queue), left: MAX_BYTES };
        let at = At { mono_ms: 0, unix_ms: 0 };
        for _ in 0..5 {
            recorder.step(at, Input::Tick, &[]);
        }
        assert!(!recorder.is_running());
        assert!(lines.recv().await.is_some() && lines.recv().await.is_some());
        assert_eq!(lines.recv().await, None, "what the writer takes for the end");
    }

    #[tokio::test]
    async fn a_recording_that_grows_too_large_ends() {
        let (queue, mut lines) = mpsc::channel(8);
        let mut recorder = Recorder { queue: Some(queue), left: 100 };
        let at = At { mono_ms: 0, unix_ms: 0 };
        recorder.step(at, Input::Tick, &[]);
        recorder.step(at, Input::Tick, &[]);
        assert!(!recorder.is_running());
        assert!(lines.recv().await.is_some_and(|line| line.contains("Tick")));
        assert_eq!(lines.recv().await, Some(end_line(End::Size)));
        assert_eq!(lines.recv().await, None);
    }
}
