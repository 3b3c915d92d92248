//! What a browser's data channel is let see. Azure takes `?webrtcfilter=on` with an offer: instructions, the session and
//! everything that a page does not need stay on the sideband.
//! Source: <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/realtime-audio-webrtc>.

/// What goes over the data channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ChannelFilter {
    /// Everything.
    #[default]
    Off,
    /// What Azure's filter leaves.
    On,
}

impl ChannelFilter {
    /// As the query of an offer asks for it; anything but `on` is no filter.
    pub(crate) fn asked(query: Option<&str>) -> Self {
        let is_on = query.unwrap_or_default().split('&').any(|pair| pair == "webrtcfilter=on");
        if is_on { Self::On } else { Self::Off }
    }

    /// Whether an event of this type passes.
    pub(crate) fn passes(self, kind: &str) -> bool {
        match self {
            Self::Off => true,
            Self::On => {
                matches!(
                    kind,
                    "input_audio_buffer.speech_started"
                        | "input_audio_buffer.speech_stopped"
                        | "output_audio_buffer.started"
                        | "output_audio_buffer.stopped"
                        | "conversation.item.input_audio_transcription.completed"
                        | "conversation.item.added"
                        | "conversation.item.created"
                ) || kind.starts_with("response.output_text.")
                    || kind.starts_with("response.output_audio_transcript.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_only_when_it_is_asked_for() {
        for (query, filter) in [
            (None, ChannelFilter::Off),
            (Some("webrtcfilter=on"), ChannelFilter::On),
            (Some("a=b&webrtcfilter=on"), ChannelFilter::On),
            (Some("webrtcfilter=off"), ChannelFilter::Off),
            (Some("xwebrtcfilter=on"), ChannelFilter::Off),
        ] {
            assert_eq!(ChannelFilter::asked(query), filter, "{query:?}");
        }
    }

    #[test]
    fn what_tells_of_the_session_stays_behind() {
        for kind in ["session.created", "session.updated", "error", "response.done", "conversation.item.retrieved"] {
            assert!(!ChannelFilter::On.passes(kind) && ChannelFilter::Off.passes(kind), "{kind}");
        }
        for kind in ["response.output_audio_transcript.delta", "output_audio_buffer.started", "conversation.item.added"]
        {
            assert!(ChannelFilter::On.passes(kind), "{kind}");
        }
    }
}
