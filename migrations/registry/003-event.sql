-- What this registry saw happen, for as long as its limits keep it.
create table event (
  id       integer primary key,
  at       integer not null,
  kind     text    not null,
  -- region/zone/node, or as much of it as the event is about
  place    text    not null,
  instance text,
  server   text,
  version  text,
  before   text,
  after    text
) strict;

-- the history of one server, one instance, one place
create index event_server on event (server, id) where server is not null;
create index event_instance on event (instance, id) where instance is not null;
create index event_place on event (place, id);
