//! Text as people see it: which characters they would not see as they are, and how messages write these.

/// Returns whether people see `text` as it is: `false` if it has control characters, or characters that are invisible, look like a
/// space or change the direction of the text (Unicode's Cf, Zl and Zp, the Hangul fillers and the blank Braille pattern).
pub fn is_plain_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || deceives(c))
}

/// Returns `text` with its number, such as `<U+202E>`, in place of each character that people would not see as it is, so that a message shows
/// what a stranger sent.
pub fn visible(text: &str) -> String {
    let mut seen = String::new();
    for c in text.chars() {
        if c.is_control() || deceives(c) || is_formless(c) {
            seen += &format!("<U+{:04X}>", u32::from(c));
        } else {
            seen.push(c);
        }
    }
    seen
}

/// Returns what was found, which must not be a secret, for a message that says what was expected: shortened, without the user and password of
/// a URL, and with the numbers of characters that people would not see.
pub fn as_found(found: &str) -> String {
    const LONGEST: usize = 100;
    let found = &without_credentials(found);
    if found.trim().is_empty() {
        return "an empty text".to_owned();
    }
    let cut = found.char_indices().nth(LONGEST).map_or(found.len(), |(end, _)| end);
    // OAuth allows no double quotes in the description of an error.
    let text = visible(&found[..cut]).replace('"', "'");
    if cut < found.len() { text + "..." } else { text }
}

/// Returns `text` without what stands in its URLs between `://` and the last `@` before the path.
pub fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut safe = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['/', '?', '#']).unwrap_or(part.len());
        safe += "://";
        match part[..end].rfind('@') {
            Some(at) => safe.extend(["...", &part[at..]]),
            None => safe += part,
        }
    }
    safe
}

fn deceives(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}' | '\u{1d173}'..='\u{1d17a}')
}

/// Returns whether `c` has no form of its own and only changes that of another character (the rest of Unicode's
/// `Default_Ignorable_Code_Point`). Names may have such characters, because emoji and the names of some people need them.
fn is_formless(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fff8}' | '\u{e0080}'..='\u{e0fff}')
}
