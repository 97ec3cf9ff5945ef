use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// What the site says over a WebSocket.
pub(super) struct FromSite(mpsc::Receiver<Bytes>);

/// Passes bytes both ways from now on, until one side ends. What they mean is between the reader and the site.
///
/// A reader whose side has ended may still listen, or be gone: the site is heard until it has been silent for `idle`.
pub(super) fn connect(site: OnUpgrade, mut client: Payload, idle: Duration) -> FromSite {
    let (sender, receiver) = mpsc::channel(4);
    rt::spawn(async move {
        let Ok(upgraded) = site.await else { return };
        let (mut from_site, mut to_site) = tokio::io::split(TokioIo::new(upgraded));
        let upward = async {
            while let Some(Ok(bytes)) = client.next().await {
                if to_site.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            let _ = to_site.shutdown().await;
        };
        tokio::select! {
            () = upward => hear(&mut from_site, &sender, idle).await,
            () = hear(&mut from_site, &sender, Duration::MAX) => {}
        }
    });
    FromSite(receiver)
}

/// Passes on what the site says, until it ends, is silent for `idle`, or nobody listens. Nothing is lost when this is dropped.
async fn hear(site: &mut (impl AsyncRead + Unpin), reader: &mpsc::Sender<Bytes>, idle: Duration) {
    let mut piece = vec![0; PIECE];
    while let Ok(place) = reader.reserve().await {
        let said = tokio::select! {
            said = tokio::time::timeout(idle, site.read(&mut piece)) => said,
            () = reader.closed() => return,
        };
        let Ok(Ok(length @ 1..)) = said else { return };
        place.send(Bytes::copy_from_slice(piece.get(..length).unwrap_or_default()));
    }
}

impl MessageBody for FromSite {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
