use crate::element::element_message;

element_message! {
    /// `blinded_msg[32]`: one element that the client blinded (RFC 9578, section 5.1).
    BlindedMessage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", BlindedMessage::from_bytes([2; 32]).unwrap()), "BlindedMessage(..)");
    }
}
