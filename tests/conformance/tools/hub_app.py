"""The client of Hugging Face with the provider fal: image, speech, and recognition of speech.

The mapping of models to those of fal is a service of Hugging Face, which is not called here.
"""

import os

from huggingface_hub import InferenceClient
from huggingface_hub.inference._providers import _common
from huggingface_hub.hf_api import InferenceProviderMapping


def map_to(task: str, model: str) -> None:
    mapping = InferenceProviderMapping(
        hf_model_id="acme/model", provider="fal-ai", providerId=model, status="live", task=task
    )
    _common.HARDCODED_MODEL_INFERENCE_MAPPING["fal-ai"] = {"acme/model": mapping}


client = InferenceClient(provider="fal-ai", api_key=os.environ["FAL_KEY"])
map_to("text-to-image", "fal-ai/flux/dev")
assert client.text_to_image("a cat", model="acme/model", width=64, height=64).size == (64, 64)
map_to("text-to-speech", "fal-ai/kokoro/american-english")
speech = client.text_to_speech("hello", model="acme/model", extra_body={"voice": "af_heart"})
assert len(speech) > 100
map_to("automatic-speech-recognition", "fal-ai/whisper")
assert client.automatic_speech_recognition(speech, model="acme/model").text
