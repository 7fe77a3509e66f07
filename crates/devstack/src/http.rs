//! One plain HTTP/1.1 exchange with a server on this machine, for readiness and set-up.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::error::Error;

/// An exchange that takes longer has failed: the server is on this machine.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks for `url`, of the shape `http://host:port/path`.
///
/// # Errors
/// [`Error::Http`] when there is no answer within ten seconds. Every status is an answer.
pub async fn get(url: &str) -> Result<(StatusCode, Bytes), Error> {
    send(Method::GET, url, None).await
}

/// Sends `body`, a schema registry's JSON, with `method` to `url`.
///
/// # Errors
/// As [`get`].
pub async fn send(
    method: Method,
    url: &str,
    body: Option<&str>,
) -> Result<(StatusCode, Bytes), Error> {
    let failed = |why: String| Error::Http { method: method.clone(), url: url.to_owned(), why };
    match timeout(WITHIN, exchange(&method, url, body)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(why)) => Err(failed(why.to_string())),
        Err(_) => Err(failed(format!("no answer within {WITHIN:?}"))),
    }
}

async fn exchange(
    method: &Method,
    url: &str,
    body: Option<&str>,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().ok_or("the address names no host")?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The connection ends with the answer: the request asks for that.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, authority.as_str())
        .header(header::CONNECTION, "close")
        .header(header::CONTENT_TYPE, "application/vnd.schemaregistry.v1+json")
        .body(Full::new(Bytes::from(body.unwrap_or_default().to_owned())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}
