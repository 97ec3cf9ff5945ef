use farthing_protocol::{ChallengeHeader, HeaderError, IssuerName, PrivateTokenChallenge};

use crate::http_message::HttpResponse;
use crate::money::Amount;

/// Tokens of one key that a site takes for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Who issues them.
    pub(crate) issuer_name: IssuerName,
    /// The key, as it is serialized.
    pub(crate) token_key: Vec<u8>,
    /// What the page costs.
    pub(crate) price: Amount,
}

/// What the challenges of an answer ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// What can be understood and paid ahead of time.
    pub(crate) offers: Vec<Offer>,
    /// Why the rest cannot, if there is no offer.
    pub(crate) fault: Option<String>,
}

impl Offers {
    /// Reads the fields `WWW-Authenticate` of an answer. What is asked for otherwise than in tokens bought ahead is passed
    /// over.
    pub(crate) fn of(answer: &HttpResponse) -> Self {
        let mut read = Self::default();
        for value in answer.headers_named(ChallengeHeader::NAME) {
            match ChallengeHeader::decode(value) {
                Ok(header) => header.challenges.iter().for_each(|challenge| match offer(challenge) {
                    Ok(offer) => read.offers.push(offer),
                    Err(fault) => read.fault = Some(fault),
                }),
                // Other schemes alone.
                Err(HeaderError::Scheme) => {}
                Err(error) => read.fault = Some(format!("its challenge does not read: {error}")),
            }
        }
        read
    }

    /// Whether tokens are asked for, understood or not.
    pub(crate) const fn ask_for_tokens(&self) -> bool {
        !self.offers.is_empty() || self.fault.is_some()
    }
}

fn offer(asked: &PrivateTokenChallenge) -> Result<Offer, String> {
    let challenge =
        asked.token_challenge().map_err(|error| format!("its challenge is not for us: {error}"))?;
    if challenge.redemption_context().is_some() || !challenge.origin_info().is_empty() {
        return Err("it asks for tokens made for itself alone, which cannot be bought ahead".to_owned());
    }
    let token_key = asked.token_key.clone().ok_or("its challenge names no key")?;
    let priced = asked.price_micros.filter(|micros| *micros > 0).zip(asked.currency.as_deref());
    let (micros, code) = priced.ok_or("its challenge names no price")?;
    let currency = code.parse().map_err(|error| format!("its price is in {code}: {error}"))?;
    Ok(Offer { issuer_name: challenge.issuer_name().clone(), token_key, price: Amount { micros, currency } })
}

#[cfg(test)]
mod tests {
    use farthing_protocol::{OriginName, TokenChallenge};

    use super::*;
    use crate::fake_services::{ISSUER_NAME, cent, epoch, key};

    fn challenge() -> PrivateTokenChallenge {
        let issuer = IssuerName::new(ISSUER_NAME).unwrap();
        let (price_micros, currency) = (Some(50_000), Some("EUR".to_owned()));
        let plain = PrivateTokenChallenge::new(
            &TokenChallenge::for_purchase(issuer),
            key(1, epoch(3), cent()).facts.public_key(),
        );
        PrivateTokenChallenge { price_micros, currency, ..plain }
    }

    fn read(values: &[String]) -> Offers {
        let headers = values.iter().map(|value| ("www-authenticate".to_owned(), value.clone()));
        Offers::of(&HttpResponse { status: 401, headers: headers.collect(), body: Vec::new() })
    }

    fn header(challenges: Vec<PrivateTokenChallenge>) -> String {
        ChallengeHeader { challenges }.encode()
    }

    #[test]
    fn offers_are_found_in_one_field_or_several_and_between_other_schemes() {
        let both = read(&[header(vec![challenge(), challenge()])]);
        assert_eq!(both.offers.len(), 2);
        assert_eq!(both.offers[0].price.to_string(), "0.05 EUR");
        let apart = read(&[
            "Basic realm=\"x\"".to_owned(),
            "Bearer".to_owned() + ", " + &header(vec![challenge()]),
            header(vec![challenge()]),
        ]);
        assert_eq!((apart.offers, apart.fault), (both.offers, None));
        assert!(!read(&["Basic realm=\"x\"".to_owned()]).ask_for_tokens());
        assert!(!read(&[]).ask_for_tokens());
    }

    #[test]
    fn what_cannot_be_paid_ahead_is_passed_over_and_said() {
        let issuer = || IssuerName::new(ISSUER_NAME).unwrap();
        let bound = TokenChallenge::new(issuer(), Some([7; 32]), Vec::new()).unwrap().encode();
        let here = vec![OriginName::new("news.example").unwrap()];
        let here = TokenChallenge::new(issuer(), None, here).unwrap().encode();
        for (asked, fault) in [
            (PrivateTokenChallenge { challenge: bound, ..challenge() }, "made for itself alone"),
            (PrivateTokenChallenge { challenge: here, ..challenge() }, "made for itself alone"),
            (PrivateTokenChallenge { challenge: vec![0, 2], ..challenge() }, "token_type"),
            (PrivateTokenChallenge { token_key: None, ..challenge() }, "names no key"),
            (PrivateTokenChallenge { price_micros: None, ..challenge() }, "names no price"),
            (PrivateTokenChallenge { price_micros: Some(0), ..challenge() }, "names no price"),
            (PrivateTokenChallenge { currency: None, ..challenge() }, "names no price"),
            (PrivateTokenChallenge { currency: Some("XBT".into()), ..challenge() }, "price is in XBT"),
        ] {
            let alone = read(&[header(vec![asked.clone()])]);
            assert!(alone.offers.is_empty() && alone.ask_for_tokens());
            assert!(alone.fault.unwrap().contains(fault), "{fault}");
            assert_eq!(read(&[header(vec![asked, challenge()])]).offers.len(), 1);
        }
        let broken = read(&["PrivateToken challenge=\"".to_owned()]);
        assert!(broken.fault.unwrap().contains("does not read"));
    }
}
