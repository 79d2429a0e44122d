//! Writes the lines by which the administration pages show how to do the same from a shell.

/// Returns the line that runs the subcommand `command` of `signet` with `operands`, such as a name, and `options`, which stand as they are.
/// Each operand is quoted for a POSIX shell, so that it stays one word and runs nothing. If one begins with `-`, the operands stand last,
/// after `--`, because `signet` would take it for an option. Returns an empty line if an operand has a NUL, which no shell can pass on.
pub(super) fn line(command: &str, operands: &[&str], options: &str) -> String {
    let Ok(quoted) = operands.iter().map(|operand| shlex::try_quote(operand)).collect::<Result<Vec<_>, _>>() else {
        return String::new();
    };
    let quoted = quoted.join(" ");
    let parts = if operands.iter().any(|operand| operand.starts_with('-')) {
        ["signet", command, options, "--", &quoted]
    } else {
        ["signet", command, &quoted, options, ""]
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
