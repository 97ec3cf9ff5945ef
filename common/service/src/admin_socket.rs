//! Commands to a running service, over a Unix socket that only its owner can use.
//!
//! A connection carries one command: a JSON object on one line, answered by `{"ok":VALUE}` or `{"error":"LINE"}`
//! on one line.

use std::fs::{self, DirBuilder, Permissions};
use std::future::Future;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::decoding::Fault;
use crate::file;

/// The longest command in bytes.
const LONGEST_COMMAND: u64 = 64 * 1024;
/// The longest answer in bytes: room for 100 000 vouchers.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;
/// How long a caller may take to send its command.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// How long a caller waits for its answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What is sent back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Ok(Value),
    Error(String),
}

/// A bound socket, removed on drop.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    _name: SocketName,
}

impl AdminSocket {
    /// Binds the socket at `path`, mode 0600 from its first moment. A socket that a dead process left is replaced;
    /// missing directories above it are made. Bind it after the store's lock is held, so that of two processes that
    /// start at once only one comes here. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`AdminError::Served`] when a living process listens there, or what the file system said.
    pub fn bind(path: &Path) -> Result<Self, AdminError> {
        let failed = |cause| AdminError::Bind { path: path.to_owned(), cause };
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(failed(io::Error::other("there is something else at this path")));
            }
            Ok(_) if BlockingStream::connect(path).is_ok() => {
                return Err(AdminError::Served(path.to_owned()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                file::create_parent_directories(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        // bind(2) leaves the mode to the umask, so the socket is made in a directory that nobody else can enter, and
        // moved to its name once its mode is right. The move also replaces a dead socket in one step.
        let nursery = Nursery::make(path).map_err(failed)?;
        let made = nursery.0.join("s");
        let listener = UnixListener::bind(&made).map_err(failed)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600)).map_err(failed)?;
        let metadata = fs::metadata(&made).map_err(failed)?;
        fs::rename(&made, path).map_err(failed)?;
        let name = SocketName { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() };
        Ok(Self { listener, _name: name })
    }

    /// Answers commands until dropped. Each connection is served at once, and forgotten with the rest on drop.
    pub async fn serve<C, F>(self, handler: impl Fn(C) -> F + Send + Sync + 'static)
    where
        C: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let handler = Arc::clone(&handler);
                        connections.spawn(async move { converse(stream, &*handler).await });
                    }
                    Err(error) => {
                        // Such as too many open files: it lasts a while.
                        tracing::warn!(%error, "the admin socket accepts no connection");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(ended) = connections.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        tracing::error!("an admin command panicked");
                    }
                }
            }
        }
    }
}

/// Serves one connection. A caller that goes away early needs no answer.
async fn converse<C: DeserializeOwned, F: Future<Output = Result<Value, String>>>(
    mut stream: UnixStream,
    handler: &impl Fn(C) -> F,
) {
    let mut line = Vec::new();
    let reading =
        async { BufReader::new((&mut stream).take(LONGEST_COMMAND)).read_until(b'\n', &mut line).await };
    let Ok(Ok(_)) = tokio::time::timeout(COMMAND_TIME, reading).await else { return };
    let answer = match decode(&line) {
        Ok(command) => handler(command).await.map_or_else(Answer::Error, Answer::Ok),
        Err(reason) => Answer::Error(reason),
    };
    if let Ok(mut line) = serde_json::to_vec(&answer) {
        line.push(b'\n');
        let _ = stream.write_all(&line).await;
    }
}

/// Reads one command.
fn decode<C: DeserializeOwned>(line: &[u8]) -> Result<C, String> {
    if line.last() != Some(&b'\n') {
        return Err(format!("a command is one line of at most {LONGEST_COMMAND} bytes"));
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(line)).map_err(|error| {
        let fault = Fault::new(error.path(), &error.inner().to_string());
        let member = fault.member.map_or(String::new(), |member| format!("{member}: "));
        format!("this command is unknown, its sender may be of another version: {member}{}", fault.reason)
    })
}

/// Sends `command` to the service that listens at `path` and waits, up to half a minute, for its answer. Blocks.
///
/// `None` when no service listens there: the caller may then open the store itself.
///
/// # Errors
/// [`AdminError::Refused`] with the service's words when it could not do it; the others when it could not be asked
/// or gave no answer, in which case the command may have been done.
pub fn call(path: &Path, command: &impl Serialize) -> Result<Option<Value>, AdminError> {
    ask(path, command, Some(ANSWER_TIME))
}

/// As [`call`], for commands that take as long as the store is large: waits as long as the service lives.
///
/// # Errors
/// As [`call`].
pub fn call_patiently(path: &Path, command: &impl Serialize) -> Result<Option<Value>, AdminError> {
    ask(path, command, None)
}

fn ask(
    path: &Path,
    command: &impl Serialize,
    answer_time: Option<Duration>,
) -> Result<Option<Value>, AdminError> {
    let failed = |cause| AdminError::Call { path: path.to_owned(), cause };
    let mut stream = match BlockingStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                io::ErrorKind::PermissionDenied => Err(AdminError::Forbidden(path.to_owned())),
                _ => Err(failed(error)),
            };
        }
    };
    stream.set_read_timeout(answer_time).map_err(failed)?;
    stream.set_write_timeout(Some(COMMAND_TIME)).map_err(failed)?;
    let mut line = serde_json::to_vec(command).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = Vec::new();
    io::BufReader::new(stream.take(LONGEST_ANSWER)).read_until(b'\n', &mut answer).map_err(failed)?;
    if answer.last() != Some(&b'\n') {
        return Err(if answer.len() as u64 == LONGEST_ANSWER {
            AdminError::TooLong(path.to_owned())
        } else {
            failed(io::ErrorKind::UnexpectedEof.into())
        });
    }
    match serde_json::from_slice(&answer).map_err(|error| failed(error.into()))? {
        Answer::Ok(value) => Ok(Some(value)),
        Answer::Error(reason) => Err(AdminError::Refused(reason)),
    }
}

/// Why a command could not be given, or a socket not bound.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The service's own words.
    #[error("{0}")]
    Refused(String),
    /// A living process listens at the path.
    #[error("{}: another process serves this; stop it first, or configure another admin_socket", .0.display())]
    Served(PathBuf),
    /// The socket is another user's.
    #[error("{}: this user may not use it, and nothing was done; run the command as the service's user", .0.display())]
    Forbidden(PathBuf),
    /// The socket could not be made.
    #[error("{}: the admin socket cannot be made: {cause}", path.display())]
    Bind {
        /// The configured path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The answer is longer than one may be. Only what reads much has such answers, and the service has done it.
    #[error(
        "{}: the answer is longer than the {} MiB that may pass here; ask for less at a time, or stop the service and repeat \
         the command, which then reads the store itself",
        .0.display(), LONGEST_ANSWER >> 20
    )]
    TooLong(PathBuf),
    /// The service could not be asked, or gave no answer.
    #[error("{}: the service gave no answer, and may have done it or not: {cause}", path.display())]
    Call {
        /// The configured path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// The name of our socket, removed on drop unless another socket has taken it.
#[derive(Debug)]
struct SocketName {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketName {
    fn drop(&mut self) {
        let ours = |found: &fs::Metadata| found.dev() == self.device && found.ino() == self.inode;
        if fs::symlink_metadata(&self.path).is_ok_and(|found| ours(&found)) {
            // One that stays is taken for a dead process's, which it is.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A directory, mode 0700, beside the socket; emptied and removed on drop.
struct Nursery(PathBuf);

impl Nursery {
    fn make(beside: &Path) -> io::Result<Self> {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        // Short, because the path of a socket holds about a hundred bytes.
        let path = beside.with_file_name(format!(".{}", data_encoding::HEXLOWER.encode(&random)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0.join("s"));
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
#[path = "admin_socket_tests.rs"]
mod tests;
