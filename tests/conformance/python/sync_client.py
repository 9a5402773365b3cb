"""Runs every operation with the synchronous fal-client."""

import os
import tempfile

import report
from common import APP, INPUT, LIVE, MODEL, PNG, UNKNOWN, Hook
from common import are_logs, are_states, is_announced, is_output, is_stream, large, large_file
from report import download, is_gone_after, is_picture, raises, same_bytes

import fal_client
from fal_client import FalClientHTTPError

OPERATIONS = {}


def operation(name):
    def register(function):
        OPERATIONS[name] = function
        return function

    return register


def client(key="conformance:key"):
    return fal_client.SyncClient(key=key)


@operation("run")
def run():
    output = client().run(MODEL, INPUT)
    is_output(output)
    is_picture(output)


@operation("run: start timeout")
def run_start_timeout():
    is_output(client().run(MODEL, INPUT, start_timeout=30, timeout=20))


@operation("run: hint, headers")
def run_hint():
    is_output(client().run(MODEL, INPUT, hint="warm", headers={"X-Custom": "1"}))


@operation("run: a file")
def run_file():
    url = client().upload(PNG, "image/png")
    is_output(client().run(MODEL, {**INPUT, "image_url": url}))


@operation("submit")
def submit():
    options = {"hint": "warm", "priority": "low", "start_timeout": 45, "headers": {"X-Custom": "1"}}
    handle = client().submit(MODEL, INPUT, **options)
    assert handle.request_id and f"/{APP}/requests/" in handle.status_url
    is_output(handle.get())


@operation("submit: by id later")
def by_id():
    c = client()
    request_id = c.submit(MODEL, INPUT).request_id
    handle = c.get_handle(MODEL, request_id)
    is_output(handle.get())
    is_output(c.result(MODEL, request_id))


@operation("submit: webhook")
def submit_webhook():
    with Hook() as hook:
        handle = client().submit(MODEL, INPUT, webhook_url=hook.url)
        is_announced(hook.next(), handle.request_id)


@operation("status")
def status():
    c = client()
    handle = c.submit(MODEL, INPUT)
    assert isinstance(handle.status(), (fal_client.Queued, fal_client.InProgress))
    handle.get()
    done = c.status(MODEL, handle.request_id, with_logs=True)
    assert isinstance(done, fal_client.Completed) and done.metrics["inference_time"] > 0
    assert done.error is None
    are_logs(done.logs)
    assert handle.status().logs is None
    raises(FalClientHTTPError, lambda: c.status(MODEL, UNKNOWN), status_code=404)


@operation("iter_events")
def iter_events():
    events = list(client().submit(MODEL, INPUT).iter_events(with_logs=True, interval=0.01))
    are_states(events)
    are_logs(events[-1].logs)


@operation("result")
def result():
    c = client()
    handle = c.submit(MODEL, INPUT)
    is_output(c.result(MODEL, handle.request_id))
    raises(FalClientHTTPError, lambda: c.result(MODEL, UNKNOWN), status_code=404)


@operation("cancel")
def cancel():
    c = client()
    handle = c.submit(MODEL, INPUT)
    handle.cancel()
    raises(FalClientHTTPError, handle.cancel, status_code=400)
    raises(FalClientHTTPError, handle.get, status_code=499, error_type="client_cancelled")
    raises(FalClientHTTPError, lambda: c.cancel(MODEL, UNKNOWN), status_code=404)


@operation("subscribe")
def subscribe():
    is_output(client().subscribe(MODEL, INPUT))


@operation("subscribe: logs")
def subscribe_logs():
    ids, states = [], []
    output = client().subscribe(
        MODEL, INPUT, with_logs=True, on_enqueue=ids.append, on_queue_update=states.append, interval=0.01
    )
    is_output(output)
    assert len(ids) == 1
    are_states(states)
    are_logs(states[-1].logs)


@operation("stream")
def stream():
    events = list(client().stream(MODEL, INPUT))
    is_stream(events)
    for event in events:
        is_picture(event)


@operation("stream: refused input")
def stream_refused():
    raises(FalClientHTTPError, lambda: list(client().stream(MODEL, {})), status_code=422)


@operation("realtime")
def realtime():
    with client().realtime(LIVE) as connection:
        for n in range(5):
            connection.send({"prompt": "hi", "n": n})
            frame = connection.recv()
            assert (frame["prompt"], frame["n"]) == ("hi", n), frame
            assert frame["image"].startswith(b"\x89PNG")


@operation("realtime: key, buffering")
def realtime_key():
    with client().realtime(LIVE, use_jwt=False, max_buffering=5) as connection:
        connection.send({"prompt": "hi", "n": 1})
        assert connection.recv()["n"] == 1


@operation("realtime: refused input")
def realtime_refused():
    def call():
        with client().realtime(LIVE) as connection:
            connection.send({"prompt": 3})
            return connection.recv()

    raises(fal_client.client.RealtimeError, call, error="INTERNAL_ERROR")


@operation("upload")
def upload():
    url = client().upload(b"\x89PNG-data", "image/png", "cat.png")
    assert url.endswith("/cat.png")
    same_bytes(url, b"\x89PNG-data")


@operation("upload: without a name")
def upload_nameless():
    same_bytes(client().upload("text", "text/plain"), b"text")


@operation("upload: by the REST service")
def upload_rest():
    same_bytes(client().upload(b"x", "text/plain", "n.txt", repository="fal"), b"x")


@operation("upload: file")
def upload_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "notes.txt")
        with open(path, "wb") as file:
            file.write(b"what was noted")
        same_bytes(client().upload_file(path), b"what was noted")


@operation("upload: name that is not ASCII")
def upload_name():
    same_bytes(client().upload(b"x", "text/plain", "größe.txt"), b"x")


@operation("upload: lifecycle")
def upload_lifecycle():
    settings = fal_client.StorageSettings(expires_in="1h", initial_acl=fal_client.StorageACL(default="hide"))
    url = client().upload(b"x", "text/plain", "n.txt", lifecycle=settings)
    try:
        download(url)
    except Exception as error:
        assert "404" in str(error), error
    else:
        raise AssertionError("a hidden file was served")
    short = fal_client.StorageSettings(expires_in=1)
    url = client().upload(b"x", "text/plain", "n.txt", lifecycle=short)
    same_bytes(url, b"x")
    is_gone_after(url, 1.2)


@operation("upload: multipart")
def upload_multipart():
    data = large()
    same_bytes(client().upload(data, "application/octet-stream", "big.bin"), data)


@operation("upload: multipart file")
def upload_multipart_file():
    with large_file() as (path, data):
        same_bytes(client().upload_file(path), data)


@operation("error: validation")
def error_validation():
    error = raises(FalClientHTTPError, lambda: client().run(MODEL, {"prompt": "", "width": 0}), status_code=422)
    assert error.response.json()["detail"][0]["type"] == "greater_than_equal"
    assert error.response_headers["x-fal-billable-units"] == "0"
    handle = client().submit(MODEL, {})
    raises(FalClientHTTPError, handle.get, status_code=422)
    done = handle.status()
    assert done.error and done.error_type


@operation("error: unknown app")
def error_unknown():
    raises(FalClientHTTPError, lambda: client().run("no/such-app", INPUT), status_code=404)
    raises(FalClientHTTPError, lambda: client().submit("no/such-app", INPUT), status_code=404)


@operation("error: wrong key")
def error_key():
    raises(FalClientHTTPError, lambda: client("wrong:key").run(MODEL, INPUT), status_code=401)
    raises(FalClientHTTPError, lambda: client("wrong:key").submit(MODEL, INPUT), status_code=401)


@operation("timeout: start")
def timeout_start():
    error = raises(
        FalClientHTTPError, lambda: client().subscribe(MODEL, INPUT, start_timeout=1.1), status_code=504
    )
    assert error.response_headers["x-fal-request-timeout-type"] == "user"


@operation("timeout: run")
def timeout_run():
    error = raises(
        FalClientHTTPError, lambda: client().run(MODEL, INPUT, start_timeout=1.1, timeout=20), status_code=504
    )
    assert error.response_headers["x-fal-request-timeout-type"] == "user"


@operation("priority")
def priority():
    c = client()
    normal = c.submit(MODEL, INPUT, priority="normal")
    low = c.submit(MODEL, INPUT, priority="low")
    positions = [(handle.status()).position for handle in (normal, low)]
    assert positions == [2, 4], positions


@operation("timeout: client")
def timeout_client():
    c = client()
    error = raises(
        fal_client.client.FalClientTimeoutError,
        lambda: c.subscribe(MODEL, INPUT, client_timeout=1.1, start_timeout=60),
    )
    raises(FalClientHTTPError, lambda: c.cancel(MODEL, error.request_id), status_code=400)


def main():
    report.plan(OPERATIONS)
    for name, function in OPERATIONS.items():
        if not report.wants(name):
            continue
        try:
            function()
        except Exception as error:
            report.print_outcome(name, report.describe(error))
        else:
            report.print_outcome(name)


if __name__ == "__main__":
    main()
