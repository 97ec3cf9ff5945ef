use farthing_service::language::Language;
use serde::Deserialize;

use super::Colour;

/// What WCAG 2.2 asks of text (level AA).
const ENOUGH: f64 = 4.5;

/// The table `page`: in whose name readers are asked to pay. Every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageConfig {
    /// What the publisher is called; the site's host unless said otherwise.
    pub(super) name: Option<String>,
    /// In which languages, the first for readers who understand none of them.
    pub(super) languages: Vec<Language>,
    /// Colour of the page.
    pub(super) background: Colour,
    /// Colour of its text.
    pub(super) text: Colour,
    /// Colour of what can be done: links, buttons.
    pub(super) accent: Colour,
}

impl Default for PageConfig {
    fn default() -> Self {
        Self {
            name: None,
            languages: vec![Language::English, Language::German],
            background: Colour::WHITE,
            text: Colour::of(0x1a, 0x1a, 0x1a),
            accent: Colour::of(0x0b, 0x4f, 0xb3),
        }
    }
}

impl PageConfig {
    /// What is wrong with it: a key, and how to mend it.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let pale = |what: &str, ratio: f64| {
            format!(
                "{what} cannot be read on page.background: their contrast is {ratio:.1} and must be {ENOUGH} to 1; choose a darker or a brighter one"
            )
        };
        let (text, accent) = (self.text.contrast(self.background), self.accent.contrast(self.background));
        let has_form = |name: &String| {
            !name.trim().is_empty() && name.chars().count() <= 100 && !name.contains(char::is_control)
        };
        if !self.name.as_ref().is_none_or(has_form) {
            Some(("page.name", "write the site's name, in 1 to 100 characters".to_owned()))
        } else if self.languages.is_empty() {
            Some(("page.languages", "name one language at least, such as [\"en\"]".to_owned()))
        } else if text < ENOUGH {
            Some(("page.text", pale("text of this colour", text)))
        } else if accent < ENOUGH {
            Some(("page.accent", pale("what has this colour", accent)))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Option<&'static str> {
        serde_json::from_str::<PageConfig>(json).unwrap().fault().map(|(key, _)| key)
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (json, key) in [
            ("{}", None),
            (r##"{"name": "Daily", "languages": ["de"], "accent": "#7a0019"}"##, None),
            (r#"{"name": " "}"#, Some("page.name")),
            (r#"{"languages": []}"#, Some("page.languages")),
            (r##"{"text": "#999999"}"##, Some("page.text")),
            (r##"{"background": "#0b4fb3"}"##, Some("page.text")),
            (r##"{"accent": "#ffcc00"}"##, Some("page.accent")),
            (r##"{"background": "#101010", "text": "#f0f0f0", "accent": "#ffcc00"}"##, None),
        ] {
            assert_eq!(fault(json), key, "{json}");
        }
        assert!(serde_json::from_str::<PageConfig>(r#"{"languages": ["tlh"]}"#).is_err());
    }
}
