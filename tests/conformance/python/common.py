"""What both drivers call with."""

import os
import tempfile

MODEL = "acme/painter/fast"
APP = "acme/painter"
LIVE = "acme/live"
INPUT = {"prompt": "a cat", "seed": 7, "width": 40, "height": 30}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
# Over 100 MiB the client uploads in parts.
LARGE = 101 * 1024 * 1024 + 17


def large():
    """Bytes in which no two parts are alike."""
    block = os.urandom(1 << 20)
    return b"".join(index.to_bytes(4, "big") + block[4:] for index in range(101)) + block[:17]


def large_file():
    file = tempfile.NamedTemporaryFile(suffix=".bin")
    file.write(large())
    file.flush()
    return file


def is_output(output):
    assert output["seed"] == 7 and output["prompt"] == "a cat", output
    assert (output["images"][0]["width"], output["images"][0]["height"]) == (40, 30), output


def is_stream(events):
    assert len(events) == 5, f"{len(events)} events"
    is_output(events[-1])
    assert len({event["images"][0]["url"] for event in events}) == 5


def are_states(states):
    """The order of states that a queued request goes through."""
    names = [type(state).__name__ for state in states]
    order = ["Queued", "InProgress", "Completed"]
    assert names and names[-1] == "Completed", names
    assert names == sorted(names, key=order.index), names
    assert "Queued" in names and "InProgress" in names, names
    positions = [state.position for state in states if type(state).__name__ == "Queued"]
    assert positions == sorted(positions, reverse=True), positions


def are_logs(logs):
    assert [log["message"] for log in logs] == [f"fal-emulator: step {n} of 4" for n in range(1, 5)], logs
