use crate::element::element_message;

element_message! {
    /// `evaluated_msg[32]`: a blinded element times the secret key (RFC 9578, section 5.2).
    EvaluatedMessage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", EvaluatedMessage::from_bytes([2; 32]).unwrap()), "EvaluatedMessage(..)");
    }
}
