//! `viva read-document KIND`: what the server starts for each upload. Not for people.

use std::process::ExitCode;

use clap::Args;

use crate::documents::{self, Kind};

/// Read a document from standard input and print its text.
#[derive(Debug, Args)]
pub(super) struct ReadDocumentArgs {
    /// `pdf`, `docx` or `text`.
    #[arg(value_parser = kind)]
    kind: Kind,
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::of_argument(name).ok_or_else(|| "pdf, docx or text".to_owned())
}

pub(super) fn run(args: &ReadDocumentArgs) -> ExitCode {
    ExitCode::from(documents::serve(args.kind, std::io::stdin().lock(), std::io::stdout().lock()))
}
