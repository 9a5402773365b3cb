<?php
// Calls fal by curl, the client below Guzzle and most other PHP libraries.
declare(strict_types=1);

function send(string $url, ?array $body = null): string
{
    $curl = curl_init($url);
    $headers = ['authorization: Key ' . getenv('FAL_KEY'), 'content-type: application/json'];
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HTTPHEADER => $headers]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $reply = curl_exec($curl);
    if ($reply === false) {
        throw new RuntimeException("$url: " . curl_error($curl));
    }
    return $reply;
}

$input = ['prompt' => 'a cat', 'image_size' => ['width' => 64, 'height' => 64], 'output_format' => 'png'];
$receipt = json_decode(send('https://queue.fal.run/fal-ai/flux/dev', $input), true, 512, JSON_THROW_ON_ERROR);
while (json_decode(send($receipt['status_url']), true)['status'] !== 'COMPLETED') {
    usleep(50_000);
}
$output = json_decode(send($receipt['response_url']), true);
$picture = send($output['images'][0]['url']);
if (substr($picture, 1, 3) !== 'PNG') {
    throw new RuntimeException('no PNG');
}
