"""A local fal for tests: ``fal-emulator -- pytest`` runs a program against it, and this module scripts it.

The functions are a thin layer over the admin API of the emulator. The fixture ``fal`` of the pytest plugin gives each test
a :class:`Scope` of its own.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
import warnings
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["EmulatorError", "NotRunningError", "Scope", "UnknownModelWarning"]

# The emulator is on this machine. A proxy is for other hosts.
_opener = build_opener(ProxyHandler({}))


class NotRunningError(RuntimeError):
    """There is no emulator: the program was not started by ``fal-emulator -- …``."""


class EmulatorError(ValueError):
    """The emulator refused a scenario, a name or a number."""


class UnknownModelWarning(UserWarning):
    """A script is about an id that no document describes, and that resembles others: probably a slip."""


class Scope:
    """A part of the emulator with its own scripts, rules, recorded requests, deliveries of webhooks, queue and clock.

    Calls with the key :attr:`key` belong to it, and so do the polls, downloads and uploads that follow from them. What it
    does not script is as everywhere.
    """

    def __init__(self, name: str | None = None, *, url: str | None = None) -> None:
        """Opens a scope. The default is a new name, and the emulator of ``FAL_EMULATOR_URL``.

        Raises :class:`NotRunningError` if there is none.
        """
        url = url or os.environ.get("FAL_EMULATOR_URL")
        if not url:
            raise NotRunningError("no emulator is running: start the tests with `fal-emulator -- pytest`")
        self.url = url.rstrip("/")
        self.name = name or f"test-{uuid.uuid4().hex[:12]}"
        # The secret is that of the emulator, which may require it.
        secret = os.environ.get("FAL_KEY", "").rpartition(":")[2] or "key"
        self.key = f"{self.name}:{secret}"
        self.reset()

    def scenario(self, scenario: dict[str, Any]) -> None:
        """Adds a scenario: ``{"endpoint": […], "rule": […]}``, with the keys of a scenario file."""
        for text in self._call("POST", "scenario", scenario).get("warnings", []):
            _warn(text)

    def endpoint(self, id: str, **behaviour: Any) -> None:
        """Scripts the model behind an endpoint: ``queue=[2, 1, 0]``, ``running=2``, ``logs=["loading"]``."""
        self.scenario({"endpoint": [{"id": id, **behaviour}]})

    def reply(self, id: str, output: Any, *, times: int | None = None) -> None:
        """Lets the model behind an endpoint return this output, ``times`` times or from now on."""
        self.endpoint(id, outcomes=[_limited({"reply": output}, times)])

    def fail(self, id: str, status: int, body: Any = None, *, times: int | None = None) -> None:
        """Lets the model behind an endpoint fail with a status and a body, ``times`` times or from now on.

        Without a body, it is ``{"detail": …}`` with the reason of the status. The official client sends some calls again
        that fail with 408, 409 or 429, up to ten times within a minute: use ``times`` to let the next one succeed.
        """
        self.endpoint(id, outcomes=[_limited({"fail": {"status": status, "body": body}}, times)])

    def flag_nsfw(self, id: str, *, times: int | None = None) -> None:
        """Lets the safety checker flag the outputs of an endpoint, ``times`` times or from now on.

        All of ``has_nsfw_concepts`` are true, an ``nsfw_probability`` is 1, and the images are black. A model whose output has
        no such boolean or number refuses the input as by :meth:`refuse_content`.
        """
        self.endpoint(id, outcomes=[_limited({"nsfw": True}, times)])

    def refuse_content(self, id: str, *, times: int | None = None) -> None:
        """Lets a checker flag the prompts of an endpoint: its calls fail with 422 and the type ``content_policy_violation``."""
        self.endpoint(id, outcomes=[_limited({"content_policy_violation": True}, times)])

    def lock_account(self, reason: str | None = None) -> None:
        """Locks the account: calls, connections and uploads fail with 403 and ``User is locked. Reason: …``.

        The default reason is an exhausted balance. Requests in the queue go on, and their results can be fetched.
        """
        self.scenario({"account": {"locked": True if reason is None else reason}})

    def unlock_account(self) -> None:
        """Ends a lock of the account, also one that the scenario of the command sets for all tests."""
        self.scenario({"account": {"locked": False}})

    def rate_limit(self, times: int = 1) -> None:
        """Lets the next ``times`` calls fail with 429 and the type ``concurrent_requests_limit``.

        fal refuses direct calls so if the account runs as many requests as it may, and lets most submits wait. Here both
        are refused; for one kind of request only, use :meth:`rule`.
        """
        self.scenario({"account": {"rate_limited": times}})

    def rule(self, **rule: Any) -> None:
        """Adds a rule about single requests: ``kind="submit", times=1, respond={"status": 429}``."""
        self.scenario({"rule": [rule]})

    def requests(
        self, kind: str | None = None, endpoint: str | None = None, status: int | None = None
    ) -> list[dict[str, Any]]:
        """Returns the received requests with their responses, in the order of their arrival."""
        return self._call("GET", "requests", kind=kind, endpoint=endpoint, status=status)

    def expect(
        self,
        kind: str | None = None,
        endpoint: str | None = None,
        *,
        json: Any = None,
        status: int | None = None,
        count: int = 1,
        seconds: float = 5.0,
    ) -> list[dict[str, Any]]:
        """Waits until ``count`` requests came that match, and returns them. With ``count=0``, none may have come.

        ``json`` is a part of the body. Raises :class:`AssertionError` if fewer came in time.
        """
        wanted = {"kind": kind, "endpoint": endpoint, "json": json, "status": status}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        found = self._call("POST", "expect", {**wanted, "count": count, "seconds": seconds})
        return found["requests"]

    def webhooks(
        self, request_id: str | None = None, *, status: int | None = None, count: int = 0, seconds: float = 5.0
    ) -> list[dict[str, Any]]:
        """Returns the attempts to deliver webhooks for the calls of this scope, in order: ``url``, ``attempt``, ``headers``,
        ``json``, and the ``status`` that the receiver answered with, or the ``error`` for which there is none.

        Waits until there are ``count``. Raises :class:`AssertionError` if there are fewer in time.
        """
        return self._call("GET", "webhooks", request_id=request_id, status=status, count=count, seconds=seconds)

    def advance(self, seconds: float) -> None:
        """Moves the clock of the scope forward: queues proceed, runs end and delays are over."""
        self._call("POST", "advance", {"seconds": seconds})

    def reset(self) -> None:
        """Removes the scripts, rules, failures of the account, recorded requests and deliveries of the scope."""
        self._call("POST", "reset", {})

    def har(self) -> dict[str, Any]:
        """Returns the received requests with their responses as an HTTP Archive."""
        return self._call("GET", "requests.har")

    def close(self) -> None:
        """Ends the scope."""
        self._call("DELETE", "scope")

    def __enter__(self) -> Scope:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        pairs = {"scope": self.name, **{name: value for name, value in query.items() if value is not None}}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_emulator/{path}?{urlencode(pairs)}", data=data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with _opener.open(request) as response:
                return json.load(response)
        except HTTPError as error:
            detail = json.loads(error.read() or b"{}").get("detail", str(error))
            kind = AssertionError if error.code == 417 else EmulatorError
            raise kind(detail) from None


def _limited(outcome: dict[str, Any], times: int | None) -> dict[str, Any]:
    return outcome if times is None else {**outcome, "times": times}


def _warn(text: str) -> None:
    """Warns about the line outside of this module that made the call."""
    level = 1
    while sys._getframe(level - 1).f_code.co_filename == __file__:
        level += 1
    warnings.warn(text, UnknownModelWarning, stacklevel=level)
