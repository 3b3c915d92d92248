//! Builds one `webrtc` connection with the settings that work against browsers on loopback.
//!
//! Must not negotiate or read events; see `negotiation` and `task`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::ice::mdns::MulticastDnsMode;
use rtc::media::Sample;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, Registry, SettingEngineBuilder,
    register_default_interceptors,
};
use webrtc::rtp_transceiver::RtpSender;

use super::Settings;
use super::outdoors::Outdoors;
use super::weather::Sky;

/// How often ICE checks a pair: the stack's 200 ms would be the whole time to connect on loopback.
const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Silence after which the stack speaks of a lost connection; it gives up later.
const DISCONNECTED: Duration = Duration::from_secs(5);
/// From one check of a working pair to the next; more often where time is short.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Binding requests before a pair is given up; with the interval above, 1.4 s a pair.
const ICE_BINDING_REQUESTS: u16 = 70;
/// What browsers advertise; without it they refuse to send more than 64 KiB in one message.
const MAX_MESSAGE_BYTES: u32 = 262_144;
/// Unacknowledged bytes on one channel before a send waits; the stack's default is without bound.
const SEND_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// The length of one Opus packet that we send.
const FRAME: Duration = Duration::from_millis(20);

/// A connection and the track on which it sends audio.
pub(super) struct Connection {
    pub(super) pc: Arc<dyn PeerConnection>,
    track: Arc<TrackLocalStaticSample>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    pub(super) sky: Arc<Sky>,
}

impl Connection {
    /// Binds a socket and adds the outgoing audio track: without one, the answer to a microphone
    /// would be `recvonly`, and without a stream id the browser's `ontrack` has no stream to play.
    pub(super) async fn build(settings: &Settings, handler: Arc<dyn PeerConnectionEventHandler>) -> Result<Self> {
        let addresses = settings.addresses.iter().map(|address| (*address, 0)).collect();
        let codec = opus(settings.opus_payload_type);
        let sky = Sky::new(settings.weather);
        let disconnected = DISCONNECTED.min(settings.ice_timeout / 2);
        let mut media = MediaEngine::default();
        media.register_codec(codec.clone(), RtpCodecKind::Audio)?;
        let interceptors = register_default_interceptors(Registry::new(), &mut media)?;
        let engine = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(true)
            .with_ice_timeouts(
                Some(disconnected),
                Some(settings.ice_timeout.saturating_sub(disconnected)),
                Some(KEEPALIVE.min(settings.ice_timeout / 4)),
            )
            .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_BINDING_REQUESTS))
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE_BYTES))
            .build();
        let pc: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(media)
                .with_interceptor_registry(interceptors)
                .with_setting_engine(engine)
                .with_runtime(Arc::new(Outdoors(sky.clone())))
                .with_handler(handler)
                .with_udp_addrs(addresses)
                .with_data_channel_send_buffer_limit(SEND_BUFFER_BYTES)
                .build()
                .await?,
        );
        let ssrc = rand::random::<u32>();
        let track = Arc::new(audio_track(settings, ssrc, codec.rtp_codec)?);
        let sender = match pc.add_track(track.clone()).await {
            Ok(sender) => sender,
            Err(error) => {
                // Not owned by a task yet, and dropping it would leak its socket.
                let _ = pc.close().await;
                return Err(error);
            }
        };
        Ok(Self { pc, track, sender, ssrc, sky })
    }

    /// The payload type that the negotiation gave to Opus (Firefox offers 109, Chromium 111).
    pub(super) async fn negotiated_payload_type(&self) -> Result<u8> {
        let parameters = self.sender.get_parameters().await?;
        parameters
            .rtp_parameters
            .codecs
            .iter()
            .find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(MIME_TYPE_OPUS))
            .map(|codec| codec.payload_type)
            .ok_or(Error::CodecNotFound)
    }

    /// Send one packet of 20 ms.
    pub(super) async fn write(&self, payload_type: u8, packet: bytes::Bytes) -> Result<()> {
        let sample = Sample { data: packet, duration: FRAME, ..Sample::new(Instant::now()) };
        self.track.sample_writer(self.ssrc, payload_type).write_sample(&sample).await
    }
}

fn opus(payload_type: u8) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        },
        payload_type,
    }
}

fn audio_track(settings: &Settings, ssrc: u32, codec: RTCRtpCodec) -> Result<TrackLocalStaticSample> {
    TrackLocalStaticSample::new(
        Instant::now(),
        MediaStreamTrack::new(
            settings.stream.clone(),
            format!("{}-audio", settings.stream),
            "audio".to_owned(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
                codec,
                ..Default::default()
            }],
        ),
    )
}
