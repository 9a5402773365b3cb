"""Speech to text, with words, speakers and subtitles."""
import datetime as dt
from enum import Enum
from typing import Annotated, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union
import fal
from fal.toolkit import File, Audio, AudioField
from pydantic import BaseModel, Field, RootModel, computed_field, field_serializer, AliasChoices, ConfigDict
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict
try:
    from typing_extensions import NotRequired, Required
except ImportError:
    from typing import NotRequired, Required

Seconds = NewType("Seconds", float)
Language = Enum("Language", {"EN": "en", "DE": "de", "ZH_HANS": "zh-Hans", "AUTO": "auto"}, type=str)

class Span(NamedTuple):
    start: float
    end: Optional[float] = None

class Word(BaseModel):
    text: str
    span: Span
    speaker: Optional[int] = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0

class Speaker(TypedDict, total=False):
    id: Required[int]
    name: str
    voice: list[float]

class Hints(RootModel[dict[str, list[str]]]): ...
class Phrases(RootModel[list[str]]):
    """Words that are said often."""

class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

class Subtitles(Camel):
    max_line_length: int = Field(default=42, ge=10, le=80)
    max_lines: Literal[1, 2, 3] = 2
    file_type: Literal["srt", "vtt", "ttml+xml"] = "srt"

class TranscribeInput(BaseModel):
    audio_url: str = Field(description="The recording.")
    other_audio_urls: list[str] = []
    language: Language = Language.AUTO
    languages: Optional[set[Language]] = None
    task: Literal["transcribe", "translate"] = "transcribe"
    chunk: Optional[Span] = None
    chunks: list[Span] = []
    clip: Optional[tuple[Seconds, Seconds]] = None
    hints: Optional[Hints] = None
    phrases: Phrases = Phrases([])
    subtitles: Union[bool, Subtitles] = False
    speakers: list[Speaker] = []
    num_speakers: Union[Annotated[int, Field(ge=1, le=20)], Literal["auto"], None] = "auto"
    recorded_at: Optional[dt.datetime] = None
    batch_size: int = Field(64, ge=1, le=64, multiple_of=1)
    version: Literal["3"] = "3"
    temperature: Union[float, tuple[float, ...]] = (0.0, 0.2)

T = TypeVar("T")
class Paged(BaseModel, Generic[T]):
    items: list[T]
    next: Optional[str] = None

class Segment(BaseModel):
    words: list[Word]
    language: Language
    tokens: list[int] = []
    @computed_field
    @property
    def text(self) -> str: return ""

class TranscribeOutput(BaseModel):
    text: str
    segments: Paged[Segment]
    speakers: Optional[Paged[Speaker]] = None
    subtitles: Optional[File] = None
    audio: Optional[Audio] = None
    duration: dt.timedelta
    languages: dict[Language, float]
    spans: list[Span]

class Transcribe(fal.App, name="transcribe"):
    @fal.endpoint("/")
    def run(self, input: TranscribeInput) -> TranscribeOutput: ...
    @fal.endpoint("/words")
    def words(self, input: TranscribeInput) -> Paged[Word]: ...
    @fal.endpoint("/detect")
    def detect(self, input: TranscribeInput) -> tuple[Language, float]: ...
    @fal.endpoint("/hints")
    def check(self, input: Hints) -> Phrases: ...
