//! The other end of the sockets, for `status`, `ctl` and `doctor`.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Answer, Command};
use super::sockets::{CONTROL_SOCKET, STATUS_SOCKET, connect};
use super::{COMMAND_TIME_MAX, CONNECTION_TIME_MAX};
use crate::status::{FORMAT, StatusSnapshot};

/// Largest snapshot read, bytes. Reason: 64 plugins with 256 names of 64 bytes in each of three
/// lists, and as much for all the rest. A larger one is refused.
pub const STATUS_BYTES_MAX: u64 = 16 << 20;
/// Largest answer to a command, bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nothing listens: no socket, or one that is left over.
    NotRunning(PathBuf),
    /// The socket belongs to another user.
    Denied(PathBuf),
    /// The connection broke.
    Io(PathBuf, io::Error),
    /// It was closed without an answer: another user's, or too many connections at once.
    Unanswered(PathBuf),
    /// What came is no answer: of another version, or not from a runtime.
    Answer(PathBuf, String),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRunning(path) => {
                write!(
                    f,
                    "no runtime is running: nothing listens at {}",
                    path.display()
                )
            }
            Self::Denied(path) => write!(
                f,
                "{}: belongs to another user; ask as the runtime's user, or as root",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unanswered(path) => write!(
                f,
                "{}: closed without an answer; is it another user's, or has it too many readers?",
                path.display()
            ),
            Self::Answer(path, cause) => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for ClientError {}

/// Asks a runtime for its status. `path` is the socket.
///
/// # Errors
/// It is not running, or does not answer in time or form.
pub fn fetch_status(path: &Path) -> Result<StatusSnapshot, ClientError> {
    let mut stream = open(path, CONNECTION_TIME_MAX)?;
    let bytes = read(&mut stream, path, STATUS_BYTES_MAX)?;
    let other = |cause: String| ClientError::Answer(path.to_owned(), cause);
    let snapshot: StatusSnapshot = serde_json::from_slice(&bytes)
        .map_err(|error| other(format!("this is no status that is understood: {error}")))?;
    if snapshot.format != FORMAT {
        return Err(other(format!(
            "the runtime's status has format {}, this command reads {FORMAT}: use the runtime's \
             own version, {}",
            snapshot.format, snapshot.version
        )));
    }
    Ok(snapshot)
}

/// Asks the runtime of a data directory to do something.
///
/// # Errors
/// It is not running, or does not answer in time or form. A refusal is an answer.
pub fn ask(data_dir: &Path, command: &Command) -> Result<Answer, ClientError> {
    let path = data_dir.join(CONTROL_SOCKET);
    let mut stream = open(&path, COMMAND_TIME_MAX + CONNECTION_TIME_MAX)?;
    let io = |error| ClientError::Io(path.clone(), error);
    let mut line = serde_json::to_vec(command).map_err(|error| io(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(io)?;
    let bytes = read(&mut stream, &path, ANSWER_BYTES_MAX)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ClientError::Answer(path.clone(), format!("no answer: {error}")))
}

/// The status socket of a data directory.
pub fn status_socket(data_dir: &Path) -> PathBuf {
    data_dir.join(STATUS_SOCKET)
}

fn open(path: &Path, wait: Duration) -> Result<UnixStream, ClientError> {
    let stream = connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ConnectionRefused => ClientError::NotRunning(path.to_owned()),
        io::ErrorKind::PermissionDenied => ClientError::Denied(path.to_owned()),
        _ => ClientError::Io(path.to_owned(), error),
    })?;
    let set = stream
        .set_read_timeout(Some(wait))
        .and_then(|()| stream.set_write_timeout(Some(CONNECTION_TIME_MAX)));
    set.map_err(|error| ClientError::Io(path.to_owned(), error))?;
    Ok(stream)
}

fn read(stream: &mut UnixStream, path: &Path, bytes_max: u64) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    stream
        .take(bytes_max)
        .read_to_end(&mut bytes)
        .map_err(|error| ClientError::Io(path.to_owned(), error))?;
    match bytes.len() as u64 {
        0 => Err(ClientError::Unanswered(path.to_owned())),
        len if len >= bytes_max => {
            let cause = format!("the answer is longer than {bytes_max} bytes");
            Err(ClientError::Answer(path.to_owned(), cause))
        }
        _ => Ok(bytes),
    }
}
