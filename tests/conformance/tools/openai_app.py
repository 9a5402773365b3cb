"""OpenAI's own client with OpenRouter's endpoints: answers, streams, functions, responses and embeddings."""

import os

import openai

# The key is sent as OpenAI's is, with `Bearer` in place of fal's `Key`, unless a header replaces it.
client = openai.OpenAI(
    base_url="https://fal.run/openrouter/router/openai/v1",
    api_key="not-needed",
    default_headers={"Authorization": f"Key {os.environ['FAL_KEY']}"},
)
model = "google/gemini-2.5-flash"
question = [{"role": "user", "content": "Why is the sea salty?"}]

answer = client.chat.completions.create(model=model, messages=question)
text = answer.choices[0].message.content
assert "sea salty" in text, answer
assert answer.usage.total_tokens > 0, answer

chunks = list(
    client.chat.completions.create(
        model=model, messages=question, stream=True, stream_options={"include_usage": True}
    )
)
parts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
assert len(parts) > 1 and "".join(parts) == text, chunks
assert chunks[-1].usage.total_tokens > 0, chunks[-1]

weather = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
called = client.chat.completions.create(
    model=model,
    messages=question,
    tools=[{"type": "function", "function": {"name": "weather", "parameters": weather}}],
    tool_choice={"type": "function", "function": {"name": "weather"}},
)
assert called.choices[0].message.tool_calls[0].function.name == "weather", called

response = client.responses.create(model=model, input="Why is the sea salty?")
assert "sea salty" in response.output_text, response
with client.responses.stream(model=model, input="Why is the sea salty?") as stream:
    deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert deltas == stream.get_final_response().output_text == response.output_text, deltas

vectors = client.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"], dimensions=8)
assert [len(one.embedding) for one in vectors.data] == [8, 8], vectors
assert vectors.data[0].embedding != vectors.data[1].embedding
