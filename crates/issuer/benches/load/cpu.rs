//! Reads the CPU time of processes: of the server, and of a PostgreSQL server on the same machine.

use std::fs;
use std::process::Command;

/// The unit in which the kernel counts the CPU time of a process (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The fields of `/proc/PID/stat` after the name of the program. `None` if the process has ended.
fn stat(process: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn seconds(fields: &[String]) -> f64 {
    fields.iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / TICKS_PER_SECOND
}

/// The CPU time of a running process, in seconds.
pub fn of(process: u32) -> f64 {
    seconds(&stat(process).unwrap()[11..13])
}

/// The process of a PostgreSQL server that starts all its others.
#[derive(Debug, Clone, Copy)]
pub struct Postmaster(u32);

impl Postmaster {
    /// Finds the process of the server at `url`. `None` if that is no PostgreSQL, if it runs on another machine, or if the user may not read
    /// which process it is.
    pub fn of(url: &str) -> Option<Self> {
        let query = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)";
        let asked = url.starts_with("postgres").then(|| Command::new("psql").args([url, "-tAc", query]).output().ok())??;
        let process = String::from_utf8(asked.stdout).ok()?.trim().parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
        (name.trim() == "postgres").then_some(Self(process))
    }

    /// The CPU time of all processes of the server until now, in seconds, with those that have ended.
    pub fn cpu_seconds(self) -> f64 {
        let running = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let children = running.filter_map(stat).filter(|fields| fields[1] == self.0.to_string());
        seconds(&stat(self.0).unwrap()[11..15]) + children.map(|fields| seconds(&fields[11..13])).sum::<f64>()
    }
}
