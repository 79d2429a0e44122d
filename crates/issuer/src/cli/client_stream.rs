//! `signet client stream`: the streams of Shared Signals that a client has made.

use clap::Subcommand;

use crate::admin::client_streams::{self, StreamView};
use crate::admin::preview::Subject;
use crate::admin::{change, clients};
use crate::app::App;
use crate::cli::preview::{Care, remove};
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading, rows_of};

/// The subcommands of `signet client stream`.
#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// List the streams of a client, with the events that wait in them and what is wrong with them
    List {
        /// Client id of the client
        id: String,
    },
    /// Pause a stream: its events wait, and its receiver is told
    Pause(OneStream),
    /// Let a paused stream go on with the events that waited
    Resume(OneStream),
    /// Remove a stream with the events that wait in it
    Remove {
        #[command(flatten)]
        one: OneStream,
        #[command(flatten)]
        care: Care,
    },
}

/// The stream that a command is about.
#[derive(Debug, clap::Args)]
pub struct OneStream {
    /// Client id of the client
    id: String,
    /// Id of the stream, as `signet client stream list` shows it
    #[arg(allow_hyphen_values = true)]
    stream: String,
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: StreamCommand) -> Result<Report, CliError> {
    let streams = match command {
        StreamCommand::List { id } => clients::show(&reading(app), &id).await?.streams.unwrap_or_default(),
        StreamCommand::Pause(one) => vec![set_paused(app, &one, true).await?],
        StreamCommand::Resume(one) => vec![set_paused(app, &one, false).await?],
        StreamCommand::Remove { one: OneStream { id, stream }, care } => {
            let (nobody, what) = (Subject::Users(Vec::new()), format!("the stream {stream} with the events that wait in it"));
            let report = |removed| table(vec![removed]);
            return remove(app, care, &nobody, &what, |change| Box::pin(client_streams::remove(change, &id, &stream)), report).await;
        }
    };
    Ok(table(streams))
}

fn table(streams: Vec<StreamView>) -> Report {
    let columns = ["stream_id", "description", "method", "status", "waiting", "delivered_at", "reason", "last_error"];
    Report::table(&columns, rows_of(streams))
}

async fn set_paused(app: &App, OneStream { id, stream }: &OneStream, paused: bool) -> Result<StreamView, CliError> {
    Ok(change(app, &operator(), |change| Box::pin(client_streams::set_paused(change, id, stream, paused))).await?)
}
