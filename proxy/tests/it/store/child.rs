//! Another process with a store, to be killed, starved or refused: this test binary again, told by its environment what
//! to do. What it reports goes to its standard output, one line each, and only after the store answered.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::store::StoreHealth;

use super::fixture::{Ground, Pen, Person};
use super::sqlite::open;

const TASK: &str = "VIVA_TEST_STORE_CHILD";
const SESSIONS: usize = 8;

/// What a child was told to do.
pub(super) enum Task {
    /// Commit until somebody kills it.
    Commit,
    /// Only open the store, and say how that went.
    Open,
}

/// What a child reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    Session(TenantId, SessionId),
    Acknowledged(SessionId, u64),
    Refused(String),
    Opened,
    NotOpened(String),
}

/// The command line that runs a child on `dir`.
pub(super) fn command(task: Task, dir: &Path) -> Vec<String> {
    let task = match task {
        Task::Commit => "commit",
        Task::Open => "open",
    };
    let binary = std::env::current_exe().unwrap();
    [
        "env",
        &format!("{TASK}={task}:{}", dir.display()),
        binary.to_str().unwrap(),
        "--exact",
        "store::child::the_child",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Starts it.
pub(super) fn spawn(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let reports = BufReader::new(child.stdout.take().unwrap());
    (child, reports)
}

/// The next report; `None` at the end. Lines of the test harness are passed over.
pub(super) fn next(reports: &mut BufReader<ChildStdout>) -> Option<Report> {
    loop {
        let mut line = String::new();
        if reports.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        // Without its end the line was being written when the process was killed.
        let Some(line) = line.strip_suffix('\n') else {
            continue;
        };
        // The harness may have begun the line with the name of the test.
        let Some((_, report)) = line.split_once("child> ") else {
            continue;
        };
        let (word, rest) = report.split_once(' ').unwrap_or((report, ""));
        let mut words = rest.split(' ');
        let mut id = || words.next().unwrap();
        return Some(match word {
            "session" => Report::Session(id().parse().unwrap(), id().parse().unwrap()),
            "acknowledged" => Report::Acknowledged(id().parse().unwrap(), id().parse().unwrap()),
            "refused" => Report::Refused(rest.to_owned()),
            "opened" => Report::Opened,
            _ => Report::NotOpened(rest.to_owned()),
        });
    }
}

fn say(report: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "child> {report}").unwrap();
    out.flush().unwrap();
}

#[tokio::test]
#[ignore = "the other process: started by the tests that kill, starve or refuse it"]
async fn the_child() {
    let told = std::env::var(TASK).unwrap();
    let (task, dir) = told.split_once(':').unwrap();
    match (task, open(&PathBuf::from(dir))) {
        ("open", Ok(_)) => say("opened"),
        (_, Err(error)) => say(&format!("error {error}")),
        (_, Ok(store)) => commit(Arc::new(store)).await,
    }
}

/// Several sessions at once, so that groups are really shared; ends when the store refuses.
async fn commit(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let mut writing = Vec::new();
    for _ in 0..SESSIONS {
        let session = person.session().await;
        say(&format!("session {} {session}", person.tenant));
        let (store, ctx) = (Arc::clone(&store), person.service());
        writing.push(tokio::spawn(async move {
            let mut pen = Pen::new(session);
            loop {
                match store.commit(ctx, pen.turns(3)).await {
                    Ok(done) => say(&format!("acknowledged {session} {}", done.up_to)),
                    Err(error) => return error,
                }
            }
        }));
    }
    for session in writing {
        let error = session.await.unwrap();
        assert!(matches!(store.health(), StoreHealth::Failing(_)));
        say(&format!("refused {error}"));
    }
}
