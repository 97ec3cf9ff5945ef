use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::http::Version;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, rt};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::outbound::{Body, BodyError};

/// Pieces of a body that may wait: whoever sends faster than the site reads is slowed down.
const WAITING: usize = 4;

/// Whether a client has left its body unfinished, so that nobody blames the site.
#[derive(Clone, Default)]
pub(super) struct Unfinished(Arc<AtomicBool>);

impl Unfinished {
    /// Whether it has.
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A client's body on its way to the site.
struct RequestBody {
    pieces: mpsc::Receiver<Result<Bytes, BodyError>>,
    length: Option<u64>,
}

/// The body of `request` as it comes. Between two pieces may pass at most `idle`.
pub(super) fn of(
    request: &HttpRequest,
    mut payload: Payload,
    idle: Duration,
    unfinished: &Unfinished,
) -> Body {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Over HTTP/2 nothing says beforehand whether a body follows; to a GET it means nothing.
    let is_http_2 = request.version() >= Version::HTTP_2;
    let streams = headers.contains_key(TRANSFER_ENCODING) || (is_http_2 && !request.method().is_safe());
    if length == Some(0) || (length.is_none() && !streams) {
        return Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    // A payload stays on its thread; the connection to the site may be served by another.
    let (sender, pieces) = mpsc::channel(WAITING);
    let unfinished = unfinished.clone();
    rt::spawn(async move {
        loop {
            let piece: Option<Result<Bytes, BodyError>> =
                match tokio::time::timeout(idle, payload.next()).await {
                    Ok(Some(Ok(bytes))) => Some(Ok(bytes)),
                    // A body that is not whole must not look as if it were: the site's connection is closed.
                    Ok(Some(Err(error))) => Some(Err(error.to_string().into())),
                    Ok(None) => None,
                    Err(_) => Some(Err("the client sends nothing any more".into())),
                };
            let Some(piece) = piece else { return };
            let failed = piece.is_err();
            if failed {
                unfinished.0.store(true, Ordering::Relaxed);
            }
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    RequestBody { pieces, length }.boxed_unsync()
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = ready!(self.pieces.poll_recv(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
