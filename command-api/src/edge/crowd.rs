//! How many are turned away: so many that reading what they send would take the time of those who
//! are let in?

use std::time::{Duration, Instant};

/// Over which time refusals are counted.
const WINDOW: Duration = Duration::from_millis(250);
/// Refusals within it that make a crowd: a thousand a second cost a core a few percent.
const CROWD: u32 = 250;

/// Refusals of the present window and of the one before.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    began: Option<Instant>,
    refused: u32,
    was_crowd: bool,
}

impl Crowd {
    /// Somebody was turned away.
    pub(super) fn refused(&mut self, at: Instant) {
        self.turn(at);
        self.refused = self.refused.saturating_add(1);
    }

    /// Whether it is a crowd: from the first window that was one to the end of the first that was not.
    pub(super) fn is_there(&mut self, at: Instant) -> bool {
        self.turn(at);
        self.was_crowd || self.refused >= CROWD
    }

    fn turn(&mut self, at: Instant) {
        let began = *self.began.get_or_insert(at);
        let since = at.saturating_duration_since(began);
        if since < WINDOW {
            return;
        }
        // A window in which nobody came lies between.
        self.was_crowd = self.refused >= CROWD && since < 2 * WINDOW;
        (self.began, self.refused) = (Some(at), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_there_from_its_number_on_until_a_window_after_it() {
        let start = Instant::now();
        let mut crowd = Crowd::default();
        for _ in 1..CROWD {
            crowd.refused(start);
        }
        assert!(!crowd.is_there(start));
        crowd.refused(start + WINDOW / 2);
        assert!(crowd.is_there(start + WINDOW / 2));
        assert!(crowd.is_there(start + WINDOW));
        assert!(!crowd.is_there(start + 2 * WINDOW));
    }

    #[test]
    fn a_crowd_of_long_ago_is_forgotten() {
        let start = Instant::now();
        let mut crowd = Crowd::default();
        (0..CROWD).for_each(|_| crowd.refused(start));
        assert!(!crowd.is_there(start + 3 * WINDOW));
    }
}
