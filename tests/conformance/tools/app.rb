# Calls fal by Net::HTTP.
require "json"
require "net/http"

def send_request(url, body = nil)
  uri = URI(url)
  request = body ? Net::HTTP::Post.new(uri) : Net::HTTP::Get.new(uri)
  request["authorization"] = "Key #{ENV.fetch("FAL_KEY")}"
  request["content-type"] = "application/json"
  request.body = JSON.generate(body) if body
  Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }.body
end

input = { prompt: "a cat", image_size: { width: 64, height: 64 }, output_format: "png" }
receipt = JSON.parse(send_request("https://queue.fal.run/fal-ai/flux/dev", input))
sleep 0.05 until JSON.parse(send_request(receipt["status_url"]))["status"] == "COMPLETED"
output = JSON.parse(send_request(receipt["response_url"]))
picture = send_request(output["images"][0]["url"])
raise "no PNG" unless picture.byteslice(1, 3) == "PNG"
