"""Writes cases.json: inputs made from a seed, and what pydantic says about each, as FastAPI reports it.

Run with the pydantic of requirements.txt: python generate.py > cases.json

`python generate.py --random 7` writes cases of models that are random too. The test reads them from the file that
PYDANTIC_CASES names.
"""

import enum
import json
import random
import sys
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
    if model not in MODELS:
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        base = {name: random.choice(VALUES) for name in required}
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
    models = list(zip(MODELS, (900, 500, 600)))
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
