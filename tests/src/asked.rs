//! Requests as they stand on the wire.

use std::io::{self, BufRead};

/// What somebody asked by HTTP/1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Names in lower case, with all values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, without the marks of chunks.
    pub body: Vec<u8>,
}

impl Asked {
    /// One request; none when the connection has ended.
    ///
    /// # Errors
    /// The connection broke.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_lowercase(), value.trim().to_owned()));
            }
        }
        let header =
            |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let mut body = Vec::new();
        if header("transfer-encoding") == Some("chunked") {
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
                let mut piece = vec![0; length + 2];
                reader.read_exact(&mut piece)?;
                body.extend_from_slice(piece.get(..length).unwrap_or_default());
                if length == 0 {
                    break;
                }
            }
        } else if let Some(length) = header("content-length").and_then(|length| length.parse().ok()) {
            body = vec![0; length];
            reader.read_exact(&mut body)?;
        }
        Ok(Some(Self { method, target, headers, body }))
    }
}
