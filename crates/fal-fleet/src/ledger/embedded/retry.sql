-- Version 5: policies for failed requests, and the money of requests that were given back.

alter table fal.batch add column retry_transient integer not null default true;
-- A list of types of failures, as JSON.
alter table fal.batch add column retry_error_types text not null default '[]';
alter table fal.batch add column retry_pause real not null default 5;
alter table fal.batch add column retry_max_pause real not null default 600;

alter table fal.request add column estimate text;
