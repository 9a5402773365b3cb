"""Runs every operation with the asynchronous fal-client."""

import asyncio
import os
import tempfile

import report
from common import APP, INPUT, LIVE, MODEL, PNG, UNKNOWN, Hook
from common import are_logs, are_states, is_announced, is_output, is_stream, large, large_file
from report import download, is_gone_after, is_picture, raises_async, same_bytes

import fal_client
from fal_client import FalClientHTTPError

OPERATIONS = {}


def operation(name):
    def register(function):
        OPERATIONS[name] = function
        return function

    return register


def client(key="conformance:key"):
    return fal_client.AsyncClient(key=key)


@operation("run")
async def run():
    output = await client().run(MODEL, INPUT)
    is_output(output)
    is_picture(output)


@operation("run: start timeout")
async def run_start_timeout():
    is_output(await client().run(MODEL, INPUT, start_timeout=30, timeout=20))


@operation("run: hint, headers")
async def run_hint():
    is_output(await client().run(MODEL, INPUT, hint="warm", headers={"X-Custom": "1"}))


@operation("run: a file")
async def run_file():
    url = await client().upload(PNG, "image/png")
    is_output(await client().run(MODEL, {**INPUT, "image_url": url}))


@operation("submit")
async def submit():
    options = {"hint": "warm", "priority": "low", "start_timeout": 45, "headers": {"X-Custom": "1"}}
    handle = await client().submit(MODEL, INPUT, **options)
    assert handle.request_id and f"/{APP}/requests/" in handle.status_url
    is_output(await handle.get())


@operation("submit: by id later")
async def by_id():
    c = client()
    request_id = (await c.submit(MODEL, INPUT)).request_id
    handle = await c.get_handle(MODEL, request_id)
    is_output(await handle.get())
    is_output(await c.result(MODEL, request_id))


@operation("submit: webhook")
async def submit_webhook():
    with Hook() as hook:
        handle = await client().submit(MODEL, INPUT, webhook_url=hook.url)
        is_announced(await asyncio.to_thread(hook.next), handle.request_id)


@operation("status")
async def status():
    c = client()
    handle = await c.submit(MODEL, INPUT)
    assert isinstance(await handle.status(), (fal_client.Queued, fal_client.InProgress))
    await handle.get()
    done = await c.status(MODEL, handle.request_id, with_logs=True)
    assert isinstance(done, fal_client.Completed) and done.metrics["inference_time"] > 0
    assert done.error is None
    are_logs(done.logs)
    assert (await handle.status()).logs is None
    await raises_async(FalClientHTTPError, lambda: c.status(MODEL, UNKNOWN), status_code=404)


@operation("iter_events")
async def iter_events():
    handle = await client().submit(MODEL, INPUT)
    events = [event async for event in handle.iter_events(with_logs=True, interval=0.01)]
    are_states(events)
    are_logs(events[-1].logs)


@operation("result")
async def result():
    c = client()
    handle = await c.submit(MODEL, INPUT)
    is_output(await c.result(MODEL, handle.request_id))
    await raises_async(FalClientHTTPError, lambda: c.result(MODEL, UNKNOWN), status_code=404)


@operation("cancel")
async def cancel():
    c = client()
    handle = await c.submit(MODEL, INPUT)
    await handle.cancel()
    await raises_async(FalClientHTTPError, handle.cancel, status_code=400)
    await raises_async(FalClientHTTPError, handle.get, status_code=499, error_type="client_cancelled")
    await raises_async(FalClientHTTPError, lambda: c.cancel(MODEL, UNKNOWN), status_code=404)


@operation("subscribe")
async def subscribe():
    is_output(await client().subscribe(MODEL, INPUT))


@operation("subscribe: logs")
async def subscribe_logs():
    ids, states = [], []
    output = await client().subscribe(
        MODEL, INPUT, with_logs=True, on_enqueue=ids.append, on_queue_update=states.append, interval=0.01
    )
    is_output(output)
    assert len(ids) == 1
    are_states(states)
    are_logs(states[-1].logs)


@operation("stream")
async def stream():
    events = [event async for event in client().stream(MODEL, INPUT)]
    is_stream(events)
    for event in events:
        is_picture(event)


@operation("stream: refused input")
async def stream_refused():
    async def call():
        return [event async for event in client().stream(MODEL, {})]

    await raises_async(FalClientHTTPError, call, status_code=422)


@operation("realtime")
async def realtime():
    async with client().realtime(LIVE) as connection:
        for n in range(5):
            await connection.send({"prompt": "hi", "n": n})
            frame = await connection.recv()
            assert (frame["prompt"], frame["n"]) == ("hi", n), frame
            assert frame["image"].startswith(b"\x89PNG")


@operation("realtime: key, buffering")
async def realtime_key():
    async with client().realtime(LIVE, use_jwt=False, max_buffering=5) as connection:
        await connection.send({"prompt": "hi", "n": 1})
        assert (await connection.recv())["n"] == 1


@operation("realtime: refused input")
async def realtime_refused():
    async def call():
        async with client().realtime(LIVE) as connection:
            await connection.send({"prompt": 3})
            return await connection.recv()

    await raises_async(fal_client.client.RealtimeError, call, error="INTERNAL_ERROR")


@operation("upload")
async def upload():
    url = await client().upload(b"\x89PNG-data", "image/png", "cat.png")
    assert url.endswith("/cat.png")
    same_bytes(url, b"\x89PNG-data")


@operation("upload: without a name")
async def upload_nameless():
    same_bytes(await client().upload("text", "text/plain"), b"text")


@operation("upload: by the REST service")
async def upload_rest():
    same_bytes(await client().upload(b"x", "text/plain", "n.txt", repository="fal"), b"x")


@operation("upload: file")
async def upload_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "notes.txt")
        with open(path, "wb") as file:
            file.write(b"what was noted")
        same_bytes(await client().upload_file(path), b"what was noted")


@operation("upload: name that is not ASCII")
async def upload_name():
    same_bytes(await client().upload(b"x", "text/plain", "größe.txt"), b"x")


@operation("upload: lifecycle")
async def upload_lifecycle():
    settings = fal_client.StorageSettings(expires_in="1h", initial_acl=fal_client.StorageACL(default="hide"))
    url = await client().upload(b"x", "text/plain", "n.txt", lifecycle=settings)
    try:
        download(url)
    except Exception as error:
        assert "404" in str(error), error
    else:
        raise AssertionError("a hidden file was served")
    short = fal_client.StorageSettings(expires_in=1)
    url = await client().upload(b"x", "text/plain", "n.txt", lifecycle=short)
    same_bytes(url, b"x")
    is_gone_after(url, 1.2)


@operation("upload: multipart")
async def upload_multipart():
    data = large()
    same_bytes(await client().upload(data, "application/octet-stream", "big.bin"), data)


@operation("upload: multipart file")
async def upload_multipart_file():
    with large_file() as (path, data):
        same_bytes(await client().upload_file(path), data)


@operation("error: validation")
async def error_validation():
    error = await raises_async(FalClientHTTPError, lambda: client().run(MODEL, {"prompt": "", "width": 0}), status_code=422)
    assert error.response.json()["detail"][0]["type"] == "greater_than_equal"
    assert error.response_headers["x-fal-billable-units"] == "0"
    handle = await client().submit(MODEL, {})
    await raises_async(FalClientHTTPError, handle.get, status_code=422)
    done = await handle.status()
    assert done.error and done.error_type


@operation("error: unknown app")
async def error_unknown():
    await raises_async(FalClientHTTPError, lambda: client().run("no/such-app", INPUT), status_code=404)
    await raises_async(FalClientHTTPError, lambda: client().submit("no/such-app", INPUT), status_code=404)


@operation("error: wrong key")
async def error_key():
    await raises_async(FalClientHTTPError, lambda: client("wrong:key").run(MODEL, INPUT), status_code=401)
    await raises_async(FalClientHTTPError, lambda: client("wrong:key").submit(MODEL, INPUT), status_code=401)


@operation("timeout: start")
async def timeout_start():
    error = await raises_async(
        FalClientHTTPError, lambda: client().subscribe(MODEL, INPUT, start_timeout=1.1), status_code=504
    )
    assert error.response_headers["x-fal-request-timeout-type"] == "user"


@operation("timeout: run")
async def timeout_run():
    error = await raises_async(
        FalClientHTTPError, lambda: client().run(MODEL, INPUT, start_timeout=1.1, timeout=20), status_code=504
    )
    assert error.response_headers["x-fal-request-timeout-type"] == "user"


@operation("priority")
async def priority():
    c = client()
    normal = await c.submit(MODEL, INPUT, priority="normal")
    low = await c.submit(MODEL, INPUT, priority="low")
    positions = [(await handle.status()).position for handle in (normal, low)]
    assert positions == [2, 4], positions


@operation("timeout: client")
async def timeout_client():
    c = client()
    error = await raises_async(
        fal_client.client.FalClientTimeoutError,
        lambda: c.subscribe(MODEL, INPUT, client_timeout=1.1, start_timeout=60),
    )
    await raises_async(FalClientHTTPError, lambda: c.cancel(MODEL, error.request_id), status_code=400)


async def main():
    report.plan(OPERATIONS)
    for name, function in OPERATIONS.items():
        if not report.wants(name):
            continue
        try:
            await function()
        except Exception as error:
            report.print_outcome(name, report.describe(error))
        else:
            report.print_outcome(name)


if __name__ == "__main__":
    asyncio.run(main())
