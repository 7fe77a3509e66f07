//! Which rules decide: the versions of the deciding code, by the numbers that the log names them by.
//!
//! A released version keeps deciding as it did for ever. What differs between versions is chosen
//! where it differs, by this type, so that a new version cannot be forgotten anywhere.

use events::{Command, command::Parameters};

/// A version of the deciding code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1: an order is reserved with all its lines, or rejected.
    WholeOrders,
    /// 2: an order is reserved with the lines that are in stock, and rejected when none is.
    PartialReservation,
    /// 3: as 2; products may be off sale, and say when they run low.
    Catalogue,
}

/// The numbers of all versions that this build decides by, rising.
#[cfg(not(feature = "rules-1-only"))]
pub const KNOWN: &[i32] = &[1, 2, 3];
/// The numbers of all versions that this build decides by, rising.
#[cfg(feature = "rules-1-only")]
pub const KNOWN: &[i32] = &[1];

/// A version with its parameters: everything besides state and command that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub version: Version,
    pub parameters: &'a Parameters,
}

impl Version {
    /// The version of that number; `None` for one that this build does not have.
    pub fn of_number(number: i32) -> Option<Self> {
        let version = match number {
            1 => Self::WholeOrders,
            2 => Self::PartialReservation,
            3 => Self::Catalogue,
            _ => return None,
        };
        KNOWN.contains(&number).then_some(version)
    }
}

/// The first version that knows this command. To earlier ones its bytes are no command at all, as
/// they are to a build that does not have the version: both must decide the same.
pub fn first_with(command: &Command) -> i32 {
    match command {
        Command::DeactivateProduct(_)
        | Command::ReactivateProduct(_)
        | Command::SetLowStockThreshold(_) => 3,
        Command::RegisterProduct(_)
        | Command::ChangePrice(_)
        | Command::ReceiveStock(_)
        | Command::AdjustStock(_)
        | Command::PlaceOrder(_)
        | Command::PayOrder(_)
        | Command::CancelOrder(_)
        | Command::ShipOrder(_)
        | Command::ReserveStock(_)
        | Command::ReleaseStock(_)
        | Command::ShipStock(_)
        | Command::RecordReservation(_)
        | Command::Tick(_)
        | Command::ProposeRules(_)
        | Command::ActivateRules(_)
        | Command::RaiseIncarnation(_) => 1,
    }
}
