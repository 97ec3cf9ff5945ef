use farthing_api::{Base64Url, NewOrder, OrderState, OrderView, VoucherPayment};
use farthing_protocol::IssuerDirectory;
use privacypass::TokenType;
use privacypass::auth::authenticate::TokenChallenge;
use privacypass::common::private::{PublicKey, deserialize_public_key};
use privacypass::private_tokens::Ristretto255;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use ureq::Body;
use ureq::http::Response;

use crate::service::ISSUER_NAME;
use crate::services::{Pack, Services};

/// Somebody with a paid order at the issuer.
pub(crate) struct Customer<'a> {
    services: &'a Services,
    directory: IssuerDirectory,
    /// The Authorization header that shows whose the order is.
    bearer: String,
}

impl<'a> Customer<'a> {
    /// Orders a pack and pays with a voucher.
    pub(crate) fn with_paid_order(services: &'a Services, pack: Pack) -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).unwrap();
        let bearer = format!("Bearer {}", Base64Url(secret).encode());

        let order = NewOrder {
            pack: pack.id.to_owned(),
            method: "voucher".to_owned(),
            claim: Base64Url(Sha256::digest(secret).into()),
        };
        let response = services.agent.post(services.issuer_url("/v1/orders")).send_json(&order).unwrap();
        let order: OrderView = json(response, 201);
        assert_eq!((order.state, order.count), (OrderState::Pending, pack.count));

        let payment = VoucherPayment { code: services.voucher(pack) };
        let response = services
            .agent
            .post(services.issuer_url(&format!("/v1/orders/{}/voucher", order.id)))
            .header("Authorization", &bearer)
            .send_json(&payment)
            .unwrap();
        let order: OrderView = json(response, 200);
        assert_eq!(order.state, OrderState::Paid);

        let mut response = services.agent.get(services.issuer_url(IssuerDirectory::PATH)).call().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.body().mime_type(), Some(IssuerDirectory::MEDIA_TYPE));
        let directory = IssuerDirectory::decode(&response.body_mut().read_to_vec().unwrap()).unwrap();
        Self { services, directory, bearer }
    }

    /// The key that the directory lists first, which is the one to buy under.
    pub(crate) fn public_key(&self) -> PublicKey<Ristretto255> {
        deserialize_public_key::<Ristretto255>(&self.directory.token_keys[0].token_key).unwrap()
    }

    /// Sends a token request for the order, to where the directory says.
    pub(crate) fn request_tokens(&self, media_type: &str, answer_type: &str, body: &[u8]) -> Vec<u8> {
        let address = &self.directory.issuer_request_uri;
        let url =
            if address.starts_with('/') { self.services.issuer_url(address) } else { address.to_owned() };
        let mut response = self
            .services
            .agent
            .post(url)
            .header("Authorization", &self.bearer)
            .content_type(media_type)
            .send(body)
            .unwrap();
        let status = response.status();
        let answer = response.body_mut().read_to_vec().unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        assert_eq!(response.body().mime_type(), Some(answer_type));
        answer
    }
}

/// What every token that is bought ahead of its use answers to.
pub(crate) fn challenge() -> TokenChallenge {
    TokenChallenge::new(TokenType::PrivateRistretto255, ISSUER_NAME, None, &[])
}

fn json<T: DeserializeOwned>(mut response: Response<Body>, expected: u16) -> T {
    let status = response.status();
    let body = response.body_mut().read_to_string().unwrap();
    assert_eq!(status, expected, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body}: {error}"))
}
