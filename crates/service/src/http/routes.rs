//! Routes, sorted by what bounds their request bodies.

use axum::Router;

/// All routes of a process.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Routes whose bodies are held whole, and bounded by
    /// [`Limits::body_bytes_max`](super::Limits::body_bytes_max).
    pub plain: Router,
    /// Routes that read their bodies piece by piece, of any length, and must bound what they hold
    /// themselves, and the silence while they read, by [`BodySilence`](super::BodySilence) of the
    /// request's extensions.
    pub streams: Router,
    /// Routes that pass their bodies on to another process as they come. Nothing is bounded, timed or
    /// unpacked here: the other process does that, and its answer says so.
    pub passed: Router,
}

impl Routes {
    /// Adds plain routes.
    #[must_use]
    pub fn merge(self, plain: Router) -> Self {
        Self { plain: self.plain.merge(plain), ..self }
    }
}

impl From<Router> for Routes {
    fn from(plain: Router) -> Self {
        Self { plain, ..Self::default() }
    }
}
