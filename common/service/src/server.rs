//! The listeners of a service: how they start, what every answer has in common, and how they stop.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustix::net::sockopt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer;
use crate::body::BodyTimeout;
use crate::metrics::{self, Metrics};
use crate::openapi::Api;
use crate::problem;
use crate::request_head;
use crate::timeouts::Timeouts;
use crate::tls::Certificates;
use crate::traces::Traces;

/// Work that goes on beside the listeners, such as an admin socket or reading the keyring. It is dropped when the
/// listeners have stopped; if it panics, the service stops.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// What [`Server::bind`] needs to know.
pub struct ServeOptions {
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `GET /metrics` is served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// What is served there.
    pub metrics: Arc<Metrics>,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// How many clients may be connected at a time; others wait until one goes.
    pub connections: u32,
    /// The certificate of `listen`; without one it speaks plain HTTP.
    pub tls: Option<Arc<Certificates>>,
    /// Where traces of requests to `listen` are collected, if anywhere.
    pub traces: Option<Arc<Traces>>,
    /// What goes on beside the listeners.
    pub tasks: Vec<Task>,
}

/// Listeners that are bound, and serve once [`run`](Self::run).
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    service: actix_web::dev::Server,
    metrics: Option<actix_web::dev::Server>,
    tasks: Vec<Task>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Binds the listeners; `listen` serves `api`. Error answers of actix-web itself become problem documents.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub fn bind(options: ServeOptions, api: Api) -> Result<Self, ServeError> {
        let ServeOptions { listen, metrics_listen, metrics, timeouts, connections, tls, traces, mut tasks } =
            options;
        if let Some(certificates) = &tls {
            tasks.push(Box::pin(Arc::clone(certificates).watch()));
        }
        if let Some(traces) = &traces {
            tasks.push(Box::pin(Arc::clone(traces).send_hourly()));
        }
        let (stop, stopped) = watch::channel(false);
        let requests = web::Data::from(metrics.requests());
        let traces = traces.map(web::Data::from);
        let configure = api.configure();
        let configure = move |routes: &mut web::ServiceConfig| {
            if let Some(traces) = &traces {
                routes.app_data(traces.clone());
            }
            routes.app_data(requests.clone()).configure(&configure);
        };
        let threads = Threads { workers: available_parallelism().map_or(1, NonZero::get), connections };
        let (address, service) =
            listener("listen", listen, tls, threads, timeouts, stopped.clone(), configure)?;
        let metrics = match metrics_listen {
            Some(listen) => {
                let metrics = web::Data::from(metrics);
                let configure = move |routes: &mut web::ServiceConfig| {
                    routes.app_data(metrics.clone()).configure(metrics::configure);
                };
                Some(listener(
                    "metrics_listen",
                    listen,
                    None,
                    Threads::METRICS,
                    timeouts,
                    stopped,
                    configure,
                )?)
            }
            None => None,
        };
        let (metrics_address, metrics) = metrics.unzip();
        Ok(Self { address, metrics_address, service, metrics, tasks, stop })
    }

    /// Where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Serves until `until` is ready, then finishes the requests in flight. Logs one line `listening` with the
    /// bound addresses, and one line `stopped`.
    ///
    /// # Errors
    /// When a listener fails, or a task panicked.
    pub async fn run(self, until: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { address, metrics_address, service, metrics, tasks, stop } = self;
        let mut running = JoinSet::new();
        for task in tasks {
            running.spawn(task);
        }
        let mut service = tokio::spawn(service);
        let metrics = metrics.map(tokio::spawn);
        tracing::info!(addr = %address, metrics = metrics_address.map(tracing::field::display), "listening");

        let mut until = std::pin::pin!(until);
        let mut panicked = false;
        let served = loop {
            tokio::select! {
                served = &mut service => break served,
                () = &mut until, if !*stop.borrow() => { stop.send_replace(true); }
                Some(ended) = running.join_next() => if ended.is_err_and(|error| error.is_panic()) {
                    panicked = true;
                    stop.send_replace(true);
                },
            }
        };
        stop.send_replace(true);
        let scraped = match metrics {
            Some(metrics) => metrics.await,
            None => Ok(Ok(())),
        };
        running.shutdown().await;
        tracing::info!(addr = %address, "stopped");
        for ended in [served, scraped] {
            ended.map_err(io::Error::other).flatten().map_err(ServeError::Failed)?;
        }
        if panicked { Err(ServeError::Panicked) } else { Ok(()) }
    }
}

/// Binds and serves until the process is told to stop by SIGTERM or SIGINT; requests in flight are finished.
///
/// # Errors
/// When an address cannot be bound, a listener fails, or a task panicked.
pub async fn serve(options: ServeOptions, api: Api) -> Result<(), ServeError> {
    let until = told_to_stop()?;
    Server::bind(options, api)?.run(until).await
}

/// Is ready once the process is told to stop by SIGTERM or SIGINT.
///
/// # Errors
/// The system takes no handler.
pub fn told_to_stop() -> Result<impl Future<Output = ()> + Send, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What a listener works with.
#[derive(Clone, Copy)]
struct Threads {
    workers: usize,
    connections: u32,
}

impl Threads {
    /// For the operator's monitoring alone.
    const METRICS: Self = Self { workers: 1, connections: 64 };

    /// How many connections a worker keeps.
    fn connections_each(self) -> usize {
        usize::try_from(self.connections).unwrap_or(usize::MAX).div_ceil(self.workers)
    }
}

/// Binds one listener; it stops once `stopped` holds true.
fn listener(
    key: &'static str,
    listen: SocketAddr,
    tls: Option<Arc<Certificates>>,
    threads: Threads,
    timeouts: Timeouts,
    mut stopped: watch::Receiver<bool>,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<(SocketAddr, actix_web::dev::Server), ServeError> {
    let body_timeout = BodyTimeout(timeouts.request_body_seconds.duration());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(body_timeout)
            .wrap(from_fn(request_head::bound))
            .wrap(from_fn(answer::finish))
            .wrap(from_fn(metrics::measure))
            .configure(problem::configure)
            .configure(configure.clone())
    })
    .workers(threads.workers)
    .max_connections(threads.connections_each())
    .keep_alive(timeouts.keep_alive_seconds.duration())
    .client_request_timeout(timeouts.request_head_seconds.duration())
    .shutdown_timeout(timeouts.shutdown_seconds.duration().as_secs())
    .shutdown_signal(async move {
        // The sender is gone only when nobody runs the server any more.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
    let tls = tls.map(|certificates| certificates.server_config()).transpose();
    let tls = tls.map_err(|error| ServeError::Failed(io::Error::other(error)))?;
    let handshake = timeouts.request_head_seconds.duration();
    let bound = bind(listen, timeouts.unread_seconds.duration()).and_then(|socket| match tls {
        Some(config) => server.tls_handshake_timeout(handshake).listen_rustls_0_23(socket, config),
        None => server.listen(socket),
    });
    let server = bound.map_err(|cause| ServeError::Bind { key, address: listen, cause })?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((address, server.run()))
}

/// Binds a socket whose connections end when a client has taken nothing of what was sent for so long, or has vanished. Nothing
/// else would notice: a client that never reads its answer is neither idle nor slow with its request. Of HTTP/2 this sees the
/// connection alone, and not a stream whose window stays closed.
fn bind(listen: SocketAddr, unread: Duration) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(listen)?;
    // Connections inherit these.
    #[cfg(target_os = "linux")]
    {
        sockopt::set_tcp_user_timeout(&socket, u32::try_from(unread.as_millis()).unwrap_or(u32::MAX))?;
        sockopt::set_tcp_keepidle(&socket, unread)?;
    }
    sockopt::set_socket_keepalive(&socket, true)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Why a service cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("{key}: {address} cannot be bound: {cause}; stop what listens there, or configure another")]
    Bind {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// A listener or signal handler failed.
    #[error("the listeners failed: {0}")]
    Failed(io::Error),
    /// Something beside the listeners panicked.
    #[error("a task of the service panicked, which is a defect; the log has the place")]
    Panicked,
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
