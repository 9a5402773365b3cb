"""Training jobs: dataclasses, durations, decimals, closed configurations."""
import dataclasses, decimal, datetime as dt, uuid, pathlib, re
from enum import Enum, Flag
from typing import Annotated, Any, ClassVar, Literal, Mapping, Optional, Sequence, Union, Iterable, FrozenSet
import fal
from fal.toolkit import File
from pydantic import BaseModel, ConfigDict, Field, AwareDatetime, PositiveInt, NonNegativeFloat, StrictInt, StrictStr, StrictBool, UUID4, EmailStr, SecretStr, ByteSize, Strict, field_validator, AfterValidator, model_validator
from pydantic.dataclasses import dataclass

class Optimizer(str, Enum):
    adam = "adam"
    AdamW = "AdamW"
    adamw = "adamw"
    sgd = "sgd"

class Rank(Enum):
    small = 8
    big = 64

class Rate(Enum):
    slow = 1e-5
    fast = 0.5

@dataclass
class Warmup:
    steps: int = 0
    kind: Literal["linear", "cosine"] = "linear"

@dataclasses.dataclass
class Crop:
    left: int
    top: int = 0

class Base(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\w[\w .-]*$")]
    created: Optional[AwareDatetime] = None

class Dataset(Base):
    archive_url: str
    captions: Mapping[str, str] = {}
    repeats: Annotated[int, Field(ge=1)] = 1
    crop: Optional[Crop] = None
    kind: Literal["images", "videos"] = "images"

class Schedule(Base):
    optimizer: Optimizer = Optimizer.adam
    rank: Rank = Rank.small
    rate: Rate = Rate.slow
    warmup: Warmup = Warmup()
    budget: Optional[decimal.Decimal] = None
    timeout: dt.timedelta = dt.timedelta(hours=1)
    betas: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=0, lt=1)]] = (0.9, 0.999)
    steps: PositiveInt = 1000
    decay: NonNegativeFloat = 0
    big: int = Field(default=0, ge=-(2**100), le=2**100)
    even: int = Field(default=2, multiple_of=2, gt=0, lt=1000)
    dropout: Annotated[float, Field(ge=0, lt=1, multiple_of=0.05)] = 0.1

class TrainInput(BaseModel):
    datasets: Sequence[Dataset] = Field(min_length=1)
    extra_datasets: Optional[FrozenSet[str]] = None
    schedule: Schedule
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    strict_count: StrictInt = 1
    strict_flag: StrictBool = True
    mode: Literal["a", 1, True, None, "1"] = "a"
    size_limit: ByteSize = 1000
    notes: Union[str, list["TrainInput"], None] = None
    when: Union[dt.date, dt.datetime, None] = None
    thresholds: dict[int, float] = {}
    table: list[dict[str, Union[int, float, str, None]]] = []
    type: str = "x"
    self: Optional[str] = None
    class_: Optional[str] = Field(default=None, alias="class")
    from_: Optional[str] = Field(default=None, alias="from")
    Input: Optional[str] = None
    a: Optional["A"] = None
    nested: dict[str, dict[str, list[Optional["A"]]]] = {}

class A(BaseModel):
    a: Optional["A"] = None
    b: Literal["b"] = "b"
    A: int = 0

class Checkpoint(BaseModel):
    step: int
    loss: Optional[float]
    file: Union[File, None] = None

class TrainOutput(BaseModel):
    lora: File
    checkpoints: list[Checkpoint]
    loss: list[tuple[int, float]]
    cost: decimal.Decimal
    took: dt.timedelta
    seed: int
    best: Optional[Checkpoint]
    config: Any
    state: Optional[Any]
    mode: Literal["a", 1, True, None]
    schedule: Schedule
    input: Optional[TrainInput] = None

class Trainer(fal.App, name="trainer"):
    @fal.endpoint("/")
    def run(self, input: TrainInput) -> TrainOutput: ...
    @fal.endpoint("/schedule")
    def schedule(self, input: Schedule) -> Schedule: ...
    @fal.endpoint("/rank")
    def rank(self, input: A) -> Rank: ...
