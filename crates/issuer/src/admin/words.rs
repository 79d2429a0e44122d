//! Numbers as people read them.

use std::fmt::Display;

/// Writes a whole number with a comma between thousands.
pub fn thousands(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes `number`, which is not negative, before `one` if it is 1, and before `many` otherwise, such as `1 day` or `1,000 days`.
pub fn counted(number: impl Display, one: &str, many: &str) -> String {
    let number = thousands(number);
    let noun = if number == "1" { one } else { many };
    format!("{number} {noun}")
}

/// Writes a time that is given in seconds as minutes or hours, if it is a whole number of them.
pub fn duration(seconds: i64) -> String {
    match seconds {
        whole if whole > 0 && whole % 3600 == 0 => counted(whole / 3600, "hour", "hours"),
        whole if whole > 0 && whole % 60 == 0 => counted(whole / 60, "minute", "minutes"),
        other => counted(other, "second", "seconds"),
    }
}
