"""A language model with messages, tools and streams."""
from typing import Annotated, Any, Literal, Optional, Union
import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

class TextPart(BaseModel):
    type: Literal["text"]
    text: str

class ImageUrl(BaseModel):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"

class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: Union[ImageUrl, str]

class AudioData(BaseModel):
    data: str
    format: Literal["wav", "mp3"]

class AudioPart(BaseModel):
    type: Literal["input_audio"]
    input_audio: AudioData

Part = Annotated[Union[TextPart, ImagePart, AudioPart], Field(discriminator="type")]

class Function(BaseModel):
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    arguments: str = "{}"

class ToolCall(BaseModel):
    id: str
    type: Literal["function"] = "function"
    function: Function

class SystemMessage(BaseModel):
    role: Literal["system", "developer"]
    content: Union[str, list[TextPart]]

class UserMessage(BaseModel):
    role: Literal["user"]
    content: Union[str, list[Part]]
    name: Optional[str] = None

class AssistantMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: Optional[Union[str, list[TextPart]]] = None
    tool_calls: Optional[list[ToolCall]] = None
    refusal: Optional[str] = None

class ToolMessage(BaseModel):
    role: Literal["tool"]
    content: Union[str, dict[str, Any]]
    tool_call_id: str

Message = Annotated[Union[SystemMessage, UserMessage, AssistantMessage, ToolMessage], Field(discriminator="role")]

class FunctionDefinition(BaseModel):
    name: str
    description: Optional[str] = None
    parameters: dict[str, Any] = {}
    strict: Optional[bool] = None

class Tool(BaseModel):
    type: Literal["function"]
    function: FunctionDefinition

class NamedChoice(BaseModel):
    type: Literal["function"]
    function: dict[Literal["name"], str]

class TextFormat(BaseModel):
    type: Literal["text"] = "text"

class JsonFormat(BaseModel):
    type: Literal["json_schema"]
    json_schema: dict[str, JsonValue]
    strict: bool = False

class ChatInput(BaseModel):
    model_config = ConfigDict(extra="allow")
    model: str = "small"
    messages: Annotated[list[Message], Field(min_length=1)]
    tools: Optional[list[Tool]] = None
    tool_choice: Union[Literal["none", "auto", "required"], NamedChoice] = "auto"
    temperature: Annotated[float, Field(ge=0, le=2)] = 1
    stop: Optional[Union[str, Annotated[list[str], Field(max_length=4)]]] = None
    logit_bias: Optional[dict[str, Annotated[int, Field(ge=-100, le=100)]]] = None
    max_tokens: Optional[Annotated[int, Field(gt=0)]] = None
    response_format: Optional[Union[TextFormat, JsonFormat]] = None
    seed: Optional[int] = Field(default=None, ge=-(2**63), le=2**63 - 1)
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] = {}
    stream: Literal[False] = False

class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: Optional[list[Annotated[int, Field(ge=0, le=255)]]] = None

class Logprob(TopLogprob):
    top_logprobs: list[TopLogprob]

class Choice(BaseModel):
    index: int
    message: AssistantMessage
    finish_reason: Literal["stop", "length", "tool_calls", None]
    logprobs: Optional[dict[Literal["content"], list[Logprob]]] = None

class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    cost: Optional[float] = None

class ChatOutput(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    choices: list[Choice]
    usage: Optional[Usage] = None

class Chat(fal.App, name="chat"):
    @fal.endpoint("/v1/chat/completions")
    def complete(self, input: ChatInput) -> ChatOutput: ...
    @fal.endpoint("/v1/chat/completions/stream")
    def stream(self, input: ChatInput) -> StreamingResponse: ...
    @fal.endpoint("/v1/embeddings")
    def embed(self, input: "Embed") -> list[list[float]]: ...
    @fal.endpoint("/health/ready")
    def ready(self) -> bool: ...

class Embed(BaseModel):
    input: Union[str, list[str], list[int], list[list[int]]]
    dimensions: Optional[int] = None
