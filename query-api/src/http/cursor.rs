//! Cursors: a list's key as opaque text. Only this program reads what it wrote, so the form may
//! change; a cursor of another form or another list is refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;

use super::params::is_id;
use crate::read::order_list;

const REFUSED: &str = "is no cursor of this list: take it from `next_cursor` or start without one";

/// Writes the key of an order: `orders:<microseconds>:<order id>`.
pub(super) fn of_order(key: &order_list::Key) -> String {
    write(&format!("orders:{}:{}", key.placed_at.timestamp_micros(), key.order_id))
}

/// Reads what [`of_order`] wrote.
pub(super) fn order(text: &str) -> Result<order_list::Key, String> {
    let read = || {
        let text = read(text)?;
        let (micros, order_id) = text.strip_prefix("orders:")?.split_once(':')?;
        let placed_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
        is_id(order_id).then(|| order_list::Key { placed_at, order_id: order_id.to_owned() })
    };
    read().ok_or_else(|| REFUSED.to_owned())
}

/// Writes the key of a product: `products:<sku>`.
pub(super) fn of_product(sku: &str) -> String {
    write(&format!("products:{sku}"))
}

/// Reads what [`of_product`] wrote.
pub(super) fn product(text: &str) -> Result<String, String> {
    let read = || {
        let sku = read(text)?.strip_prefix("products:")?.to_owned();
        is_id(&sku).then_some(sku)
    };
    read().ok_or_else(|| REFUSED.to_owned())
}

fn write(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn read(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_fits_only_its_list() {
        let placed_at = DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap();
        let key = order_list::Key { placed_at, order_id: "a:b".to_owned() };
        assert_eq!(order(&of_order(&key)), Ok(key.clone()));
        assert_eq!(product(&of_product("TSHIRT-M")), Ok("TSHIRT-M".to_owned()));
        for bad in ["", "%", &of_product("x"), &write("orders:1"), &write("orders:x:y")] {
            assert!(order(bad).is_err(), "{bad}");
        }
        for bad in [&of_order(&key), &write("products:"), &write("products:a\0")] {
            assert!(product(bad).is_err(), "{bad}");
        }
    }
}
