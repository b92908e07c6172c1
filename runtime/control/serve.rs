//! The event loop: signals, samples, connections.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::Signal;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::command::{Answer, Asker, parse};
use super::{CONNECTION_TIME_MAX, CONNECTIONS_MAX, Context, REQUEST_BYTES_MAX};
use crate::run::{Phase, lock};
use crate::status::SAMPLE_EVERY;

/// Wait after a connection could not be accepted, for instance for want of file descriptors.
const ACCEPT_AGAIN: std::time::Duration = std::time::Duration::from_millis(100);

pub(super) struct Serve {
    pub(super) context: Arc<Context>,
    pub(super) interrupt: Signal,
    pub(super) terminate: Signal,
    pub(super) status: UnixListener,
    pub(super) control: UnixListener,
    pub(super) stopped: oneshot::Receiver<()>,
}

impl Serve {
    /// Serves until told to stop.
    pub(super) async fn run(self) {
        let Self {
            context,
            interrupt,
            terminate,
            status,
            control,
            stopped,
        } = self;
        tokio::spawn(heed(Arc::clone(&context), interrupt));
        tokio::spawn(heed(Arc::clone(&context), terminate));
        tokio::spawn(sample(Arc::clone(&context)));
        tokio::spawn(accept(Arc::clone(&context), status, Socket::Status));
        tokio::spawn(accept(context, control, Socket::Control));
        // An error means that the other end is gone, which is the same.
        let _ = stopped.await;
    }
}

/// The first signal drains, a second one stops.
async fn heed(context: Arc<Context>, mut signal: Signal) {
    while signal.recv().await.is_some() {
        let next = match context.shared.phase() {
            Phase::Running => Phase::Draining,
            Phase::Draining | Phase::Stopping => Phase::Stopping,
        };
        match next {
            Phase::Draining => {
                tracing::info!("told to end: processing what is captured; again to stop at once");
            }
            Phase::Running | Phase::Stopping => tracing::info!("told to stop at once"),
        }
        context.shared.advance(next);
    }
}

async fn sample(context: Arc<Context>) {
    let mut ticks = interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        lock(&context.sampler).sample(&context.shared, &context.config);
    }
}

#[derive(Clone, Copy)]
enum Socket {
    Status,
    Control,
}

async fn accept(context: Arc<Context>, listener: UnixListener, socket: Socket) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("a connection was not accepted: {error}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // Without a place the connection closes here.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let context = Arc::clone(&context);
        tokio::spawn(async move {
            // A client that went away, or took too long, concerns nobody else.
            let _ = match socket {
                Socket::Status => status(&context, stream).await,
                Socket::Control => control(context, stream).await,
            };
            drop(place);
        });
    }
}

/// Who is at the other end; `None`, and written down, if it is nobody to answer.
fn admit(context: &Context, stream: &UnixStream) -> io::Result<Option<Asker>> {
    let peer = stream.peer_cred()?;
    let asker = Asker {
        uid: peer.uid(),
        pid: peer.pid(),
    };
    if asker.uid == context.uid || asker.uid == 0 {
        return Ok(Some(asker));
    }
    tracing::warn!(uid = asker.uid, "refused: not this runtime's user");
    context.refuse(asker, "connected, but is not this runtime's user");
    Ok(None)
}

async fn status(context: &Context, mut stream: UnixStream) -> io::Result<()> {
    if admit(context, &stream)?.is_none() {
        return Ok(());
    }
    let mut bytes = serde_json::to_vec(&context.snapshot())?;
    bytes.push(b'\n');
    send(&mut stream, &bytes).await
}

async fn control(context: Arc<Context>, mut stream: UnixStream) -> io::Result<()> {
    let Some(asker) = admit(&context, &stream)? else {
        let refusal = Answer::refusal("only this runtime's user and root may ask");
        return answer(&mut stream, &refusal).await;
    };
    let read = timeout(CONNECTION_TIME_MAX, read_line(&mut stream)).await??;
    let parsed = match read {
        Some(line) => parse(&line),
        None => Err(Answer::refusal(format!(
            "a request is one line of at most {REQUEST_BYTES_MAX} bytes"
        ))),
    };
    let reply = match parsed {
        Ok(command) => {
            let work = tokio::task::spawn_blocking(move || context.command(&command, asker));
            work.await.map_err(io::Error::other)?
        }
        Err(refusal) => {
            let cause = format!("request: {}", refusal.message);
            let work = tokio::task::spawn_blocking(move || context.refuse(asker, &cause));
            work.await.map_err(io::Error::other)?;
            refusal
        }
    };
    answer(&mut stream, &reply).await
}

/// Reads up to a line feed or the end. `None` if there is more than a request may have.
async fn read_line(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::with_capacity(REQUEST_BYTES_MAX);
    let mut buffer = [0; REQUEST_BYTES_MAX];
    loop {
        let read = stream.read(&mut buffer).await?;
        let end = buffer[..read].iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(read)]);
        if line.len() >= REQUEST_BYTES_MAX {
            return Ok(None);
        }
        if end.is_some() || read == 0 {
            return Ok(Some(line));
        }
    }
}

async fn answer(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(answer)?;
    bytes.push(b'\n');
    send(stream, &bytes).await
}

async fn send(stream: &mut UnixStream, bytes: &[u8]) -> io::Result<()> {
    timeout(CONNECTION_TIME_MAX, async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    })
    .await?
}
