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
    &["accounts"],
    &["tokens"],
    &["keys"],
    &["store"],
];
/// Rooms that serve all floors, and what each may import.
const SERVES_ALL: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("oauth", &["error"]),
    ("config", &["clock", "oauth"]),
    ("telemetry", &["config"]),
    ("error", &["store"]),
    ("audit", &["clock", "store"]),
    ("fetch", &["clock", "config", "oauth"]),
    // These two put the house together.
    ("first_start", &["accounts", "app", "clock", "config", "grants", "keys", "oauth", "store"]),
    ("app", &["accounts", "clock", "config", "fetch", "first_start", "keys", "store"]),
    ("lib", &[]),
];
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

/// The rooms that a file names, each as `crate::room`.
fn imports(source: &Source) -> Vec<&str> {
    let lines = source.code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let rooms = lines.flat_map(|line| line.split("crate::").skip(1).collect::<Vec<_>>());
    rooms
        .map(|rest| {
            assert!(!rest.starts_with('{'), "{}: several rooms in one `use`; give each its own", source.path.display());
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
        })
        .collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn imports_run_down_only() {
    for source in sources() {
        let serves_all = |room: &str| SERVES_ALL.iter().find(|(name, _)| *name == room);
        for room in imports(&source) {
            let may = match (floor(&source.room), serves_all(&source.room)) {
                (Some(own), _) => serves_all(room).is_some() || floor(room).is_some_and(|floor| floor >= own),
                (None, Some((own, allowed))) => room == *own || allowed.contains(&room),
                (None, None) => panic!("{}: which floor is it on?", source.path.display()),
            };
            assert!(may, "{} imports {room}, which is above it", source.path.display());
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
