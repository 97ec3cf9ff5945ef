//! What the system knows of a process's TCP connections.

use std::collections::HashSet;
use std::fs;
use std::io;

/// A socket that a process has open. What it has closed and the system still brings to its end is none of its sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSocket {
    /// The port on its own side.
    pub local: u16,
    /// The port on the other side; 0 while it listens.
    pub remote: u16,
}

impl TcpSocket {
    /// The sockets of a process, each once, however often the process has duplicated it.
    ///
    /// # Errors
    /// The process is gone, or another user's.
    pub fn of(process: u32) -> io::Result<Vec<Self>> {
        let open = fs::read_dir(format!("/proc/{process}/fd"))?;
        let open: HashSet<_> =
            open.flatten().filter_map(|entry| inode(fs::read_link(entry.path()).ok()?.to_str()?)).collect();
        let mut sockets = Vec::new();
        for table in ["tcp", "tcp6"] {
            // Where the system knows no IPv6 there is no table of it.
            let table = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
            sockets.extend(table.lines().filter_map(|line| of_line(line, &open)));
        }
        Ok(sockets)
    }
}

/// The number in `socket:[1234]`.
fn inode(target: &str) -> Option<String> {
    Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
}

/// A line of the table: number, both addresses as `0100007F:1F90`, state, three columns of times, user, timeout, inode.
fn of_line(line: &str, open: &HashSet<String>) -> Option<TcpSocket> {
    let columns: Vec<_> = line.split_whitespace().collect();
    let port = |column: usize| u16::from_str_radix(columns.get(column)?.rsplit(':').next()?, 16).ok();
    open.contains(*columns.get(9)?).then_some(TcpSocket { local: port(1)?, remote: port(2)? })
}
