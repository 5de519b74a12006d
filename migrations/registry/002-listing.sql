-- When a definition was first listed here, when that last changed, and what it was once nobody
-- names it any more: what pollers of the registry API ask for.
create table listing (
  definition   text    primary key,
  name         text    not null,
  version      text    not null,
  published_at integer not null,
  updated_at   integer not null,
  -- null while somebody names it
  removed_at   integer,
  -- its server.json; null while somebody names it, for then the definition says it
  server       text
) strict, without rowid;
