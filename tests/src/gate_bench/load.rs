use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// Requests before those that are measured, on each connection.
const WARM_UP: usize = 50;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) path: &'static str,
    pub(super) cookie: String,
}

/// How long answers took, sorted.
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// What so many of a hundred did not exceed.
    pub(super) fn at(&self, percent: usize) -> Duration {
        self.0.get(self.0.len() * percent / 100).copied().unwrap_or_default()
    }
}

impl Target {
    /// Sends so many requests, each connection its share, one after the other.
    pub(super) fn measure(&self, connections: usize, requests: usize) -> anyhow::Result<Latencies> {
        let mut latencies = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..connections).map(|_| scope.spawn(|| self.ask(requests / connections))).collect();
            let mut latencies = Vec::with_capacity(requests);
            for client in clients {
                latencies.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
            }
            anyhow::Ok(latencies)
        })?;
        latencies.sort_unstable();
        Ok(Latencies(latencies))
    }

    fn ask(&self, requests: usize) -> anyhow::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: {}\r\n\r\n",
            self.path, self.address, self.cookie
        );
        let mut buffer = vec![0; 16 * 1024];
        let mut latencies = Vec::with_capacity(requests);
        for number in 0..WARM_UP + requests {
            let begin = Instant::now();
            stream.write_all(request.as_bytes())?;
            read_answer(&mut stream, &mut buffer)
                .with_context(|| format!("{} does not answer", self.name))?;
            if number >= WARM_UP {
                latencies.push(begin.elapsed());
            }
        }
        Ok(latencies)
    }
}

/// Reads one answer, which must be the page, to its end.
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut read = 0;
    loop {
        let length = stream.read(buffer.get_mut(read..).unwrap_or_default())?;
        ensure!(length > 0, "the connection ended");
        read += length;
        let text = buffer.get(..read).unwrap_or_default();
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(text.get(..end).unwrap_or_default())?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "it is no page: {head}");
        let lengths = head.lines().filter_map(|line| line.split_once(':'));
        let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let Some((_, length)) = lengths.next() else { bail!("its length is not said: {head}") };
        if read == end + 4 + length.trim().parse::<usize>()? {
            return Ok(());
        }
    }
}
