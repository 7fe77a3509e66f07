//! A client of graphql-transport-ws, and the port that it connects to.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use service::http::{Limits, serve};
use tokio::{net::TcpListener, net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{World, eventually, soon};

const PROTOCOL: &str = "graphql-transport-ws";

/// The routes of a world on a port, as the process serves them.
pub(crate) struct Server {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, stop) = (world.router().clone(), world.stopped());
        let serving = tokio::spawn(async move {
            serve(listener, router, &Limits::default(), stop).await;
        });
        Self { address, serving }
    }

    /// Waits until it has stopped, as the world was told to.
    pub(crate) async fn end(self) {
        soon(self.serving).await.unwrap();
    }
}

/// What came for one operation: data, or the extensions of the only error.
type Said = Result<Value, Value>;

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// What came for operations that were not asked for yet.
    waiting: HashMap<String, VecDeque<Said>>,
}

impl Socket {
    async fn connect(server: &Server, protocol: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        let url = format!("ws://{}/graphql", server.address);
        let mut request = url.into_client_request().unwrap();
        let protocol = HeaderValue::from_str(protocol).unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(server.address).await.unwrap();
        Ok(soon(client_async(request, stream)).await?.0)
    }

    /// The status of an upgrade that is refused.
    pub(crate) async fn refused(server: &Server, protocol: &str) -> u16 {
        match Self::connect(server, protocol).await {
            Err(Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn open(server: &Server) -> Self {
        Self::greeted(Self::connect(server, PROTOCOL).await.unwrap()).await
    }

    /// Opens once the process has room.
    pub(crate) async fn open_when_free(server: &Server) -> Self {
        Self::greeted(Self::ungreeted_when_free(server).await.stream).await
    }

    /// As [`Socket::open_when_free`], and has said nothing yet.
    pub(crate) async fn ungreeted_when_free(server: &Server) -> Self {
        let mut opened = None;
        eventually("a socket is let in", async || {
            opened = Self::connect(server, PROTOCOL).await.ok();
            opened.is_some()
        })
        .await;
        Self { stream: opened.unwrap(), waiting: HashMap::new() }
    }

    async fn greeted(stream: WebSocketStream<TcpStream>) -> Self {
        let mut socket = Self { stream, waiting: HashMap::new() };
        socket.say(&json!({"type": "connection_init"}).to_string()).await;
        assert_eq!(socket.read().await["type"], "connection_ack");
        socket
    }

    pub(crate) async fn say(&mut self, text: &str) {
        soon(self.stream.send(Message::text(text))).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str, variables: &Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(&json!({"id": id, "type": "subscribe", "payload": payload}).to_string()).await;
    }

    /// Ends an operation, and waits until it has ended.
    pub(crate) async fn stop(&mut self, id: &str) {
        self.say(&json!({"id": id, "type": "complete"}).to_string()).await;
        loop {
            let message = self.read().await;
            if message["type"] == "complete" && message["id"] == id {
                return;
            }
            self.keep(&message);
        }
    }

    /// What comes next for an operation.
    pub(crate) async fn next(&mut self, id: &str) -> Said {
        loop {
            if let Some(said) = self.waiting.get_mut(id).and_then(VecDeque::pop_front) {
                return said;
            }
            let message = self.read().await;
            self.keep(&message);
        }
    }

    pub(crate) async fn data(&mut self, id: &str) -> Value {
        self.next(id).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The error that ends an operation.
    pub(crate) async fn error(&mut self, id: &str) -> Value {
        loop {
            if let Err(error) = self.next(id).await {
                return error;
            }
        }
    }

    /// The next message of a stream that tells of a change.
    pub(crate) async fn change(&mut self, id: &str, stream: &str) -> Value {
        loop {
            let update = self.data(id).await[stream].clone();
            if !update["change"].is_null() {
                return update;
            }
        }
    }

    /// The position of a quiet stream.
    pub(crate) async fn still(&mut self, id: &str, stream: &str) -> Value {
        self.data(id).await[stream]["position"].clone()
    }

    /// The code with which the server closes.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.unwrap().code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn keep(&mut self, message: &Value) {
        if message["type"] != "next" {
            return;
        }
        let payload = &message["payload"];
        let said = match payload["errors"].as_array() {
            Some(errors) => Err(errors[0]["extensions"].clone()),
            None => Ok(payload["data"].clone()),
        };
        let id = message["id"].as_str().unwrap().to_owned();
        self.waiting.entry(id).or_default().push_back(said);
    }

    async fn read(&mut self) -> Value {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
