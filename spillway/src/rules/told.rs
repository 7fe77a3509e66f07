//! A decision in a few words, so that two of them can be read side by side.

use events::{Event, line::RefusedLine, log_time};
use shard::trial::{Answer, Decided};

/// What a decision came to: the answer, then the events.
pub(super) fn decided(decided: &Decided) -> String {
    let answer = match &decided.answer {
        Answer::Nobody => None,
        Answer::Done => Some("done".to_owned()),
        Answer::Deferred => Some("waits for stock".to_owned()),
        Answer::Refused(code) => Some(format!("refused: {code}")),
        Answer::Repeat => Some("a repeat".to_owned()),
        Answer::Stale => Some("stale".to_owned()),
        Answer::Halt(reason) => Some(format!("the shard stops: {reason}")),
    };
    let parts: Vec<String> = answer.into_iter().chain(decided.events.iter().map(event)).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

/// An event with what rules may change in it.
fn event(event: &Event) -> String {
    let name = event.name();
    match event {
        Event::StockReserved(e) => format!("{name} {} × {}", e.quantity, e.sku),
        Event::ReservationRefused(e) => format!("{name} {}", lines(&e.lines)),
        Event::ReservationRecorded(e) => {
            format!("{name} {} held, {}", e.reserved.len(), lines(&e.refused))
        }
        Event::OrderReserved(e) => format!(
            "{name} {} {} until {}",
            e.total.amount,
            e.total.currency,
            log_time::rfc3339(e.payment_deadline)
        ),
        Event::OrderPartlyReserved(e) => format!(
            "{name} {} {} until {}, {}",
            e.total.amount,
            e.total.currency,
            log_time::rfc3339(e.payment_deadline),
            lines(&e.refused)
        ),
        Event::OrderRejected(e) => format!("{name} {}", lines(&e.refused)),
        _ => name.to_owned(),
    }
}

fn lines(refused: &[RefusedLine]) -> String {
    let each = refused.iter().map(|line| format!("line {} {}", line.line, line.reason));
    let all: Vec<String> = each.collect();
    if all.is_empty() { "none refused".to_owned() } else { all.join(", ") }
}
