use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use crate::health::Readiness;

/// Asks for ever, `period` apart, whether the service could do its work, and publishes the answer.
pub async fn watch_readiness(readiness: Arc<dyn Readiness>, period: Duration, metrics: Arc<Metrics>) {
    let ready = Gauge::<i64>::default();
    ready.set(readiness.ready().await.is_ok().into());
    metrics.register(|registry| {
        let help = "1 when the service could do its work, as /readyz has it";
        registry.register("farthing_ready", help, ready.clone());
    });
    loop {
        tokio::time::sleep(period).await;
        ready.set(readiness.ready().await.is_ok().into());
    }
}
