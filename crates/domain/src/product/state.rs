//! The state of a product.

use std::collections::VecDeque;

use events::Money;
use serde::{Deserialize, Serialize};

/// How many deliveries a product remembers, to make a repeated delivery note harmless.
pub const DELIVERIES_KEPT: usize = 64;

/// A product: `0 <= reserved <= on hand <= ON_HAND_MAX` holds after every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Number of the product's last event, from 1.
    pub version: i64,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) currency: String,
    /// Price of a piece when the product was registered; tells a repeated registration.
    pub(super) price_registered: i64,
    pub(super) price: i64,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    /// The newest deliveries, oldest first.
    pub(super) deliveries: VecDeque<Delivery>,
    /// Not part of the form that snapshots had before rules version 3, which must not change; it has
    /// a place of its own there.
    #[serde(skip)]
    pub(super) listing: Listing,
}

/// What rules version 3 knows of a product beyond its stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Listing {
    /// No order gets stock of it.
    pub is_inactive: bool,
    /// Pieces at which it counts as low; absent: never.
    pub low_stock_threshold: Option<i64>,
}

/// A delivery that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub(super) reference: String,
    pub(super) quantity: i64,
}

impl Product {
    pub fn sku(&self) -> &str {
        &self.sku
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a piece costs in a reservation made now.
    pub fn price(&self) -> Money {
        Money::new(self.price, &self.currency)
    }

    /// Pieces in the house, held for orders or not.
    pub fn on_hand(&self) -> i64 {
        self.on_hand
    }

    /// Pieces held for orders.
    pub fn reserved(&self) -> i64 {
        self.reserved
    }

    /// Pieces that a reservation can take.
    pub fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }

    /// Whether orders may get stock of it.
    pub fn is_active(&self) -> bool {
        !self.listing.is_inactive
    }

    /// The available pieces at which it counts as low; `None`: never.
    pub fn low_stock_threshold(&self) -> Option<i64> {
        self.listing.low_stock_threshold
    }

    /// What a snapshot keeps beside the product.
    pub fn listing(&self) -> Listing {
        self.listing
    }

    /// The product with what a snapshot kept beside it.
    #[must_use]
    pub fn with_listing(self, listing: Listing) -> Self {
        Self { listing, ..self }
    }

    pub(super) fn delivery(&self, reference: &str) -> Option<&Delivery> {
        self.deliveries.iter().find(|d| d.reference == reference)
    }
}
