"""The official Python client of the Model Context Protocol with `fal-cli mcp`, over stdio and over streamable HTTP.

`FAL_CLI` is the program. The emulator that runs this script answers in place of fal.
"""

import asyncio
import base64
import json
import os
import tempfile
from pathlib import Path

from mcp import Client, StdioServerParameters

PROGRAM = os.environ["FAL_CLI"]
MODEL = "fal-ai/flux/dev"
INPUT = {"prompt": "a cat", "image_size": {"width": 64, "height": 64}}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/VscvDQAAAABJRU5ErkJggg=="
)
GENERAL = {
    "find_models", "describe_model", "estimate_cost", "run_model", "submit_model", "request_status", "request_result",
    "cancel_request", "upload_file", "fetch_file", "session_costs",
}


async def call(client: Client, tool: str, arguments: dict, **options) -> dict:
    result = await client.call_tool(tool, arguments, **options)
    assert not result.is_error, f"{tool}: {result}"
    return result


async def refused(client: Client, tool: str, arguments: dict) -> dict:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, f"{tool}: {result}"
    return result.structured_content["error"]


async def try_all(client: Client, folder: Path) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert GENERAL | {"fal-ai_flux_dev"} == set(tools), set(tools)
    own = tools["fal-ai_flux_dev"].input_schema
    assert own["additionalProperties"] is False and own["required"] == ["prompt"], own
    assert own["properties"]["num_images"]["maximum"] == 4
    assert tools["find_models"].annotations.read_only_hint
    assert not tools["run_model"].annotations.read_only_hint

    found = (await call(client, "find_models", {"query": "flux", "task": "text-to-image"})).structured_content
    assert found["models"][0]["id"].startswith("fal-ai/flux"), found
    described = (await call(client, "describe_model", {"model": MODEL})).structured_content
    assert described["input_schema"]["properties"]["prompt"]["type"] == "string"
    assert described["price"]["unit_price"] > 0
    estimate = (await call(client, "estimate_cost", {"model": MODEL, "input": INPUT})).structured_content
    assert float(estimate["estimate"]["amount"]) > 0

    # Every mistake is named, and nothing is sent.
    before = (await call(client, "session_costs", {})).structured_content
    error = await refused(client, "run_model", {"model": MODEL, "input": {"num_images": 9, "colour": "red"}})
    assert error["kind"] == "usage" and len(error["problems"]) == 3, error
    error = await refused(client, "fal-ai_flux_dev", {"prompt": "x", "num_images": "two"})
    assert "num_images: must be an integer" in error["problems"][0], error
    assert (await refused(client, "run_model", {"model": "fal-ai/flux/deev", "input": INPUT}))["kind"] == "usage"
    assert (await refused(client, "run_model", {"model": MODEL, "input": INPUT, "max_cost": 1e-6}))["kind"] == "cost"
    assert (await call(client, "session_costs", {})).structured_content == before

    # A run has progress, and its files are links.
    steps = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append((done, message))

    ran = await call(client, "run_model", {"model": MODEL, "input": INPUT}, progress_callback=progress)
    assert steps and [done for done, _ in steps] == sorted(done for done, _ in steps), steps
    output = ran.structured_content
    assert output["endpoint"] == MODEL and float(output["cost"]["amount"]) > 0
    url = output["output"]["images"][0]["url"]
    assert json.loads(ran.content[0].text) == output
    assert str(ran.content[1].uri) == url, ran.content
    spent = float((await call(client, "session_costs", {})).structured_content["spent"])
    assert spent > float(before["spent"])
    assert (await call(client, "fal-ai_flux_dev", INPUT)).structured_content["files"]

    # Files go up and come back.
    (folder / "cat.png").write_bytes(PIXEL)
    by_path = (await call(client, "upload_file", {"path": "cat.png"})).structured_content["url"]
    content = {"content": base64.b64encode(PIXEL).decode(), "content_type": "image/png"}
    by_content = (await call(client, "upload_file", content)).structured_content["url"]
    edit = {"model": f"{MODEL}/image-to-image", "input": {"prompt": "a hat", "image_url": by_path}}
    assert (await call(client, "run_model", edit)).structured_content["files"]
    inline = await call(client, "fetch_file", {"url": by_content, "inline": True})
    assert base64.b64decode(inline.content[1].data) == PIXEL
    saved = (await call(client, "fetch_file", {"url": url, "save_as": "../out"})).structured_content["path"]
    assert Path(saved).parent == folder.resolve() and Path(saved).stat().st_size > 100, saved
    for outside in ["/etc/passwd", "../../etc/passwd"]:
        await refused(client, "upload_file", {"path": outside})
    await refused(client, "fetch_file", {"url": "http://169.254.169.254/latest"})

    # A request is followed and cancelled by its id.
    submitted = (await call(client, "submit_model", {"model": MODEL, "input": INPUT})).structured_content
    request = {"model": MODEL, "request_id": submitted["request_id"]}
    assert (await call(client, "request_result", request)).structured_content["output"]["images"]
    assert (await call(client, "request_status", request)).structured_content["status"] == "completed"
    assert (await call(client, "cancel_request", request)).structured_content["outcome"] == "already_completed"
    await refused(client, "request_status", {"model": MODEL, "request_id": "11111111-1111-4111-8111-111111111111"})

    # The budget ends.
    limit = float(before["limit"])
    for _ in range(1000):
        result = await client.call_tool("submit_model", {"model": MODEL, "input": INPUT})
        if result.is_error:
            assert result.structured_content["error"]["kind"] == "cost", result
            break
    costs = (await call(client, "session_costs", {})).structured_content
    assert float(costs["spent"]) <= limit, costs


def arguments(folder: Path) -> list[str]:
    return ["mcp", "--models", MODEL, "--budget", "0.5", "--max-cost", "0.2", "--files", str(folder)]


async def over_stdio() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = StdioServerParameters(command=PROGRAM, args=arguments(Path(folder)), env=dict(os.environ))
        async with Client(server) as client:
            await try_all(client, Path(folder))


async def over_http() -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = {"stdout": asyncio.subprocess.PIPE, "env": dict(os.environ)}
        http = [*arguments(Path(folder)), "--http=127.0.0.1:0"]
        server = await asyncio.create_subprocess_exec(PROGRAM, *http, **options)
        try:
            url = json.loads(await server.stdout.readline())["url"]
            async with Client(url) as client:
                await try_all(client, Path(folder))
        finally:
            server.terminate()
            await server.wait()


asyncio.run(over_stdio())
asyncio.run(over_http())
