//! [`Reading`]: documents are read by `viva read-document` in a process of its own, which bounds its memory and processor
//! time before it looks at the first byte. A file that makes it swell, spin or crash ends that process and nothing else.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::sync::Semaphore;

use super::{Kind, MAX_TEXT, Unreadable};

/// Documents read at once; whoever comes next waits.
const AT_ONCE: usize = 2;
/// Documents that may wait; more are refused.
const WAITING: usize = 16;
/// Address space of a reader, bytes.
const MEMORY: u64 = 1024 * 1024 * 1024;
/// Processor time of a reader, seconds.
const SECONDS: u64 = 5;

/// How a reader says what it found: the exit codes of sysexits.h from `EX_DATAERR` on.
const EXITS: [(Unreadable, u8); 3] = [(Unreadable::Damaged, 65), (Unreadable::Protected, 66), (Unreadable::Empty, 67)];

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The document's fault.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It took more memory or time than any résumé needs, or brought its reader down.
    #[error("the file is too complicated to be read")]
    TooHeavy,
    /// Too many documents are being read.
    #[error("too many documents are being read")]
    Busy,
    /// No reader could be started.
    #[error("documents cannot be read here")]
    Unavailable(#[source] io::Error),
}

/// Reads documents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reading {
    program: Arc<PathBuf>,
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Reading {
    /// By this binary itself.
    #[must_use]
    pub fn by_this_program() -> Self {
        Self::by(std::env::current_exe().unwrap_or_else(|_| "viva".into()))
    }

    /// `program` is a binary that knows the command.
    #[must_use]
    pub fn by(program: PathBuf) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { program: Arc::new(program), places, queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }

    /// The text of a document as [`super::text`] gives it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&self, kind: Kind, bytes: bytes::Bytes) -> Result<String, ReadError> {
        let Ok(_queued) = self.queue.try_acquire() else { return Err(ReadError::Busy) };
        let place = self.places.clone().acquire_owned().await.expect("never closed");
        let program = self.program.clone();
        // The place goes with the work: a caller that leaves does not make room for another reader beside this one.
        let reading = tokio::task::spawn_blocking(move || {
            let result = read(&program, kind, &bytes);
            drop(place);
            result
        });
        reading.await.unwrap_or(Err(ReadError::TooHeavy))
    }
}

fn read(program: &std::path::Path, kind: Kind, bytes: &[u8]) -> Result<String, ReadError> {
    let mut reader = Command::new(program)
        .args(["read-document", kind.argument()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(ReadError::Unavailable)?;
    let text = converse(&mut reader, bytes);
    // However it went, nothing of it stays behind.
    let _gone = reader.kill();
    let exit = reader.wait().map_err(ReadError::Unavailable)?;
    if let Some((why, _)) = EXITS.iter().find(|(_, code)| exit.code() == Some(i32::from(*code))) {
        return Err((*why).into());
    }
    text.ok().flatten().ok_or(ReadError::TooHeavy)
}

/// It takes everything before it says anything, so this cannot lock up; and it ends, because its time does.
fn converse(reader: &mut Child, bytes: &[u8]) -> io::Result<Option<String>> {
    if let Some(mut stdin) = reader.stdin.take() {
        stdin.write_all(bytes)?;
    }
    let mut answer = Vec::new();
    if let Some(stdout) = reader.stdout.take() {
        stdout.take(4 * (MAX_TEXT as u64 + 1) + 1).read_to_end(&mut answer)?;
    }
    // The last byte says that the text is whole.
    Ok(answer.pop().filter(|last| *last == b'\n').and_then(|_| String::from_utf8(answer).ok()))
}

impl Kind {
    /// The name on the reader's command line.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Text => "text",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of_argument(name: &str) -> Option<Self> {
        [Self::Pdf, Self::Docx, Self::Text].into_iter().find(|kind| kind.argument() == name)
    }
}

/// The reader's side: bounds this process, reads the document from `input` and says its text to `output`. Returns the
/// exit code.
pub fn serve(kind: Kind, mut input: impl io::Read, mut output: impl io::Write) -> u8 {
    let bound = |resource, most| {
        let most = Some(most);
        setrlimit(resource, Rlimit { current: most, maximum: most }).is_ok()
    };
    if !bound(Resource::As, MEMORY) || !bound(Resource::Cpu, SECONDS) || !bound(Resource::Core, 0) {
        return 70;
    }
    let mut bytes = Vec::new();
    if input.by_ref().take(super::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).is_err() {
        return 74;
    }
    match super::text(kind, &bytes) {
        Ok(text) => {
            let said =
                output.write_all(text.as_bytes()).and_then(|()| output.write_all(b"\n")).and_then(|()| output.flush());
            if said.is_ok() { 0 } else { 74 }
        }
        Err(why) => EXITS.iter().find(|(known, _)| *known == why).map_or(70, |(_, code)| *code),
    }
}
