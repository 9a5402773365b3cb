"""The pytest plugin, which pytest loads by itself once the package is installed."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator

import pytest

from fal_emulator import NotRunningError, Scope


@pytest.fixture
def fal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scope]:
    """A scope of the emulator for this test alone. Its key is in the environment, where clients of fal read it.

    Clients of fal that were created before the test read it again, unless they were created with a key of their own: give
    such a client ``fal.key``.
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
    """Lets the clients of fal without a key of their own, also those of an app, read the key again at their next call.

    They keep the key of their first call. The garbage collector finds them wherever they are, also those that were created
    before this plugin could see it.
    """
    module = sys.modules.get("fal_client")
    classes = tuple(
        kind for name in ("SyncClient", "AsyncClient") if isinstance(kind := getattr(module, name, None), type)
    )
    if not classes:
        return
    for found in gc.get_objects():
        # Not isinstance, which runs code of objects that stand for others.
        if issubclass(type(found), classes) and getattr(found, "key", None) is None:
            for attribute in ("_auth", "_client", "_token_manager"):
                getattr(found, "__dict__", {}).pop(attribute, None)
