//! Client commands that rules version 3 adds: a product off sale and on sale, and when it runs low.

use events::{
    command::{DeactivateProduct, ReactivateProduct, SetLowStockThreshold},
    product::{LowStockThresholdSet, ProductDeactivated, ProductReactivated},
};

use super::{Product, decide::unknown};
use crate::Decision;

pub(crate) fn deactivate(product: Option<&Product>, command: &DeactivateProduct) -> Decision {
    match product {
        None => unknown(),
        Some(product) if !product.is_active() => Decision::nothing(),
        Some(_) => Decision::event(ProductDeactivated {
            sku: command.sku.clone(),
            reason: command.reason.clone(),
        }),
    }
}

pub(crate) fn reactivate(product: Option<&Product>, command: &ReactivateProduct) -> Decision {
    match product {
        None => unknown(),
        Some(product) if product.is_active() => Decision::nothing(),
        Some(_) => Decision::event(ProductReactivated {
            sku: command.sku.clone(),
            reason: command.reason.clone(),
        }),
    }
}

/// Stock that is below a new threshold already has not fallen to it: nothing is told of it.
pub(crate) fn set_threshold(product: Option<&Product>, command: &SetLowStockThreshold) -> Decision {
    match product {
        None => unknown(),
        Some(product) if product.low_stock_threshold() == command.threshold => Decision::nothing(),
        Some(_) => Decision::event(LowStockThresholdSet {
            sku: command.sku.clone(),
            threshold: command.threshold,
        }),
    }
}
