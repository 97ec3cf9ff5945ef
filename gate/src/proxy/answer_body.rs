use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, Sleep};

/// The site's body on its way to a client.
pub(super) struct AnswerBody {
    incoming: Incoming,
    size: BodySize,
    idle: Duration,
    silence: Pin<Box<Sleep>>,
}

impl AnswerBody {
    /// A body as it comes, of a size that was told. Between two pieces may pass at most `idle`.
    pub(super) fn new(incoming: Incoming, size: BodySize, idle: Duration) -> Self {
        Self { incoming, size, idle, silence: Box::pin(tokio::time::sleep(idle)) }
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
                    this.silence.as_mut().reset(Instant::now() + this.idle);
                    // Trailers end at the gate.
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                // What was cut off must not look whole: the client's connection is closed.
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    return match this.silence.as_mut().as_mut().poll(context) {
                        Poll::Ready(()) => Poll::Ready(Some(Err("the site sends nothing any more".into()))),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
