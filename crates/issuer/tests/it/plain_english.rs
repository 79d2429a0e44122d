//! Holds what can be held by reading: doc comments say something, and begin as a sentence does (CONTRIBUTING.md, "Plain English").

use std::fs;
use std::path::{Path, PathBuf};

/// The beginnings of doc comments without a subject.
const HEADLESS: &[&str] = &["Who ", "Whom ", "Whose ", "Which ", "Whence ", "False if", "None if"];
/// The fewest words of a doc comment.
const FEWEST_WORDS: usize = 3;

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The doc comments of `code`, each with the number of its first line.
fn doc_comments(code: &str) -> Vec<(usize, String)> {
    let mut comments: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in code.lines().enumerate() {
        let text = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!")).map(str::trim);
        match (text, comments.last_mut()) {
            (Some(text), Some((_, comment))) if goes_on => {
                comment.push(' ');
                comment.push_str(text);
            }
            (Some(text), _) => comments.push((index + 1, text.to_owned())),
            (None, _) => {}
        }
        goes_on = text.is_some();
    }
    comments
}

fn fault(comment: &str) -> Option<&'static str> {
    if comment.split_whitespace().count() < FEWEST_WORDS {
        return Some("it says too little");
    }
    HEADLESS.iter().any(|start| comment.starts_with(start)).then_some("it has no subject")
}

#[test]
fn doc_comments_are_sentences() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["crates", "migrations", "examples"] {
        walk(&root.join(folder), &mut files);
    }
    assert!(files.len() > 200, "the sources were not found");
    let mut faults = Vec::new();
    for file in
        files.iter().filter(|file| !file.components().any(|part| ["target", "node_modules"].iter().any(|skip| part.as_os_str() == *skip)))
    {
        let code = fs::read_to_string(file).unwrap();
        faults.extend(doc_comments(&code).iter().filter_map(|(line, comment)| {
            let reason = fault(comment)?;
            Some(format!("{}:{line}: {reason}: {comment}", file.strip_prefix(&root).unwrap().display()))
        }));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_clipped_comment_is_found() {
    let code = "/// Whom\nfn a() {}\n/// False if not, as\n/// was said.\nfn b() {}\n/// Returns the user.\nfn c() {}";
    let faults: Vec<_> = doc_comments(code).into_iter().filter(|(_, comment)| fault(comment).is_some()).map(|(line, _)| line).collect();
    assert_eq!(faults, [1, 3]);
}
