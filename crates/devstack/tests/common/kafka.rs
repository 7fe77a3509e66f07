//! Two requests of the Kafka protocol by hand: what a cluster consists of, and a new topic.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 2);

/// The brokers' ids and the topics that one broker knows. An error when it cannot be asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) brokers: Vec<i32>,
    pub(crate) topics: Vec<String>,
}

/// Asks the broker at `server` what it knows.
pub(crate) async fn cluster(server: &str) -> std::io::Result<Cluster> {
    // The null list of topics means all.
    let answer = ask(server, METADATA, &(-1_i32).to_be_bytes()).await?;
    let mut rest = answer.as_slice();
    let mut brokers = Vec::new();
    for _ in 0..rest.read_i32().await? {
        brokers.push(rest.read_i32().await?);
        text(&mut rest).await?;
        rest.read_i32().await?;
        text(&mut rest).await?;
    }
    brokers.sort_unstable();
    rest.read_i32().await?;
    let mut topics = Vec::new();
    for _ in 0..rest.read_i32().await? {
        rest.read_i16().await?;
        topics.push(text(&mut rest).await?);
        rest.read_u8().await?;
        for _ in 0..rest.read_i32().await? {
            rest.read_i16().await?;
            rest.read_i64().await?;
            for _ in 0..2 {
                for _ in 0..rest.read_i32().await? {
                    rest.read_i32().await?;
                }
            }
        }
    }
    topics.sort_unstable();
    Ok(Cluster { brokers, topics })
}

/// Makes a topic of one partition; the answer is Kafka's error code, 0 for none.
pub(crate) async fn create_topic(server: &str, name: &str, replicas: i16) -> std::io::Result<i16> {
    let mut body = Vec::new();
    body.write_i32(1).await?;
    put_text(&mut body, name).await?;
    body.write_i32(1).await?;
    body.write_i16(replicas).await?;
    body.write_i32(0).await?;
    body.write_i32(0).await?;
    body.write_i32(15_000).await?;
    body.write_u8(0).await?;
    let answer = ask(server, CREATE_TOPICS, &body).await?;
    let mut rest = answer.as_slice();
    rest.read_i32().await?;
    rest.read_i32().await?;
    text(&mut rest).await?;
    rest.read_i16().await
}

/// One request and its answer without the header.
async fn ask(server: &str, (key, version): (i16, i16), body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    request.write_i16(key).await?;
    request.write_i16(version).await?;
    request.write_i32(7).await?;
    put_text(&mut request, "test").await?;
    request.extend_from_slice(body);
    let mut stream = TcpStream::connect(server).await?;
    stream.write_i32(i32::try_from(request.len()).unwrap()).await?;
    stream.write_all(&request).await?;
    let mut answer = vec![0; usize::try_from(stream.read_i32().await?).unwrap()];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer[..4], 7_i32.to_be_bytes(), "the answer belongs to the request");
    Ok(answer.split_off(4))
}

/// A text; the null one reads as empty.
async fn text(rest: &mut &[u8]) -> std::io::Result<String> {
    let length = usize::try_from(rest.read_i16().await?).unwrap_or(0);
    let mut bytes = vec![0; length];
    rest.read_exact(&mut bytes).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

async fn put_text(body: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    body.write_i16(i16::try_from(text.len()).unwrap()).await?;
    body.write_all(text.as_bytes()).await
}
