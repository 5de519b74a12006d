-- What a commit writes stands side by side, however its keys are spread (see the agent's).

create table owned_record_by_stamp (
  owner      text    not null,
  -- the owner's stamp, which no two of its records have in common
  counter    integer not null,
  key        text    not null,
  definition text,
  -- null is a tombstone
  body       blob,
  primary key (owner, counter)
) strict, without rowid;
insert into owned_record_by_stamp (owner, counter, key, definition, body)
  select owner, counter, key, definition, body from owned_record;
drop table owned_record;
alter table owned_record_by_stamp rename to owned_record;
