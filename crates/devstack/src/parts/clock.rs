//! Brokers' clocks that can be set, by libfaketime: a file says how far ahead each is.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::error::{Doing as _, Error};

/// Where Debian's package, and a build of one's own, put the library for programs with threads.
const PLACES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];
const MISSING: Error = Error::MissingTool { tool: "libfaketime", install: "faketime" };

/// One broker's clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    /// A clock that is right, kept in this folder.
    pub(crate) fn new(folder: &Path, broker: usize) -> Result<Self, Error> {
        let clock = Self { file: folder.join(format!("clock-{broker}")) };
        clock.set_ahead(Duration::ZERO)?;
        Ok(clock)
    }

    /// What makes a program go by it.
    pub(crate) fn env(&self) -> Result<Vec<(String, String)>, Error> {
        let library = PLACES.into_iter().find(|place| Path::new(place).exists()).ok_or(MISSING)?;
        let settings = [
            ("LD_PRELOAD", library),
            // Durations stay as they are; only the time of day is another.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            // Without it the Java machine's timed waits return at once.
            ("FAKETIME_FORCE_MONOTONIC_FIX", "0"),
            // The file is looked at once a second.
            ("FAKETIME_CACHE_DURATION", "1"),
        ];
        let mut env: Vec<(String, String)> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        env.push(("FAKETIME_TIMESTAMP_FILE".to_owned(), self.file.display().to_string()));
        Ok(env)
    }

    pub(crate) fn set_ahead(&self, ahead: Duration) -> Result<(), Error> {
        // Renamed into place: a reader never meets half of it.
        let part = self.file.with_extension("part");
        fs::write(&part, format!("+{}", ahead.as_secs())).doing("write", &part)?;
        fs::rename(&part, &self.file).doing("make", &self.file)
    }
}
