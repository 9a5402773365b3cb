"""The plugin and its scopes. Run with ``fal-emulator -- pytest -n 4``: the tests must not see one another."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import fal_client
import pytest

import fal_emulator

MODEL = "fal-ai/flux/dev"
INPUT = {"prompt": "a cat", "image_size": {"width": 16, "height": 16}}


class Backend:
    """An app with clients that live as long as the program."""

    sync_client = fal_client.SyncClient()
    async_client = fal_client.AsyncClient()
    own_key = fal_client.SyncClient(key="own:key")


@pytest.mark.parametrize("number", range(12))
def test_each_test_has_its_own_outcomes_and_requests(fal, number):
    fal.reply(MODEL, {"images": [], "seed": number}, times=1)
    assert fal_client.subscribe(MODEL, arguments=INPUT)["seed"] == number
    assert len(fal_client.subscribe(MODEL, arguments=INPUT)["images"]) == 1
    submits = fal.expect("submit", MODEL, json={"prompt": "a cat"}, status=200, count=2)
    assert len(submits) == 2 and len(fal.requests(kind="submit")) == 2
    assert submits[0]["response"]["seconds"] >= 0


@pytest.mark.parametrize("number", range(4))
def test_failures_are_those_of_the_test(fal, number):
    fal.fail(MODEL, 422 + number, {"detail": "no"}, times=1)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        fal_client.run(MODEL, arguments=INPUT)
    assert caught.value.status_code == 422 + number


def test_the_clock_moves(fal):
    fal.endpoint(MODEL, pace={"run": 3600})
    handle = fal_client.submit(MODEL, arguments=INPUT)
    assert not isinstance(handle.status(), fal_client.Completed)
    fal.advance(4000)
    assert isinstance(handle.status(), fal_client.Completed)
    assert handle.get()["prompt"] == "a cat"


async def _call():
    return await fal_client.subscribe_async(MODEL, arguments=INPUT)


def test_async_calls_belong_to_the_test(fal):
    import asyncio

    fal.reply(MODEL, {"images": [], "seed": 77})
    assert asyncio.run(_call())["seed"] == 77
    fal.expect("submit", count=1)


@pytest.mark.parametrize("number", range(3))
def test_clients_of_an_app_call_the_scope_of_each_test(fal, number):
    import asyncio

    fal.reply(MODEL, {"images": [], "seed": number})
    assert Backend.sync_client.subscribe(MODEL, arguments=INPUT)["seed"] == number
    assert asyncio.run(Backend.async_client.subscribe(MODEL, arguments=INPUT))["seed"] == number
    assert Backend.sync_client.upload(b"cat", "text/plain").startswith("https://")
    assert len(fal.expect("submit", count=2)) == 2
    fal.expect("upload", count=1)
    # A key of its own is kept.
    assert Backend.own_key.run(MODEL, arguments=INPUT)["seed"] != number
    fal.expect("run", count=0)


def test_a_client_with_a_key_of_its_own_is_replaced_for_the_test(fal, monkeypatch):
    monkeypatch.setattr(Backend, "own_key", fal_client.SyncClient(key=fal.key))
    fal.reply(MODEL, {"images": [], "seed": 5})
    assert Backend.own_key.run(MODEL, arguments=INPUT)["seed"] == 5


def test_the_key_of_a_scope_that_has_ended_is_refused():
    with fal_emulator.Scope() as scope:
        client = fal_client.SyncClient(key=scope.key)
        assert len(client.run(MODEL, arguments=INPUT)["images"]) == 1
    with pytest.raises(fal_client.FalClientHTTPError, match="has ended, so its key is no longer valid") as caught:
        client.run(MODEL, arguments=INPUT)
    assert caught.value.status_code == 401


def test_rules_and_archives(fal):
    fal.rule(kind="run", respond={"status": 418, "json": {"detail": "tea"}})
    with pytest.raises(fal_client.FalClientHTTPError):
        fal_client.run(MODEL, arguments=INPUT)
    entries = fal.har()["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [418]
    assert entries[0]["request"]["url"] == f"https://fal.run/{MODEL}"


def test_unmet_expectations_and_bad_scenarios_say_what_is_wrong(fal):
    with pytest.raises(AssertionError, match="expected 1 cancel requests within 0.05 s, but 0 came"):
        fal.expect("cancel", seconds=0.05)
    fal.expect("cancel", count=0)
    with pytest.raises(fal_emulator.EmulatorError, match="unknown field `queu`"):
        fal.endpoint(MODEL, queu=[1])


def test_a_misspelt_model_is_a_warning_at_the_line_of_the_test(fal):
    with pytest.warns(fal_emulator.UnknownModelWarning, match="about fal-ai/flux/devv, .* Similar: fal-ai/flux/dev") as caught:
        fal.fail("fal-ai/flux/devv", 500)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_failure_without_a_body_has_the_reason_of_its_status(fal):
    fal.fail(MODEL, 500, times=1)
    with pytest.raises(fal_client.FalClientHTTPError, match="Internal Server Error"):
        fal_client.run(MODEL, arguments=INPUT)


def test_a_locked_account_refuses_calls_until_it_is_unlocked(fal):
    handle = fal_client.submit(MODEL, arguments=INPUT)
    fal.lock_account()
    with pytest.raises(fal_client.FalClientHTTPError, match="User is locked. Reason: Exhausted balance") as caught:
        fal_client.submit(MODEL, arguments=INPUT)
    assert caught.value.status_code == 403
    assert handle.get()["prompt"] == "a cat"
    fal.lock_account("Admin lock")
    with pytest.raises(fal_client.FalClientHTTPError, match="Reason: Admin lock"):
        fal_client.run(MODEL, arguments=INPUT)
    fal.unlock_account()
    assert len(fal_client.run(MODEL, arguments=INPUT)["images"]) == 1


def test_a_locked_account_refuses_uploads(fal):
    assert fal_client.upload(b"before", "text/plain").startswith("http")
    fal.lock_account()
    with pytest.raises(fal_client.FalClientHTTPError, match="User is locked. Reason: Exhausted balance"):
        fal_client.upload(b"after", "text/plain")
    fal.unlock_account()
    assert fal_client.upload(b"again", "text/plain").startswith("http")


def test_a_lock_is_that_of_the_test(fal):
    with fal_emulator.Scope() as other:
        other.lock_account()
        assert len(fal_client.run(MODEL, arguments=INPUT)["images"]) == 1


def test_the_client_rides_out_a_rate_limit(fal):
    fal.rate_limit(times=2)
    assert len(fal_client.subscribe(MODEL, arguments=INPUT)["images"]) == 1
    submits = fal.expect("submit", count=3)
    assert [submit["response"]["status"] for submit in submits] == [429, 429, 200]
    assert submits[0]["response"]["json"]["error_type"] == "concurrent_requests_limit"


def test_flagged_outputs_and_refused_prompts(fal):
    fal.flag_nsfw(MODEL, times=1)
    assert fal_client.subscribe(MODEL, arguments=INPUT)["has_nsfw_concepts"] == [True]
    assert fal_client.subscribe(MODEL, arguments=INPUT)["has_nsfw_concepts"] == [False]
    fal.refuse_content(MODEL, times=1)
    with pytest.raises(fal_client.FalClientHTTPError, match="content_policy_violation") as caught:
        fal_client.run(MODEL, arguments=INPUT)
    assert caught.value.status_code == 422


@pytest.fixture
def hook():
    """A receiver of webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()


@pytest.mark.parametrize("number", range(4))
def test_webhooks_are_those_of_the_test(fal, hook, number):
    with fal_emulator.Scope() as other:
        client = fal_client.SyncClient(key=other.key)
        foreign = client.submit(MODEL, arguments=INPUT, webhook_url=hook)
        assert [one["request_id"] for one in other.webhooks(count=1, seconds=60)] == [foreign.request_id]
        assert fal.webhooks() == []
        handle = fal_client.submit(MODEL, arguments={**INPUT, "seed": number}, webhook_url=hook)
        (delivery,) = fal.webhooks(count=1, seconds=60)
        assert (delivery["request_id"], delivery["url"], delivery["status"]) == (handle.request_id, hook, 200)
        assert delivery["json"]["payload"]["seed"] == number
        assert fal.webhooks(handle.request_id, status=200) == [delivery]
    with pytest.raises(AssertionError, match="expected 2 deliveries of webhooks within 0.05 s, but 1 came"):
        fal.webhooks(count=2, seconds=0.05)


def test_the_key_is_that_of_the_scope(fal):
    assert os.environ["FAL_KEY"] == fal.key and fal.key.startswith(fal.name + ":")


def test_without_an_emulator_the_fixture_says_how_to_start_one(monkeypatch):
    monkeypatch.delenv("FAL_EMULATOR_URL")
    with pytest.raises(fal_emulator.NotRunningError, match="fal-emulator -- pytest"):
        fal_emulator.Scope()
