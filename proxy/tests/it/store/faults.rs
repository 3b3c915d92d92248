//! What the embedded store does when it is killed, starved of its file or not allowed into its directory.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::store::{Committed, Store};
use viva_proxy::transcript::chain;

use super::child::{self, Report, Task};
use super::fixture::Pen;
use super::sqlite::open;

/// What a child was answered, by session: whose it is and the last acknowledged number.
#[derive(Default)]
struct Told(HashMap<SessionId, (TenantId, u64)>);

impl Told {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Session(tenant, session) => {
                self.0.insert(*session, (*tenant, 0));
            }
            Report::Acknowledged(session, n) => {
                let (_, last) = self.0.get_mut(session).unwrap();
                assert!(*n > *last);
                *last = *n;
            }
            Report::Refused(_) | Report::Opened | Report::NotOpened(_) => {}
        }
    }

    /// Opens what the child left and holds it against what it was told. How many records are there beyond that.
    async fn hold_against(&self, dir: &Path) -> u64 {
        let store = open(dir).unwrap();
        let mut beyond = 0;
        for (&session, &(tenant, acknowledged)) in &self.0 {
            let ctx = TenantCtx::service(tenant);
            let journal = store.journal(ctx, session, 0).await.unwrap();
            let stored = journal.len() as u64;
            assert!(chain::verify(session, &journal).is_ok());
            assert!(stored >= acknowledged, "{acknowledged} acknowledged, {stored} there");
            assert_eq!(stored % 3, 0, "a batch is there whole or not at all");
            assert_eq!(store.transcript(ctx, session).await.unwrap().unwrap().turns.len() as u64, stored);
            let mut pen = Pen::after(session, &journal);
            assert_eq!(store.commit(ctx, pen.turns(1)).await, Ok(Committed { up_to: stored + 1 }));
            beyond += stored - acknowledged;
        }
        beyond
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let line = child::command(Task::Commit, dir.path());
    let (mut killed, mut reports) = child::spawn(Command::new(&line[0]).args(&line[1..]));
    let mut told = Told::default();
    let mut acknowledged = 0;
    while acknowledged < 400 {
        let report = child::next(&mut reports).unwrap();
        acknowledged += u32::from(matches!(report, Report::Acknowledged(..)));
        told.hear(&report);
    }
    killed.kill().unwrap(); // SIGKILL, by its id
    while let Some(report) = child::next(&mut reports) {
        told.hear(&report);
    }
    killed.wait().unwrap();
    assert_eq!(told.0.len(), 8);
    told.hold_against(dir.path()).await;
}

#[tokio::test]
async fn a_file_that_may_not_grow_acknowledges_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let line = child::command(Task::Commit, dir.path());
    // With the signal ignored, writing beyond the limit fails like a device would.
    let starved = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let (mut starving, mut reports) = child::spawn(Command::new("sh").args(["-c", starved, "sh"]).args(&line));
    let (mut told, mut refused) = (Told::default(), Vec::new());
    while let Some(report) = child::next(&mut reports) {
        told.hear(&report);
        if let Report::Refused(error) = report {
            refused.push(error);
        }
    }
    assert!(starving.wait().unwrap().success());
    assert_eq!(refused.len(), 8);
    assert!(refused.iter().all(|error| error.contains("cannot be written")), "{refused:?}");
    assert!(told.0.values().map(|(_, n)| n).sum::<u64>() > 100);
    told.hold_against(dir.path()).await;
}

#[test]
fn a_directory_that_may_not_be_written_is_named_at_start() {
    const NOBODY: u32 = 65_534;
    let dir = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    // Root may write anywhere, so the child is somebody else there, with a binary that somebody else may reach.
    let mut line = child::command(Task::Open, &dir.path().join("data"));
    let as_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = Command::new("env");
    if as_root {
        let reachable = dir.path().join("it");
        std::fs::copy(&line[2], &reachable).unwrap();
        set(&reachable, 0o755);
        line[2] = reachable.to_str().unwrap().to_owned();
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/").args(&line[1..]);
    set(dir.path(), 0o555);
    let (mut refused, mut reports) = child::spawn(&mut command);
    let report = child::next(&mut reports);
    refused.wait().unwrap();
    let existing = dir.path().join("data");
    set(dir.path(), 0o755);
    assert!(
        matches!(&report, Some(Report::NotOpened(error)) if error.contains("cannot be written") && error.contains("set DATA_DIR")),
        "{report:?}"
    );
    assert!(!existing.exists());
}
