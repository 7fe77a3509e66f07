//! A story to follow with copy and paste: a command, the read model, and the events between them.

/// The story's text. Every line that is to be copied begins with two spaces and runs in any POSIX
/// shell with curl.
pub(super) fn text(base_url: &str, id: &str) -> String {
    let order = format!("first-{id}");
    format!(
        r#"
A command, what it did, and why. Copy line by line:

  # 1. Place an order. 201 is definitive: the stock is held. The answer carries a position.
  position=$(curl -sS -o /dev/stderr -w '%{{stderr}}\n%{{stdout}}%header{{spillway-position}}' {base_url}/v1/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: {order}' -d '{{"order_id":"{order}","currency":"EUR","lines":[{{"sku":"tour-shirt","quantity":2}}]}}')

  # 2. Read it back. With the position a query never shows an older state.
  curl -sS -w '\n' {base_url}/v1/orders/{order} -H "Spillway-Position: $position"

  # 3. The events that made it, each with its place in the log.
  curl -sS -w '\n' {base_url}/v1/orders/{order}/history

  # 4. Watch it live. Ctrl-C ends the stream.
  curl -sSN {base_url}/v1/streams/orders/{order} -H "Spillway-Position: $position"

  # 5. In another terminal: cancel it, and see it in the stream.
  curl -sS -w '\n' {base_url}/v1/orders/{order}/cancellation -H 'Content-Type: application/json' -H 'Idempotency-Key: cancel-{order}' -d '{{"reason":"changed my mind"}}'

next: spillway status    (in another terminal; Ctrl-C here stops everything)"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_to_be_copied_is_indented_and_names_this_system() {
        let text = text("http://127.0.0.1:9", "0af1");
        let commands: Vec<&str> = text.lines().filter(|line| line.contains("curl")).collect();
        assert_eq!(commands.len(), 5);
        for command in commands {
            assert!(command.starts_with("  "), "{command}");
            assert!(command.contains("http://127.0.0.1:9/v1/"), "{command}");
            assert!(command.contains("first-0af1"), "{command}");
        }
        assert!(text.contains("%header{spillway-position}'"), "{text}");
    }
}
