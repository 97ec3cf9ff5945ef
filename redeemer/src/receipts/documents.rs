use farthing_api::Envelope;
use serde_json::Value;
use thiserror::Error;

/// A document of a file that is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It is no JSON.
    #[error("document {number} is no JSON, at line {line}")]
    Json {
        /// Which document of the file, from 1.
        number: usize,
        /// The line of the file, from 1.
        line: usize,
    },
    /// It is something else.
    #[error("document {number} is neither a receipt nor the answer to a redemption")]
    Other {
        /// Which document of the file, from 1.
        number: usize,
    },
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// The receipts, each with the number of its document.
    pub receipts: Vec<(usize, Envelope)>,
    /// The documents that are none.
    pub others: Vec<DocumentError>,
    /// Whether the last document ends in the middle, as it does while a gate writes it, or when that was stopped.
    pub is_cut_off: bool,
}

/// The receipts of a file, which has any number of JSON documents one after the other: receipts, or whole answers to
/// redemptions, of which those that took nothing have none. A last one that is cut off is passed over. After one that is no
/// JSON the next is taken to begin with the next line that begins with a brace.
pub fn read_receipts(bytes: &[u8]) -> Documents {
    let mut found = Documents::default();
    let (mut number, mut start) = (0, 0);
    loop {
        let mut stream = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<Value>();
        let error = loop {
            number += 1;
            match stream.next() {
                Some(Ok(document)) => found.add(number, document),
                Some(Err(error)) => break error,
                None => return found,
            }
        };
        let broken = start + stream.byte_offset();
        let next = bytes[broken..].windows(2).position(|two| two == b"\n{");
        if next.is_none() && error.is_eof() {
            found.is_cut_off = true;
            return found;
        }
        let lines = bytes[..start].split(|byte| *byte == b'\n').count() - 1;
        found.others.push(DocumentError::Json { number, line: lines + error.line() });
        let Some(next) = next else { return found };
        start = broken + next + 1;
    }
}

impl Documents {
    /// Takes the receipt out of a document.
    fn add(&mut self, number: usize, mut document: Value) {
        let is_answer = document.get("results").is_some_and(Value::is_array);
        let envelope = match document.get_mut("receipt").map(Value::take) {
            Some(receipt) => receipt,
            None if is_answer => return,
            None => document,
        };
        match serde_json::from_value(envelope) {
            Ok(envelope) => self.receipts.push((number, envelope)),
            Err(_) => self.others.push(DocumentError::Other { number }),
        }
    }
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
        let Documents { receipts, others, is_cut_off } = read_receipts(file.as_bytes());
        assert!(others.is_empty() && !is_cut_off);
        assert_eq!(receipts.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(receipts[0].1, receipts[1].1);
        assert_eq!(read_receipts(b""), Documents::default());
    }

    #[test]
    fn a_last_document_that_is_cut_off_is_passed_over() {
        let envelope = json!({ "payload": "AQ", "payloadType": "t", "signatures": [] }).to_string();
        for end in 1..envelope.len() {
            let file = format!("{envelope}\n{}", &envelope[..end]);
            let Documents { receipts, others, is_cut_off } = read_receipts(file.as_bytes());
            assert_eq!((receipts.len(), others.len(), is_cut_off), (1, 0, true), "{end}");
        }
    }

    #[test]
    fn what_is_neither_is_named_by_its_place_and_hides_no_other() {
        let envelope = json!({ "payload": "AQ", "payloadType": "t", "signatures": [] }).to_string();
        let (other, json) =
            (|number| DocumentError::Other { number }, |number, line| DocumentError::Json { number, line });
        for (file, numbers, others) in [
            ("{\"results\":[]}\n{\"a\":1}\nE\n".to_owned(), &[3][..], &[other(2)][..]),
            ("{}".to_owned(), &[], &[other(1)]),
            ("{\"results\":[]}\n{\"results\"}".to_owned(), &[], &[json(2, 2)]),
            // Half a line, before the next and alone on its own.
            ("E\n{\"payloE\nE\nE".to_owned(), &[1, 3, 4], &[json(2, 2)]),
            (
                "E\n{\"payload\":\nE\nx\nE\n\n{]\n".to_owned(),
                &[1, 3, 5],
                &[json(2, 4), json(4, 4), json(6, 7)],
            ),
            ("E\n{\n  \"a\": [\n    {\n      1 2\n    }\n  ]\n}\nE".to_owned(), &[1, 3], &[json(2, 5)]),
        ] {
            let file = file.replace('E', &envelope);
            let found = read_receipts(file.as_bytes());
            let read: Vec<_> = found.receipts.iter().map(|(number, _)| *number).collect();
            assert_eq!((&read[..], &found.others[..], found.is_cut_off), (numbers, others, false), "{file}");
        }
    }
}
