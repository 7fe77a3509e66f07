//! Which rules decide: the versions of the deciding code, by the numbers that the log names them by.
//!
//! A released version keeps deciding as it did for ever. What differs between versions is chosen
//! where it differs, by this type; where a version says nothing, it decides as the one before it.

use events::command::Parameters;

/// `Name = number,`
macro_rules! versions {
    ($($(#[$text:meta])* $version:ident = $number:literal,)+) => {
        /// A version of the deciding code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Version {
            $($(#[$text])* $version,)+
        }

        const NUMBERS: &[i32] = &[$($number),+];

        impl Version {
            fn numbered(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$version),)+
                    _ => None,
                }
            }
        }
    };
}

versions! {
    /// 1: an order is reserved with all its lines, or rejected.
    WholeOrders = 1,
    /// 2: an order is reserved with the lines that are in stock, and rejected when none is.
    PartialReservation = 2,
    /// 3: as 2; products may be off sale, and say when they run low.
    Catalogue = 3,
}

/// The numbers of all versions that this build decides by, rising.
pub const KNOWN: &[i32] = if cfg!(feature = "rules-1-only") { &[1] } else { NUMBERS };

/// A version with its parameters: everything besides state and command that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub version: Version,
    pub parameters: &'a Parameters,
}

impl Version {
    /// The version of that number; `None` for one that this build does not have.
    pub fn of_number(number: i32) -> Option<Self> {
        Self::numbered(number).filter(|_| KNOWN.contains(&number))
    }
}
