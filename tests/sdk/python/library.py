"""The provider's Python library against Viva: only the address differs from what its documentation shows."""

import asyncio
import os

import openai

OFFER, MODEL, SELLS = os.environ["OFFER"], os.environ["MODEL"], os.environ["SELLS"]


def client(key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=key, base_url=os.environ["BASE_URL"], max_retries=0)


def call_id(answer) -> str:
    return answer.response.headers["location"].rsplit("/", 1)[-1]


async def refused(awaitable, kind: type[openai.APIStatusError], **expected) -> None:
    try:
        await awaitable
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        assert error.request_id, "it can be asked about"
        return
    raise AssertionError(f"it was let through instead of {kind.__name__}")


async def main() -> None:
    shop = client(os.environ["ACCESS_KEY"])
    minted = await shop.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 30},
        session={"type": "realtime", "model": MODEL, "instructions": SELLS},
        extra_body={"viva": {"policy": "strict", "title": "By Python"}},
    )
    assert minted.value.startswith("ek_viva_") and minted.session.instructions == SELLS
    await refused(
        shop.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-of-tomorrow"}),
        openai.BadRequestError,
        param="session.model",
    )
    await refused(client("sk-nobody").realtime.calls.create(sdp=OFFER), openai.AuthenticationError)

    visitor = client(minted.value)
    answer = await visitor.realtime.calls.create(sdp=OFFER)
    assert (await answer.aread() if hasattr(answer, "aread") else answer.content).startswith(b"v=0\r\n")
    await refused(visitor.realtime.calls.create(sdp=OFFER), openai.ConflictError)
    await visitor.realtime.calls.hangup(call_id(answer))

    answer = await shop.realtime.calls.create(
        sdp=OFFER, session={"type": "realtime", "model": MODEL, "instructions": SELLS}
    )
    async with shop.realtime.connect(call_id=call_id(answer)) as sideband:
        words = [{"type": "input_text", "text": "Good day."}]
        await sideband.conversation.item.create(item={"type": "message", "role": "user", "content": words})
        await sideband.response.create()
        async for event in sideband:
            if event.type == "response.done":
                assert event.response.status == "completed", event.response.status
                break
        await shop.realtime.calls.hangup(call_id(answer))
        async for _ in sideband:
            pass


asyncio.run(asyncio.wait_for(main(), 50))
