//! One command's way through the log: admission, append, the wait for the reply.
//!
//! ```text
//! admitted? -no-> NotAppended        append -> acknowledged -> replied -> Replied
//!                                      |          |              \-- stale: stamped anew, once
//!                                      |          \-- patience ends -> Appended, seen through
//!                                      |                      \-- will be stale: stamped anew, once
//!                                      \-- no word, or a failure   -> Unknown
//! ```
//!
//! Who is told "accepted" does not ask again, so that word is given only for a copy that was stamped
//! within the window by the clock of the broker that took it.
//!
//! Everything up to the append is one synchronous step. A handler that is dropped later, because
//! its client went away, changes nothing about the command.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use events::header::{Headers, ReturnAddress};
use events::reply::Reply;
use events::{Millis, ShardId};
use shard::edge::{self, Stamp};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::admission::Verdict;
use super::log::{Append, NotTaken};
use super::waiting::{Appended, Place};
use super::{CALLER, Edge, metrics};

/// The log's producer gives its word within its own timeout; this much later none will come.
const WORD_LATE: Duration = Duration::from_secs(1);

/// A checked command, ready for the log.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) command_id: Uuid,
    pub(crate) shard: ShardId,
    pub(crate) key: String,
    /// The command as an Avro single object.
    pub(crate) value: Vec<u8>,
    /// The version that the aggregate must have.
    pub(crate) version: Option<i64>,
    pub(crate) traceparent: Option<String>,
    /// Allows one more copy when the first one was stamped wrongly.
    pub(crate) stamp: Stamp,
}

/// How the wait for a command ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Replied(Box<Reply>),
    /// It is in the log and will be decided.
    Appended,
    /// It may be in the log or not.
    Unknown,
    /// It is certainly not in the log.
    NotAppended(NotAppended),
}

impl Ending {
    /// Whether the command was carried out whole, just now.
    pub(crate) fn is_done(&self) -> bool {
        let Ending::Replied(reply) = self else { return false };
        let outcome = reply.outcome.as_ref();
        !reply.replayed && outcome.is_some_and(|outcome| outcome.refusal.is_none())
    }
}

/// Why a command was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAppended {
    /// Its decision would come too late, by this estimate.
    Busy {
        wait: Duration,
    },
    /// The shard remembers as many commands as its rules allow.
    Full,
    /// This instance waits for as many replies as it may.
    InFlight,
    NotTaken(NotTaken),
}

/// The first word about an appended copy that ends the wait for it.
enum Word {
    Replied(Box<Reply>),
    /// In the log since this time of the broker's, where it told one.
    Appended(Appended),
    Unknown,
}

/// A command that is on its way into the log.
#[derive(Debug)]
pub(crate) struct Begun {
    submission: Submission,
    place: Place,
    issued_at: Millis,
    began: Instant,
}

/// A command that was not taken, to be tried again or given up.
#[derive(Debug)]
pub(crate) struct NotBegun {
    pub(crate) submission: Submission,
    pub(crate) reason: NotAppended,
}

impl NotAppended {
    /// Whether the same command may be appended in a moment.
    pub(crate) fn may_pass(self) -> bool {
        self != NotAppended::NotTaken(NotTaken::TooLarge)
    }
}

impl Edge {
    /// Brings a command into the log and waits for its reply, at most for `patience`.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        submission: Submission,
        patience: Duration,
    ) -> Ending {
        match self.begin(submission) {
            Ok(begun) => self.finish(begun, patience).await,
            Err(refused) => Ending::NotAppended(refused.reason),
        }
    }

    /// Hands a command to the log, in one synchronous step; gives it back when it is not taken.
    pub(crate) fn begin(&self, submission: Submission) -> Result<Begun, Box<NotBegun>> {
        let began = Instant::now();
        match self.admit_and_append(&submission, began) {
            Ok((place, issued_at)) => Ok(Begun { submission, place, issued_at, began }),
            Err(reason) => Err(Box::new(NotBegun { submission, reason })),
        }
    }

    /// Waits for the reply, at most for `patience`.
    pub(crate) async fn finish(self: &Arc<Self>, begun: Begun, patience: Duration) -> Ending {
        let Begun { mut submission, mut place, issued_at, began } = begun;
        match self.word(&mut place, patience).await {
            Word::Unknown => Ending::Unknown,
            Word::Appended(at) => {
                let log_time = at.map(|at| self.shards.log_time(submission.shard, at));
                let stamp = &mut submission.stamp;
                match log_time.and_then(|now| stamp.after_append(issued_at, now, self.window())) {
                    Some(issued_at) => self.make_good(&submission, issued_at).await,
                    None => {
                        self.see_through(place, submission);
                        Ending::Appended
                    }
                }
            }
            Word::Replied(reply) => {
                self.sold_out.note(&reply, began, Instant::now());
                match submission.stamp.after(&reply) {
                    Some(issued_at) => {
                        let rest = patience.saturating_sub(began.elapsed());
                        self.again(submission, issued_at, reply, rest).await
                    }
                    None => Ending::Replied(reply),
                }
            }
        }
    }

    /// Appends a second copy, stamped with the log time that the first one's answer told.
    async fn again(
        &self,
        submission: Submission,
        issued_at: Millis,
        stale: Box<Reply>,
        patience: Duration,
    ) -> Ending {
        metrics::stale();
        let Ok(mut place) = self.append(&submission, issued_at) else {
            return Ending::Replied(stale);
        };
        match self.word(&mut place, patience).await {
            Word::Replied(reply) => Ending::Replied(reply),
            Word::Appended(_) => Ending::Appended,
            Word::Unknown => Ending::Unknown,
        }
    }

    /// Appends a second copy of a command whose first one will be answered stale, before anybody is
    /// told that it is accepted. Without it nothing is known: the shard's own time may be ahead of
    /// the broker's, and then the first copy counts.
    async fn make_good(&self, submission: &Submission, issued_at: Millis) -> Ending {
        metrics::stale();
        let Ok(mut place) = self.append(submission, issued_at) else {
            return Ending::Unknown;
        };
        match self.word(&mut place, Duration::ZERO).await {
            Word::Replied(reply) => Ending::Replied(reply),
            Word::Appended(_) => Ending::Appended,
            Word::Unknown => Ending::Unknown,
        }
    }

    /// Goes on waiting for a command whose client was told that it is accepted: if its first copy
    /// was stamped wrongly, or decided too late, the promise is kept by a second one.
    ///
    /// A shard may need minutes for its first word (a takeover, a halt), so nothing but room ends the
    /// wait. After the time of a request it is no load of the shard's any more, by which others are
    /// judged.
    fn see_through(self: &Arc<Self>, mut place: Place, mut submission: Submission) {
        let edge = Arc::clone(self);
        tokio::spawn(async move {
            let patience = edge.settings.reply_timeout;
            let reply = match timeout(patience, &mut place.replied).await {
                Ok(reply) => reply.ok(),
                Err(_) => match edge.promises.keep(submission.value.len()) {
                    Some(_kept) => {
                        place.set_aside();
                        (&mut place.replied).await.ok()
                    }
                    None => None,
                },
            };
            if let Some(reply) = reply
                && let Some(issued_at) = submission.stamp.after(&reply)
            {
                drop(place);
                edge.again(submission, issued_at, reply, patience).await;
            }
        });
    }

    fn admit_and_append(
        &self,
        submission: &Submission,
        at: Instant,
    ) -> Result<(Place, Millis), NotAppended> {
        match self.shards.admit(submission.shard, at) {
            Verdict::Admit => {}
            Verdict::Busy { wait } => return Err(NotAppended::Busy { wait }),
            Verdict::Full => return Err(NotAppended::Full),
        }
        let issued_at = self.shards.issued_at(submission.shard, clock());
        Ok((self.append(submission, issued_at)?, issued_at))
    }

    fn append(&self, submission: &Submission, issued_at: Millis) -> Result<Place, NotAppended> {
        let place = self.waiting.enter(submission.command_id, submission.shard);
        let place = place.ok_or(NotAppended::InFlight)?;
        let reply_to = ReturnAddress {
            partition: self.replies_partition,
            correlation: self.waiting.correlation(place.ticket),
        };
        let record = Append {
            shard: submission.shard,
            ticket: place.ticket,
            key: &submission.key,
            value: &submission.value,
            headers: headers(submission, issued_at, reply_to),
        };
        self.log.append(record).map_err(NotAppended::NotTaken)?;
        Ok(place)
    }

    /// Waits for the reply for `patience`; after that only until the log has answered for the
    /// append.
    async fn word(&self, place: &mut Place, patience: Duration) -> Word {
        let mut deadline = pin!(sleep(patience));
        let mut impatient = false;
        loop {
            tokio::select! {
                biased;
                reply = &mut place.replied => {
                    return reply.map_or(Word::Unknown, Word::Replied);
                }
                word = &mut place.acknowledged, if place.appended.is_none() => match word {
                    Ok(Ok(at)) => place.appended = Some(at),
                    Ok(Err(_)) | Err(_) => return Word::Unknown,
                },
                () = &mut deadline => {
                    if impatient {
                        return Word::Unknown;
                    }
                    impatient = true;
                    let latest = self.settings.append_timeout + WORD_LATE;
                    deadline.as_mut().reset(tokio::time::Instant::now() + latest);
                }
            }
            if impatient && let Some(at) = place.appended {
                return Word::Appended(at);
            }
        }
    }
}

fn headers(submission: &Submission, issued_at: Millis, reply_to: ReturnAddress) -> Headers {
    edge::headers(&edge::Copy {
        command_id: submission.command_id,
        caller: CALLER,
        issued_at,
        reply_to,
        version: submission.version,
        traceparent: submission.traceparent.as_deref(),
    })
}

/// The own clock, in milliseconds since the Unix epoch; 0 for a clock set before it, whose stamps
/// the log time of the first reply corrects.
fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
