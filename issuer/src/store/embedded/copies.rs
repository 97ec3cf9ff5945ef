use async_trait::async_trait;
use farthing_service::backup::{Copies, Extent, Findings, Sink};
use farthing_service::birth::Birth;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::unavailable::Unavailable;

/// Keys come first: a store on Redis wants to know them before what is under them.
pub const FIRST: &[&str] = &["pinned-keys"];
/// What follows from orders.
const INDEXES: &[&str] = &["order-ids", "pending-orders", "pending-order-counts"];

/// The embedded store as a whole.
pub struct EmbeddedCopies(pub EmbeddedStore);

#[async_trait]
impl Copies for EmbeddedCopies {
    async fn copy(&self, extent: Extent, _now: u64, sink: Sink) -> Result<Findings, Unavailable> {
        let without = if extent == Extent::Records { INDEXES } else { &[] };
        self.0.export(FIRST, without, |_, _| false, sink).await?.end().await?;
        Ok(Findings::new())
    }

    fn walks(&self) -> usize {
        1
    }

    async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable> {
        self.0.replace_birth(birth).await
    }
}
