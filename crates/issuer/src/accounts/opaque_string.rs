//! Prepares passwords so that the same characters are equal however a keyboard sends them (RFC 8265 §4.2, OpaqueString): spaces outside
//! ASCII become a space, and characters are composed (NFC). Unlike that profile, nothing is refused here, because a password that was once
//! accepted must go on working.

use secrecy::zeroize::Zeroizing;
use unicode_normalization::UnicodeNormalization;

/// Returns the prepared form of a password.
pub fn prepare(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.chars().map(|c| if is_foreign_space(c) { ' ' } else { c }).nfc().collect())
}

/// Returns the distinct forms in which a password may have been hashed before passwords were prepared: as it was typed, composed (NFC) and
/// decomposed (NFD). The first one is as it was typed.
pub fn forms(password: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![Zeroizing::new(password.to_owned())];
    let others: [String; 2] = [password.nfc().collect(), password.nfd().collect()];
    for form in others.map(Zeroizing::new) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Returns `true` for the spaces of Unicode (category Zs) outside ASCII.
fn is_foreign_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}
