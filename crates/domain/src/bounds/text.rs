//! Which texts are allowed, decided without tables that grow from release to release.

use super::{IDENTIFIER_CHARS_MAX, SKU_CHARS_MAX, TEXT_CHARS_MAX};

/// 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub fn is_sku(text: &str) -> bool {
    (1..=SKU_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// 1 to 128 printable ASCII characters; spaces are allowed inside, but not at either end, where
/// people and programs lose them.
pub fn is_identifier(text: &str) -> bool {
    (1..=IDENTIFIER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b' '..=b'~'))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// 1 to 256 characters without control characters. Unicode guarantees that the set of control
/// characters never changes.
pub fn is_text(text: &str) -> bool {
    (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Three capital letters, as in ISO 4217; whether such a currency exists is not asked.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}
