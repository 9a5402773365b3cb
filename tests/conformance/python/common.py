"""Inputs and checks that both drivers share."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import queue
import tempfile
import threading
import time

import httpx
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

MODEL = "acme/painter/fast"
APP = "acme/painter"
LIVE = "acme/live"
INPUT = {"prompt": "a cat", "seed": 7, "width": 40, "height": 30}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
# A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# The client uploads files over 100 MiB in parts.
LARGE = 101 * 1024 * 1024 + 17


def large():
    """Returns bytes whose parts all differ."""
    block = os.urandom(1 << 20)
    return b"".join(index.to_bytes(4, "big") + block[4:] for index in range(101)) + block[:17]


@contextlib.contextmanager
def large_file():
    """Creates a file that is uploaded in parts; yields its path and bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path, data = os.path.join(folder, "big.bin"), large()
        with open(path, "wb") as file:
            file.write(data)
        yield path, data


def is_output(output):
    assert output["seed"] == 7 and output["prompt"] == "a cat", output
    assert (output["images"][0]["width"], output["images"][0]["height"]) == (40, 30), output


def is_stream(events):
    assert len(events) == 5, f"{len(events)} events"
    is_output(events[-1])
    assert len({event["images"][0]["url"] for event in events}) == 5


def are_states(states):
    """Checks that the states are those of a queued request, in order."""
    names = [type(state).__name__ for state in states]
    order = ["Queued", "InProgress", "Completed"]
    assert names and names[-1] == "Completed", names
    assert names == sorted(names, key=order.index), names
    assert "Queued" in names and "InProgress" in names, names
    positions = [state.position for state in states if type(state).__name__ == "Queued"]
    assert positions == sorted(positions, reverse=True), positions


def are_logs(logs):
    assert [log["message"] for log in logs] == [f"fal-emulator: step {n} of 4" for n in range(1, 5)], logs


class Receiver(http.server.BaseHTTPRequestHandler):
    """Collects the headers and the body of each webhook."""

    def do_POST(self):
        length = int(self.headers["content-length"])
        self.server.received.put((dict(self.headers), self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Hook:
    """A receiver of webhooks that runs inside a `with` block."""

    def __enter__(self):
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
        self.server.received = queue.Queue()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b%20c"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def next(self):
        return self.server.received.get(timeout=20)


def is_announced(delivery, request_id):
    headers, content = delivery
    body = json.loads(content)
    assert (body["request_id"], body["status"]) == (request_id, "OK"), body
    is_output(body["payload"])
    assert headers["x-fal-webhook-request-id"] == request_id
    is_signed(headers, content)


def is_signed(headers, content):
    """Verifies the signature of a webhook as fal's documentation describes."""
    part = {name: headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp", "signature")}
    assert abs(time.time() - int(part["timestamp"])) < 300, part
    digest = hashlib.sha256(content).hexdigest()
    message = "\n".join([part["request-id"], part["user-id"], part["timestamp"], digest]).encode()
    for key in httpx.get("https://rest.fal.ai/.well-known/jwks.json", timeout=60).json()["keys"]:
        public = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        try:
            VerifyKey(public).verify(message, bytes.fromhex(part["signature"]))
        except BadSignatureError:
            continue
        return
    raise AssertionError("no key verifies the signature")
