//! Prices as decimal text, read exactly: no float ever holds money.

use domain::bounds::UNIT_PRICE_MAX;

use super::reason::Reason;

/// Minor units of a price such as `2.55`, `2.1` or `3`, in a currency with two decimals.
///
/// # Errors
/// The text is no decimal number, not above zero, finer than a minor unit, or above the bound.
pub(super) fn minor_units(text: &str) -> Result<i64, Reason> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(Reason::PriceUnreadable);
    }
    // Zeros on the outside carry no value, and would overflow or look too fine.
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if negative || (whole.is_empty() && fraction.is_empty()) {
        return Err(Reason::PriceNotAboveZero);
    }
    if fraction.len() > 2 {
        return Err(Reason::PriceTooFine);
    }
    let amount: Result<i64, _> = format!("{whole}{fraction:0<2}").parse();
    // All characters are digits, so only a number beyond 64 bits is not read.
    amount.ok().filter(|amount| *amount <= UNIT_PRICE_MAX).ok_or(Reason::PriceTooHigh)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (text, amount) in [
            ("2.55", 255),
            ("2.1", 210),
            ("3", 300),
            ("3.", 300),
            (".5", 50),
            ("+0.01", 1),
            ("0002.550000000", 255),
            ("10000000", UNIT_PRICE_MAX),
        ] {
            assert_eq!(minor_units(text), Ok(amount), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_is_told_apart() {
        for (text, reason) in [
            ("", Reason::PriceUnreadable),
            (".", Reason::PriceUnreadable),
            ("2,55", Reason::PriceUnreadable),
            ("1e3", Reason::PriceUnreadable),
            ("--1", Reason::PriceUnreadable),
            ("0", Reason::PriceNotAboveZero),
            ("0.000", Reason::PriceNotAboveZero),
            ("-11062.06", Reason::PriceNotAboveZero),
            ("0.001", Reason::PriceTooFine),
            ("2.555", Reason::PriceTooFine),
            ("10000000.01", Reason::PriceTooHigh),
            ("99999999999999999999999", Reason::PriceTooHigh),
        ] {
            assert_eq!(minor_units(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_its_text(amount in 1..=UNIT_PRICE_MAX) {
            let text = format!("{}.{:02}", amount / 100, amount % 100);
            prop_assert_eq!(minor_units(&text), Ok(amount));
        }

        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,24}") {
            let read = minor_units(&text);
            prop_assert!(read.is_err() || read.is_ok_and(|amount| amount > 0));
        }
    }
}
