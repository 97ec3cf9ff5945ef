//! Issuance: a paid order is spent on one token request, and that request may be repeated.

use std::sync::Arc;

use farthing_api::{Base64Url, OrderState, ProblemKind};
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Day, DecodeError, DecodeReason,
    EvaluatedMessage, EvaluatedProof, TokenKeyId, TokenRequest, TokenResponse, TruncatedTokenKeyId,
};
use farthing_service::keyring::{KeyStatus, Keyring, KeyringEntry};
use farthing_service::problem::ProblemResponse;
use farthing_voprf::{BatchError, BlindEvaluation};
use sha2::{Digest, Sha256};

use crate::orders::{Binding, Claim, Order, Step};
use crate::service::Issuer;
use crate::store::{Along, Replaced};

/// Seconds after the end of a key's issuing during which a request that was on its way is still bound.
const GRACE_SECONDS: u64 = 3_600;
/// How often an order that changed under our hands is read again before we give up.
const TRIES: u32 = 8;

/// The forms of a token request, told apart by their media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One token.
    Single,
    /// An amortized batch.
    Batch,
}

impl Form {
    /// The media types of requests.
    pub const MEDIA_TYPES: [&'static str; 2] =
        [TokenRequest::MEDIA_TYPE, AmortizedBatchTokenRequest::MEDIA_TYPE];

    /// The form of a media type.
    pub fn of_media_type(media_type: &str) -> Self {
        if media_type == TokenRequest::MEDIA_TYPE { Self::Single } else { Self::Batch }
    }

    /// The media type of the answer.
    pub const fn answer_media_type(self) -> &'static str {
        match self {
            Self::Single => TokenResponse::MEDIA_TYPE,
            Self::Batch => AmortizedBatchTokenResponse::MEDIA_TYPE,
        }
    }

    /// The member that holds element `index`.
    fn field(self, index: usize) -> String {
        match self {
            Self::Single => "blinded_msg".to_owned(),
            Self::Batch => format!("blinded_msgs[{index}]"),
        }
    }
}

/// A token request as it was received.
pub struct Received {
    form: Form,
    truncated: TruncatedTokenKeyId,
    named: Option<TokenKeyId>,
    elements: Vec<[u8; 32]>,
    digest: [u8; 32],
}

impl Received {
    /// Decodes a body; `named` is the full key id of the header, if it was sent.
    ///
    /// # Errors
    /// 422, naming the member that was wrong.
    pub fn decode(form: Form, body: &[u8], named: Option<TokenKeyId>) -> Result<Self, ProblemResponse> {
        let (truncated, elements) = match form {
            Form::Single => {
                let request = TokenRequest::decode(body).map_err(malformed)?;
                (request.truncated_token_key_id, vec![request.blinded_msg.to_bytes()])
            }
            Form::Batch => {
                let request = AmortizedBatchTokenRequest::decode(body).map_err(malformed)?;
                (request.truncated_token_key_id(), request.elements())
            }
        };
        Ok(Self { form, truncated, named, elements, digest: Sha256::digest(body).into() })
    }
}

fn malformed(error: DecodeError) -> ProblemResponse {
    let kind = match error.reason {
        DecodeReason::TokenType { .. } => ProblemKind::TokenType,
        reason if reason.is_element() => ProblemKind::InvalidElement,
        _ => ProblemKind::Malformed,
    };
    ProblemResponse::new(kind, error.to_string()).in_field(error.field)
}

/// What is to be done with a request, given where its order stands.
enum Decision {
    /// Evaluate it again under the key that it is bound to.
    Repeat(TokenKeyId),
    /// Bind it to this key.
    Bind(TokenKeyId),
}

impl Issuer {
    /// Spends the order that `claim` owns on `request`, or answers a repetition; the body of the answer.
    ///
    /// The request is checked and evaluated first, bound durably then, and answered last: whatever dies in between,
    /// the same request gets the same evaluated elements.
    ///
    /// `is_counted` says that the order was seen to be issued, and a repetition was taken from its budget.
    ///
    /// # Errors
    /// A problem. The order is bound only if it says so.
    pub async fn issue(
        &self,
        claim: Claim,
        request: Received,
        is_counted: bool,
    ) -> Result<Vec<u8>, ProblemResponse> {
        let request = Arc::new(request);
        for _ in 0..TRIES {
            let order = self.owned_order(claim).await?;
            let now = self.environment.now();
            let keyring = self.keyring.current();
            let decision = decide(&order, &request, &keyring, now)?;
            if let Decision::Repeat(_) = decision
                && !is_counted
            {
                self.limits.take_repetition(claim, now)?;
            }
            let (Decision::Repeat(id) | Decision::Bind(id)) = decision;
            let evaluation = self.evaluate(keyring, id, Arc::clone(&request)).await?;
            if let Decision::Bind(_) = decision
                && !self.bind(&order, &request, id, Day::from_unix(now)).await?
            {
                continue;
            }
            return encode(request.form, &evaluation);
        }
        Err(ProblemResponse::unavailable(&"an order kept changing"))
    }

    /// The order that a claim owns.
    ///
    /// # Errors
    /// 401 when it owns none.
    pub async fn owned_order(&self, claim: Claim) -> Result<Order, ProblemResponse> {
        self.stores.orders.by_claim(claim).await?.ok_or_else(|| {
            ProblemResponse::new(
                ProblemKind::ClaimUnknown,
                "make an order with this claim first: POST /v1/orders",
            )
        })
    }

    async fn evaluate(
        &self,
        keyring: Arc<Keyring>,
        id: TokenKeyId,
        request: Arc<Received>,
    ) -> Result<BlindEvaluation, ProblemResponse> {
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).map_err(|error| ProblemResponse::internal(&error))?;
        let form = request.form;
        let evaluate = move || {
            let secret = keyring.get(&id).and_then(KeyringEntry::secret)?;
            Some(secret.evaluate_blinded(&request.elements, &entropy))
        };
        match self.arithmetic.run(evaluate).await? {
            Some(Ok(evaluation)) => Ok(evaluation),
            Some(Err(BatchError::InvalidElement { index })) => {
                let detail = "this is not a group element; blind the input again";
                Err(ProblemResponse::new(ProblemKind::InvalidElement, detail).in_field(form.field(index)))
            }
            Some(Err(error)) => Err(ProblemResponse::internal(&error)),
            None => Err(key_ended("its key ended a moment ago")),
        }
    }

    /// Whether the order is now bound to the request; if not, it has changed and must be looked at again.
    async fn bind(
        &self,
        order: &Order,
        request: &Received,
        id: TokenKeyId,
        today: Day,
    ) -> Result<bool, ProblemResponse> {
        let binding = Binding { request_digest: Base64Url(request.digest), token_key_id: id };
        let Ok(bound) = order.advance(Step::Issue(binding), today) else { return Ok(false) };
        self.environment.step("issuance.bind.before");
        let along = Along::CountIssued { key: id, day: today };
        let replaced = self.stores.orders.replace(order, &bound, along).await?;
        self.environment.step("issuance.bind.after");
        Ok(replaced == Replaced::Done)
    }
}

fn decide(
    order: &Order,
    request: &Received,
    keyring: &Keyring,
    now: u64,
) -> Result<Decision, ProblemResponse> {
    if let Some(binding) = order.binding() {
        if binding.request_digest.0 != request.digest {
            let detail = "send the token request that the order was spent on; GET /v1/order shows its digest";
            return Err(ProblemResponse::new(ProblemKind::OrderUsed, detail));
        }
        let key = keyring.get(&binding.token_key_id);
        return match key.map(|key| key.status(now)) {
            Some(KeyStatus::Revoked) => {
                Err(key_ended("its key was revoked; ask the operator about the loss"))
            }
            Some(status) if status.redeems() => Ok(Decision::Repeat(binding.token_key_id)),
            _ => Err(key_ended("tokens of its key are no longer taken anywhere")),
        };
    }
    match order.state(Day::from_unix(now)) {
        OrderState::Paid => {}
        OrderState::Expired => {
            let detail = "the order expired unpaid; make a new one";
            return Err(ProblemResponse::new(ProblemKind::OrderUnpaid, detail));
        }
        _ => return Err(ProblemResponse::new(ProblemKind::OrderUnpaid, "pay the order first")),
    }
    let key = keyring.named(request.truncated, now).ok_or_else(|| {
        ProblemResponse::new(ProblemKind::KeyUnknown, "read the issuer directory again and use a key of it")
            .in_field("truncated_token_key_id")
    })?;
    let id = key.facts().token_key_id();
    if request.named.is_some_and(|named| named != id) {
        let detail = "the truncated id in the body and the id in this header are of two keys; use one of the directory's";
        return Err(ProblemResponse::new(ProblemKind::KeyMismatch, detail)
            .in_field(farthing_api::TOKEN_KEY_ID_HEADER));
    }
    check_key(order, request, key, now)?;
    Ok(Decision::Bind(id))
}

/// Whether an order may be spent on a request under a key for the first time.
fn check_key(order: &Order, request: &Received, key: &KeyringEntry, now: u64) -> Result<(), ProblemResponse> {
    let facts = key.facts();
    let ordered = &order.pack;
    if facts.denomination() != ordered.denomination {
        let detail = format!(
            "the order is for tokens of {}, the key issues {}; use the key of the order's denomination",
            ordered.denomination,
            facts.denomination()
        );
        return Err(
            ProblemResponse::new(ProblemKind::WrongDenomination, detail).in_field("truncated_token_key_id")
        );
    }
    let issues = match key.status(now) {
        KeyStatus::Issuing => true,
        KeyStatus::RedeemOnly => now < facts.epoch().issue_until().start() + GRACE_SECONDS,
        KeyStatus::Future | KeyStatus::Ended | KeyStatus::Revoked => false,
    };
    if !issues {
        let detail =
            "build the request anew under the key that the issuer directory lists first for the denomination";
        return Err(
            ProblemResponse::new(ProblemKind::KeyNotIssuing, detail).in_field("truncated_token_key_id")
        );
    }
    let (expected, found) = (ordered.count as usize, request.elements.len());
    if expected != found {
        let field = if request.form == Form::Single { "blinded_msg" } else { "blinded_msgs" };
        let detail =
            format!("the pack has {expected} tokens, the request {found} elements; send one for each token");
        return Err(ProblemResponse::new(ProblemKind::ElementCount, detail).in_field(field));
    }
    Ok(())
}

fn key_ended(detail: &str) -> ProblemResponse {
    ProblemResponse::new(ProblemKind::KeyEnded, format!("the order cannot be issued any more: {detail}"))
}

fn encode(form: Form, evaluation: &BlindEvaluation) -> Result<Vec<u8>, ProblemResponse> {
    let encoded = match (form, evaluation.elements.as_slice()) {
        (Form::Single, [element]) => EvaluatedMessage::from_bytes(*element).map(|evaluated_msg| {
            let evaluated_proof = EvaluatedProof::from_bytes(evaluation.proof);
            TokenResponse { evaluated_msg, evaluated_proof }.encode()
        }),
        (_, elements) => AmortizedBatchTokenResponse::from_elements(elements, evaluation.proof)
            .map(|response| response.encode()),
    };
    encoded.map_err(|error| ProblemResponse::internal(&error))
}
