//! The zero-width joiner and non-joiner in names. Some scripts cannot be written without them, but elsewhere they are invisible and make
//! two different names look alike (RFC 5892 appendices A.1 and A.2).

use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::char::canonical_combining_class;

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
/// The combining class of the viramas.
const VIRAMA: u8 = 9;

/// Returns `text` without the joiners that stand where the rules of RFC 5892 allow them.
pub fn without_allowed(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let kept = chars.iter().enumerate().filter(|(at, _)| !is_allowed(&chars, *at));
    kept.map(|(_, c)| c).collect()
}

/// Returns whether the character at `at` is a joiner after a virama, or a non-joiner between two characters that would join without it.
fn is_allowed(chars: &[char], at: usize) -> bool {
    let after_virama = at > 0 && canonical_combining_class(chars[at - 1]) == VIRAMA;
    match chars[at] {
        JOINER => after_virama,
        NON_JOINER => after_virama || (joins(chars[..at].iter().rev(), true) && joins(chars[at + 1..].iter(), false)),
        _ => false,
    }
}

/// Returns whether the first of `chars` that is not transparent joins: to the following character if `onward` is set, otherwise to the
/// preceding one.
fn joins<'c>(chars: impl Iterator<Item = &'c char>, onward: bool) -> bool {
    let types = chars.map(|c| get_joining_type(*c));
    let first = types.into_iter().find(|kind| !matches!(kind, JoiningType::Transparent));
    let one_side = if onward { JoiningType::LeftJoining } else { JoiningType::RightJoining };
    first.is_some_and(|kind| kind == JoiningType::DualJoining || kind == one_side)
}
