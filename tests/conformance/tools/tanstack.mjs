// TanStack AI with its adapter for fal: image, speech and transcription.
import assert from "node:assert/strict";
import { generateImage, generateSpeech, generateTranscription } from "@tanstack/ai";
import { falImage, falSpeech, falTranscription } from "@tanstack/ai-fal";

const apiKey = process.env.FAL_KEY;
const images = await generateImage({ adapter: falImage("fal-ai/flux/dev", { apiKey }), prompt: "a cat", numberOfImages: 1 });
assert.ok(images.images[0].url ?? images.images[0].b64Json);
const speech = await generateSpeech({ adapter: falSpeech("fal-ai/kokoro/american-english", { apiKey }), text: "hello", voice: "af_heart" });
assert.ok(speech.audio.length > 100);
const audio = `data:${speech.contentType ?? "audio/wav"};base64,${speech.audio}`;
const transcript = await generateTranscription({ adapter: falTranscription("fal-ai/whisper", { apiKey }), audio });
assert.ok(transcript.text.length > 0);
