use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

/// Longest wait until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// An nginx with one worker; killed when the value is dropped.
pub(super) struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// One that answers every path with 2 kB out of memory.
    pub(super) fn site(directory: &Path) -> anyhow::Result<Self> {
        let page = "x".repeat(2_048);
        let address = free_address()?;
        let server = format!(
            "server {{ listen {address}; keepalive_requests 1000000; default_type text/html; return 200 \"{page}\"; }}"
        );
        Self::start(directory, address, &server)
    }

    /// One that passes everything on to that site, on connections that it keeps.
    pub(super) fn proxy(directory: &Path, site: SocketAddr) -> anyhow::Result<Self> {
        let address = free_address()?;
        let server = format!(
            "upstream site {{ server {site}; keepalive 32; keepalive_requests 1000000; }}\nserver {{ listen {address}; \
             keepalive_requests 1000000; location / {{ proxy_pass http://site; proxy_http_version 1.1; \
             proxy_set_header Connection \"\"; proxy_set_header Host $http_host; }} }}"
        );
        Self::start(directory, address, &server)
    }

    fn start(directory: &Path, address: SocketAddr, server: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)?;
        let place = directory.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {place}/{name};\n"))
            .concat();
        let text = format!(
            "worker_processes 1;\ndaemon off;\npid {place}/pid;\nerror_log stderr crit;\nevents {{}}\nhttp {{\naccess_log \
             off;\n{temporary}{server}\n}}\n"
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, text)?;
        let mut command = Command::new("nginx");
        command.arg("-e").arg("stderr").arg("-p").arg(directory).arg("-c").arg(&file).stdin(Stdio::null());
        let Ok(child) = command.spawn() else { bail!("nginx is not installed (Debian: nginx)") };
        let nginx = Self { child, address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to stop, the master ends its worker too.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
