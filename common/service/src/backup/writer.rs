use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use farthing_protocol::{BackupEncoder, MalformedBackup};

use super::{ORIGIN, Origin, Source, entry};
use crate::file;
use crate::record::{self, RecordError};

/// Permissions of a backup.
const MODE: u32 = 0o600;

/// Why no backup was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file could not be made; there is none.
    #[error("cannot write the backup {path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The recipient is none.
    #[error("--recipient: not an age recipient such as age1...: {0}")]
    Recipient(&'static str),
    /// A record has no place in a backup.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A record is too long.
    #[error(transparent)]
    TooLong(#[from] MalformedBackup),
    /// The store stopped in the middle; there is no file.
    #[error("the store did not yield all that is in it")]
    Broken,
}

/// Writes all that comes from a store into a new file, encrypted if there is a recipient; how many records. Blocks.
///
/// # Errors
/// There is a file already, or it cannot be written, or not all of the store came. Then there is no new file.
pub fn write(
    output: &Path,
    recipient: Option<&str>,
    origin: &Origin,
    source: Source,
) -> Result<u64, WriteError> {
    let recipient = recipient
        .map(|text| text.trim().parse::<age::x25519::Recipient>().map_err(WriteError::Recipient))
        .transpose()?;
    let mut count = 0;
    let written = file::create_with(output, MODE, |file| {
        let plain = BufWriter::with_capacity(1 << 16, file);
        let plain = match recipient {
            None => encode(plain, origin, source, &mut count)?,
            Some(recipient) => {
                let encryptor =
                    age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
                        .map_err(io::Error::other)?;
                encode(encryptor.wrap_output(plain)?, origin, source, &mut count)?.finish()?
            }
        };
        plain.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok::<_, Fault>(())
    });
    match written {
        Ok(()) => Ok(count),
        Err(Fault::Io(cause)) => Err(WriteError::File { path: output.to_owned(), cause }),
        Err(Fault::Other(error)) => Err(error),
    }
}

enum Fault {
    Io(io::Error),
    Other(WriteError),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn encode<W: Write>(mut out: W, origin: &Origin, source: Source, count: &mut u64) -> Result<W, Fault> {
    let other = |error: MalformedBackup| Fault::Other(error.into());
    let (mut encoder, head) = BackupEncoder::begin();
    out.write_all(head)?;
    let origin = record::encode(origin).map_err(|error| Fault::Other(error.into()))?;
    out.write_all(&encoder.entry(&entry(ORIGIN, [], origin)).map_err(other)?)?;
    let is_whole = source.drain(|entry| {
        *count += 1;
        out.write_all(&encoder.entry(&entry).map_err(other)?).map_err(Fault::Io)
    })?;
    if !is_whole {
        return Err(Fault::Other(WriteError::Broken));
    }
    out.write_all(&encoder.end())?;
    out.flush()?;
    Ok(out)
}
