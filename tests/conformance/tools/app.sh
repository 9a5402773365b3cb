# Calls fal by curl.
set -eu
output=$(curl -fsS https://fal.run/fal-ai/flux/dev -H "authorization: Key $FAL_KEY" -H 'content-type: application/json' \
    -d '{"prompt": "a cat", "image_size": {"width": 64, "height": 64}, "output_format": "png"}')
url=$(printf %s "$output" | sed 's/.*"url":"\([^"]*\)".*/\1/')
curl -fsS "$url" | head -c 4 | grep -q PNG
