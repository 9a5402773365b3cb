"""Realtime routes with messages of several kinds, in both directions."""
from typing import Annotated, AsyncIterator, Literal, Optional, Union
import fal
from pydantic import BaseModel, Field

class Start(BaseModel):
    type: Literal["start"] = "start"
    voice: Literal["alto", "bass"] = "alto"
class Chunk(BaseModel):
    type: Literal["chunk"] = "chunk"
    audio: bytes
    at: float = Field(ge=0)
class Stop(BaseModel):
    type: Literal["stop"] = "stop"
Up = Annotated[Union[Start, Chunk, Stop], Field(discriminator="type")]
class Text(BaseModel):
    type: Literal["text"] = "text"
    text: str
    words: list[tuple[str, float]] = []
class Failure(BaseModel):
    type: Literal["failure"] = "failure"
    code: int
    detail: Optional[str] = None
Down = Annotated[Union[Text, Failure], Field(discriminator="type")]
class Frame(BaseModel):
    image_url: str
    seed: int = 0
class Picture(BaseModel):
    image: bytes
    seed: int
class Live(fal.App, name="live"):
    @fal.realtime("/realtime/talk")
    async def talk(self, up: AsyncIterator[Up]) -> AsyncIterator[Down]:
        yield Text(text="")
    @fal.realtime("/realtime")
    def one(self, frame: Frame) -> Picture: ...
    @fal.realtime("/realtime/plain")
    async def plain(self, up: AsyncIterator[Union[Start, Frame]]) -> AsyncIterator[Union[Text, Picture]]:
        yield Text(text="")
    @fal.endpoint("/")
    def run(self, frame: Frame) -> Picture: ...
