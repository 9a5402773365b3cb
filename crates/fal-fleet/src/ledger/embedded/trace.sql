-- Version 3: the `traceparent` of the span in which a request was added.

alter table fal.request add column traceparent text;
