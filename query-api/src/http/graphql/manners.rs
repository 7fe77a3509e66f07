//! What `graphql-transport-ws` asks of a client beyond the form of its messages, with the close codes
//! that it gives to what is otherwise. The library below has other codes for some, and lets an
//! operation take the place of another one of the same id.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::http::ClientMessage;

/// Longest id that a reason repeats; a close frame has room for 123 bytes.
const ID_BYTES_TOLD: usize = 64;

/// What one socket's client has said so far.
#[derive(Debug, Default)]
pub(super) struct Manners {
    is_open: bool,
    in_use: Arc<Mutex<HashSet<String>>>,
}

/// Why the socket is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offence {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// An id, in use until this is dropped. It lies with the data of its operation, and goes with that.
struct InUse {
    id: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl Manners {
    /// The message, if it may be said now.
    pub(super) fn judge(
        &mut self,
        message: serde_json::Result<ClientMessage>,
    ) -> Result<ClientMessage, Offence> {
        match message {
            Err(_) => Err(offence(4400, "Invalid message")),
            Ok(ClientMessage::Start { .. }) if !self.is_open => Err(offence(4401, "Unauthorized")),
            Ok(ClientMessage::Start { id, payload }) => {
                let in_use = self.take(&id)?;
                Ok(ClientMessage::Start { id, payload: payload.data(in_use) })
            }
            Ok(message) => {
                self.is_open |= matches!(message, ClientMessage::ConnectionInit { .. });
                Ok(message)
            }
        }
    }

    /// Whether the client has opened the conversation.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    fn take(&self, id: &str) -> Result<InUse, Offence> {
        // A set is whole whoever panicked beside it.
        let mut all = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if all.insert(id.to_owned()) {
            return Ok(InUse { id: id.to_owned(), all: Arc::clone(&self.in_use) });
        }
        let told = if id.len() > ID_BYTES_TOLD { "this id" } else { id };
        Err(offence(4409, &format!("Subscriber for {told} already exists")))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn offence(code: u16, reason: &str) -> Offence {
    Offence { code, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribe(id: &str) -> String {
        format!(r#"{{"type": "subscribe", "id": "{id}", "payload": {{"query": "{{ a }}"}}}}"#)
    }

    fn judge(manners: &mut Manners, text: &str) -> Result<ClientMessage, u16> {
        manners.judge(ClientMessage::from_bytes(text)).map_err(|offence| {
            assert!(offence.reason.len() <= 123, "{offence:?}");
            offence.code
        })
    }

    #[test]
    fn an_id_is_in_use_as_long_as_its_operation_is_there() {
        let mut manners = Manners::default();
        assert_eq!(judge(&mut manners, &subscribe("1")).err(), Some(4401));
        assert!(judge(&mut manners, r#"{"type": "connection_init"}"#).is_ok());
        let first = judge(&mut manners, &subscribe("1"));
        assert!(first.is_ok());
        assert_eq!(judge(&mut manners, &subscribe("1")).err(), Some(4409));
        assert!(judge(&mut manners, &subscribe("2")).is_ok());
        drop(first);
        assert!(judge(&mut manners, &subscribe("1")).is_ok());
        let long = subscribe(&"x".repeat(1_000));
        let _held = judge(&mut manners, &long);
        assert_eq!(judge(&mut manners, &long).err(), Some(4409));
        for text in ["no JSON", r#"{"type": "complete"}"#, r#"{"type": "unknown"}"#] {
            assert_eq!(judge(&mut manners, text).err(), Some(4400), "{text}");
        }
    }
}
