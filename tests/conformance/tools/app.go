// Calls fal by net/http.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
)

func send(method, url, body string) []byte {
	request, err := http.NewRequest(method, url, bytes.NewBufferString(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("authorization", "Key "+os.Getenv("FAL_KEY"))
	request.Header.Set("content-type", "application/json")
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	if err != nil {
		panic(err)
	}
	return content
}

func main() {
	input := `{"prompt": "a cat", "image_size": {"width": 64, "height": 64}, "output_format": "png"}`
	var output struct {
		Images []struct {
			URL string `json:"url"`
		} `json:"images"`
	}
	if err := json.Unmarshal(send("POST", "https://fal.run/fal-ai/flux/dev", input), &output); err != nil {
		panic(err)
	}
	if string(send("GET", output.Images[0].URL, "")[1:4]) != "PNG" {
		panic("no PNG")
	}
}
