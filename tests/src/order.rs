use anyhow::{Context, ensure};
use data_encoding::BASE64URL_NOPAD;
use farthing_api::TOKEN_KEY_ID_HEADER;
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Authenticator, DirectoryKey, IssuerDirectory,
    IssuerName, Nonce, Token, TokenChallenge, TokenInput, TokenKeyId,
};
use farthing_voprf::{Blind, blind, finalize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::http::{self, Answer};

/// An order made without the wallet, byte by byte, so that each byte can be wrong.
#[derive(Debug)]
pub struct Order {
    issuer: String,
    secret: [u8; 32],
    /// Its id.
    pub id: String,
    inputs: Vec<TokenInput>,
    blinds: Vec<Blind>,
}

impl Order {
    /// Makes an order for a pack.
    ///
    /// # Errors
    /// The issuer refused.
    pub fn make(issuer: &str, pack: &str) -> anyhow::Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let claim = BASE64URL_NOPAD.encode(&Sha256::digest(secret));
        let body = json!({"pack": pack, "method": "voucher", "claim": claim});
        let answer = http::post_json(&format!("{issuer}/v1/orders"), &[], &body)?;
        ensure!(answer.status == 201, "{} {}", answer.status, answer.json());
        let id = answer.json()["id"].as_str().context("no id")?.to_owned();
        Ok(Self::known(issuer, &id, secret))
    }

    /// An order made earlier, by what its owner kept of it.
    pub fn known(issuer: &str, id: &str, secret: [u8; 32]) -> Self {
        let (issuer, id) = (issuer.to_owned(), id.to_owned());
        Self { issuer, secret, id, inputs: Vec::new(), blinds: Vec::new() }
    }

    /// The same order at another issuer's address.
    pub fn ask_at(&mut self, issuer: &str) {
        issuer.clone_into(&mut self.issuer);
    }

    /// The claim secret.
    pub const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Makes an order and pays it.
    ///
    /// # Errors
    /// The issuer refused.
    pub fn paid(issuer: &str, pack: &str, voucher: &str) -> anyhow::Result<Self> {
        let order = Self::make(issuer, pack)?;
        let answer = order.pay(voucher)?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.json());
        Ok(order)
    }

    /// Pays with a code.
    ///
    /// # Errors
    /// There was no answer.
    pub fn pay(&self, code: &str) -> anyhow::Result<Answer> {
        http::post_json(
            &format!("{}/v1/orders/{}/voucher", self.issuer, self.id),
            &[],
            &json!({"code": code}),
        )
    }

    /// The value of its owner's header `Authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", BASE64URL_NOPAD.encode(&self.secret))
    }

    /// The order's state, as its owner sees it.
    ///
    /// # Errors
    /// There was no answer.
    pub fn state(&self) -> anyhow::Result<String> {
        let answer = http::get(&format!("{}/v1/order", self.issuer), &[("Authorization", &self.bearer())])?;
        Ok(answer.json()["state"].as_str().unwrap_or_default().to_owned())
    }

    /// A batch request for `count` fresh tokens under a key.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn request(&mut self, key: &DirectoryKey, count: usize) -> anyhow::Result<Vec<u8>> {
        let digest = TokenChallenge::for_purchase(IssuerName::new("issuer.localhost")?).digest();
        let id = key.token_key_id();
        self.inputs.clear();
        self.blinds.clear();
        for _ in 0..count {
            let (mut nonce, mut wide) = ([0; 32], [0; 64]);
            getrandom::fill(&mut nonce)?;
            getrandom::fill(&mut wide)?;
            self.inputs.push(TokenInput::new(Nonce::from_bytes(nonce), digest, id));
            self.blinds.push(Blind::from_uniform_bytes(&wide)?);
        }
        let blinded = blind(&self.inputs, &self.blinds)?;
        Ok(AmortizedBatchTokenRequest::from_elements(id.truncated(), &blinded)?.encode())
    }

    /// Sends a body as a batch request.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send(&self, body: &[u8]) -> anyhow::Result<Answer> {
        self.send_as(AmortizedBatchTokenRequest::MEDIA_TYPE, None, body)
    }

    /// Sends a body as any media type, with or without the header of the full key id.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send_as(&self, media_type: &str, key: Option<TokenKeyId>, body: &[u8]) -> anyhow::Result<Answer> {
        let (bearer, key) = (self.bearer(), key.map(|key| key.to_string()));
        let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", media_type)];
        if let Some(key) = &key {
            headers.push((TOKEN_KEY_ID_HEADER, key));
        }
        http::post(&format!("{}/token-request", self.issuer), &headers, body.to_vec())
    }

    /// The tokens in the answer to the last [`Self::request`], as base64url; checks the proof.
    ///
    /// # Errors
    /// The answer is no response, or its proof does not hold.
    pub fn tokens(&self, key: &DirectoryKey, request: &[u8], answer: &Answer) -> anyhow::Result<Vec<String>> {
        let request = AmortizedBatchTokenRequest::decode(request)?;
        let response = AmortizedBatchTokenResponse::decode(&answer.body)?;
        let outputs = finalize(
            &key.public_key()?,
            &self.inputs,
            &self.blinds,
            &request.elements(),
            &response.elements(),
            response.evaluated_proof().as_bytes(),
        )?;
        let tokens = self.inputs.iter().zip(outputs).map(|(input, output)| {
            let token: Token = input.clone().into_token(Authenticator::from_bytes(output));
            token.to_base64url().as_str().to_owned()
        });
        Ok(tokens.collect())
    }
}

/// The issuer's directory.
///
/// # Errors
/// It cannot be had.
pub fn directory(issuer: &str) -> anyhow::Result<IssuerDirectory> {
    let answer = http::get(&format!("{issuer}{}", IssuerDirectory::PATH), &[])?;
    Ok(IssuerDirectory::decode(&answer.body)?)
}

/// The first key of the directory that has this value.
///
/// # Errors
/// There is none.
pub fn key_of(issuer: &str, value_micros: u64) -> anyhow::Result<DirectoryKey> {
    let keys = directory(issuer)?.token_keys;
    keys.into_iter().find(|key| key.value_micros == Some(value_micros)).context("no key of this value")
}
