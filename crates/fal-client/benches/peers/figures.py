"""What both Python clients measure with: the server, the inputs, and the names of figures."""

import json
import sys
import time

import fal_client.client

URL = sys.argv[1]
SCALE = float(sys.argv[2])
MODEL = "acme/app/edit"
AT_ONCE = 64
CALLS = round(1000 * SCALE)
ROUNDS = max(1, round(8 * SCALE))
CALL = {"prompt": "a cat reading a map", "takes": 0, "bytes": 0}
JOB = {**CALL, "takes": 200}

# The package has no setting for hosts without TLS.
fal_client.client.RUN_URL_FORMAT = f"{URL}/run/"
fal_client.client.QUEUE_URL_FORMAT = f"{URL}/queue/"


def now():
    return time.perf_counter()


def report(sequential, concurrent, subscribes):
    """Prints the rates in calls a second, and the times of subscribes from seconds to milliseconds."""
    times = sorted(seconds * 1000 for seconds in subscribes)
    at = lambda share: times[round((len(times) - 1) * share)]
    figures = {
        "client: run, one after the other": sequential,
        "client: run, 64 at once": concurrent,
        "client: 64 subscribes to jobs of 200 ms, p50": at(0.5),
        "client: 64 subscribes to jobs of 200 ms, p99": at(0.99),
    }
    print(json.dumps(figures))
