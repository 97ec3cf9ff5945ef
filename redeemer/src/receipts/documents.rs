use farthing_api::Envelope;
use serde_json::Value;
use thiserror::Error;

/// Why a file holds no receipts.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It is no JSON from some document on.
    #[error("document {number} is no JSON, at line {line}")]
    Json {
        /// Which document of the file, from 1.
        number: usize,
        /// The line of the file, from 1.
        line: usize,
    },
    /// A document is something else.
    #[error("document {number} is neither a receipt nor the answer to a redemption")]
    Other {
        /// Which document of the file, from 1.
        number: usize,
    },
}

/// The receipts of a file, which has any number of JSON documents one after the other: receipts, or whole answers to
/// redemptions, of which those that took nothing have none. Each comes with the number of its document.
///
/// # Errors
/// The first document that is neither.
pub fn read_receipts(bytes: &[u8]) -> Result<Vec<(usize, Envelope)>, DocumentError> {
    let mut receipts = Vec::new();
    for (number, document) in (1..).zip(serde_json::Deserializer::from_slice(bytes).into_iter::<Value>()) {
        let mut document = document.map_err(|error| DocumentError::Json { number, line: error.line() })?;
        let is_answer = document.get("results").is_some_and(Value::is_array);
        let envelope = match document.get_mut("receipt").map(Value::take) {
            Some(receipt) => receipt,
            None if is_answer => continue,
            None => document,
        };
        let envelope = serde_json::from_value(envelope).map_err(|_| DocumentError::Other { number })?;
        receipts.push((number, envelope));
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn receipts_stand_alone_or_in_answers() {
        let envelope = json!({ "payload": "AQ", "payloadType": "t", "signatures": [] });
        let answer = json!({ "results": ["accepted"], "receipt": envelope });
        let refusal = json!({ "results": ["spent"] });
        let file = format!("{envelope}\n{answer:#}{refusal}\n");
        let receipts = read_receipts(file.as_bytes()).unwrap();
        assert_eq!(receipts.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(receipts[0].1, receipts[1].1);
        assert_eq!(read_receipts(b"").unwrap(), []);
    }

    #[test]
    fn what_is_neither_is_named_by_its_place() {
        assert_eq!(read_receipts(b"{\"results\":[]}\n{\"a\":1}"), Err(DocumentError::Other { number: 2 }));
        assert_eq!(read_receipts(b"{}"), Err(DocumentError::Other { number: 1 }));
        assert_eq!(
            read_receipts(b"{\"results\":[]}\n{\"results\""),
            Err(DocumentError::Json { number: 2, line: 2 })
        );
    }
}
