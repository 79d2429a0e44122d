//! A snapshot holds the text that each command prints for `--help`, so that a change of an option is seen in review.

use crate::cli::Signet;

/// Adds the help of the command `words` to `found`, then that of each command below it. The settings are the same everywhere, and are
/// shown once.
fn help(signet: &Signet, words: &[&str], found: &mut String) {
    let output = signet.run(&[words, &["--help"]].concat());
    assert!(output.success, "{words:?}: {}", output.stderr);
    let (own, settings) = output.stdout.split_once("\nSettings:\n").unwrap();
    if words.is_empty() {
        found.push_str(&format!("Settings:\n{settings}\n"));
    }
    assert!(found.starts_with(&format!("Settings:\n{settings}")), "{words:?}: {settings}");
    found.push_str(&format!("$ signet {}\n{own}\n", [words, &["--help"]].concat().join(" ")));
    let commands = output.stdout.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A line of a command starts with two spaces; the text that goes on below it starts with more.
    let names = commands.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        help(signet, &[words, &[name]].concat(), found);
    }
}

#[test]
fn each_command_explains_itself() {
    let mut found = String::new();
    help(&Signet::new(), &[], &mut found);
    insta::assert_snapshot!("help", found);
}
