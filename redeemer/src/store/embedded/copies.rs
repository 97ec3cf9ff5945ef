use async_trait::async_trait;
use farthing_service::backup::{Copies, Extent, Findings, Sink};
use farthing_service::birth::Birth;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::unavailable::Unavailable;

use super::spent_sets;

/// Keys and sets come first: a store on Redis wants to know them before what is under them.
pub const FIRST: &[&str] = &["pinned-keys", "spent-sets"];
/// What follows from publishers and kept answers.
pub const INDEXES: &[&str] = &["publisher-names", "api-keys", "kept-answers-by-end"];

/// The embedded store as a whole.
pub struct EmbeddedCopies(pub EmbeddedStore);

#[async_trait]
impl Copies for EmbeddedCopies {
    async fn copy(&self, extent: Extent, _now: u64, sink: Sink) -> Result<Findings, Unavailable> {
        let without = if extent == Extent::Records { INDEXES } else { &[] };
        // What is left of a closed set is on its way out.
        let closed = self.0.read(spent_sets::closed).await?;
        let skip = move |table: &str, key: &[u8]| {
            table == spent_sets::MARKS_TABLE && key.get(..4).is_some_and(|set| closed.contains(set))
        };
        self.0.export(FIRST, without, skip, sink).await?.end().await?;
        Ok(Findings::new())
    }

    fn walks(&self) -> usize {
        1
    }

    async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable> {
        self.0.replace_birth(birth).await
    }
}
