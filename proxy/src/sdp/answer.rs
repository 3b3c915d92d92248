//! The rules of an answer: it must fit its offer and leave a call that works. It must not be stricter than that, since
//! compatible servers differ.

use super::description::{Description, Direction, require};
use super::{OfferFacts, Rule};

/// Judges the upstream's answer to an accepted offer.
///
/// # Errors
/// The first rule that the answer breaks.
pub fn check_answer(offer: &OfferFacts, bytes: &[u8]) -> Result<(), Rule> {
    let answer = Description::read(bytes)?;
    // RFC 3264 §6: the same number of m-lines in the same order; one may be rejected by port 0.
    let mut kinds = [None; 2];
    for (place, media) in kinds.iter_mut().zip(answer.media()) {
        *place = Some(media.kind);
    }
    require(kinds == offer.sections, Rule::MediaKind)?;
    let audio = answer.audio().filter(|audio| !audio.is_rejected()).ok_or(Rule::MediaAudio)?;
    require(audio.scope.opus, Rule::Opus)?;
    let direction = audio.scope.direction.or(answer.session.direction);
    require(direction != Some(Direction::Inactive), Rule::Direction)?;
    require(answer.transport_has(|scope| scope.ice_ufrag), Rule::IceUfrag)?;
    require(answer.transport_has(|scope| scope.ice_pwd), Rule::IcePwd)?;
    require(answer.transport_has(|scope| scope.fingerprint), Rule::Fingerprint)?;
    // RFC 8842 §5.3: an answer decides.
    require(answer.setups().next().is_some(), Rule::Setup)?;
    require(answer.setups().all(|setup| matches!(setup, "active" | "passive")), Rule::Setup)
}
