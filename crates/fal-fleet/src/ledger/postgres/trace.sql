-- Version 4: the trace in which a request was added.

-- The `traceparent` of the span of the one who added it. A setting of the transaction, so that no way of adding rows needs to name it.
alter table fal.request add traceparent text default nullif(current_setting('fal.traceparent', true), '');

insert into fal.migration (version) values (4);
