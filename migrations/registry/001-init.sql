-- Names this database, so that two processes with one name can be told apart.
create table identity (
  id text primary key
) strict, without rowid;

-- What others own and this replica holds a copy of.

create table held_set (
  owner        text    primary key,
  epoch_number integer not null,
  epoch_tag    text    not null,
  counter      integer not null,
  floor        integer not null,
  digest       text    not null,
  -- 1: the owner was silent for so long that its records went; the version stays
  forgotten    integer not null default 0
) strict, without rowid;

create table held_record (
  owner      text    not null,
  key        text    not null,
  counter    integer not null,
  definition text,
  -- null is a tombstone
  body       blob,
  primary key (owner, key)
) strict, without rowid;

create table definition (
  id        text primary key,
  canonical blob not null
) strict, without rowid;

-- What this replica owns itself: a regional one's summaries.

create table owned_set (
  owner        text    primary key,
  epoch_number integer not null,
  epoch_tag    text    not null,
  counter      integer not null,
  floor        integer not null,
  digest       text    not null
) strict, without rowid;

create table owned_record (
  owner      text    not null,
  key        text    not null,
  counter    integer not null,
  definition text,
  body       blob,
  primary key (owner, key)
) strict, without rowid;
