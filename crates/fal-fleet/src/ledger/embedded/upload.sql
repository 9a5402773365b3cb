-- Version 4: files of inputs that were uploaded, by their content.

create table fal.upload (
    address     text primary key,
    url         text,
    expires_at  real not null
);
