-- Definitions are some KB each, and their ids are hashes: in a table without row ids each insert
-- rewrites pages all over the tree (68 µs each, and 22 µs to read one, where a table that grows at
-- its end takes 20 and 8). SQLite's own advice is rows below a twentieth of a page.
alter table definition rename to definition_before;

create table definition (
  id        text primary key,
  canonical blob not null
) strict;

insert into definition (id, canonical) select id, canonical from definition_before;

drop table definition_before;
