"""Measures the asynchronous fal-client."""

import asyncio

from figures import AT_ONCE, CALL, CALLS, JOB, MODEL, ROUNDS, now, report

import fal_client

client = fal_client.AsyncClient(key="id:secret")


async def run():
    assert (await client.run(MODEL, CALL))["seed"] == 42


async def runs(count):
    for _ in range(count):
        await run()


async def subscribe():
    start = now()
    assert (await client.subscribe(MODEL, JOB))["seed"] == 42
    return now() - start


async def rate(callers):
    start = now()
    each = CALLS // callers
    await asyncio.gather(*(runs(each) for _ in range(callers)))
    return each * callers / (now() - start)


async def main():
    # The first round makes the connections.
    await asyncio.gather(*(subscribe() for _ in range(AT_ONCE)))
    sequential = await rate(1)
    concurrent = await rate(AT_ONCE)
    subscribes = []
    for _ in range(ROUNDS):
        subscribes += await asyncio.gather(*(subscribe() for _ in range(AT_ONCE)))
    report(sequential, concurrent, subscribes)


asyncio.run(main())
