/// Request header that tells the site whether its reader has paid: `free`, `preview` or `paid`. What a client sends under
/// this name never reaches the site.
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
