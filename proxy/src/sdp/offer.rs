//! The rules of an offer, judged on what [`Description`] read. It must not
//! refuse anything that a current browser sends.

use super::Rule;
use super::description::{Description, Direction, Kind, require};

/// What has to be remembered of an accepted offer to judge its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferFacts {
    /// Kinds of the sections in order.
    pub(super) sections: [Option<Kind>; 2],
}

impl OfferFacts {
    /// Whether the caller brings a data channel; without one only the sideband carries events.
    #[must_use]
    pub fn has_data_channel(&self) -> bool {
        self.sections.contains(&Some(Kind::Application))
    }
}

/// Judges an offer. The bytes stay with the caller, to be forwarded as they are.
///
/// # Errors
/// The first rule that the offer breaks.
pub fn check_offer(bytes: &[u8]) -> Result<OfferFacts, Rule> {
    let offer = Description::read(bytes)?;
    let audio = offer.audio().filter(|audio| !audio.is_rejected()).ok_or(Rule::MediaAudio)?;
    require(audio.scope.opus, Rule::Opus)?;
    // Absent means sendrecv (RFC 8866 §6.7).
    let direction = audio.scope.direction.or(offer.session.direction).unwrap_or(Direction::SendRecv);
    require(matches!(direction, Direction::SendRecv | Direction::SendOnly), Rule::Direction)?;
    grouping(&offer)?;
    require(audio.scope.rtcp_mux, Rule::RtcpMux)?;
    require(offer.transport_has(|scope| scope.ice_ufrag), Rule::IceUfrag)?;
    require(offer.transport_has(|scope| scope.ice_pwd), Rule::IcePwd)?;
    require(offer.transport_has(|scope| scope.fingerprint), Rule::Fingerprint)?;
    // RFC 8842 §5.2: an offer says actpass; active is what some native stacks say, and it can be answered.
    require(offer.setups().next().is_some(), Rule::Setup)?;
    require(offer.setups().all(|setup| matches!(setup, "actpass" | "active")), Rule::Setup)?;
    let mut sections = [None; 2];
    for (place, media) in sections.iter_mut().zip(offer.media()) {
        *place = Some(media.kind);
    }
    Ok(OfferFacts { sections })
}

/// RFC 9143 §7.2: all sections in one group, each by its own mid. A group that names an unknown mid is accepted by
/// some stacks, which then drop a section in silence; it is refused here. One section needs no group.
fn grouping(offer: &Description<'_>) -> Result<(), Rule> {
    let Some(tags) = offer.bundle else {
        return require(offer.media().count() == 1, Rule::Bundle);
    };
    let mut mids = [None; 2];
    for (place, media) in mids.iter_mut().zip(offer.media()) {
        *place = Some(media.scope.mid.ok_or(Rule::Mid)?);
    }
    require(mids[0] != mids[1], Rule::Mid)?;
    let named = mids.iter().flatten().all(|mid| tags.split(' ').any(|tag| tag == *mid));
    let known = tags.split(' ').all(|tag| mids.contains(&Some(tag)));
    require(named && known, Rule::Bundle)
}
