"""Writes cases.json: inputs made from a seed, and what pydantic says about each, as FastAPI reports it.

Run with the pydantic of requirements.txt: python generate.py > cases.json
"""

import enum
import json
import random
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


MODELS = [Scalars, Lists, Unions]

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
    made = [{**base, name: value} for name in names for value in VALUES]
    made += [{}, {"prompt": None}, {"prompt": 1}, []]
    random.shuffle(made)
    made = made[: count - 40]
    # Several parameters at a time.
    made += [
        {**base, **{name: random.choice(VALUES) for name in random.sample(names, min(3, len(names)))}} for _ in range(40)
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
    for model, count in zip(MODELS, (900, 500, 600)):
        groups.append({"name": model.__name__, "components": document(model), "cases": list(cases(model, count, generator))})
    lines = []
    for group in groups:
        body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in group["cases"])
        head = json.dumps({"name": group["name"], "components": group["components"]}, separators=(",", ":"))[:-1]
        lines.append(f'{head},"cases":[\n{body}\n]}}')
    print(f'{{"pydantic":"{pydantic.VERSION}","groups":[\n' + ",\n".join(lines) + "\n]}")


if __name__ == "__main__":
    main()
