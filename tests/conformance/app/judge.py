"""Answers which instances the pydantic models of apps accept, for the test `own_apps` of the laws.

The arguments are the modules of the apps. The first line of output is an object with the OpenAPI document of each. Each
line of input is `[app, path, direction, instance]`. An input is answered with its verdicts, strict and lax, the place of
the first error, the types of all errors, and the value that the model read; an output with the JSON that the app sends for it.
"""

import importlib.util
import json
import sys
import uuid
from pathlib import Path

import fal
from pydantic import TypeAdapter, ValidationError

# Two readings of one input must not differ by their default ids.
uuid.uuid4 = lambda: uuid.UUID(int=4)


def load(path):
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    own = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == path.stem]
    [app] = [one for one in own if issubclass(one, fal.App)]
    return app(_allow_init=True)._build_app()


apps = {Path(path).stem: load(Path(path)) for path in sys.argv[1:]}
inputs, outputs = {}, {}
for name, app in apps.items():
    for route in app.routes:
        if getattr(route, "body_field", None) is not None:
            inputs[name, route.path] = route.body_field._type_adapter
        if getattr(route, "response_model", None) is not None:
            outputs[name, route.path] = TypeAdapter(route.response_model)
print(json.dumps({name: app.openapi() for name, app in apps.items()}), flush=True)


def pointer(error):
    return "".join(f"/{token}" for token in error.errors()[0]["loc"])


def judge_input(adapter, text):
    answer = {"strict": True, "lax": True, "place": "", "errors": [], "value": None}
    try:
        value = adapter.validate_json(text)
        answer["value"] = adapter.dump_python(value, mode="json", by_alias=True)
    except ValidationError as error:
        answer.update(lax=False, place=pointer(error), errors=[one["type"] for one in error.errors()])
    try:
        adapter.validate_json(text, strict=True)
    except ValidationError as error:
        answer.update(strict=False, place=answer["place"] or pointer(error))
    return answer


def judge_output(adapter, text):
    try:
        value = adapter.validate_json(text)
    except ValidationError:
        return {"sent": None}
    return {"sent": adapter.dump_json(value, by_alias=True).decode()}


for line in sys.stdin:
    name, path, direction, instance = json.loads(line)
    table, judge = (inputs, judge_input) if direction == "input" else (outputs, judge_output)
    adapter = table.get((name, path))
    print(json.dumps(judge(adapter, json.dumps(instance)) if adapter else None), flush=True)
