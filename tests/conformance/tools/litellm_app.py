"""LiteLLM with its provider for fal: images."""

import litellm

for model in ["fal_ai/fal-ai/flux/dev", "fal_ai/fal-ai/flux-pro/v1.1", "fal_ai/fal-ai/imagen4/preview"]:
    reply = litellm.image_generation(prompt="a cat", model=model)
    assert reply.data[0].url.startswith("https://"), (model, reply)
