"""A workflow with nodes, generic results, and routes that are not plain JSON."""
from typing import Annotated, Any, AsyncIterator, Callable, Generic, Literal, Optional, TypeVar, Union
import fal
from fastapi import Body, File as FormFile, Form, Header, Query, UploadFile, Response, Cookie
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model, Json, OnErrorOmit
from typing_extensions import TypeAliasType

JsonLike = TypeAliasType("JsonLike", "Union[None, bool, int, float, str, list[JsonLike], dict[str, JsonLike]]")
Expr = TypeAliasType("Expr", "Union[float, str, Op]")

class Op(BaseModel):
    op: Literal["+", "-", "*", "/"]
    args: list[Expr] = Field(min_length=1)

class Const(BaseModel):
    model_config = ConfigDict(title="A constant value")
    node: Literal["const"] = "const"
    value: JsonLike

class Call(BaseModel):
    node: Literal["call"] = "call"
    endpoint: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)+$")
    input: dict[str, Union["Ref", JsonLike]] = {}
    depends: list[str] = []

class Branch(BaseModel):
    node: Literal["if", "unless"]
    condition: Expr
    then: "AnyNode"
    otherwise: Optional["AnyNode"] = None

class Ref(BaseModel):
    ref: str = Field(alias="$ref")

AnyNode = Annotated[Union[Const, Call, Branch], Field(discriminator="node")]

class Nodes(RootModel[dict[str, AnyNode]]): ...

class Workflow(BaseModel):
    nodes: Nodes
    output: Union[str, list[str], dict[str, str]]
    version: Literal[1, 2] = 2
    retries: dict[Literal["submit", "status"], Annotated[int, Field(ge=0, le=5)]] = {}
    score: Expr = 0

OK = TypeVar("OK"); ERR = TypeVar("ERR")
class Ok(BaseModel, Generic[OK]):
    ok: OK
class Err(BaseModel, Generic[ERR]):
    err: ERR
    code: int = 0
class Problem(BaseModel):
    loc: list[Union[str, int]]
    msg: str
    ctx: Optional[dict[str, Any]] = None

class Run(BaseModel):
    results: dict[str, Union[Ok[JsonLike], Err[Problem]]]
    first: Union[Ok[int], Ok[str], Err[list[Problem]]]
    events: list[Annotated[Union[Const, Call, Branch], Field(discriminator="node")]]
    raw: Any = None

class Router(fal.App, name="router"):
    @fal.endpoint("/")
    def run(self, input: Workflow) -> Run: ...
    @fal.endpoint("/validate")
    def validate(self, input: Nodes) -> Union[Ok[Workflow], Err[list[Problem]]]: ...
    @fal.endpoint("/expr")
    def expr(self, input: Op) -> Expr: ...
    @fal.endpoint("/json")
    def json(self, input: Const) -> JsonLike: ...
    @fal.endpoint("/upload")
    def upload(self, file: UploadFile, note: Annotated[str, Form()] = "") -> Problem: ...
    @fal.endpoint("/query")
    def query(self, text: str, limit: Annotated[int, Query(ge=1)] = 3) -> Problem: ...
    @fal.endpoint("/mixed")
    def mixed(self, input: Workflow, verbose: bool = False, x_trace: Annotated[Optional[str], Header()] = None) -> Problem: ...
    @fal.endpoint("/embedded")
    def embedded(self, input: Annotated[Workflow, Body(embed=True)]) -> Problem: ...
    @fal.endpoint("/many")
    def many(self, input: list[Workflow]) -> list[Problem]: ...
    @fal.endpoint("/item/{item_id}")
    def item(self, item_id: int, input: Workflow) -> Problem: ...
    @fal.endpoint("/picture")
    def picture(self, input: Workflow) -> FileResponse: ...
    @fal.endpoint("/stream")
    def stream(self, input: Workflow) -> StreamingResponse: ...
    @fal.realtime("/realtime")
    def live(self, input: Workflow) -> Run: ...
    @fal.realtime("/realtime/any")
    async def anything(self, input: AsyncIterator[AnyNode]) -> AsyncIterator[Problem]: ...
