use std::fs;
use std::sync::Mutex as StdMutex;

use anyhow::ensure;

use super::*;
use crate::differences::Compare;
use crate::sort_keys;

/// A small configuration: one key of each sort.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    admin_socket: String,
    listen: u16,
    burst: u32,
    #[serde(default)]
    log_level: LogLevel,
}

sort_keys!(Keys { running: [burst, log_level], restart: [admin_socket, listen], tables: [] });

#[derive(Debug)]
struct Sample {
    file: PathBuf,
    keys: Keys,
}

impl Configuration for Sample {
    fn load(file: &Path) -> Result<Self, ConfigError> {
        Ok(Self { file: file.to_owned(), keys: config::load(file)? })
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn differences(&self, new: &Self) -> Differences {
        self.keys.differences(&new.keys)
    }

    fn log_level(&self) -> LogLevel {
        self.keys.log_level
    }
}

/// A service that cannot burst beyond 100, and keeps the number by itself.
struct Service {
    config: InForce<Sample>,
    burst: StdMutex<u32>,
}

#[async_trait]
impl Reload for Service {
    type Configuration = Sample;

    fn in_force(&self) -> &InForce<Sample> {
        &self.config
    }

    async fn prepare(&self, _old: &Sample, new: &Arc<Sample>) -> anyhow::Result<()> {
        ensure!(new.keys.burst <= 100, "the machine bursts");
        Ok(())
    }

    fn apply(&self, new: &Sample) {
        *self.burst.lock().unwrap() = new.keys.burst;
    }
}

const START: &str = "admin_socket = \"a.sock\"\nlisten = 1\nburst = 5\n";

fn started(directory: &Path) -> (PathBuf, Service) {
    let file = directory.join("sample.toml");
    fs::write(&file, START).unwrap();
    let config = InForce::new(Sample::load(&file).unwrap());
    (file, Service { config, burst: StdMutex::new(5) })
}

#[tokio::test]
async fn a_change_is_in_force_everywhere_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let (file, service) = started(directory.path());
    let before = service.config.current();
    assert_eq!(reload(&service).await.unwrap(), serde_json::json!(["nothing has changed"]));
    fs::write(&file, START.replace("burst = 5", "burst = 6\nlog_level = \"warn\"")).unwrap();
    assert_eq!(reload(&service).await.unwrap(), serde_json::json!(["changed: burst, log_level"]));
    assert_eq!((service.config.current().keys.burst, *service.burst.lock().unwrap()), (6, 6));
    assert_eq!(before.keys.burst, 5, "whoever took one before keeps it");
    assert_eq!(reload(&service).await.unwrap(), serde_json::json!(["nothing has changed"]));
}

#[tokio::test]
async fn all_of_it_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (file, service) = started(directory.path());
    let shown = file.display().to_string();
    for (text, said) in [
        (
            START.replace("burst = 5", "burst = 6\ncolour = 1"),
            "line 4: colour: there is no such key; remove it or write one of `admin_socket`, `listen`, `burst`, \
             `log_level`",
        ),
        (START.replace("burst = 5", "burst = ["), "line 3: this is not TOML: "),
        (
            START.replace("burst = 5", "burst = 6").replace("listen = 1", "listen = 2"),
            "listen cannot change while the service runs: restart it, or put it back",
        ),
        (
            START.replace("a.sock", "b.sock").replace("listen = 1", "listen = 2"),
            "admin_socket, listen cannot change while the service runs: restart it, or put them back",
        ),
        (START.replace("burst = 5", "burst = 101"), "it cannot be put in force: the machine bursts"),
    ] {
        fs::write(&file, text).unwrap();
        let error = format!("{:#}", reload(&service).await.unwrap_err());
        assert!(error.starts_with(&format!("{shown}: {said}")), "{error}");
        assert!(!error.contains('\n'), "{error}");
        assert_eq!((service.config.current().keys.burst, *service.burst.lock().unwrap()), (5, 5));
    }
    fs::remove_file(&file).unwrap();
    let error = reload(&service).await.unwrap_err().to_string();
    assert!(error.contains("the file cannot be read"), "{error}");
}

#[tokio::test]
async fn a_service_is_asked_although_its_file_has_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let (file, service) = started(directory.path());
    let ask = || ask(&file, &"reload").unwrap_err().to_string();
    let none = ask();
    assert!(none.contains("a.sock: the service is not running, so there is nothing to reload"), "{none}");

    let socket = admin_socket::AdminSocket::bind(&directory.path().join("a.sock")).unwrap();
    let service = Arc::new(service);
    let serving = tokio::spawn(socket.serve(move |_: String| {
        let service = Arc::clone(&service);
        async move { reload(&*service).await.map_err(|error| format!("{error:#}")) }
    }));
    fs::write(&file, START.replace("burst", "brust")).unwrap();
    let asked = file.clone();
    let refused = tokio::task::spawn_blocking(move || super::ask(&asked, &"reload")).await.unwrap();
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("sample.toml: line 3: brust: "), "{refused}");
    serving.abort();
}
