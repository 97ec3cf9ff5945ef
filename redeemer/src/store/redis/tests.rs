use std::sync::Arc;
use std::time::Duration;

use ::redis::Commands;
use async_trait::async_trait;
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::redis::test_server::TestServer;
use farthing_service::redis::{Durability, RedisStore};

use crate::store::conformance::{Fixture, conformance};
use crate::test_tokens::NOW;

struct OnRedis {
    server: TestServer,
    store: Arc<RedisStore>,
}

#[async_trait]
impl Fixture for OnRedis {
    type Store = RedisStore;

    async fn fresh() -> Self {
        let server = TestServer::start().unwrap();
        let (address, timeout) = (server.address(), Duration::from_secs(30));
        let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap();
        RedisStore::create(&address, &birth, Durability::EachWrite, timeout).await.unwrap();
        let environment = Environment::production();
        let opened =
            RedisStore::open(address, ServiceKind::Redeemer, Durability::EachWrite, timeout, environment);
        let store = Arc::new(opened.await.unwrap());
        Self { server, store }
    }

    fn store(&self) -> Arc<RedisStore> {
        Arc::clone(&self.store)
    }

    async fn raise_versions(&self) {
        let mut server = self.server.connection().unwrap();
        let names: Vec<Vec<u8>> = server.keys("*").unwrap();
        let mut raised = 0;
        for name in names.iter().filter(|name| !name.ends_with(b":birth")) {
            let kind: String = ::redis::cmd("TYPE").arg(name).query(&mut server).unwrap();
            if kind != "hash" {
                continue;
            }
            let fields: Vec<(Vec<u8>, Vec<u8>)> = server.hgetall(name).unwrap();
            for (field, mut value) in fields {
                let is_version = field == b"version";
                let is_record = field == b"record" || name.ends_with(b":publishers");
                if is_version {
                    value = b"2".to_vec();
                } else if is_record {
                    value[0] += 1;
                } else {
                    continue;
                }
                raised += 1;
                server.hset::<_, _, _, ()>(name, field, value).unwrap();
            }
        }
        assert!(raised >= 5);
    }

    async fn lose_birth(&self) {
        let mut server = self.server.connection().unwrap();
        let names: Vec<Vec<u8>> = server.keys("*:birth").unwrap();
        server.del::<_, ()>(names).unwrap();
    }
}

conformance!(OnRedis);
