"""Serves the app on a free port, below the path that it has at fal, and prints the URL in the first line."""

import socket

import uvicorn
from painter import Painter

ID = "/run/acme/painter"

app = Painter(_allow_init=True)._build_app()


async def gateway(scope, receive, send):
    if scope["type"] in ("http", "websocket"):
        path = scope["path"].removeprefix(ID) or "/"
        scope = {**scope, "path": path, "raw_path": path.encode()}
    await app(scope, receive, send)


listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(gateway, log_level="error", lifespan="on")).run(sockets=[listener])
