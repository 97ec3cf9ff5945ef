//! What serde says about a wrong document, reduced to where and why, without the wrong value.

/// Where a document is wrong, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The member, such as `pack[0].count`; `None` for the document itself.
    pub(crate) member: Option<String>,
    /// What is wrong there, in one line. Names may be quoted from the document, values never are: they may be
    /// secrets in the wrong place.
    pub(crate) reason: String,
    /// Whether the member is one that is not there.
    pub(crate) missing: bool,
}

/// Names longer than this are cut when quoted.
const QUOTED: usize = 200;

impl Fault {
    /// Reads serde's `message`, which appeared at `path`.
    pub(crate) fn new(path: &serde_path_to_error::Path, message: &str) -> Self {
        let path = path.to_string();
        // serde_path_to_error writes `.` for the root, and `?` where it lost its way.
        let path = if path == "." || path == "?" { String::new() } else { path };
        let name = |prefix: &str| message.strip_prefix(prefix)?.split_once('`').map(|(name, _)| name);
        let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        // The path of a name that was read ends in it already.
        let read =
            |name: &str| if path.rsplit('.').next() == Some(name) { path.clone() } else { within(name) };

        let missing = name("missing field `");
        let (member, reason) = if let Some(name) = missing {
            (within(name), "it is missing; add it".to_owned())
        } else if let Some(name) = name("unknown field `") {
            let known = expected(message).map_or(String::new(), |expected| format!(" or write {expected}"));
            (read(name), format!("there is no such member; remove it{known}"))
        } else if let Some(name) = name("duplicate field `") {
            (read(name), "it stands here twice; remove one".to_owned())
        } else {
            let quotes_a_value = ["invalid type: ", "invalid value: ", "unknown variant "];
            let reason = match expected(message) {
                Some(expected) if quotes_a_value.iter().any(|prefix| message.starts_with(prefix)) => {
                    format!("it must be {expected}")
                }
                _ => cut(message),
            };
            (path.clone(), reason)
        };
        let member = (!member.is_empty()).then(|| cut(&member));
        Self { member, reason, missing: missing.is_some() }
    }
}

/// What serde expected: the end of its message, after the value that the message may quote.
fn expected(message: &str) -> Option<String> {
    message.rsplit_once(", expected ").map(|(_, expected)| cut(expected))
}

/// `text` on one line and of bounded length.
fn cut(text: &str) -> String {
    text.split(char::is_control)
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(QUOTED)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read through Debug")]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read through Debug")]
    struct Inner {
        count: u32,
    }

    fn fault(json: &str) -> (Option<String>, String) {
        let error =
            serde_path_to_error::deserialize::<_, Outer>(&mut serde_json::Deserializer::from_str(json))
                .unwrap_err();
        let fault = Fault::new(error.path(), &error.inner().to_string());
        (fault.member, fault.reason.split(" at line").next().unwrap().to_owned())
    }

    #[test]
    fn a_fault_names_the_member_and_hides_the_value() {
        for (json, member, reason) in [
            ("{}", Some("inner"), "it is missing; add it"),
            (r#"{"inner":[{}]}"#, Some("inner[0].count"), "it is missing; add it"),
            (r#"{"inner":[{"count":"hunter2"}]}"#, Some("inner[0].count"), "it must be u32"),
            (
                r#"{"inner":[{"count":1,"coutn":1}]}"#,
                Some("inner[0].coutn"),
                "there is no such member; remove it or write `count`",
            ),
            (r#"{"inner":[],"inner":[]}"#, Some("inner"), "it stands here twice; remove one"),
            ("3", None, "it must be struct Outer"),
        ] {
            assert_eq!(fault(json), (member.map(str::to_owned), reason.to_owned()), "{json}");
        }
    }

    #[test]
    fn quoted_names_stay_on_one_line_and_are_cut() {
        let (member, reason) = fault(&format!(r#"{{"in\nner{}":[]}}"#, "x".repeat(1000)));
        assert!(member.unwrap().len() <= QUOTED && !reason.contains('\n'));
    }
}
