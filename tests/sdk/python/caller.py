"""aiortc, which shares no code with the server or its stand-in model: a call with sound both ways."""

import array
import asyncio
import fractions
import json
import math
import os
import urllib.request

import aioice.ice
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

RATE = 48_000
FRAME = RATE // 50
# A machine without any network has this address alone, which aioice would leave out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Voice(MediaStreamTrack):
    """Silence; after `speak` a second and a half of a tone, which is a voice to whoever listens for one."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.left = 0
        self.began = None

    def speak(self) -> None:
        self.left = RATE * 3 // 2

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self.began = self.began or loop.time()
        await asyncio.sleep(max(0.0, self.began + self.sent / RATE - loop.time()))
        wave = array.array("h", bytes(2 * FRAME))
        if self.left > 0:
            for n in range(FRAME):
                moment = (self.sent + n) / RATE
                syllables = (1 + math.sin(2 * math.pi * 4 * moment)) / 2
                wave[n] = int(13_000 * math.sin(2 * math.pi * 220 * moment) * syllables)
            self.left -= FRAME
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.sent, fractions.Fraction(1, RATE)
        self.sent += FRAME
        return frame


async def loudest(track: MediaStreamTrack, heard: asyncio.Event) -> None:
    while True:
        frame = await track.recv()
        samples = array.array("h", bytes(frame.planes[0]))
        if max(map(abs, samples)) > 1_000:
            heard.set()


def post(path: str, body: bytes, kind: str):
    headers = {"Authorization": f"Bearer {os.environ['ACCESS_KEY']}", "Content-Type": kind}
    request = urllib.request.Request(os.environ["BASE_URL"] + path, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers, answer.read().decode()


async def main() -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    voice, heard, told, listening = Voice(), asyncio.Event(), [], []
    peer.addTrack(voice)
    channel = peer.createDataChannel("oai-events")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    channel.on("message", lambda text: told.append(json.loads(text)))
    peer.on("track", lambda track: listening.append(asyncio.ensure_future(loudest(track, heard))))
    await peer.setLocalDescription(await peer.createOffer())

    sdp = peer.localDescription.sdp.encode()
    headers, answer = await asyncio.to_thread(post, "/realtime/calls", sdp, "application/sdp")
    call = headers["Location"].rsplit("/", 1)[-1]
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await opened.wait()

    async def until(kind: str) -> None:
        while not any(event["type"] == kind for event in told):
            await asyncio.sleep(0.02)

    voice.speak()
    await until("input_audio_buffer.speech_started")
    await until("input_audio_buffer.committed")
    await until("response.done")
    await heard.wait()
    await until("conversation.item.input_audio_transcription.completed")
    await asyncio.to_thread(post, f"/realtime/calls/{call}/hangup", b"", "application/json")
    for task in listening:
        task.cancel()
    await peer.close()


asyncio.run(asyncio.wait_for(main(), 50))
