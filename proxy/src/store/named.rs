//! The enums that every store writes by name. Names are stored: none is ever changed.

use crate::identity::{Policy, Role};
use crate::store::audit::{Action, ActorKind};
use crate::store::invitations::Status;
use crate::store::people::TenantKind;
use crate::store::usage::Payer;
use crate::store::{Level, SessionStatus, WebrtcStatus};
use crate::transcript::{HangUp, Kind, Source, Speaker, StageReason, TurnState};
use crate::upstream::facts::Operation;
use crate::usage::budget::{Period, Scope};
use crate::vault::{KeyPolicy, KeyStatus};

/// An enum that is stored by name.
pub(in crate::store) trait Named: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];
    /// Its name.
    fn name(self) -> &'static str;
    /// The value of that name; none when a newer version wrote it.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

macro_rules! named {
    ($($kind:ident { $($value:ident),* })*) => {
        $(impl Named for $kind {
            const ALL: &'static [Self] = &[$(Self::$value),*];
            fn name(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}

named! {
    Level { Entry, Junior, Mid, Senior, Lead, Staff }
    Policy { Open, Locked, Strict }
    Role { Candidate, Member, Interviewer, Admin }
    TenantKind { Personal, Organisation }
    SessionStatus { Scheduled, InProgress, Completed, Cancelled, Failed }
    WebrtcStatus { Pending, Negotiating, Answered, Connected, Disconnected, Failed }
    Kind { Opened, Turn, Revised, Stage, Usage, Incident, Gap, Call, Seal }
    Source { Sideband, Client, Server, Imported }
    Speaker { Candidate, Ai, System }
    StageReason { Start, Completed, Forced, Skipped, Closing, Ended }
    TurnState { Final, Interrupted, Failed, Empty, TimedOut }
    KeyStatus { Unchecked, Valid, Rejected }
    KeyPolicy { Server, Byok, ByokThenServer }
    Status { Pending, Accepted, Declined, Revoked }
    ActorKind { Person, Ticket, Service }
    Operation { Reply, Transcription }
    Payer { Server, KeyOwner }
    Period { Day, Month }
    Scope { Tenant, User }
    Action {
        MemberGranted, MemberRemoved, KeySaved, KeyDeleted, AccessKeyMade, AccessKeyRevoked, InvitationMade,
        InvitationAccepted, InvitationDeclined, InvitationRevoked, SessionChanged, SessionEnded, SessionClaimed, SessionDeleted, SessionImported,
        ImportUndone,
        ConsentWithdrawn, RetentionChanged, TenantChanged, RetentionApplied, PersonErased
    }
}

impl Named for HangUp {
    const ALL: &'static [Self] = &[Self::Confirmed, Self::Unconfirmed];

    fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_name_is_its_values_own<T: Named + std::fmt::Debug + PartialEq>() {
        for value in T::ALL {
            assert_eq!(T::of_name(value.name()), Some(*value));
        }
        assert_eq!(T::of_name("of a newer version"), None);
    }

    #[test]
    fn a_value_comes_back_by_its_name() {
        every_name_is_its_values_own::<Action>();
        every_name_is_its_values_own::<KeyPolicy>();
        every_name_is_its_values_own::<HangUp>();
    }
}
