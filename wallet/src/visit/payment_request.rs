use farthing_api::{PAID_PATH_HEADER, PAY_PATH};
use farthing_protocol::{RedemptionHeader, Token};
use zeroize::Zeroizing;

use super::step::VisitError;
use crate::http_message::HttpRequest;
use crate::page_payment::PagePayment;
use crate::wallet_state::WalletState;

/// Whether a payment has more tokens than a header carries.
pub(super) fn is_posted(state: &WalletState, number: u64) -> bool {
    state.tokens_of_payment(number).len() > RedemptionHeader::MAX_TOKENS
}

/// The request that shows the tokens of a payment: for its page itself, or to where the site takes larger payments. No pass
/// goes along: with one the tokens would not be looked at.
pub(super) fn payment_request(state: &WalletState, number: u64) -> Result<HttpRequest, VisitError> {
    let page = state.page_payment(number).and_then(PagePayment::page).ok_or(VisitError::NoPayment(number))?;
    let unreadable = |reason: String| VisitError::Tokens { number, reason };
    let tokens = state.tokens_of_payment(number);
    if is_posted(state, number) {
        let mut body = Zeroizing::new(Vec::with_capacity(tokens.len() * Token::LENGTH));
        for token in tokens {
            body.extend_from_slice(token.as_bytes());
        }
        let request = HttpRequest::post(page.origin().at(PAY_PATH), "application/octet-stream", body);
        let request = request.with_header("Origin", page.origin().origin());
        return Ok(request.with_header(PAID_PATH_HEADER, page.path_and_query()));
    }
    let tokens = tokens.iter().map(|token| Token::decode(token.as_bytes())).collect::<Result<Vec<_>, _>>();
    let tokens = tokens.map_err(|error| unreadable(error.to_string()))?;
    let header = RedemptionHeader::new(tokens).map_err(|error| unreadable(error.to_string()))?;
    let request = HttpRequest::get(page.to_string(), "*/*");
    Ok(request.with_header(RedemptionHeader::NAME, header.encode()))
}
