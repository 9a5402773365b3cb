"""3D scenes: recursive nodes, matrices and materials."""
from __future__ import annotations
from typing import Annotated, Any, Literal, Optional, Union
import fal
from fal.toolkit import File
from pydantic import BaseModel, ConfigDict, Field, Tag, Discriminator, conlist, confloat

Vec3 = tuple[float, float, float]
Quat = Annotated[tuple[float, float, float, float], Field(description="x, y, z, w")]
Matrix = Annotated[list[Annotated[list[float], Field(min_length=4, max_length=4)]], Field(min_length=4, max_length=4)]
Unit = Annotated[float, Field(ge=0, le=1)]

class Transform(BaseModel):
    model_config = ConfigDict(extra="forbid")
    position: Vec3 = (0, 0, 0)
    rotation: Quat = (0, 0, 0, 1)
    scale: Union[float, Vec3] = 1.0
    matrix: Optional[Matrix] = None

class Color(BaseModel):
    type: Literal["color"] = "color"
    rgb: tuple[Unit, Unit, Unit]

class Texture(BaseModel):
    type: Literal["texture"] = "texture"
    image_url: str
    uv_scale: tuple[float, float] = (1, 1)

class Mix(BaseModel):
    type: Literal["mix"] = "mix"
    a: Paint
    b: Paint
    factor: Unit = 0.5

Paint = Annotated[Union[Color, Texture, Mix], Field(discriminator="type")]

class Material(BaseModel):
    model_config = ConfigDict(extra="allow")
    base: Paint
    roughness: Unit = 0.5
    emission: Optional[Paint] = None

class Mesh(BaseModel):
    kind: Literal["mesh"]
    model_url: str
    material: Union[str, Material, None] = None

class Light(BaseModel):
    kind: Literal["light", "lamp"]
    color: Vec3 = (1, 1, 1)
    power: confloat(gt=0) = 100

class Group(BaseModel):
    kind: Literal["group"]
    children: list[Node]
    by_name: dict[str, Node] = {}
    pivot: Optional[tuple[Node, Vec3]] = None

class Node(BaseModel):
    name: str = "node"
    transform: Transform = Transform()
    content: Annotated[Union[Mesh, Light, Group], Field(discriminator="kind")]
    parent: Optional[Node] = None
    userData: dict[str, Any] = {}

def which(value):
    if isinstance(value, dict): return "path" if "points" in value else "orbit"
    return "path" if hasattr(value, "points") else "orbit"
class Orbit(BaseModel):
    radius: float
    seconds: float = 3
class Path(BaseModel):
    points: conlist(Vec3, min_length=2)
    loop: bool = False
Camera = Annotated[Union[Annotated[Orbit, Tag("orbit")], Annotated[Path, Tag("path")]], Discriminator(which)]

class SceneInput(BaseModel):
    root: Node
    camera: Camera = Orbit(radius=1)
    cameras: list[Camera] = []
    frames: Union[Annotated[int, Field(ge=1, le=240)], Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]] = 1
    resolution: Union[Literal["480p", "720p", "1080p", "4K"], tuple[int, int]] = "720p"
    background: Union[Paint, None] = None
    grid: list[list[list[Unit]]] = []

class SceneOutput(BaseModel):
    model_mesh: File
    scene: Node
    cameras: list[Camera]
    bounds: tuple[Vec3, Vec3]
    skeleton: Optional[list[tuple[str, Optional[str], Matrix]]] = None

class Scene(fal.App, name="scene"):
    @fal.endpoint("/")
    def run(self, input: SceneInput) -> SceneOutput: ...
    @fal.endpoint("/paint")
    def paint(self, input: Material) -> Paint: ...
    @fal.endpoint("/tree")
    def tree(self, input: Node) -> Union[Node, None]: ...
