//! Reads server-sent events as a browser does: one at a time, comments left out.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

/// An open stream of them.
pub(crate) struct Events {
    response: Response,
    rest: String,
    /// Everything that came.
    pub(crate) all: Vec<Told>,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, rest: String::new(), all: Vec::new() }
    }

    /// The next one; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                let told = read(block);
                self.rest = rest.to_owned();
                if let Some(told) = told {
                    self.all.push(told.clone());
                    return Some(told);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something comes in time");
            self.rest.push_str(std::str::from_utf8(&chunk.ok()??).expect("text"));
        }
    }

    /// Reads until an event that is meant, which is returned.
    pub(crate) async fn until(&mut self, what: &str, is_meant: impl Fn(&Told) -> bool) -> Told {
        while let Some(told) = self.next().await {
            if is_meant(&told) {
                return told;
            }
        }
        panic!("the stream ended without {what}: {:?}", self.all);
    }

    /// Reads to the end of the stream.
    pub(crate) async fn read_to_the_end(&mut self) {
        while self.next().await.is_some() {}
    }

    /// What came by a name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Told> {
        self.all.iter().filter(|told| told.name == name).collect()
    }
}

fn read(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let name = field("event")?.to_owned();
    let data = serde_json::from_str(field("data")?).expect("the data is JSON");
    Some(Told { name, id: field("id").map(|id| id.parse().expect("a number")), data })
}
