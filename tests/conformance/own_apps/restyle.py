"""Image to image, with uploads, presets, a list of variants and limits of files."""
import enum
from typing import Annotated, Literal, Optional, Union
import fal
from fal.toolkit import Image, ImageSizeInput, ImageSizeField, ImageField, File
from fal.toolkit.constraints import ImageSizeConstraints, ImageValidationConfig
from pydantic import BaseModel, Field, HttpUrl, conint

class Style(str, enum.Enum):
    """The look of the result."""
    OIL = "oil painting"
    INK = "ink & wash"
    PIXEL = "8-bit"
    NONE = ""

class Upscale(enum.IntEnum):
    X1 = 1
    X2 = 2
    X4 = 4

class Region(BaseModel):
    """A rectangle, from 0 to 1."""
    x: float = Field(ge=0, lt=1)
    y: float = Field(ge=0, lt=1)
    w: float = Field(gt=0, le=1)
    h: float = Field(gt=0, le=1)

class Lora(BaseModel):
    path: str = Field(description="URL or the path to the LoRA weights.", pattern=r"^(https?://|[\w-]+/[\w.-]+$)")
    scale: float = Field(default=1.0, ge=-2, le=2)
    blocks: Optional[dict[str, Annotated[float, Field(ge=0, le=1)]]] = None

class Mask(BaseModel):
    kind: Literal["mask"] = "mask"
    mask_url: str
    invert: bool = False

class Box(BaseModel):
    kind: Literal["box"] = "box"
    regions: list[Region] = Field(min_length=1, max_length=8)

class Subject(BaseModel):
    kind: Literal["subject"] = "subject"
    prompt: Annotated[str, Field(min_length=3, max_length=200)]

Area = Annotated[Union[Mask, Box, Subject], Field(discriminator="kind")]

class RestyleInput(BaseModel):
    image_url: str = ImageField(description="The picture.", examples=["https://a.b/c.png"])
    style: Style = Style.OIL
    second_style: Optional[Style] = None
    upscale: Upscale = Upscale.X1
    image_size: Optional[ImageSizeInput] = ImageSizeField(default="square_hd", constraints=ImageSizeConstraints(min_width=64, max_width=2048, multiple_of=8))
    areas: list[Area] = Field(default=[], max_length=4)
    main_area: Optional[Area] = None
    loras: list[Lora] = []
    strength: float = Field(default=0.6, gt=0, le=1)
    seed: Optional[Union[conint(ge=0), Literal["random"]]] = "random"
    output_format: Literal["png", "jpeg", "webp"] = "png"
    webhook: Optional[HttpUrl] = None
    tags: dict[str, Union[str, int, bool, None]] = {}
    palette: Optional[Annotated[list[tuple[conint(ge=0, le=255), conint(ge=0, le=255), conint(ge=0, le=255)]], Field(max_length=16)]] = None

class Variant(BaseModel):
    image: Image
    score: Optional[float] = None
    area: Optional[Area] = None

class RestyleOutput(BaseModel):
    images: list[Image]
    variants: dict[str, Variant] = {}
    mask: Optional[File] = None
    timings: dict[str, float]
    seed: int
    has_nsfw_concepts: list[bool]
    style: Style
    upscale: Upscale
    request: RestyleInput

class BatchInput(BaseModel):
    items: Annotated[list[RestyleInput], Field(min_length=1, max_length=3)]
    priority: Literal[0, 1, 2] = 1

class Restyle(fal.App, name="restyle"):
    @fal.endpoint("/")
    def run(self, input: RestyleInput) -> RestyleOutput: ...
    @fal.endpoint("/batch")
    def batch(self, input: BatchInput) -> list[RestyleOutput]: ...
    @fal.endpoint("/estimate")
    def estimate(self, input: RestyleInput) -> dict[str, float]: ...
    @fal.endpoint("/styles")
    def styles(self) -> list[Style]: ...
