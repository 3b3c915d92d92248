//! `viva call`: one whole call as a native WebRTC client, doing what a browser does and nothing else. The smoke test of
//! any deployment: it signs in or takes a ticket, offers, talks, watches the stages, ends, and reads back what was stored.

mod goal;
mod legs;
mod line;
mod offer;
mod relay;
mod report;
mod ring;
mod server;
mod socket;
mod talk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use viva_simulator::Source;
use viva_simulator::speech::wav::Recording;

use crate::interview::SessionKind;
use goal::Goal;
use legs::Voice;
use report::{Form, Report};
use server::{Server, Wish};
use talk::{Course, Story};

/// Without `--full` a call is over within two minutes, or something is wrong.
const USUAL_LIMIT: Duration = Duration::from_secs(115);
/// A full interview of the default plan takes at most about twelve minutes.
const FULL_LIMIT: Duration = Duration::from_secs(1_500);

/// Make one call as a native client: the smoke test of a deployment.
///
/// Exit status: 0 the call did what it should and is stored; 1 it began and did not; 2 it could not begin.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva call                              a short call to the local server\n  viva call --full --plan short          a whole interview, two minutes\n  viva call --audio answers.wav          with recorded speech (any rate, 16 bit)\n  viva call --full --reload-after 30     drops everything once and joins again\n  viva call --kind transcription         a live transcript of whoever speaks\n  viva call --kind transcription --language de --audio meeting.wav\n  viva call --kind translation --language es    into Spanish\n  viva call --server https://viva.example.com --token ek_viva_…\n  viva call --json | jq ."
)]
pub(super) struct CallArgs {
    /// Address of the server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A ticket; without one a session is created as the local guest. A ticket opens one session and no other.
    #[arg(long)]
    token: Option<String>,
    /// Play this WAV instead of made speech.
    #[arg(long, value_name = "FILE.wav")]
    audio: Option<PathBuf>,
    /// What the session is for.
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Language tag: of an interview, expected in a transcription, or translated into (default there: es).
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Interview plan.
    #[arg(long, default_value = "default")]
    plan: String,
    /// Talk until the interview ends by itself.
    #[arg(long, conflicts_with = "kind")]
    full: bool,
    /// Seconds after which everything is dropped once and joined again, as when a page is loaded anew.
    #[arg(long, value_name = "SECONDS")]
    reload_after: Option<u64>,
    /// One JSON object a line; the last is the summary.
    #[arg(long)]
    json: bool,
    /// Seed of what is said.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The kinds, as they are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Questions and answers, in stages.
    #[default]
    Interview,
    /// Whoever speaks is written down.
    Transcription,
    /// Whoever speaks is translated, aloud and in writing.
    Translation,
}

impl From<Kind> for SessionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Interview => Self::Interview,
            Kind::Transcription => Self::Transcription,
            Kind::Translation => Self::Translation,
        }
    }
}

/// Makes the call.
pub(super) async fn run(args: CallArgs) -> ExitCode {
    let kind = args.kind.into();
    let mut report = Report::new(if args.json { Form::Json } else { Form::Text }, kind);
    let source = match &args.audio {
        None => Source::Seeded(args.seed),
        Some(path) => match Recording::open(path) {
            Ok(recording) => Source::Recording(recording),
            Err(error) => return report.could_not_begin(&format!("{}: {error}", path.display())),
        },
    };
    let goal = Goal::new(kind, args.full, args.audio.is_some());
    let limit = if args.full { FULL_LIMIT } else { USUAL_LIMIT };
    let course = Course { goal, limit, reload_after: args.reload_after.map(Duration::from_secs) };
    let wish = Wish { kind, plan: args.plan, language: args.language };
    let server = match Server::sign_in(&args.server, args.token.as_deref(), &wish).await {
        Ok(server) => server,
        Err(error) => return report.could_not_begin(&error.to_string()),
    };
    let story = match talk::talk(&server, Voice::new(source), course, &mut report).await {
        Ok(story) => story,
        Err(error) => return report.could_not_begin(&error.to_string()),
    };
    let stored = server.transcript(&story.session_id).await;
    report.summary(&story, stored, &server)
}

impl Story {
    /// Whether the call did everything that was asked of it.
    fn is_success(&self) -> bool {
        self.goal_met && self.saved
    }
}
