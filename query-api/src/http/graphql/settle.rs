//! Tells when a request has got as far as it can without what it loads.
//!
//! Fields are resolved side by side, a few at each poll. Loads that begin at a fixed time after the
//! first was asked for would miss those of fields whose turn comes later; here they begin when
//! nothing is left to be resolved without them. So one depth is one load, whatever the machine does.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::{Stream, future::BoxFuture};
use tokio::sync::watch;

/// Polls in a row before others get their turn.
const POLLS_MAX: usize = 256;

/// Where loads learn that the request waits for them.
#[derive(Debug, Clone)]
pub(super) struct Settled(watch::Sender<()>);

impl Settled {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Begins a load once the request has settled. Called while the request is polled.
    pub(super) fn begin(&self, load: BoxFuture<'static, ()>) {
        let mut settled = self.0.subscribe();
        tokio::spawn(async move {
            // A request that is gone needs nothing.
            if settled.changed().await.is_ok() {
                load.await;
            }
        });
    }
}

/// A request, or its stream, as it is carried out.
#[derive(Debug)]
pub(super) struct Settling<T> {
    inner: Pin<Box<T>>,
    settled: Settled,
    woken: Arc<Woken>,
}

/// Whether the request has asked for one more poll.
#[derive(Debug, Default)]
struct Woken {
    is_woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

impl<T> Settling<T> {
    pub(super) fn new(inner: T, settled: Settled) -> Self {
        Self { inner: Box::pin(inner), settled, woken: Arc::default() }
    }

    /// Polls until there is a result, or nothing more to do than to wait.
    fn poll_with<R>(
        &mut self,
        outer: &mut Context<'_>,
        mut poll: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        *self.woken.outer.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(outer.waker().clone());
        let waker = Waker::from(self.woken.clone());
        let mut inner_context = Context::from_waker(&waker);
        for _ in 0..POLLS_MAX {
            self.woken.is_woken.store(false, Ordering::Release);
            if let Poll::Ready(result) = poll(self.inner.as_mut(), &mut inner_context) {
                return Poll::Ready(result);
            }
            if !self.woken.is_woken.load(Ordering::Acquire) {
                self.settled.0.send_replace(());
                return Poll::Pending;
            }
        }
        outer.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: Future> Future for Settling<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        self.poll_with(context, |inner, context| inner.poll(context))
    }
}

impl<T: Stream> Stream for Settling<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.poll_with(context, |inner, context| inner.poll_next(context))
    }
}
