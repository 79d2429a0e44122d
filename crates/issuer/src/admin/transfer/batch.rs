//! The lines of an import, which are read and parsed in batches.

use std::fmt;

use super::line::{MAX_LINE, UserLine};
use crate::admin::{Fault, Operation, Reading, Refused};

/// The number of lines that are checked together, and written in one transaction where nobody else writes (turns.rs).
pub const BATCH: usize = 1000;

/// A line of a file, without its end.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Line {
    /// The number of the line, from 1.
    pub number: u64,
    pub text: Vec<u8>,
}

/// The reasons why a line is refused.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Refusal {
    pub line: u64,
    pub faults: Vec<Fault>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        write!(f, "line {}: {}", self.line, faults.join("; "))
    }
}

/// Lines that follow each other, after each was parsed on its own.
#[derive(Debug)]
pub struct Batch {
    /// The numbers of the first and the last line.
    pub(super) numbers: [u64; 2],
    pub(super) parsed: Vec<(u64, UserLine)>,
    /// Those that are no users at all.
    pub(super) refused: Vec<Refusal>,
}

impl Batch {
    /// Parses up to [`BATCH`] lines on a thread of the pool, so that the caller can do something else meanwhile.
    pub async fn read(reading: &Reading<'_>, lines: Vec<Line>) -> Result<Self, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        Ok(app.pool.run(move |_| Self::parse(&lines)).await?)
    }

    fn parse(lines: &[Line]) -> Self {
        let (mut parsed, mut refused) = (Vec::with_capacity(lines.len()), Vec::new());
        for Line { number, text } in lines {
            let too_long = || Fault::new("line", format!("at most {MAX_LINE} bytes"));
            let line = if text.len() > MAX_LINE { Err(too_long()) } else { UserLine::parse(text) };
            match line {
                Ok(line) => parsed.push((*number, line)),
                Err(fault) => refused.push(Refusal { line: *number, faults: vec![fault] }),
            }
        }
        let numbers = [lines.first(), lines.last()].map(|line| line.map_or(0, |line| line.number));
        Self { numbers, parsed, refused }
    }
}
