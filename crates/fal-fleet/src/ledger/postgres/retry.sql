-- Version 6: policies for failed requests, and the money of requests that were given back.

alter table fal.batch
    -- Failures that may not repeat are sent again.
    add retry_transient boolean not null default true,
    -- Failures of these types are sent again, too.
    add retry_error_types text[] not null default '{}',
    -- The first and the longest pause before a failed request is sent again, in seconds.
    add retry_pause double precision not null default 5,
    add retry_max_pause double precision not null default 600;

-- The money that was reserved for the latest submit. It is reserved anew if it was freed and fal accepted the submit nevertheless.
alter table fal.request add estimate numeric;

insert into fal.migration (version) values (6);
