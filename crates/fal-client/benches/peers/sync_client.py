"""Measures the synchronous fal-client, with a thread for each concurrent call."""

from concurrent.futures import ThreadPoolExecutor

from figures import AT_ONCE, CALL, CALLS, JOB, MODEL, ROUNDS, now, report

import fal_client

client = fal_client.SyncClient(key="id:secret")


def run(_):
    assert client.run(MODEL, CALL)["seed"] == 42


def subscribe(_):
    start = now()
    assert client.subscribe(MODEL, JOB)["seed"] == 42
    return now() - start


def rate(run_all):
    start = now()
    run_all()
    return CALLS / (now() - start)


with ThreadPoolExecutor(AT_ONCE) as threads:
    # The first round makes the connections.
    list(threads.map(subscribe, range(AT_ONCE)))
    sequential = rate(lambda: [run(n) for n in range(CALLS)])
    concurrent = rate(lambda: list(threads.map(run, range(CALLS))))
    subscribes = [time for _ in range(ROUNDS) for time in threads.map(subscribe, range(AT_ONCE))]
report(sequential, concurrent, subscribes)
