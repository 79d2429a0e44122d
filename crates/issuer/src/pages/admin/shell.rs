//! Writes the lines by which the administration pages show how to do the same from a shell.

/// Returns the line that runs the subcommand `command` of `signet` with `operands`, such as a name, and `options`, which need no quoting.
pub(super) fn line(command: &str, operands: &[&str], options: &str) -> String {
    let mut line = operands.iter().fold(Line::new(command), |line, operand| line.operand(operand));
    line.options.extend(options.split_whitespace().map(|word| (word.to_owned(), None)));
    line.to_string()
}

/// Joins lines into one that runs each only if those before it succeeded. Lines that are empty are left out.
pub(super) fn all(lines: &[String]) -> String {
    lines.iter().filter(|line| !line.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" && ")
}

/// A line for a shell that is being written.
#[derive(Debug, Clone)]
pub(super) struct Line {
    command: String,
    operands: Vec<String>,
    /// Each with its value, if it has one.
    options: Vec<(String, Option<String>)>,
}

impl Line {
    /// Begins the line that runs the subcommand `command` of `signet`.
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), operands: Vec::new(), options: Vec::new() }
    }

    /// Adds a value that belongs to no option, such as a name.
    #[must_use]
    pub fn operand(mut self, value: &str) -> Self {
        self.operands.push(value.to_owned());
        self
    }

    /// Adds the option `name` with `value`, even if that is empty.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Adds the option `name` with `value`, unless that is empty.
    #[must_use]
    pub fn option(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.set(name, value) }
    }

    /// Adds the option `name` once for each of `values`.
    #[must_use]
    pub fn each<'a>(self, name: &str, values: impl IntoIterator<Item = &'a String>) -> Self {
        values.into_iter().fold(self, |line, value| line.set(name, value))
    }

    /// Adds the option `name`, which takes no value, if `holds`.
    #[must_use]
    pub fn flag(mut self, name: &str, holds: bool) -> Self {
        self.options.extend(holds.then(|| (name.to_owned(), None)));
        self
    }

    /// Adds the option `name` with `value` if that is another one than `saved`.
    #[must_use]
    pub fn changed(self, name: &str, saved: &str, value: &str) -> Self {
        if saved == value { self } else { self.set(name, value) }
    }

    /// Adds the option `add` for each of `values` that is not among those that are `saved`, and `remove` for each of these that is not among
    /// `values`.
    #[must_use]
    pub fn list(self, add: &str, remove: &str, saved: &[String], values: &[String]) -> Self {
        let added = values.iter().filter(|value| !saved.contains(value));
        let removed = saved.iter().filter(|value| !values.contains(value));
        self.each(add, added).each(remove, removed)
    }

    /// Returns whether the line has options.
    pub fn has_options(&self) -> bool {
        !self.options.is_empty()
    }
}

impl std::fmt::Display for Line {
    /// Writes the line. Each value is quoted for a POSIX shell, so that it stays one word and runs nothing. If an operand begins with `-`, the
    /// operands stand last, after `--`, because `signet` would take it for an option. Writes nothing if a value has a NUL, which no shell can
    /// pass on.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let option = |(name, value): &(String, Option<String>)| {
            let Some(value) = value else { return Ok(name.clone()) };
            // The command would take a value that begins so for an option of its own.
            let sign = if value.starts_with('-') { '=' } else { ' ' };
            shlex::try_quote(value).map(|value| format!("{name}{sign}{value}"))
        };
        let operands: Result<Vec<_>, _> = self.operands.iter().map(|operand| shlex::try_quote(operand)).collect();
        let options: Result<Vec<_>, _> = self.options.iter().map(option).collect();
        let (Ok(operands), Ok(options)) = (operands, options) else { return Ok(()) };
        let (operands, options) = (operands.join(" "), options.join(" "));
        let parts = if self.operands.iter().any(|operand| operand.starts_with('-')) {
            ["signet", &self.command, &options, "--", &operands]
        } else {
            ["signet", &self.command, &operands, &options, ""]
        };
        f.write_str(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.to_string()
    }
}
