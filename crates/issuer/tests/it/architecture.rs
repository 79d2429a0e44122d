//! Holds the house of docs/ARCHITECTURE.md by reading the sources: imports run down only, no files import each other in a
//! circle, and axum, SeaORM and transactions stay in their rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms from the top down. A file may import from its own room, from rooms below it, and, in one direction, from rooms on
/// its own line.
const LINES: &[&[&str]] = &[
    &["main", "lib"],
    &["cli", "start", "server", "routes", "jobs"],
    &["endpoints", "pages", "api"],
    &["interaction"],
    &["browser"],
    &["web"],
    &["admin"],
    &["grants"],
    &["accounts", "clients", "outbox", "signals"],
    &["tokens"],
    &["app"],
    &["keys", "mail", "revocation_feed"],
    &["audit"],
    &["store"],
    &["fetch", "telemetry"],
    &["config", "pool"],
    &["oauth"],
    &["clock"],
];
/// The lowest room that may use axum.
const LOWEST_WITH_AXUM: &str = "web";
/// The rooms outside `store` in which transactions begin.
const WITH_TRANSACTIONS: &[&str] = &["start", "admin", "grants", "accounts", "outbox", "signals", "keys", "mail"];
/// The modules that reach the database only through operations.
const WITHOUT_STORE: &[&str] = &["cli", "api", "pages::admin"];
/// The most lines of a file.
const MOST_LINES: usize = 400;

/// One file under src/, without its tests.
#[derive(Clone)]
struct Source {
    /// The path of the module, such as `pages::account::password`; a `mod.rs` has the path of its folder.
    module: String,
    code: String,
}

impl Source {
    fn new(module: &str, code: &str) -> Self {
        Self { module: module.to_owned(), code: code.to_owned() }
    }

    fn room(&self) -> &str {
        self.module.split("::").next().unwrap()
    }

    /// The code without comments.
    fn statements(&self) -> String {
        let lines = self.code.lines().map(|line| line.split("//").next().unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The absolute paths, without `crate::`, of all that the file takes from this crate: in `use` trees and in line, also where
    /// they are written with `self` or `super`.
    fn paths(&self) -> BTreeSet<String> {
        let code = self.statements();
        let mut found = BTreeSet::new();
        for (at, _) in code.char_indices() {
            let starts_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            let rest = &code[at..];
            if starts_word && ["crate::", "self::", "super::"].iter().any(|root| rest.starts_with(root)) {
                flatten(rest, String::new(), &mut found);
            }
        }
        found.iter().map(|path| self.absolute(path)).collect()
    }

    fn absolute(&self, path: &str) -> String {
        let mut base: Vec<&str> = self.module.split("::").collect();
        let mut rest: Vec<&str> = path.split("::").collect();
        match rest[0] {
            "crate" => base.clear(),
            // A file's own module is `self`, so that `super` is its parent.
            _ => {
                while rest[0] == "super" {
                    base.pop();
                    rest.remove(0);
                }
            }
        }
        rest.retain(|part| !["crate", "self"].contains(part));
        base.extend(rest);
        base.join("::")
    }
}

/// Adds each path of the tree at the beginning of `code`, such as `crate::store::{users, roles::{self, all}}`; returns what
/// follows the tree.
fn flatten<'c>(code: &'c str, prefix: String, found: &mut BTreeSet<String>) -> &'c str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(code.len());
    let (path, mut rest) = (prefix + &code[..end], &code[end..]);
    if !path.ends_with("::") || !rest.starts_with('{') {
        found.insert(path.trim_end_matches(':').to_owned());
        return rest;
    }
    loop {
        rest = rest[1..].trim_start();
        if !rest.starts_with('}') {
            rest = flatten(rest, path.clone(), found).trim_start();
            if rest.starts_with("as ") {
                rest = &rest[rest.find([',', '}']).unwrap()..];
            }
        }
        if let Some(after) = rest.strip_prefix('}') {
            return after;
        }
    }
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, module: &str, found: &mut Vec<Source>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let inner = if stem == "mod" { module.to_owned() } else { format!("{module}::{stem}") };
            let inner = inner.trim_start_matches("::");
            if path.is_dir() {
                walk(&path, inner, found);
            } else {
                let code = fs::read_to_string(&path).unwrap();
                found.push(Source::new(inner, code.split("#[cfg(test)]").next().unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found
}

fn line_of(room: &str) -> Option<usize> {
    LINES.iter().position(|rooms| rooms.contains(&room))
}

/// Returns whether `one` is the `mod.rs` that declares `other`.
fn is_parent(one: &str, other: &str) -> bool {
    other.rsplit_once("::").is_some_and(|(parent, _)| parent == one)
}

/// Returns the files that each file imports.
fn imports(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let modules: BTreeSet<&str> = sources.iter().map(|source| source.module.as_str()).collect();
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            if let Some(module) = modules.get(path) {
                return Some(*module);
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let of = |source: &Source| source.paths().iter().filter_map(|path| file_of(path)).filter(|file| *file != source.module).collect();
    sources.iter().map(|source| (source.module.as_str(), of(source))).collect()
}

fn faults_of_order(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sideways = BTreeSet::new();
    for (file, imported) in imports(sources) {
        let room = file.split("::").next().unwrap();
        let Some(line) = line_of(room) else {
            faults.push(format!("{file}: the room {room} is on no line"));
            continue;
        };
        for other in imported {
            let other_room = other.split("::").next().unwrap();
            match line_of(other_room) {
                Some(below) if below > line || room == other_room => {}
                Some(same) if same == line => drop(sideways.insert((room, other_room))),
                _ => faults.push(format!("{file} imports {other}, which is above it")),
            }
        }
    }
    for (one, other) in &sideways {
        if sideways.contains(&(*other, *one)) {
            faults.push(format!("{one} and {other} are on one line and import each other"));
        }
    }
    faults
}

fn faults_of_circles(sources: &[Source]) -> Vec<String> {
    fn visit<'s>(
        file: &'s str,
        graph: &BTreeMap<&'s str, BTreeSet<&'s str>>,
        way: &mut Vec<&'s str>,
        done: &mut BTreeSet<&'s str>,
        faults: &mut Vec<String>,
    ) {
        if let Some(start) = way.iter().position(|before| *before == file) {
            faults.push(format!("a circle: {}", way[start..].join(" -> ")));
            return;
        }
        if done.contains(file) {
            return;
        }
        way.push(file);
        for next in &graph[file] {
            if !is_parent(file, next) && !is_parent(next, file) {
                visit(next, graph, way, done, faults);
            }
        }
        way.pop();
        done.insert(file);
    }
    let graph = imports(sources);
    let (mut done, mut faults) = (BTreeSet::new(), Vec::new());
    for file in graph.keys() {
        visit(file, &graph, &mut Vec::new(), &mut done, &mut faults);
    }
    faults
}

fn faults_of_places(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let (code, module, room) = (source.statements(), &source.module, source.room());
        let is_below_web = line_of(room) > line_of(LOWEST_WITH_AXUM);
        if is_below_web && (code.contains("axum::") || code.contains("use axum")) {
            faults.push(format!("{module} uses axum"));
        }
        if room != "store" && (code.contains("sea_orm::") || code.contains("use sea_orm")) {
            faults.push(format!("{module} uses SeaORM"));
        }
        if room != "store" && !WITH_TRANSACTIONS.contains(&room) && code.contains(".begin()") {
            faults.push(format!("{module} begins a transaction"));
        }
        let is_fenced = WITHOUT_STORE.iter().any(|fenced| module == fenced || module.starts_with(&format!("{fenced}::")));
        if is_fenced && source.paths().iter().any(|path| path == "store" || path.starts_with("store::")) {
            faults.push(format!("{module} imports store"));
        }
    }
    faults
}

#[test]
fn imports_run_down_only() {
    assert_eq!(faults_of_order(&sources()), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other() {
    assert_eq!(faults_of_circles(&sources()), Vec::<String>::new());
}

#[test]
fn axum_and_the_database_stay_in_their_rooms() {
    assert_eq!(faults_of_places(&sources()), Vec::<String>::new());
}

/// Each kind of offence, planted in a copy of the sources, is found.
#[test]
fn a_planted_offence_is_found() {
    let with = |module: &str, line: &str| {
        let mut sources = sources();
        let planted = sources.iter_mut().find(|source| source.module == module).unwrap();
        planted.code.push_str(line);
        sources
    };
    for (module, line) in [
        ("store::users", "use crate::tokens::issue::issue;"),
        ("store::users", "use crate::{clock::Clock, keys::ring::Ring};"),
        ("store::users", "use super::super::keys::ring::Ring;"),
        ("store::users", "fn f() { crate::keys::ring::Ring::default(); }"),
        ("pages::consent", "use crate::endpoints::token;"),
    ] {
        assert!(!faults_of_order(&with(module, line)).is_empty(), "{module}: {line}");
    }
    for (module, line) in [("oauth::scope", "use crate::oauth::prompt::Prompt;"), ("oauth::scope", "use super::prompt;")] {
        assert!(!faults_of_circles(&with(module, line)).is_empty(), "{module}: {line}");
    }
    for (module, line) in [
        ("grants", "use axum::http::StatusCode;"),
        ("grants", "fn f(_: axum::Json<()>) {}"),
        ("grants", "use sea_orm::EntityTrait;"),
        ("endpoints::revoke", "async fn f(app: &App) { app.store.begin().await; }"),
        ("cli::user", "use crate::store::users;"),
        ("cli::user", "use super::super::store::users;"),
    ] {
        assert!(!faults_of_places(&with(module, line)).is_empty(), "{module}: {line}");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_of_a_readable_size() {
    for source in sources() {
        assert!(source.code.starts_with("//! "), "{}", source.module);
        assert!(source.code.lines().count() <= MOST_LINES, "{}", source.module);
    }
}
