"""Writes cases.json: inputs made from a seed, and what pydantic says about each, as FastAPI reports it.

Run with the pydantic of requirements.txt: python generate.py > cases.json

`python generate.py --random 7` writes cases of models that are random too. The test reads them from the file that
PYDANTIC_CASES names.
"""

import datetime
import enum
import json
import random
import sys
import uuid
from typing import Annotated, Literal, Optional, Union

import pydantic
from pydantic import BaseModel, Field


class ImageSize(BaseModel):
    width: int = Field(default=512, ge=1, le=14142)
    height: int = Field(default=512, gt=0)


class LoraWeight(BaseModel):
    path: str
    scale: float = Field(default=1.0, ge=0, le=4)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Scalars(BaseModel):
    prompt: str
    seed: Optional[int] = None
    steps: int = Field(default=28, ge=1, le=50)
    guidance: float = Field(default=3.5, ge=0, le=20)
    strength: Optional[float] = Field(default=None, gt=0, lt=1)
    safe: bool = True
    sync: Optional[bool] = None
    name: str = Field(default="ab", min_length=1, max_length=5)
    format: Literal["jpeg", "png"] = "jpeg"
    count: Literal[1, 2, 4] = 1
    one: Literal["only"] = "only"
    multiple: int = Field(default=8, multiple_of=8)
    free: Optional[float] = None
    color: Color = Color.RED


class Lists(BaseModel):
    numbers: list[int] = []
    bounded: list[float] = Field(default=[0.5], min_length=1, max_length=3)
    names: Optional[list[str]] = None
    loras: list[LoraWeight] = []
    flags: list[bool] = []
    table: list[list[int]] = []
    weights: dict[str, float] = {}


class Unions(BaseModel):
    image_size: Union[ImageSize, Literal["square_hd", "square", "portrait_4_3"], None] = None
    either: Union[int, str] = 1
    value: Union[float, list[float]] = 1.0
    limited: Union[bool, int, None] = None
    nested: Optional[ImageSize] = None
    lora: Union[LoraWeight, list[LoraWeight], None] = None
    color: Union[Color, int] = 1
    bounded: Union[Annotated[int, Field(ge=1, le=9)], Annotated[str, Field(max_length=2)]] = 1
    mapping: Union[dict[str, int], list[Union[int, str]], None] = None


class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Formats(BaseModel):
    at: datetime.datetime = None
    day: datetime.date = None
    clock: datetime.time = None
    wait: datetime.timedelta = None
    key: uuid.UUID = None
    version: pydantic.UUID4 = None
    link: pydantic.AnyUrl = None
    page: pydantic.HttpUrl = None
    priority: Priority = Priority.LOW
    later: Optional[datetime.datetime] = None
    days: list[datetime.date] = []
    when: Union[datetime.datetime, int, None] = None
    span: Union[datetime.timedelta, bool, None] = None
    any_key: Union[uuid.UUID, list[uuid.UUID], None] = None
    rank: Union[Priority, list[str], None] = None


class Tuples(BaseModel):
    size: tuple[int, int] = (1, 1)
    anchor: tuple[float, float, str] = (0.5, 0.5, "center")
    maybe: Optional[tuple[int, int]] = None
    regions: Annotated[list[tuple[int, int, int]], Field(max_length=2)] = []
    either: Union[tuple[int, int], str, None] = None
    mixed: tuple[ImageSize, Literal["a", "b"]] = None


class TextLayer(BaseModel):
    kind: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=4)


class ImageLayer(BaseModel):
    kind: Literal["image", "picture"] = "image"
    path: str
    opacity: float = Field(default=1.0, ge=0, le=1)


class GroupLayer(BaseModel):
    kind: Literal["group"] = "group"
    children: list["Layer"] = Field(default=[], max_length=2)


Layer = Annotated[Union[TextLayer, ImageLayer, GroupLayer], Field(discriminator="kind")]
GroupLayer.model_rebuild()


class Tagged(BaseModel):
    layer: Layer = None
    maybe: Optional[Layer] = None
    layers: list[Layer] = []
    either: Union[Layer, str, None] = None


MODELS = [Scalars, Lists, Unions]
LATER_MODELS = [Formats, Tuples, Tagged]

VALUES = [
    None, True, False, 0, 1, 2, 3, 4, 7, 8, 16, 28, 50, 51, -1, 100, 14142, 14143, 9007199254740993,
    0.0, 1.0, 2.0, 0.5, 3.5, 20.0, 20.5, -0.5, 1e10, 1.5,
    "", " ", "0", "1", "2", "5", " 5 ", "+5", "-5", "007", "5.0", "5.00", "5.5", ".5", "5.", "1e3", "1_000", "1__0", "_1",
    "0x10", "3.5", " 3.5 ", "-3.5e-1", "1,5", "abc", "true", "True", "TRUE", "false", "yes", "no", "on", "off", "t", "f", "y",
    "n", "Y", " true", "tru", "jpeg", "png", "JPEG", "only", "square", "square_hd", "round", "red", "640", "ééééé", "éééééé",
    [], [1], ["1"], [1, 2, 3, 4], ["a"], [0.5, "0.5"], [True], [None], [[1], ["2"]], [["x"]], [1.5], [{}], ["yes", 0, 2],
    {}, {"width": 640, "height": 480}, {"width": "640"}, {"width": 0}, {"width": "x", "height": 0}, {"height": 1.5},
    {"width": None}, {"width": True}, {"path": "p"}, {"path": "p", "scale": "0.5"}, {"path": 1, "scale": 9},
    {"scale": "x"}, {"a": 1, "b": "2"}, {"a": "x"}, {"a": None},
    [{"path": "p"}], [{"path": "p", "scale": "2"}, {"scale": 5}], [{"path": None}], "p",
]


# Those of LATER_MODELS, beside VALUES.
LATER_VALUES = [
    "x", "10", 10, "1.0", "11", 5, -5, 86400, 86401, 1577836800, "1577836800", 1577836800.5, "1577836800000", 1e20, -1e20, "1e20",
    "2020-01-01", "2020-13-01", "2020-02-30", "2020-1-1", "20200101", "2020-01-01T10:20:30", "2020-01-01T10:20:30Z",
    "2020-01-01 10:20:30.123456+02:00", "2020-01-01_10:20", "2020-01-01t10:20:30.1234567z", "2020-01-01T00:00:00",
    "2020-01-01T25:00:00", "2020-01-01T10:60:00", "2020-01-01T10:20:30+25:00", "2020-01-01T10:20:30 ", " 2020-01-01",
    "2020-01-01X10:20:30", "10:20", "10:20:30", "10:20:30.5", "24:00", "1:2", "10:20:61", "10:20Z",
    "PT1M", "P1D", "P1DT2H3M4.5S", "-PT1M", "P", "PT", "PT1X", "1 day", "3 days, 1:00", "3 days 01:00:00", "00:01:00", "-01:00:00",
    "1.5", "abc", "P1Y", "P999999999D", "P9999999999D",
    "00000000-0000-0000-0000-000000000000", "7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1a", "7f0c5fe16ba84a8ca7d26e8a1f8f4d1a",
    "{7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1a}", "urn:uuid:7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1a", "7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1",
    "7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1g", "7f0c5fe1-6ba8-4a8c-a7d26-e8a1f8f4d1a",
    "nourl", "https://example.com/a.png", "http://", "https://example.com:99999", "ftp://x.y/z", "data:image/png;base64,AA==",
    "HTTPS://EXAMPLE.COM", " https://example.com ", "https://exa mple.com", "//example.com", "https://[::1", "s3://bucket/key",
    "https://example.com/" + "a" * 2080,
    [1, 2], [1, 2, 3], ["a", 2], [1, "2"], [1.5, "x"], [0.5, 0.5, "left"], [1, 2, 3, 4, 5], [[1, 2, 3]], [[1, 2], [1, 2, 3, 4]],
    [[1, "x", 3], [1]], [[1, 2, 3], [1, 2, 3], [1, 2, 3]], [{"width": 1}, "a"], [{"width": 0}, "c"], [{"width": 0}],
    {"kind": "text", "text": "a"}, {"kind": "text", "text": ""}, {"kind": "no"}, {"kind": 5}, {"kind": None}, {"kind": []},
    {"text": "a"}, {"kind": "image"}, {"kind": "picture", "path": "p", "opacity": 2}, {"kind": "group"},
    {"kind": "group", "children": [{"kind": "text", "text": "abcde"}, {"kind": "no"}]}, {"kind": "group", "children": [{"path": "p"}]},
    [{"kind": "text", "text": "a"}, {"kind": "group", "children": [{"kind": "image", "path": 1}]}], [{"kind": "no"}, {}, "x"],
    ["2020-01-01", "x"], ["7f0c5fe1-6ba8-4a8c-a7d2-6e8a1f8f4d1a"], [10, "1"],
]


def random_type(random, models, depth=0):
    """Returns a type as fal's apps have them."""
    kinds = ["int", "float", "str", "bool", "literal", "enum"]
    if depth < 3:
        kinds += ["list", "dict", "model", "optional", "union", "union"]
    kind = random.choice(kinds)
    if kind in ("int", "float"):
        number = int if kind == "int" else float
        bounds = {}
        if random.random() < 0.5:
            bounds[random.choice(["ge", "gt"])] = number(random.choice([0, 1, 5]))
        if random.random() < 0.5:
            bounds[random.choice(["le", "lt"])] = number(random.choice([8, 50, 100]))
        if random.random() < 0.15:
            bounds["multiple_of"] = number(random.choice([2, 8])) if kind == "int" else random.choice([0.5, 0.1])
        return Annotated[number, Field(**bounds)] if bounds else number
    if kind == "str":
        bounds = {}
        if random.random() < 0.3:
            bounds["min_length"] = random.choice([1, 3])
        if random.random() < 0.3:
            bounds["max_length"] = random.choice([3, 10])
        return Annotated[str, Field(**bounds)] if bounds else str
    if kind == "bool":
        return bool
    if kind == "literal":
        values = random.choice([("auto", "low", "high"), ("1:1", "16:9"), (1, 2, 4), ("5", "10"), ("don't", 'say "hi"'), ("none",)])
        return Literal[values]
    if kind == "enum":
        return Color
    if kind == "list":
        inner = random_type(random, models, depth + 1)
        bounds = {}
        if random.random() < 0.4:
            bounds["min_length"] = 1
        if random.random() < 0.4:
            bounds["max_length"] = random.choice([1, 2])
        return Annotated[list[inner], Field(**bounds)] if bounds else list[inner]
    if kind == "dict":
        return dict[str, random_type(random, models, depth + 2)]
    if kind == "model":
        return random.choice([ImageSize, LoraWeight, *models])
    if kind == "optional":
        return Optional[random_type(random, models, depth + 1)]
    return Union[tuple(random_type(random, models, depth + 1) for _ in range(random.choice([2, 2, 3])))]


def random_models(random, count):
    """Returns models whose parameters have random types. Later ones hold earlier ones."""
    made = []
    for number in range(count):
        fields = {}
        for index in range(random.choice([2, 3, 5])):
            annotation = random_type(random, made[-3:])
            fields[f"f{index}"] = (annotation, ...) if random.random() < 0.3 else (annotation, None)
        made.append(pydantic.create_model(f"Random{number}", **fields))
    return made


def errors_of(model, value):
    """Returns the errors as FastAPI reports them, and the accepted input as JSON."""
    try:
        # As FastAPI does it.
        accepted = model.model_validate(value, from_attributes=True)
    except pydantic.ValidationError as error:
        found = []
        for entry in error.errors(include_url=False):
            line = {"type": entry["type"], "loc": ["body", *entry["loc"]], "msg": entry["msg"]}
            if "ctx" in entry:
                line["ctx"] = entry["ctx"]
            found.append(line)
        return found, None
    return None, accepted.model_dump(mode="json", exclude_unset=True)


def cases(model, count, random):
    names = list(model.model_fields)
    base = {"prompt": "a cat"} if model is Scalars else {}
    if model not in MODELS + LATER_MODELS:
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        base = {name: random.choice(VALUES) for name in required}
    values = VALUES + LATER_VALUES if model in LATER_MODELS else VALUES
    made = [{**base, name: value} for name in names for value in values]
    made += [{}, {"prompt": None}, {"prompt": 1}, []]
    random.shuffle(made)
    made = made[: count - 40]
    # Several parameters at a time.
    made += [
        {**base, **{name: random.choice(values) for name in random.sample(names, min(3, len(names)))}} for _ in range(40)
    ]
    for value in made:
        errors, accepted = errors_of(model, value)
        yield {"input": value, "errors": errors} if errors else {"input": value, "accepted": accepted}


def document(model):
    schemas = model.model_json_schema(ref_template="#/components/schemas/{model}")
    components = schemas.pop("$defs", {})
    components[model.__name__] = schemas
    return components


def main():
    generator = random.Random(20261126)
    groups = []
    models = list(zip(MODELS + LATER_MODELS, (900, 500, 600, 1200, 500, 400)))
    if "--random" in sys.argv:
        generator = random.Random(int(sys.argv[-1]))
        models = [(model, 140) for model in random_models(generator, 40)]
    for model, count in models:
        groups.append({"name": model.__name__, "components": document(model), "cases": list(cases(model, count, generator))})
    lines = []
    for group in groups:
        body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in group["cases"])
        head = json.dumps({"name": group["name"], "components": group["components"]}, separators=(",", ":"))[:-1]
        lines.append(f'{head},"cases":[\n{body}\n]}}')
    print(f'{{"pydantic":"{pydantic.VERSION}","groups":[\n' + ",\n".join(lines) + "\n]}")


if __name__ == "__main__":
    main()
