//! `viva simulate` as a command: what it says of its faults, and that a call gets those of its place.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use viva_simulator::Faults;
use viva_simulator::peer::{self, Settings};

use crate::support::Launch;

/// A simulator that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_fault_is_listed_with_what_it_does() {
    let listed = Launch::new(&["simulate", "--list-faults"]).output();
    assert_eq!(listed.code, Some(0));
    for fault in Faults::list() {
        let line = listed.stdout.lines().find(|line| line.split_whitespace().next() == Some(fault.form));
        assert!(line.is_some_and(|line| line.ends_with(fault.explanation)), "{}", fault.form);
    }
}

#[test]
fn a_wrong_fault_is_named_before_anything_runs() {
    for (fault, named) in [("nonsense", "unknown fault `nonsense`"), ("2:loss=200", "`loss`"), ("0:no_close", "`0:`")] {
        let ended = Launch::new(&["simulate", "--fault", fault]).output();
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_numbered_fault_is_of_that_call_alone() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viva"));
    command.args(["simulate", "--key", "sk-test", "--fault", "2:create=429", "--fault", "create_no_location"]);
    let child = command.env_clear().stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    // Kept: a command whose reader is gone ends.
    let mut said = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let base = line.trim().rsplit(' ').next().unwrap().to_owned();

    let (offer, _pending) = peer::offer(&["oai-events"], &Settings::default()).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request = reqwest::Client::new().post(format!("{base}/realtime/calls")).bearer_auth("sk-test");
        let answer = request.header("content-type", "application/sdp").body(offer.clone()).send().await.unwrap();
        assert!(answer.headers().get("location").is_none(), "what all calls have");
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [201, 429, 201]);
}
