"""The pytest plugin, which pytest loads by itself once the package is installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from fal_emulator import NotRunningError, Scope


@pytest.fixture
def fal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scope]:
    """A scope of the emulator for this test alone. Its key is in the environment, where clients of fal read it.

    A client that was created before the test with a key of its own does not call the scope: give it ``fal.key``.
    """
    try:
        scope = Scope(_scope_name(request.node.name))
    except NotRunningError as error:
        raise pytest.UsageError(str(error)) from None
    id, _, secret = scope.key.partition(":")
    for name in ("FAL_KEY", "FAL_API_KEY", "FAL_AI_API_KEY"):
        monkeypatch.setenv(name, scope.key)
    monkeypatch.setenv("FAL_KEY_ID", id)
    monkeypatch.setenv("FAL_KEY_SECRET", secret)
    _forget_keys()
    with scope:
        yield scope
    _forget_keys()


def _scope_name(test: str) -> str:
    import uuid

    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", test)[:60]
    return f"{plain}-{uuid.uuid4().hex[:12]}"


def _forget_keys() -> None:
    """Lets the functions of fal's client, such as ``fal_client.subscribe``, read the key again at their next call."""
    module = sys.modules.get("fal_client")
    for name in ("sync_client", "async_client"):
        cached = getattr(getattr(module, name, None), "__dict__", {})
        for attribute in ("_auth", "_client", "_token_manager"):
            cached.pop(attribute, None)
