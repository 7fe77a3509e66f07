//! Every record of the contract, once, and the files that belong to it.
#![allow(dead_code, unreachable_pub)]

pub mod example;
pub mod schema_file;

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
};

use events::{
    codec::Record,
    command::{
        ActivateRules, AdjustStock, CancelOrder, ChangePrice, DeactivateProduct, PayOrder,
        PlaceOrder, ProposeRules, RaiseIncarnation, ReactivateProduct, ReceiveStock,
        RecordReservation, RegisterProduct, ReleaseStock, ReserveStock, SetLowStockThreshold,
        ShipOrder, ShipStock, Tick,
    },
    dead_letter::CommandDeadLetter,
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPartlyReserved,
        OrderPlaced, OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
    outcome::Outcome,
    product::{
        LowStockThresholdSet, PriceChanged, ProductDeactivated, ProductReactivated,
        ProductRegistered, ReservationRefused, StockAdjusted, StockRanLow, StockReceived,
        StockReleased, StockReserved, StockShipped,
    },
    reply::Reply,
};

/// What a test does with each record type.
pub trait Visitor {
    fn visit<R: Record + PartialEq + Debug>(&mut self);
}

macro_rules! visit {
    ($visitor:ident: $($record:ident)+) => { $($visitor.visit::<$record>();)+ };
}

/// Shows every record type to the visitor.
pub fn visit_all(visitor: &mut impl Visitor) {
    visit_events(visitor);
    visit!(visitor:
        RegisterProduct ChangePrice ReceiveStock AdjustStock PlaceOrder PayOrder CancelOrder
        ShipOrder ReserveStock ReleaseStock ShipStock RecordReservation Tick ProposeRules
        ActivateRules RaiseIncarnation DeactivateProduct ReactivateProduct
        SetLowStockThreshold Outcome Reply CommandDeadLetter
    );
}

/// Shows every event type to the visitor.
pub fn visit_events(visitor: &mut impl Visitor) {
    visit!(visitor:
        ProductRegistered PriceChanged StockReceived StockAdjusted StockReserved
        ReservationRefused StockReleased StockShipped OrderPlaced ReservationRecorded
        OrderReserved OrderRejected OrderPaid OrderShipped OrderCancelled OrderExpired
        LateReservationReleased OrderPartlyReserved ProductDeactivated ProductReactivated
        LowStockThresholdSet StockRanLow
    );
}

/// Name without namespace and full name of every record type.
pub fn names() -> Vec<(&'static str, &'static str)> {
    struct Names(Vec<(&'static str, &'static str)>);
    impl Visitor for Names {
        fn visit<R: Record + PartialEq + Debug>(&mut self) {
            self.0.push((R::NAME, R::FULL_NAME));
        }
    }
    let mut names = Names(Vec::new());
    visit_all(&mut names);
    names.0
}

/// A path below the package.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The files of a folder with one extension, sorted by name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} cannot be listed: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// `OrderPlaced.v1` of a path to a file of that stem, as name and version.
pub fn name_and_version(path: &Path) -> (String, u32) {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    stem.rsplit_once(".v")
        .and_then(|(name, version)| Some((name.to_owned(), version.parse().ok()?)))
        .unwrap_or_else(|| panic!("{stem} is not of the form Name.v1"))
}
