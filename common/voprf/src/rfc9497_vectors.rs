//! The test vectors of RFC 9497 appendix A.1.2: VOPRF(ristretto255, SHA-512).

use hex_literal::hex;

use super::*;
use crate::{Blind, blind, finalize};

const BLIND: [u8; 32] = hex!("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
const SECOND_BLIND: [u8; 32] = hex!("222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e");

struct Vector {
    inputs: &'static [&'static [u8]],
    blinds: &'static [[u8; 32]],
    blinded: &'static [[u8; 32]],
    evaluated: &'static [[u8; 32]],
    nonce: [u8; 32],
    proof: [u8; 64],
    outputs: &'static [[u8; 64]],
}

const OUTPUT_OF_00: [u8; 64] = hex!(
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
    "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"
);
const OUTPUT_OF_5A: [u8; 64] = hex!(
    "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
    "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"
);

const VECTORS: &[Vector] = &[
    Vector {
        inputs: &[&hex!("00")],
        blinds: &[BLIND],
        blinded: &[hex!("863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945")],
        evaluated: &[hex!("aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e")],
        nonce: SECOND_BLIND,
        proof: hex!(
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
            "6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d"
        ),
        outputs: &[OUTPUT_OF_00],
    },
    Vector {
        inputs: &[&[0x5a; 17]],
        blinds: &[BLIND],
        blinded: &[hex!("cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c")],
        evaluated: &[hex!("60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468")],
        nonce: SECOND_BLIND,
        proof: hex!(
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
            "67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02"
        ),
        outputs: &[OUTPUT_OF_5A],
    },
    Vector {
        inputs: &[&hex!("00"), &[0x5a; 17]],
        blinds: &[BLIND, SECOND_BLIND],
        blinded: &[
            hex!("863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"),
            hex!("90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"),
        ],
        evaluated: &[
            hex!("aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"),
            hex!("cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"),
        ],
        nonce: hex!("419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c"),
        proof: hex!(
            "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a"
            "5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08"
        ),
        outputs: &[OUTPUT_OF_00, OUTPUT_OF_5A],
    },
];

#[test]
fn the_vectors_of_the_rfc_are_met() {
    let key = SecretKey::derive(&[0xa3; 32], b"test key").unwrap();
    assert_eq!(*key.to_bytes(), hex!("e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909"));
    let public = key.public_key();
    assert_eq!(public.to_bytes(), hex!("c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"));

    for vector in VECTORS {
        let blinds: Vec<_> = vector.blinds.iter().map(|bytes| Blind::from_bytes(bytes).unwrap()).collect();
        let blinded = blind(vector.inputs, &blinds).unwrap();
        assert_eq!(blinded, vector.blinded);
        let nonce = Zeroizing::new(Scalar::from_canonical_bytes(vector.nonce).unwrap());
        let evaluation = key.evaluate_with_nonce(&blinded, |_, _| nonce).unwrap();
        assert_eq!(evaluation.elements, vector.evaluated);
        assert_eq!(evaluation.proof, vector.proof);
        let outputs =
            finalize(public, vector.inputs, &blinds, &blinded, &evaluation.elements, &evaluation.proof)
                .unwrap();
        assert_eq!(outputs, vector.outputs);
        assert_eq!(key.evaluate(vector.inputs).unwrap(), vector.outputs);
    }
}
