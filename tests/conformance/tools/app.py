"""Calls fal by four HTTP clients for Python."""

import asyncio
import json
import os
import urllib.request

import aiohttp
import httpx
import requests

URL = "https://fal.run/fal-ai/flux/dev"
INPUT = {"prompt": "a cat", "image_size": {"width": 64, "height": 64}, "output_format": "png"}
HEADERS = {"authorization": f"Key {os.environ['FAL_KEY']}", "content-type": "application/json"}


def fetch_by_urllib(url: str) -> bytes:
    return urllib.request.urlopen(url).read()


def check(output: dict, fetch) -> None:
    assert fetch(output["images"][0]["url"])[1:4] == b"PNG"


async def call_by_aiohttp() -> dict:
    # Without `trust_env`, aiohttp takes no proxy from the environment.
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.post(URL, json=INPUT, headers=HEADERS) as reply:
            return await reply.json()


request = urllib.request.Request(URL, json.dumps(INPUT).encode(), HEADERS)
check(json.load(urllib.request.urlopen(request)), fetch_by_urllib)
check(requests.post(URL, json=INPUT, headers=HEADERS).json(), lambda url: requests.get(url).content)
check(httpx.post(URL, json=INPUT, headers=HEADERS).json(), lambda url: httpx.get(url).content)
check(asyncio.run(call_by_aiohttp()), fetch_by_urllib)
