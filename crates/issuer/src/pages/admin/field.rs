//! The fields of the administration's forms.

/// The kind of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One line of text.
    Text,
    /// Several values, one per line.
    Lines,
    /// A password, which is never shown again.
    Password,
    /// A box that is checked or not.
    Check,
    /// No field, but the title of those that follow, which the hint explains.
    Part,
    /// One of these values, each with its label.
    Choice(Vec<(&'static str, &'static str)>),
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub hint: String,
    kind: Kind,
    pub value: String,
    /// The message that says what is wrong with the value. Empty if nothing is wrong.
    pub error: String,
    /// The value that is saved, in words, if the page must tell it because the field shows another one.
    pub saved: Option<String>,
}

impl Field {
    /// Makes an empty field.
    pub fn new(name: impl Into<String>, label: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), label: label.into(), hint: String::new(), kind, value: String::new(), error: String::new(), saved: None }
    }

    /// Fills the field.
    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Adds an explanation.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Makes the title of the fields that follow.
    pub fn part(title: &str, about: &str) -> Self {
        Self::new("", title, Kind::Part).hint(about)
    }

    pub fn is_part(&self) -> bool {
        self.kind == Kind::Part
    }

    pub fn is_check(&self) -> bool {
        self.kind == Kind::Check
    }

    pub fn is_lines(&self) -> bool {
        self.kind == Kind::Lines
    }

    pub fn is_choice(&self) -> bool {
        matches!(self.kind, Kind::Choice(_))
    }

    pub fn is_password(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Returns whether a message or an explanation stands beside the field.
    pub fn has_help(&self) -> bool {
        !self.hint.is_empty() || !self.error.is_empty() || self.saved.is_some()
    }

    pub fn choices(&self) -> &[(&'static str, &'static str)] {
        match &self.kind {
            Kind::Choice(choices) => choices,
            _ => &[],
        }
    }

    /// Offers one more choice before the others.
    pub fn offer_first(&mut self, choice: (&'static str, &'static str)) {
        if let Kind::Choice(choices) = &mut self.kind {
            choices.insert(0, choice);
        }
    }

    pub fn input_type(&self) -> &'static str {
        if self.is_password() { "password" } else { "text" }
    }

    pub fn rows(&self) -> usize {
        self.value.lines().count().clamp(3, 12) + 1
    }

    /// Returns whether `typed` is another value than the one of the field. Spaces around a value and empty lines do not count.
    pub fn differs(&self, typed: &str) -> bool {
        let lines = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        if self.is_check() { (typed == "true") != (self.value == "true") } else { lines(typed) != lines(&self.value) }
    }

    /// Says the value in words, on one line.
    pub fn in_words(&self) -> String {
        match &self.kind {
            Kind::Check if self.value == "true" => "ticked".to_owned(),
            Kind::Check => "not ticked".to_owned(),
            _ if self.value.trim().is_empty() => "nothing".to_owned(),
            Kind::Choice(choices) => {
                choices.iter().find(|(value, _)| *value == self.value).map_or(&*self.value, |(_, label)| label).to_owned()
            }
            _ => self.value.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", "),
        }
    }
}
