use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use farthing_service::problem::upstream_broke_off;
use hyper::body::{Body, Incoming};
use tokio::time::Sleep;

use super::connections::InUse;
use crate::redeemer::causes;

/// The site's body on its way to a client.
pub(super) struct AnswerBody {
    incoming: Incoming,
    connection: Option<InUse>,
    size: BodySize,
    idle: Duration,
    /// Runs while a piece is waited for: most answers are there at once, and need none.
    silence: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    /// A body as it comes over a connection, of a size that was told. Between two pieces may pass at most `idle`.
    pub(super) fn new(incoming: Incoming, connection: InUse, size: BodySize, idle: Duration) -> Self {
        let mut body = Self { incoming, connection: Some(connection), size, idle, silence: None };
        if body.incoming.is_end_stream() {
            // Nobody will ask for a piece.
            body.end();
        }
        body
    }

    fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.end();
        }
    }
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        loop {
            match Pin::new(&mut this.incoming).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.silence = None;
                    // Trailers end at the gate.
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                // What was cut off must not look whole: the client's connection is closed.
                Poll::Ready(Some(Err(error))) => {
                    upstream_broke_off(&causes(&error));
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let idle = this.idle;
                    let silence = this.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                    return match silence.as_mut().poll(context) {
                        Poll::Ready(()) => {
                            let cause = "it sends nothing any more";
                            upstream_broke_off(&cause);
                            Poll::Ready(Some(Err(cause.into())))
                        }
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
