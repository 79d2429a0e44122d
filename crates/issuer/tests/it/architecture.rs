//! The house of docs/ARCHITECTURE.md, held by reading the `use` lines: imports run down only, and axum and SeaORM stay in
//! their rooms.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the top. A module may import from its own floor and from those below it.
const FLOORS: &[&[&str]] = &[
    &["main", "cli"],
    &["server", "routes"],
    &["endpoints", "pages", "middleware", "jobs"],
    &["grants"],
    &["accounts", "tokens"],
    &["keys"],
    &["store"],
];
/// Rooms that serve all floors.
const SERVES_ALL: &[&str] = &["app", "audit", "clock", "config", "error", "fetch", "first_start", "oauth", "telemetry", "lib"];
/// Where axum may appear.
const SPEAKS_HTTP: &[&str] = &["routes", "endpoints", "pages", "middleware", "error", "server"];

struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    let source = |path: PathBuf| {
        let relative = path.strip_prefix(&src).unwrap().with_extension("");
        let room = relative.iter().next().unwrap().to_str().unwrap().to_owned();
        let code = fs::read_to_string(&path).unwrap();
        Source { path, room, code: code.split("#[cfg(test)]").next().unwrap().to_owned() }
    };
    paths.into_iter().map(source).collect()
}

fn imports<'c>(source: &'c Source, prefix: &str) -> Vec<&'c str> {
    let lines = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let rooms = lines.flat_map(|line| line.split(prefix).skip(1).collect::<Vec<_>>());
    rooms.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()).filter(|room| !room.is_empty()).collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn imports_run_down_only() {
    for source in sources() {
        let Some(own) = floor(&source.room) else {
            assert!(SERVES_ALL.contains(&source.room.as_str()), "{}: which floor is it on?", source.path.display());
            continue;
        };
        for room in imports(&source, "crate::") {
            assert!(
                SERVES_ALL.contains(&room) || floor(room).is_none_or(|floor| floor >= own),
                "{} imports {room}, which is above it",
                source.path.display()
            );
        }
    }
}

#[test]
fn only_the_store_knows_the_database() {
    for source in sources().iter().filter(|source| source.room != "store") {
        assert!(!source.code.contains("sea_orm::"), "{}", source.path.display());
    }
}

#[test]
fn only_the_outer_rooms_speak_http() {
    for source in sources().iter().filter(|source| !SPEAKS_HTTP.contains(&source.room.as_str())) {
        assert!(!source.code.contains("axum::"), "{}", source.path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_of_a_readable_size() {
    for source in sources() {
        assert!(source.code.starts_with("//! "), "{}", source.path.display());
        assert!(source.code.lines().count() <= 400, "{}", source.path.display());
    }
}
