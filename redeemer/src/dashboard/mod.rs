//! What a publisher sees of itself in a browser: its income, what is due, its statements, payouts and API keys.
//!
//! Pages are written by the server and have no script; nothing that a page needs comes from anywhere else.

mod page;
mod plot;
mod session;
mod texts;

pub use page::{NewKey, Notice, Page, RenderError, Shown};
pub use session::{COOKIE, Session, SessionSecret};
