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

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Documents {
    /// The receipts, each with the number of its document.
    pub receipts: Vec<(usize, Envelope)>,
    /// Whether the last document ends in the middle, as it does while a gate writes it, or when that was stopped.
    pub is_cut_off: bool,
}

/// The receipts of a file, which has any number of JSON documents one after the other: receipts, or whole answers to
/// redemptions, of which those that took nothing have none. A last one that is cut off is passed over.
///
/// # Errors
/// The first document that is neither.
pub fn read_receipts(bytes: &[u8]) -> Result<Documents, DocumentError> {
    let mut receipts = Vec::new();
    for (number, document) in (1..).zip(serde_json::Deserializer::from_slice(bytes).into_iter::<Value>()) {
        let mut document = match document {
            Ok(document) => document,
            Err(error) if error.is_eof() => return Ok(Documents { receipts, is_cut_off: true }),
            Err(error) => return Err(DocumentError::Json { number, line: error.line() }),
        };
        let is_answer = document.get("results").is_some_and(Value::is_array);
        let envelope = match document.get_mut("receipt").map(Value::take) {
            Some(receipt) => receipt,
            None if is_answer => continue,
            None => document,
        };
        let envelope = serde_json::from_value(envelope).map_err(|_| DocumentError::Other { number })?;
        receipts.push((number, envelope));
    }
    Ok(Documents { receipts, is_cut_off: false })
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
        let Documents { receipts, is_cut_off } = read_receipts(file.as_bytes()).unwrap();
        assert!(!is_cut_off);
        assert_eq!(receipts.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(receipts[0].1, receipts[1].1);
        assert_eq!(read_receipts(b"").unwrap(), Documents { receipts: Vec::new(), is_cut_off: false });
    }

    #[test]
    fn a_last_document_that_is_cut_off_is_passed_over() {
        let envelope = json!({ "payload": "AQ", "payloadType": "t", "signatures": [] }).to_string();
        for end in 1..envelope.len() {
            let file = format!("{envelope}\n{}", &envelope[..end]);
            let Documents { receipts, is_cut_off } = read_receipts(file.as_bytes()).unwrap();
            assert_eq!((receipts.len(), is_cut_off), (1, true), "{end}");
        }
    }

    #[test]
    fn what_is_neither_is_named_by_its_place() {
        assert_eq!(read_receipts(b"{\"results\":[]}\n{\"a\":1}"), Err(DocumentError::Other { number: 2 }));
        assert_eq!(read_receipts(b"{}"), Err(DocumentError::Other { number: 1 }));
        assert_eq!(
            read_receipts(b"{\"results\":[]}\n{\"results\"}"),
            Err(DocumentError::Json { number: 2, line: 2 })
        );
    }
}
