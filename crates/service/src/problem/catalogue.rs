//! The text of every problem type. A released code keeps its meaning for ever.

use super::Retry;

/// One problem type.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Last segment of the type.
    pub code: &'static str,
    /// The statuses it is answered with, the usual one first.
    pub status: &'static str,
    /// What sending the request again may do, unless the problem says otherwise.
    pub retry: Retry,
    /// As in the problem itself.
    pub title: &'static str,
    /// What has happened, and what to do.
    pub text: &'static str,
}

/// The page of a problem type.
#[must_use]
pub fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// Makes the table, so that a page is one line of facts and one of text.
macro_rules! pages {
    ($($code:literal $status:literal $retry:ident $title:literal: $text:literal;)*) => {
        /// All of them, kin beside each other.
        pub const PAGES: &[Page] = &[$(Page {
            code: $code, status: $status, retry: Retry::$retry, title: $title, text: $text,
        }),*];
    };
}

pages! {
    // Requests of any kind.
    "invalid" "400" Never "The request is not valid":
        "Something in the request is malformed or outside its bounds. `errors` lists all of it, each with a JSON pointer to the place.";
    "not-found" "404" Never "Not found":
        "Nothing lives at this path.";
    "method-not-allowed" "405" Never "Method not allowed":
        "The path exists, but not with this method. `Allow` lists the methods it has.";
    "request-timeout" "408" Safe "The request took too long to arrive":
        "The body did not arrive whole and in time. Nothing was done.";
    "too-large" "413" Never "The request is too large":
        "The body is larger than this API takes.";
    "unsupported-media-type" "415" Never "Unsupported media type":
        "The body is of another type, or packed in another way, than this route takes: it is sent as application/json, for bulk intake as application/x-ndjson. Where its Content-Encoding is refused, `Accept-Encoding` of the answer says which are taken.";
    "too-many-requests" "429" Safe "Too many requests":
        "The client or the whole service is over its limit. Nothing was done.";
    "internal" "500" Unsafe "Internal error":
        "A fault of this service. Quote the request id when you report it.";
    "bad-gateway" "502" Unsafe "The process behind does not answer":
        "The one door of both APIs got no answer from the process that would have given it.";
    "unavailable" "503" Safe "Service unavailable":
        "Something that this service needs does not answer at the moment.";
    "timeout" "504" Unsafe "The answer took too long":
        "The answer did not come in time.";

    // GraphQL.
    "query-too-complex" "400" Never "The query asks for too much at once":
        "The query is deeper, or costs more, than one request may. Ask for fewer rows or fields, or for several pages one after the other.";

    // Live streams.
    "resume-point-gone" "410" Never "The stream cannot go on from there":
        "What came after the last id is not kept any more: changes are kept for minutes. Open the stream anew, without an id; it begins with the current state.";
    "too-many-streams" "503" Safe "Too many streams are open":
        "This process serves no more streams at the moment. Come back after Retry-After.";
    "slow-client" "503, or the end of a stream" Safe "The client did not keep up with the stream":
        "More has happened than is kept for one client. Read faster, ask for less, and go on from the last id.";
    "stopping" "503, or the end of a stream" Safe "This process is stopping":
        "Another one goes on from the last id.";

    // Queries.
    "unknown-order" "404" Never "No such order":
        "No order has this id. An order that was just placed may not be projected yet: send the Spillway-Position of the command's answer with the query, which then waits for it.";
    "unknown-sku" "404, or 409 for the line of an order" Never "No such product":
        "No product has this SKU. A product that was just registered may not be projected yet: send the Spillway-Position of the command's answer with the query, which then waits for it. An order that names an unknown SKU in a line is rejected as a whole.";
    "unknown-customer" "404" Never "No such customer":
        "No order of this customer has been projected. An order that was just placed may not be counted yet: send the Spillway-Position of the command's answer with the query, which then waits for it.";
    "unknown-command" "404" Safe "No such outcome":
        "The command is not decided yet, its outcome is not projected yet, or there never was such a command. Outcomes are kept for a limited time. With Prefer: wait=N the query waits for the outcome.";
    "position-not-reached" "425" Safe "The read model has not come so far yet":
        "The query carries the position of a command, and the read model did not pass it in time. The command was carried out; ask again. `behind` lists the positions that are missing. With Prefer: wait=N the query waits longer.";

    "unknown-version" "404" Never "The order was never in that state":
        "The order has not come to the version that was asked for, or did not exist at that time. An order that was just changed may not be projected yet: send the Spillway-Position of the command's answer with the query.";
    "parked" "503" Safe "Events of this order or product wait for an operator":
        "An event of this order or product could not be applied to the read model, and later ones wait behind it until operators have seen to it. The commands were carried out. The query carries the position of a command that may be among them, or nothing is there to be shown. Without a position the row from before is answered, with the header Spillway-Parked.";

    // Commands whose outcome is not known.
    "overloaded" "429" Safe "Too many commands wait for their decision":
        "The command was refused before it was written, because its decision would have taken too long. Nothing was done.";
    "probably-sold-out" "429" Safe "Probably sold out, and too many orders wait":
        "The order was refused before it was written: every product in it was sold out a moment ago, and too many orders wait for a decision. `lines` says what was left. Earlier requests with the same Idempotency-Key may have been carried out; the order itself shows that.";
    "memory-full" "503" Safe "Too many commands were decided within the memory of idempotency keys":
        "The command was refused before it was written, because its idempotency key could not be remembered. Nothing was done.";
    "outcome-unknown" "503" Safe "The outcome of the command is unknown":
        "Whether the command was written is not known. Send it again with the same Idempotency-Key: it is carried out once at most.";
    "stale" "503" Safe "The command reached its shard outside the accepted time":
        "The command was written so late that its idempotency key may have been forgotten. This attempt did nothing; it says nothing of earlier ones.";
    "not-initialised" "503" Safe "The command log has no rules yet":
        "The system is being set up. Nothing was done.";

    // Commands that were refused.
    "stale-version" "412" Never "The resource has changed since it was read":
        "If-Match names a version that is no longer the current one. Read the resource, decide again, and send its new ETag.";
    "key-reused" "422" Never "The idempotency key was used for another request":
        "This Idempotency-Key came with another body or route before. Send every new request with a key of its own.";
    "out-of-stock" "409" Never "Not enough stock":
        "At least one line asks for more pieces than are available. `lines` lists the lines and what is left. The order is rejected as a whole and its id is used up.";
    "price-changed" "409" Never "A price is above what the line accepts":
        "The price of a piece is above the line's `unit_price_max`. Read the product and place a new order.";
    "currency-mismatch" "409" Never "The currencies differ":
        "The price of a product or a payment is in another currency than the order, or a new price in another one than the product.";
    "already-registered" "409" Never "The SKU is registered with other data":
        "A product with this SKU exists under another name or price. Registering it with equal data is harmless.";
    "below-reserved" "409" Never "The stock would fall below what is reserved":
        "The adjustment would leave fewer pieces than are held for orders.";
    "reference-reused" "409" Never "The reference was used for another delivery":
        "A delivery note of this reference was received with another quantity.";
    "stock-limit" "409" Never "The stock would rise above its limit":
        "A product holds at most 10^12 pieces.";
    "order-exists" "409" Never "The order id is taken":
        "Another order has this id, or had it before.";
    "not-reserved" "409" Never "The order is not reserved yet":
        "Stock is still being held for the order; it can be paid once it is reserved.";
    "already-paid" "409" Never "The order is paid":
        "The order was paid before. This payment was not taken.";
    "wrong-amount" "409" Never "The payment is not the order's total":
        "A payment must have exactly the amount and currency of the order's total.";
    "expired" "409" Never "The order has expired":
        "The payment deadline has passed and the stock was given back.";
    "rejected" "409" Never "The order was rejected":
        "The order could not be reserved and is final.";
    "cancelled" "409" Never "The order was cancelled":
        "The order was cancelled and is final.";
    "already-shipped" "409" Never "The order was shipped":
        "The order has left the house and is final.";
    "not-paid" "409" Never "The order is not paid":
        "Only a paid order can be shipped.";
    "closed" "409" Never "The order is closed":
        "The order has been final for so long that only its id is remembered. It takes no command any more.";
    "product-inactive" "409" Never "A product is off sale":
        "A line of the order names a product that was taken off sale. `lines` lists the lines concerned. Orders that hold stock of it go on.";
    "rules-not-active" "409" Never "The rules in force do not know this command":
        "The command needs a rules version that operators have not activated. Nothing was done. Once it is active, send the request with a new Idempotency-Key.";
    "undecodable" "500" Never "The command could not be decided":
        "The command was written in a form that could not be read back. Nothing was done.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Kind, kinds};

    #[test]
    fn every_kind_that_all_processes_have_has_its_page() {
        for Kind { slug, status, title, retry } in kinds::ALL {
            let page = page(slug).expect(slug);
            assert!(page.status.starts_with(status.as_str()), "{slug}");
            assert_eq!((page.title, page.retry), (&**title, *retry), "{slug}");
        }
    }

    #[test]
    fn no_code_has_two_pages() {
        for (at, page) in PAGES.iter().enumerate() {
            assert!(PAGES[..at].iter().all(|other| other.code != page.code), "{}", page.code);
        }
    }
}
