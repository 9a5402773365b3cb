"""An app as fal's users write them, with a plain route, a stream, and every mode of realtime routes."""

import json
from typing import AsyncIterator, Optional

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Sketch(BaseModel):
    prompt: str
    strength: float = Field(default=0.5, ge=0, le=1)
    fail: bool = False


class Painting(BaseModel):
    n: int
    prompt: str
    image: Optional[bytes] = None


class Painter(fal.App, name="painter"):
    def setup(self):
        self.painted = 0

    @fal.endpoint("/", health_check=None)
    def paint(self, sketch: Sketch) -> Painting:
        if sketch.fail:
            raise ValueError("out of paint")
        return Painting(n=1, prompt=sketch.prompt)

    @fal.endpoint("/stream")
    def stream(self, sketch: Sketch) -> StreamingResponse:
        async def steps():
            for n in range(1, 6):
                if sketch.fail and n == 4:
                    raise ValueError("out of paint")
                yield f"data: {json.dumps({'n': n, 'prompt': sketch.prompt})}\n\n"

        return StreamingResponse(steps(), media_type="text/event-stream")

    @fal.realtime("/realtime", buffering=5, session_timeout=1.0)
    def live(self, sketch: Sketch) -> Painting:
        if sketch.fail:
            raise ValueError("out of paint")
        self.painted += 1
        return Painting(n=self.painted, prompt=sketch.prompt, image=b"\x00\xff")

    @fal.realtime("/realtime/frames", session_timeout=1.0)
    async def frames(self, sketch: Sketch) -> AsyncIterator[Painting]:
        for n in range(1, 4):
            yield Painting(n=n, prompt=sketch.prompt)

    @fal.realtime("/realtime/both", session_timeout=1.0)
    async def both(self, sketches: AsyncIterator[Sketch]) -> AsyncIterator[Painting]:
        n = 0
        async for sketch in sketches:
            n += 1
            yield Painting(n=n, prompt=sketch.prompt)

    @fal.realtime("/realtime/album", session_timeout=1.0)
    async def album(self, sketches: AsyncIterator[Sketch]) -> Painting:
        prompts = []
        async for sketch in sketches:
            prompts.append(sketch.prompt)
            if sketch.prompt == "end":
                break
        return Painting(n=len(prompts), prompt=",".join(prompts))
