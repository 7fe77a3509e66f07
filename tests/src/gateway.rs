//! One base URL in front of a command-api and a query-api, as every deployment has one.
//!
//! It stays up while the processes behind it are killed; what cannot be passed on is answered 502.

use axum::{Router, extract::Request, http::Method};
use axum_reverse_proxy::ReverseProxy;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::Program;

/// A running gateway; dropping it stops it.
#[derive(Debug)]
pub struct Gateway {
    url: String,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// Reading goes to `query_api`, everything else to `command_api`.
    ///
    /// # Errors
    /// No port can be listened on.
    pub async fn start(command_api: &Program, query_api: &Program) -> anyhow::Result<Self> {
        let commands = ReverseProxy::new("/", command_api.url());
        let queries = ReverseProxy::new("/", query_api.url());
        let router = Router::new().fallback(move |request: Request| {
            let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
            let side = if is_reading { queries.clone() } else { commands.clone() };
            async move {
                // The proxy never fails: it answers 502 itself.
                let Ok(response) = side.proxy_request(request).await;
                response
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            // A listener that fails is seen as an import that reaches nothing.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, serving })
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
