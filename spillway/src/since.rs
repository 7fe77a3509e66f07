//! Where a stretch of the log begins: an offset, a while ago, an instant, or one of its ends.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use chrono::DateTime;
use events::Millis;

/// The beginning of a stretch, in every partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Offset(i64),
    /// The first record that is not older than this.
    Ago(Duration),
    /// The first record that is not older than this log time.
    At(Millis),
    /// The first record that will be written.
    End,
}

/// A beginning that no longer depends on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Offset(i64),
    /// Log time.
    At(Millis),
    End,
}

impl Since {
    pub(crate) fn start(self, now: SystemTime) -> Start {
        match self {
            Since::Offset(offset) => Start::Offset(offset),
            Since::Ago(ago) => {
                let at = now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
                let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Start::At(Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX))
            }
            Since::At(at) => Start::At(at),
            Since::End => Start::End,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => return Ok(Since::Offset(0)),
            "end" => return Ok(Since::End),
            _ => {}
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Since::At(at.timestamp_millis()));
        }
        let refusal = || {
            format!(
                "{text} is none of: an offset, a while such as 90s, 30m, 1h, 7d, an instant such as \
                 2026-11-27T09:00:00Z, beginning, end"
            )
        };
        if let Ok(offset) = text.parse::<i64>() {
            return if offset >= 0 { Ok(Since::Offset(offset)) } else { Err(refusal()) };
        }
        let unit = text.chars().last().ok_or_else(refusal)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(refusal()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| refusal())?;
        number.checked_mul(seconds).map(|s| Since::Ago(Duration::from_secs(s))).ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_offset_and_a_unit_makes_it_a_while() {
        assert_eq!("120".parse(), Ok(Since::Offset(120)));
        assert_eq!("90s".parse(), Ok(Since::Ago(Duration::from_secs(90))));
        assert_eq!("2h".parse(), Ok(Since::Ago(Duration::from_secs(7_200))));
        assert_eq!("beginning".parse(), Ok(Since::Offset(0)));
        assert_eq!("end".parse(), Ok(Since::End));
        assert_eq!("1970-01-01T00:00:01.5Z".parse(), Ok(Since::At(1_500)));
        for wrong in ["", "h", "2026-11-27", "-1", "1.5h", "1 h", "99999999999999999999d", "3é"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_while_ago_is_a_log_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let start = |text: &str| text.parse::<Since>().map(|since| since.start(now));
        assert_eq!(start("40s"), Ok(Start::At(60_000)));
        assert_eq!(start("1h"), Ok(Start::At(0)));
        assert_eq!(start("7"), Ok(Start::Offset(7)));
    }
}
