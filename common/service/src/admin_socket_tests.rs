use std::future::pending;

use serde_json::json;
use tokio::sync::Notify;

use super::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
enum Command {
    Double { number: u64 },
    Fail,
    Hang,
    Long { bytes: u64 },
}

async fn obey(command: Command) -> Result<Value, String> {
    match command {
        Command::Double { number } => Ok(json!(number * 2)),
        Command::Fail => Err("no such publisher; `publishers list` shows them".to_owned()),
        Command::Hang => pending().await,
        Command::Long { bytes } => Ok("x".repeat(usize::try_from(bytes).unwrap()).into()),
    }
}

/// Calls from a thread of its own, because the call blocks.
async fn ask(path: &Path, command: Value) -> Result<Option<Value>, AdminError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || call(&path, &command)).await.unwrap()
}

fn entries(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[tokio::test]
async fn a_command_is_answered_and_the_socket_goes_with_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/issuer.sock");
    assert!(ask(&path, json!({})).await.unwrap().is_none());
    let socket = AdminSocket::bind(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(entries(path.parent().unwrap()), 1);
    let service = tokio::spawn(socket.serve(obey));

    let doubled = ask(&path, json!({"command": "double", "number": 21})).await.unwrap();
    assert_eq!(doubled, Some(json!(42)));
    let refused = ask(&path, json!({"command": "fail"})).await.unwrap_err().to_string();
    assert_eq!(refused, "no such publisher; `publishers list` shows them");
    let unknown = ask(&path, json!({"command": "explode"})).await.unwrap_err().to_string();
    assert!(unknown.contains("one of `double`, `fail`, `hang`"), "{unknown}");
    let long = ask(&path, json!({"command": "x".repeat(100_000)})).await.unwrap_err();
    assert!(!matches!(long, AdminError::Served(_)), "{long}");
    assert!(matches!(AdminSocket::bind(&path), Err(AdminError::Served(_))));

    service.abort();
    assert!(service.await.unwrap_err().is_cancelled());
    assert!(!path.exists());
    assert!(ask(&path, json!({})).await.unwrap().is_none());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_told_from_one_that_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.sock");
    let service = tokio::spawn(AdminSocket::bind(&path).unwrap().serve(obey));
    // Beside the text there are `{"ok":""}` and the end of the line.
    let longest = LONGEST_ANSWER - 10;
    let whole = ask(&path, json!({"command": "long", "bytes": longest})).await.unwrap().unwrap();
    assert_eq!(whole.as_str().unwrap().len() as u64, longest);
    let error = ask(&path, json!({"command": "long", "bytes": longest + 1})).await.unwrap_err();
    assert!(matches!(error, AdminError::TooLong(_)), "{error}");
    assert!(error.to_string().contains("longer than the 16 MiB that may pass here"), "{error}");
    service.abort();
}

#[tokio::test]
async fn a_slow_command_keeps_no_other_waiting_and_ends_with_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.sock");
    let begun = Arc::new(Notify::new());
    let hang = Arc::clone(&begun);
    let service = tokio::spawn(AdminSocket::bind(&path).unwrap().serve(move |command: Command| {
        if matches!(command, Command::Hang) {
            hang.notify_one();
        }
        obey(command)
    }));
    let hanging = tokio::spawn({
        let path = path.clone();
        async move { ask(&path, json!({"command": "hang"})).await }
    });
    tokio::time::timeout(Duration::from_secs(10), begun.notified()).await.unwrap();
    assert_eq!(ask(&path, json!({"command": "double", "number": 1})).await.unwrap(), Some(json!(2)));
    service.abort();
    assert!(matches!(hanging.await.unwrap(), Err(AdminError::Call { .. })));
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_anything_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists() && ask(&path, json!({})).await.unwrap().is_none());
    let first = AdminSocket::bind(&path).unwrap();
    assert!(BlockingStream::connect(&path).is_ok());

    // A socket whose name another has taken leaves that one alone.
    fs::remove_file(&path).unwrap();
    let second = AdminSocket::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());

    fs::write(&path, "a database").unwrap();
    let error = AdminSocket::bind(&path).unwrap_err().to_string();
    assert!(error.ends_with("there is something else at this path"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"a database");
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_an_error_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x".repeat(120)).join("issuer.sock");
    assert!(matches!(AdminSocket::bind(&path), Err(AdminError::Bind { .. })));
    assert_eq!(entries(path.parent().unwrap()), 0);
}
