"""Selects operations and prints the outcome of each as a line of JSON."""

import hashlib
import json
import os
import sys
import time
import traceback

import httpx


def plan(operations):
    """Prints the selected operations, so that the runner notices a driver that dies early."""
    print(json.dumps({"plan": [name for name in operations if wants(name)]}), flush=True)


def print_outcome(operation, error=None):
    line = {"operation": operation, "passed": error is None}
    if error is not None:
        line["error"] = error
    print(json.dumps(line), flush=True)
    # The runner inspects the requests of this operation before it lets the next one begin.
    sys.stdin.readline()


def describe(error):
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    place = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in place if frame.filename.endswith(("sync_client.py", "async_client.py"))]
    where = f" (line {own[-1].lineno}: {own[-1].line})" if own else ""
    return (text.splitlines() or [type(error).__name__])[-1][:300] + where


def wants(operation):
    """Returns true for the operations of this part that the arguments name, or for all of it without arguments."""
    is_of_part = operation.startswith(("timeout", "priority")) == (os.environ["CONFORMANCE_PART"] == "timeouts")
    return is_of_part and (len(sys.argv) < 2 or operation in sys.argv[1:])


def download(url):
    return httpx.get(url, timeout=60).raise_for_status().content


def same_bytes(url, data):
    got = download(url)
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), (
        f"{len(data)} bytes were uploaded, {len(got)} other bytes came back"
    )


def is_gone_after(url, seconds):
    """Waits, and checks that the file of a URL has expired by then."""
    time.sleep(seconds)
    status = httpx.get(url, timeout=60).status_code
    assert status == 404, f"an expired file was served with {status}"


def is_picture(output):
    image = output["images"][0]
    assert download(image["url"]).startswith(b"\x89PNG"), image
    return image


def raises(kind, call, **attributes):
    try:
        result = call()
    except kind as error:
        check(error, attributes)
        return error
    raise AssertionError(f"no {kind.__name__}, but {result!r}")


async def raises_async(kind, call, **attributes):
    try:
        result = await call()
    except kind as error:
        check(error, attributes)
        return error
    raise AssertionError(f"no {kind.__name__}, but {result!r}")


def check(error, attributes):
    for name, expected in attributes.items():
        actual = getattr(error, name, None)
        assert actual == expected, f"{name} is {actual!r}, not {expected!r}: {error}"
