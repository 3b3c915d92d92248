//! What a sealed key withstands.

use futures_util::FutureExt as _;

use super::*;
use crate::ids::UserId;
use crate::vault::Ring;

const KEY: &str = "sk-planted-0123456789abcdef";

fn ring(newest: u8, before: &[u8]) -> Ring {
    let before: Vec<_> = before.iter().map(|byte| Zeroizing::new([*byte; 32])).collect();
    Ring::new(&Zeroizing::new([newest; 32]), &before).expect("different keys")
}

fn place() -> Place {
    Place {
        tenant: TenantId::fresh(),
        key: KeyId::fresh(),
        owner: Owner::User(UserId::fresh()),
        provider: Provider::OpenAi,
    }
}

fn sealed(keks: &Ring, place: Place) -> Sealed {
    let secret = Secret::new(KEY.to_owned()).expect("a key");
    let entropy = Entropy { dek: Zeroizing::new([7; 32]), nonce: [8; 24], wrap_nonce: [9; 24] };
    seal(keks, place, &secret, entropy).now_or_never().expect("a ring answers at once").expect("sealed")
}

fn opened(keks: &Ring, place: Place, row: &Sealed) -> Result<String, Altered> {
    let secret = open(keks, place, row).now_or_never().expect("a ring answers at once");
    secret.map(|secret| secret.expose().to_owned())
}

#[test]
fn what_was_sealed_opens_in_its_place_and_nowhere_else() {
    let (keks, place) = (ring(1, &[]), place());
    let row = sealed(&keks, place);
    assert_eq!(opened(&keks, place, &row).as_deref(), Ok(KEY));
    assert_eq!(row.last4, "cdef");
    let elsewhere = [
        Place { tenant: TenantId::fresh(), ..place },
        Place { key: KeyId::fresh(), ..place },
        Place { owner: Owner::Tenant, ..place },
        Place { owner: Owner::User(UserId::fresh()), ..place },
    ];
    for other in elsewhere {
        assert_eq!(opened(&keks, other, &row), Err(Altered::Kek(KekError::Altered)), "{other:?}");
    }
}

#[test]
fn a_row_with_any_byte_flipped_does_not_open() {
    let (keks, place) = (ring(1, &[]), place());
    let row = sealed(&keks, place);
    let mut flipped = Vec::new();
    for bit in 0..8_u8 {
        let mask = 1 << bit;
        macro_rules! each_byte {
            ($($field:ident),*) => {$(
                for i in 0..row.$field.len() {
                    let mut other = row.clone();
                    other.$field[i] ^= mask;
                    flipped.push(other);
                }
            )*};
        }
        each_byte!(wrapped_dek, nonce, ciphertext, commitment, fingerprint);
        flipped.push(Sealed { aad_version: row.aad_version ^ mask, ..row.clone() });
        for field in [KekId::as_str(&row.kek_id), row.last4.as_str()] {
            for i in 0..field.len() {
                let mut bytes = field.as_bytes().to_vec();
                bytes[i] ^= mask;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                flipped.push(if field.len() == 4 {
                    Sealed { last4: text, ..row.clone() }
                } else {
                    Sealed { kek_id: KekId::stored(text), ..row.clone() }
                });
            }
        }
    }
    assert!(flipped.len() > 8 * (72 + 24 + KEY.len() + 64), "{}", flipped.len());
    for other in flipped {
        assert!(opened(&keks, place, &other).is_err());
    }
    for cut in 0..row.wrapped_dek.len() {
        assert!(opened(&keks, place, &Sealed { wrapped_dek: row.wrapped_dek[..cut].to_vec(), ..row.clone() }).is_err());
    }
}

#[test]
fn a_key_that_was_lost_is_named() {
    let place = place();
    let row = sealed(&ring(1, &[]), place);
    let error = opened(&ring(2, &[3]), place, &row).expect_err("lost");
    assert_eq!(error, Altered::Kek(KekError::Missing(KekId::of(&[1; 32]))));
    let text = error.to_string();
    assert!(text.contains(KekId::of(&[1; 32]).as_str()) && text.contains("ENCRYPTION_KEY_PREVIOUS"), "{text}");
}

#[test]
fn rewrapping_changes_the_wrapping_and_nothing_else() {
    let place = place();
    let row = sealed(&ring(1, &[]), place);
    let both = ring(2, &[1]);
    let rewrapped = |keks: &Ring, row: &Sealed| rewrap(keks, place, row, [5; 24]).now_or_never().expect("at once");
    let (kek_id, wrapped_dek) = rewrapped(&both, &row).expect("there").expect("something to do");
    let after = Sealed { kek_id, wrapped_dek, ..row.clone() };
    assert_eq!(rewrapped(&both, &after), Ok(None), "once is enough");
    assert_eq!(opened(&ring(2, &[]), place, &after).as_deref(), Ok(KEY), "the old key may go");
    assert_eq!((&after.ciphertext, after.nonce), (&row.ciphertext, row.nonce));
    assert!(opened(&ring(1, &[]), place, &after).is_err());
    // A wrapped key of another row is not carried on.
    let other = Sealed { commitment: [0; 32], ..row };
    assert_eq!(rewrapped(&both, &other), Err(Altered::Row));
}

#[test]
fn a_data_key_that_fits_by_chance_is_refused_by_its_commitment() {
    let (keks, place) = (ring(1, &[]), place());
    let mut row = sealed(&keks, place);
    let another = Entropy { dek: Zeroizing::new([6; 32]), nonce: [8; 24], wrap_nonce: [4; 24] };
    let secret = Secret::new(KEY.to_owned()).expect("a key");
    let other = seal(&keks, place, &secret, another).now_or_never().expect("at once").expect("sealed");
    row.wrapped_dek = other.wrapped_dek;
    row.ciphertext = other.ciphertext;
    row.fingerprint = other.fingerprint;
    assert_eq!(opened(&keks, place, &row), Err(Altered::Row));
}

#[test]
fn nothing_prints_a_key() {
    let (keks, place) = (ring(1, &[]), place());
    let row = sealed(&keks, place);
    let secret = Secret::new(KEY.to_owned()).expect("a key");
    let shown = format!("{secret:?} {row:?} {keks:?} {:?}", opened(&ring(2, &[]), place, &row));
    assert!(!shown.contains("planted") && !shown.contains("cdef") && !shown.contains("0101"), "{shown}");
    assert!(Secret::new("short".to_owned()).is_none() && Secret::new(format!("{KEY} x")).is_none());
    assert!(Secret::new("k".repeat(513)).is_none() && Secret::new("ключ".repeat(8)).is_none());
}

#[test]
fn two_sealings_share_nothing() {
    let (keks, place) = (ring(1, &[]), place());
    let secret = Secret::new(KEY.to_owned()).expect("a key");
    let fresh = || seal(&keks, place, &secret, Entropy::fresh()).now_or_never().expect("at once").expect("sealed");
    let (one, two) = (fresh(), fresh());
    assert!(one.ciphertext != two.ciphertext && one.fingerprint != two.fingerprint && one.commitment != two.commitment);
}
