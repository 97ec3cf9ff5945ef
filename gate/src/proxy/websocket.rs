use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// What the site says over a WebSocket.
pub(super) struct FromSite(mpsc::Receiver<Bytes>);

/// Passes bytes both ways from now on, until one side ends. What they mean is between the reader and the site.
pub(super) fn connect(site: OnUpgrade, mut client: Payload) -> FromSite {
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
            // A reader who says no more may still listen.
            let _ = to_site.shutdown().await;
        };
        let downward = async {
            let mut piece = vec![0; PIECE];
            while let Ok(length @ 1..) = from_site.read(&mut piece).await {
                let bytes = Bytes::copy_from_slice(piece.get(..length).unwrap_or_default());
                if sender.send(bytes).await.is_err() {
                    return;
                }
            }
        };
        let mut upward = std::pin::pin!(upward);
        let mut downward = std::pin::pin!(downward);
        tokio::select! {
            () = &mut upward => downward.await,
            () = &mut downward => {}
        }
    });
    FromSite(receiver)
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
