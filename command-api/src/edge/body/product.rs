//! Bodies of the product routes.

use events::Command;
use events::command::{
    AdjustStock, ChangePrice, DeactivateProduct, ReactivateProduct, ReceiveStock, RegisterProduct,
    SetLowStockThreshold,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Price;

/// A product to enter into the catalogue, without stock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductBody {
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,64}$",
        example = "TICKET-A"
    )]
    sku: String,
    /// Name for people.
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F]+$",
        example = "Ticket, block A"
    )]
    name: String,
    price: Price,
}

/// What a piece costs from now on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceBody {
    /// In the currency the product was registered with.
    price: Price,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptBody {
    /// The delivery note; the same note with the same quantity counts once.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[!-~]([ -~]{0,126}[!-~])?$",
        example = "DN-2026-1127"
    )]
    reference: String,
    /// Pieces that arrived.
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    quantity: i64,
}

/// A correction of the stock on hand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustmentBody {
    /// Change of the pieces on hand: negative for a loss, never 0.
    #[schema(minimum = -1_000_000, maximum = 1_000_000, example = -3)]
    quantity: i64,
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F]+$",
        example = "damaged in storage"
    )]
    reason: String,
}

/// Why a product goes off sale, or on sale again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListingBody {
    #[schema(min_length = 1, max_length = 256, example = "recalled by the maker")]
    reason: String,
}

/// When a product counts as low.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThresholdBody {
    /// Available pieces; null: never. Not to be left out.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, minimum = 0, maximum = 1_000_000_000_000_i64, example = 10)]
    threshold: Option<i64>,
}

impl ProductBody {
    pub(crate) fn into_command(self) -> Command {
        RegisterProduct { sku: self.sku, name: self.name, price: self.price.into() }.into()
    }
}

impl PriceBody {
    pub(crate) fn into_command(self, sku: String) -> Command {
        ChangePrice { sku, price: self.price.into() }.into()
    }
}

impl ReceiptBody {
    pub(crate) fn into_command(self, sku: String) -> Command {
        ReceiveStock { sku, reference: self.reference, quantity: self.quantity }.into()
    }
}

impl AdjustmentBody {
    pub(crate) fn into_command(self, sku: String) -> Command {
        AdjustStock { sku, quantity: self.quantity, reason: self.reason }.into()
    }
}

impl ListingBody {
    pub(crate) fn into_deactivation(self, sku: String) -> Command {
        DeactivateProduct { sku, reason: self.reason }.into()
    }

    pub(crate) fn into_reactivation(self, sku: String) -> Command {
        ReactivateProduct { sku, reason: self.reason }.into()
    }
}

impl ThresholdBody {
    pub(crate) fn into_command(self, sku: String) -> Command {
        SetLowStockThreshold { sku, threshold: self.threshold }.into()
    }
}
