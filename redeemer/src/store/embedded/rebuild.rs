use farthing_protocol::BackupEntry;
use farthing_service::backup::entry;
use farthing_service::embedded::{Fault, Rebuild};
use farthing_service::record;

use super::kept_answers::end_key;
use crate::publishers::Publisher;
use crate::store::KeptAnswer;
use crate::store::backup_records::SHORT_MARKS;

/// Makes an embedded store of the records of a backup: publishers get their names and API keys back, and kept answers
/// their places in the index by which they are forgotten.
#[derive(Debug, Default)]
pub struct EmbeddedRebuild {}

impl Rebuild for EmbeddedRebuild {
    fn entries(&mut self, from: BackupEntry) -> Result<Vec<BackupEntry>, Fault> {
        Ok(match from.table.as_str() {
            "publishers" => {
                let publisher: Publisher = record::decode(&from.value)?;
                let id = from.key.clone();
                let keys =
                    publisher.keys_in_force().map(|key| entry("api-keys", *key.hash.as_bytes(), id.clone()));
                let name = publisher.name().map(|name| entry("publisher-names", name.as_str(), id.clone()));
                keys.chain(name).chain([from]).collect()
            }
            "kept-answers" => {
                let kept: KeptAnswer = record::decode(&from.value)?;
                let mac = <[u8; 32]>::try_from(from.key.as_slice()).map_err(Fault::because)?;
                vec![entry("kept-answers-by-end", end_key(kept.forget_from, &mac), []), from]
            }
            SHORT_MARKS => {
                return Err(Fault::because(
                    "it has marks of a token key of small capacity, as only a store on Redis keeps them: restore it into Redis",
                ));
            }
            _ => vec![from],
        })
    }

    fn last_entries(&mut self) -> Result<Vec<BackupEntry>, Fault> {
        Ok(Vec::new())
    }
}
