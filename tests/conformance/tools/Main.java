// Calls fal by both HTTP clients of Java.

import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

final class Main {
    private static final String INPUT = "{\"prompt\": \"a cat\", \"image_size\": {\"width\": 64, \"height\": 64}, \"output_format\": \"png\"}";

    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        var submit = request("https://queue.fal.run/fal-ai/flux/dev").POST(HttpRequest.BodyPublishers.ofString(INPUT)).build();
        var receipt = client.send(submit, BodyHandlers.ofString()).body();
        while (!client.send(request(member(receipt, "status_url")).build(), BodyHandlers.ofString()).body().contains("COMPLETED")) {
            Thread.sleep(50);
        }
        var output = client.send(request(member(receipt, "response_url")).build(), BodyHandlers.ofString()).body();
        isPicture(client.send(request(member(output, "url")).build(), BodyHandlers.ofByteArray()).body());

        var connection = (HttpURLConnection) URI.create("https://fal.run/fal-ai/flux/dev").toURL().openConnection();
        connection.setRequestProperty("authorization", "Key " + System.getenv("FAL_KEY"));
        connection.setRequestProperty("content-type", "application/json");
        connection.setDoOutput(true);
        connection.getOutputStream().write(INPUT.getBytes(StandardCharsets.UTF_8));
        var direct = new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        isPicture(URI.create(member(direct, "url")).toURL().openStream().readAllBytes());
    }

    private static HttpRequest.Builder request(String url) {
        var key = "Key " + System.getenv("FAL_KEY");
        return HttpRequest.newBuilder(URI.create(url)).header("authorization", key).header("content-type", "application/json");
    }

    private static String member(String json, String name) {
        var found = Pattern.compile("\"" + name + "\":\\s*\"(https:[^\"]+)\"").matcher(json);
        if (!found.find()) throw new AssertionError(name + " is missing: " + json);
        return found.group(1);
    }

    private static void isPicture(byte[] bytes) {
        if (bytes.length < 8 || bytes[1] != 'P' || bytes[2] != 'N' || bytes[3] != 'G') throw new AssertionError("no PNG");
    }
}
