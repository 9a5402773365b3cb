// The AI SDK of Vercel with its provider for fal: image, speech, transcription and video.
import assert from "node:assert/strict";
import { createFal } from "@ai-sdk/fal";
import { experimental_generateVideo, generateImage, generateSpeech, transcribe } from "ai";

const fal = createFal({ apiKey: process.env.FAL_KEY });
const { image } = await generateImage({ model: fal.image("fal-ai/flux/dev"), prompt: "a cat", size: "256x256", maxRetries: 0 });
assert.ok(image.uint8Array.length > 100);
const { audio } = await generateSpeech({ model: fal.speech("fal-ai/minimax/speech-02-hd"), text: "hello", maxRetries: 0 });
assert.ok(audio.uint8Array.length > 100);
// The provider asks for words by default, which the document of whisper does not take.
const providerOptions = { fal: { chunkLevel: "segment" } };
const { text } = await transcribe({ model: fal.transcription("whisper"), audio: audio.uint8Array, maxRetries: 0, providerOptions });
assert.ok(text.length > 0);
const { video } = await experimental_generateVideo({ model: fal.video("fal-ai/kling-video/v2.1/master/text-to-video"), prompt: "waves", maxRetries: 0 });
assert.ok(video.uint8Array.length > 100);
