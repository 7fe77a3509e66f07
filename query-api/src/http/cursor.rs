//! Cursors: a list's key as opaque text, sealed with a key and bound to the query that gave it.
//!
//! A cursor that somebody has made or changed, that another list or another filter gave, or that was
//! sealed with another key, is refused: it would lead into the middle of a list that nobody asked for.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveDate};
use secrecy::{ExposeSecret, SecretString};

use super::params::is_id;
use crate::read::{order_list, sales};

const REFUSED: &str = "is no cursor of this list with these filters: take it from `next_cursor`, or \
                       start without one";

/// Bytes of the seal before the payload.
const SEAL_BYTES: usize = blake3::OUT_LEN;

/// Seals cursors, and opens what it has sealed.
#[derive(Clone)]
pub struct Cursors {
    key: [u8; blake3::KEY_LEN],
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors(…)")
    }
}

impl Cursors {
    /// All instances with the same secret take each other's cursors.
    pub fn of(secret: &SecretString) -> Self {
        let key =
            blake3::derive_key("spillway query-api cursors", secret.expose_secret().as_bytes());
        Self { key }
    }

    /// Takes the cursors of this process only.
    pub fn of_this_process() -> Self {
        let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        Self::of(&format!("{one}{two}").into())
    }

    /// The cursors of one list with its filters; `query` is what the next page keeps of the request,
    /// but for the number of rows.
    pub(super) fn list(&self, path: &str, query: &[(&str, Option<String>)]) -> List {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // Each part with its length, so that no two queries run together to the same bytes.
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        part(path);
        for (name, value) in query {
            if let Some(value) = value {
                part(name);
                part(value);
            }
        }
        List(hasher)
    }
}

/// Cursors of one list.
#[derive(Debug, Clone)]
pub(super) struct List(blake3::Hasher);

impl List {
    /// Writes the key of an order.
    pub(super) fn of_order(&self, key: &order_list::Key) -> String {
        self.write(&format!("{}:{}", key.placed_at.timestamp_micros(), key.order_id))
    }

    /// Reads what [`List::of_order`] wrote.
    pub(super) fn order(&self, text: &str) -> Result<order_list::Key, String> {
        let read = || {
            let text = self.read(text)?;
            let (micros, order_id) = text.split_once(':')?;
            let placed_at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            is_id(order_id).then(|| order_list::Key { placed_at, order_id: order_id.to_owned() })
        };
        read().ok_or_else(|| REFUSED.to_owned())
    }

    /// Writes the key of a product or a customer.
    pub(super) fn of_id(&self, id: &str) -> String {
        self.write(id)
    }

    /// Reads what [`List::of_id`] wrote.
    pub(super) fn id(&self, text: &str) -> Result<String, String> {
        self.read(text).filter(|id| is_id(id)).ok_or_else(|| REFUSED.to_owned())
    }

    /// Writes the key of a day's sales.
    pub(super) fn of_sales_day(&self, key: &sales::DayKey) -> String {
        self.write(&format!("{}:{}", key.day, key.currency))
    }

    /// Reads what [`List::of_sales_day`] wrote.
    pub(super) fn sales_day(&self, text: &str) -> Result<sales::DayKey, String> {
        let read = || {
            let text = self.read(text)?;
            let (day, currency) = text.split_once(':')?;
            let day: NaiveDate = day.parse().ok()?;
            is_id(currency).then(|| sales::DayKey { day, currency: currency.to_owned() })
        };
        read().ok_or_else(|| REFUSED.to_owned())
    }

    /// Writes the key of a product's sales.
    pub(super) fn of_sales_product(&self, key: &sales::ProductKey) -> String {
        // No currency has a colon.
        self.write(&format!("{}:{}", key.currency, key.sku))
    }

    /// Reads what [`List::of_sales_product`] wrote.
    pub(super) fn sales_product(&self, text: &str) -> Result<sales::ProductKey, String> {
        let read = || {
            let text = self.read(text)?;
            let (currency, sku) = text.split_once(':')?;
            let key = || sales::ProductKey { sku: sku.to_owned(), currency: currency.to_owned() };
            (is_id(currency) && is_id(sku)).then(key)
        };
        read().ok_or_else(|| REFUSED.to_owned())
    }

    fn seal(&self, payload: &[u8]) -> blake3::Hash {
        self.0.clone().update(payload).finalize()
    }

    fn write(&self, payload: &str) -> String {
        let mut bytes = self.seal(payload.as_bytes()).as_bytes().to_vec();
        bytes.extend_from_slice(payload.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(&self, text: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (seal, payload) = bytes.split_first_chunk::<SEAL_BYTES>()?;
        // Compares in constant time.
        let is_ours = self.seal(payload) == blake3::Hash::from_bytes(*seal);
        is_ours.then(|| String::from_utf8(payload.to_vec()).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_fits_only_its_list_its_filters_and_its_key() {
        let cursors = Cursors::of(&"secret".into());
        let status = |status: &str| [("status", Some(status.to_owned())), ("sku", None)];
        let orders = cursors.list("/v1/orders", &status("paid"));
        let placed_at = DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap();
        let key = order_list::Key { placed_at, order_id: "a:b".to_owned() };
        let cursor = orders.of_order(&key);
        assert_eq!(orders.order(&cursor), Ok(key.clone()));

        let others = [
            cursors.list("/v1/orders", &status("shipped")),
            cursors.list("/v1/orders", &[]),
            cursors.list("/v1/products", &status("paid")),
            Cursors::of(&"other".into()).list("/v1/orders", &status("paid")),
            Cursors::of_this_process().list("/v1/orders", &status("paid")),
        ];
        for other in others {
            assert!(other.order(&cursor).is_err());
        }
        let products = cursors.list("/v1/products", &[]);
        assert_eq!(products.id(&products.of_id("A")), Ok("A".to_owned()));
        let currency = || "EUR".to_owned();
        let key = sales::ProductKey { sku: "a:b".to_owned(), currency: currency() };
        assert_eq!(products.sales_product(&products.of_sales_product(&key)), Ok(key));
        let day = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
        let key = sales::DayKey { day, currency: currency() };
        assert_eq!(products.sales_day(&products.of_sales_day(&key)), Ok(key));
    }

    #[test]
    fn what_nobody_sealed_is_refused() {
        let list = Cursors::of_this_process().list("/v1/products", &[]);
        let mut bytes = URL_SAFE_NO_PAD.decode(list.of_id("TSHIRT-M")).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(bytes);
        let unsealed = URL_SAFE_NO_PAD.encode("products:TSHIRT-M");
        for bad in ["", "%", &changed, &unsealed, &list.of_id(""), &list.of_id("a\0")] {
            assert!(list.id(bad).is_err(), "{bad}");
        }
    }
}
