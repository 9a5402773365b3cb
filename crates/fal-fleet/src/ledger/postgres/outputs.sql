-- Version 7: outputs by their batch, so that a worker looks through none of other accounts.

drop index fal.request_offer;
drop index fal.request_unsaved;
drop index fal.request_saved;

create index request_offer on fal.request (batch, due, id) where state = 'done' and acknowledged_at is null;
create index request_unsaved on fal.request (batch, due, id)
    where state = 'done' and acknowledged_at is null and saved is null;
create index request_saved on fal.request (batch, due, id)
    where state = 'done' and acknowledged_at is null and saved is not null;

insert into fal.migration (version) values (7);
