//! `signet user import` and `signet user export`: read and write files of users, one JSON object on each line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::admin::change;
use crate::admin::transfer::{BATCH, Batch, Counts, Import, ImportOptions, Kept, Line, MAX_LINE, Prepared, Refusal, Turns, export};
use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading, refuse};
use crate::oauth::plain_text::visible;

/// The number of refused lines that the JSON report lists. Standard error has all of them.
const LISTED: usize = 1000;

/// The arguments of `signet user import`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ImportArgs {
    /// File with one user on each line, as a JSON object such as {"username": "alice", "email": "alice@example.com"}
    file: PathBuf,
    /// Change users who exist, too; without this option a line that differs from a user who exists is refused
    #[arg(long)]
    update: bool,
    /// Accept lines that add or change an administrator
    #[arg(long)]
    allow_admin: bool,
    /// Take a line with another id for the user who has its username, who keeps the id that they have here; without this option such a line
    /// is refused
    #[arg(long)]
    keep_ids: bool,
    /// Check all lines, and write nothing
    #[arg(long)]
    check: bool,
}

/// The arguments of `signet user export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// File to write, which must not exist; only its owner can read it
    file: PathBuf,
    /// Write the hashes of the passwords, too, so that people keep their passwords where the file is imported
    #[arg(long)]
    with_password_hashes: bool,
}

/// A file that is read in batches of lines.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
    progress: ProgressBar,
}

impl Lines {
    fn open(path: &Path, what: &'static str) -> Result<Self, CliError> {
        let unreadable = |error| unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder" } else { "none" };
            return refuse(format!("FILE: expected a regular file, because it is read twice; {} is {what}", path.display()));
        }
        let length = metadata.len();
        let progress = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} {bar:40} {percent}%  {msg}  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        progress.set_style(style);
        progress.set_prefix(what);
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(1 << 16, file), number: 0, progress })
    }

    /// Returns the next lines, at most `most`, parsed; `None` at the end of the file.
    async fn batch(&mut self, app: &App, most: usize) -> Result<Option<Batch>, CliError> {
        let lines = self.next(most).map_err(|error| unreadable(&self.path, &error))?;
        if lines.is_empty() { Ok(None) } else { Ok(Some(Batch::read(&reading(app), lines).await?)) }
    }

    /// Returns the next lines, at most `most`, which are not empty; none at the end of the file. A line that is too long is cut, so that it is refused.
    fn next(&mut self, most: usize) -> io::Result<Vec<Line>> {
        let mut lines = Vec::with_capacity(most);
        while lines.len() < most {
            let mut text = Vec::new();
            let limit = MAX_LINE as u64 + 2;
            let mut length = (&mut self.file).take(limit).read_until(b'\n', &mut text)? as u64;
            if length == 0 {
                break;
            }
            self.number += 1;
            if self.number == 1 && (text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the text is in UTF-16, and expected in UTF-8"));
            }
            let is_cut = length == limit && text.last() != Some(&b'\n');
            while is_cut && !text.is_empty() {
                let mut rest = Vec::new();
                let more = (&mut self.file).take(limit).read_until(b'\n', &mut rest)? as u64;
                length += more;
                if more < limit || rest.last() == Some(&b'\n') {
                    break;
                }
            }
            self.progress.inc(length);
            // Some programs on Windows begin a file with a byte order mark.
            let mark = if self.number == 1 { "\u{feff}" } else { "" };
            let text = text.strip_prefix(mark.as_bytes()).unwrap_or(&text).trim_ascii_end();
            if !text.is_empty() {
                lines.push(Line { number: self.number, text: text.to_vec() });
            }
        }
        Ok(lines)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::Refused(format!("FILE: expected a file that can be read; {}: {error}", path.display()))
}

/// Imports a file: checks all lines, then writes them if none is refused.
pub async fn import(app: &App, arguments: ImportArgs) -> Result<Report, CliError> {
    let ImportArgs { file, update, allow_admin, keep_ids, check } = arguments;
    let mut import = Import::begin(&reading(app), ImportOptions { update, allow_admin, keep_ids }).await?;
    let (mut counts, mut listed, mut number_refused) = (Counts::default(), Vec::new(), 0_u64);
    let mut lines = Lines::open(&file, "Checking ")?;
    let mut next = lines.batch(app, BATCH).await?;
    while let Some(batch) = next {
        // One batch is parsed while the database looks up what the batch before it names.
        let reading = reading(app);
        let (checked, following) = tokio::join!(import.check(&reading, batch), lines.batch(app, BATCH));
        let (checked, refused) = checked?;
        next = following?;
        counts += checked;
        number_refused += refused.len() as u64;
        lines.progress.suspend(|| tell(&refused))?;
        listed.extend(
            refused
                .iter()
                .take(LISTED.saturating_sub(listed.len()))
                .map(|refusal| json!({ "line": refusal.line, "faults": refusal.faults })),
        );
    }
    lines.progress.finish_and_clear();
    import.checked();
    let total = number_refused + counts.added + counts.updated + counts.unchanged;
    if number_refused > 0 {
        let path = file.display();
        let text =
            format!("Imported nothing, because {number_refused} of {total} lines of {path} were refused; standard error lists them.");
        return Ok(Report::checked(text, json!({ "imported": false, "refused": number_refused, "faults": listed }), false));
    }
    let kept = import.kept();
    if check {
        let counted = sentence(counts, ["to add", "to change", "unchanged"]);
        let text = format!("All {total} lines are right: {counted}. Nothing was written.{}", not_done(kept));
        return Ok(Report::new(text, json!({ "imported": false, "refused": 0, "counts": counts, "kept": kept })));
    }
    let counts = write(app, &import, Lines::open(&file, "Importing")?).await?;
    let text = format!("Imported {total} lines: {}.{}", sentence(counts, ["added", "changed", "unchanged"]), not_done(kept));
    Ok(Report::new(text, json!({ "imported": true, "refused": 0, "counts": counts, "kept": kept })))
}

/// Returns the sentences that say what of the file an import leaves out, each after a space.
fn not_done(kept: Kept) -> String {
    let users = |number: u64| if number == 1 { "1 user keeps".to_owned() } else { format!("{number} users keep") };
    let ids = format!(" {} the id that they have here in place of that of the file.", users(kept.ids));
    let passwords = format!(
        " {} the password that Signet has hashed, which is newer than the hash of another system in the file.",
        users(kept.passwords)
    );
    [(kept.ids, ids), (kept.passwords, passwords)].into_iter().filter(|(number, _)| *number > 0).map(|(_, sentence)| sentence).collect()
}

/// Writes all lines, each batch in a transaction of its own. While one is written, or waits for its turn, the next is prepared.
async fn write(app: &App, import: &Import, mut lines: Lines) -> Result<Counts, CliError> {
    let (mut counts, operator) = (Counts::default(), operator());
    let mut turns = Turns::begin(&reading(app)).await?;
    let mut next = prepare(app, import, &mut lines, turns.lines()).await?;
    while let Some(prepared) = next {
        let work = change(app, &operator, |change| Box::pin(import.write(change, prepared)));
        let size = turns.lines();
        let (written, following) = tokio::join!(turns.take(work), prepare(app, import, &mut lines, size));
        counts += written?;
        next = following?;
        lines.progress.set_message(format!("{} users", counts.added + counts.updated + counts.unchanged));
    }
    turns.finish()?;
    lines.progress.finish_and_clear();
    Ok(counts)
}

/// Returns the next lines, at most `most`, ready to be written; `None` at the end of the file.
async fn prepare(app: &App, import: &Import, lines: &mut Lines, most: usize) -> Result<Option<Prepared>, CliError> {
    match lines.batch(app, most).await? {
        Some(batch) => Ok(Some(import.prepare(&reading(app), batch).await?)),
        None => Ok(None),
    }
}

fn sentence(counts: Counts, [added, updated, unchanged]: [&str; 3]) -> String {
    format!("{} {added}, {} {updated}, {} {unchanged}", counts.added, counts.updated, counts.unchanged)
}

/// Writes the refused lines to standard error. The file may hold characters that a terminal would obey.
fn tell(refused: &[Refusal]) -> Result<(), CliError> {
    let mut stderr = std::io::stderr().lock();
    for refusal in refused {
        writeln!(stderr, "{}", visible(&refusal.to_string()))?;
    }
    Ok(())
}

/// Exports all users into a new file.
pub async fn export(app: &App, arguments: ExportArgs) -> Result<Report, CliError> {
    let ExportArgs { file: path, with_password_hashes } = arguments;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let file = file.or_else(|error| refuse(format!("FILE: expected a new file in a folder that exists; {}: {error}", path.display())))?;
    let mut export = change(app, &operator(), |change| Box::pin(export::begin(change, with_password_hashes))).await?;
    let progress = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let (mut file, mut number) = (BufWriter::new(file), 0_u64);
    let unwritten = |error| CliError::Refused(format!("FILE: expected a file that can be written; {}: {error}", path.display()));
    loop {
        let lines = export.next(&reading(app)).await?;
        if lines.is_empty() {
            break;
        }
        for line in &lines {
            writeln!(file, "{line}").map_err(unwritten)?;
        }
        number += lines.len() as u64;
        progress.set_message(format!("{number} users"));
        progress.tick();
    }
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(unwritten)?;
    progress.finish_and_clear();
    let text = format!("Exported {number} users to {}.", path.display());
    Ok(Report::new(text, json!({ "file": path, "users": number, "with_password_hashes": with_password_hashes })))
}
