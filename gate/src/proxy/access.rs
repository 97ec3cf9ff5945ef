/// [`farthing_api::ACCESS_HEADER`] as header maps have it. What a client sends under this name never reaches the site.
pub(crate) const ACCESS_HEADER: &str = "farthing-access";

/// Why a request is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The page costs nothing.
    Free,
    /// Nobody has paid, and the site shows what it likes.
    Preview,
    /// The page was paid for.
    Paid,
}

impl Access {
    /// The value of [`ACCESS_HEADER`].
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Preview => "preview",
            Self::Paid => "paid",
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_names_are_one() {
        assert_eq!(super::ACCESS_HEADER, farthing_api::ACCESS_HEADER.to_ascii_lowercase());
    }
}
