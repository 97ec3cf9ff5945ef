use farthing_service::unavailable::Unavailable;

use super::export::{payouts, redemptions, statements};
use super::{Cell, Days, Export, Table};
use crate::publishers::{Publisher, PublisherId, PublisherName};
use crate::store::Stores;

/// Who each row is about.
const OWNER: &[&str] = &["publisher", "name"];

/// A publisher's table.
///
/// # Errors
/// The store does not answer, or has amounts beyond 64 bits.
pub async fn of_publisher(
    export: Export,
    days: &Days,
    publisher: PublisherId,
    stores: &Stores,
) -> Result<Table, Unavailable> {
    let table = match export {
        Export::Redemptions => redemptions(&stores.ledger.entries(publisher).await?.credits, days),
        Export::Statements => statements(&stores.statements.statements(publisher).await?, days),
        Export::Payouts => payouts(&stores.payouts.payouts(publisher).await?, days),
    };
    table.map_err(Unavailable::because)
}

/// The tables of several publishers in one, for the operator. Who was erased has no name.
///
/// # Errors
/// As [`of_publisher`].
pub async fn of_publishers(
    export: Export,
    days: &Days,
    publishers: &[Publisher],
    stores: &Stores,
) -> Result<Table, Unavailable> {
    let mut table = Table::new(&[OWNER, export.columns()].concat());
    for publisher in publishers {
        let name = publisher.name().map(PublisherName::as_str).map_or(Cell::None, Cell::text);
        let first = [Cell::text(publisher.id), name];
        table.append(&first, of_publisher(export, days, publisher.id, stores).await?);
    }
    Ok(table)
}
