//! Ids derived from what the caller sends, so that retries meet.

use uuid::Uuid;

use crate::Kind;

/// The namespace of all derived ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x7a51_11a7_5b1e_5c0d_9e2f_0c0f_fee0_0001);

/// The command id of an idempotency key. The scope is caller and aggregate: the same key on another
/// aggregate is another command.
pub fn command_id(caller: &str, kind: Kind, aggregate: &str, idempotency_key: &str) -> Uuid {
    let scope = Uuid::new_v5(&caller_scope(caller), format!("{kind}/{aggregate}").as_bytes());
    Uuid::new_v5(&scope, idempotency_key.as_bytes())
}

/// The order id for a client that gives none.
pub fn order_id(caller: &str, idempotency_key: &str) -> Uuid {
    Uuid::new_v5(&caller_scope(caller), idempotency_key.as_bytes())
}

fn caller_scope(caller: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, caller.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_a_key_is_caller_and_aggregate() {
        let id = command_id("anonymous", Kind::Orders, "o-1", "k");
        assert_eq!(id, command_id("anonymous", Kind::Orders, "o-1", "k"));
        assert_ne!(id, command_id("anonymous", Kind::Orders, "o-2", "k"));
        assert_ne!(id, command_id("anonymous", Kind::Products, "o-1", "k"));
        assert_ne!(id, command_id("somebody", Kind::Orders, "o-1", "k"));
    }
}
