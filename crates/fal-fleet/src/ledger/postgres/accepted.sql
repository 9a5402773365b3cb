-- Version 8: accepted requests by their time, so that deciding a doubt does not read the whole table.

create index request_accepted on fal.request (submitted_at) where request_id is not null;

insert into fal.migration (version) values (8);
