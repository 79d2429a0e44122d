//! Names of people may contain joiners where their script needs them, and no other invisible character. Names of clients contain none.

use signet_issuer::oauth::plain_text::is_plain_text;
use signet_issuer::oauth::standard_claims::is_line;

#[test]
fn joiners_stand_only_where_a_script_needs_them() {
    for name in [
        // Persian: a non-joiner between two letters that would join.
        "علی\u{200c}رضا",
        // A vowel sign between them is transparent.
        "می\u{64e}\u{200c}خواهم",
        // Sinhala: a joiner after a virama.
        "ශ\u{dca}\u{200d}රී",
        // Malayalam: a non-joiner after a virama.
        "ക\u{d4d}\u{200c}ഷ",
        "Zoë Müller",
    ] {
        assert!(is_line(name), "{name:?}");
        assert_eq!(is_plain_text(name), !name.contains(['\u{200c}', '\u{200d}']), "{name:?}, as the name of a client");
    }
    for name in [
        "ad\u{200d}min",
        "ad\u{200c}min",
        "\u{200c}علی",
        "علی\u{200c}",
        // This letter does not join onward.
        "د\u{200c}ا",
        "ad\u{200b}min",
        "nim\u{202e}da",
        "line\nbreak",
    ] {
        assert!(!is_line(name), "{name:?}");
    }
}
