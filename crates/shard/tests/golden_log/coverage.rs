//! The golden log is worth its name: it reaches everything that a log can reach.

use std::collections::BTreeSet;

use domain::refusal::Code;
use events::{
    Event, Topic,
    codec::Record as _,
    dead_letter::CommandDeadLetter,
    order::OrderPartlyReserved,
    outcome::Outcome,
    product::{LowStockThresholdSet, ProductDeactivated, ProductReactivated, StockRanLow},
    reply::Reply,
};
use shard::Notice;

use crate::files::{self, Replay};

fn each_golden_log(check: impl Fn(i32, &Replay)) {
    for rules in files::versions() {
        check(rules, &files::replay(&files::read(rules).log));
    }
}

fn outcomes(replay: &Replay) -> Vec<Outcome> {
    let of_topic = replay.outputs().filter(|o| matches!(o.topic, Topic::Outcomes(_)));
    of_topic.map(|o| Outcome::from_single_object(&o.value).expect("an outcome")).collect()
}

#[test]
fn every_event_is_written() {
    each_golden_log(|rules, replay| {
        let written: BTreeSet<&str> = replay.outputs().filter_map(|o| o.event).collect();
        let mut wanted: BTreeSet<&str> = Event::FULL_NAMES.iter().copied().collect();
        if rules == 1 {
            wanted.remove(OrderPartlyReserved::FULL_NAME);
        }
        if rules < 3 {
            for later in [
                ProductDeactivated::FULL_NAME,
                ProductReactivated::FULL_NAME,
                LowStockThresholdSet::FULL_NAME,
                StockRanLow::FULL_NAME,
            ] {
                wanted.remove(later);
            }
        }
        assert_eq!(written, wanted);
    });
}

#[test]
fn every_refusal_is_given_that_a_log_of_this_size_can_lead_to() {
    // A key used twice is an answer and no refusal of a shard; a full product needs a million
    // deliveries; an internal error needs a fault in the rules.
    let elsewhere = [Code::KeyReused, Code::StockLimit, Code::Internal];
    let wanted: BTreeSet<&str> =
        Code::ALL.into_iter().filter(|code| !elsewhere.contains(code)).map(Code::as_str).collect();
    each_golden_log(|rules, replay| {
        let mut wanted = wanted.clone();
        if rules < 3 {
            wanted.remove(Code::ProductInactive.as_str());
        }
        let outcomes = outcomes(replay);
        let refusals = outcomes.iter().filter_map(Outcome::refused);
        let given: BTreeSet<&str> = refusals.map(|refusal| refusal.code.as_str()).collect();
        assert_eq!(given, wanted);
    });
}

#[test]
fn every_order_status_is_told_to_a_client_and_every_answer_given() {
    each_golden_log(|_, replay| {
        let outcomes = outcomes(replay);
        let orders = outcomes.iter().filter_map(|outcome| outcome.order.as_ref());
        let told: BTreeSet<&str> = orders.map(|order| order.status.as_str()).collect();
        let all = ["placed", "reserved", "rejected", "paid", "shipped", "cancelled", "expired"];
        assert_eq!(told, BTreeSet::from(all));

        let replies = replay.outputs().filter(|o| o.topic == Topic::Replies);
        let given: BTreeSet<(String, bool)> = replies
            .map(|o| Reply::from_single_object(&o.value).expect("a reply"))
            .map(|reply| (format!("{:?}", reply.answer), reply.replayed))
            .collect();
        let all = [
            ("Decided", false),
            ("Decided", true),
            ("KeyReused", false),
            ("NotInitialised", false),
            ("Stale", false),
        ];
        assert_eq!(given, all.map(|(answer, replayed)| (answer.to_owned(), replayed)).into());
    });
}

#[test]
fn every_class_of_dead_letter_is_left_behind() {
    each_golden_log(|_, replay| {
        let letters = replay.outputs().filter(|o| o.topic == Topic::CommandDeadLetters);
        let classes: BTreeSet<String> = letters
            .map(|o| CommandDeadLetter::from_single_object(&o.value).expect("a letter"))
            .map(|letter| letter.error_class)
            .collect();
        let all = [
            "activation-refused",
            "not-a-command",
            "not-initialised",
            "null-key",
            "proposal-refused",
            "undecodable",
            "unknown-schema",
            "wrong-key",
            "wrong-partition",
            "wrong-topic",
        ];
        assert_eq!(classes, all.map(str::to_owned).into());
    });
}

#[test]
fn every_notice_is_given() {
    each_golden_log(|_, replay| {
        let given: BTreeSet<&str> =
            replay.0.iter().flat_map(|step| &step.notices).map(name_of).collect();
        let all = [
            "dead-letter",
            "expired",
            "foreign-timestamp",
            "gap",
            "incarnation-raised",
            "refused",
            "repeat",
            "replayed",
            "rules-activated",
            "stale",
        ];
        assert_eq!(given, BTreeSet::from(all));
    });
}

fn name_of(notice: &Notice) -> &'static str {
    match notice {
        Notice::Repeat(_) => "repeat",
        Notice::Gap(_) => "gap",
        Notice::Replayed => "replayed",
        Notice::Stale => "stale",
        Notice::Refused(_) => "refused",
        Notice::DeadLetter(_) => "dead-letter",
        Notice::ForeignTimestamp => "foreign-timestamp",
        Notice::RulesActivated(_) => "rules-activated",
        Notice::IncarnationRaised(_) => "incarnation-raised",
        Notice::Expired(_) => "expired",
    }
}
